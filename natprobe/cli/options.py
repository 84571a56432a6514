"""Options that several commands have, for typer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Formats = Annotated[
    list[str] | None,
    typer.Option("--format", "-f", help="text or json; repeatable, the nth -o takes the nth -f."),
]
Outputs = Annotated[
    list[Path] | None,
    typer.Option("--output", "-o", help="Write to this file instead of stdout; repeatable."),
]
Json = Annotated[bool, typer.Option("--json", help="The same as -f json.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only errors on stderr.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show every exchange.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours; NO_COLOR in the environment does the same.")]
FailOn = Annotated[str, typer.Option("--fail-on", help="Exit 1 from this severity on: error, warning, note or never.")]
Require = Annotated[
    list[str] | None,
    typer.Option("--require", help="PATH[@HOST][/4|/6] that must be open, such as direct-udp; repeatable."),
]
Only = Annotated[list[str] | None, typer.Option("--only", help="Run only this probe and those it needs; repeatable.")]
Skip = Annotated[list[str] | None, typer.Option("--skip", help="Leave this probe out; repeatable.")]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds for the whole run, as a bound.")]
