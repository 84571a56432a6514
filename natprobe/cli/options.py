"""Options that several commands have, for typer: a command asks for what they come to, and not for each of them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from natprobe.cli import complete

if TYPE_CHECKING:
    from natprobe.cli.gate import Demands
    from natprobe.cli.output import Plan

Only = Annotated[
    list[str] | None,
    typer.Option("--only", help="Run only this probe and those it needs; repeatable.", autocompletion=complete.probes),
]
Skip = Annotated[
    list[str] | None,
    typer.Option("--skip", help="Leave this probe out; repeatable.", autocompletion=complete.probes),
]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds for the whole run, as a bound.")]


def given(**makers: Callable[..., object]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """For a command: of each maker's options what it makes of them, as the argument of that name."""

    def with_options(command: Callable[..., None]) -> Callable[..., None]:
        own = _parameters(command, leave=tuple(makers))
        taken = {name: _options(maker) for name, maker in makers.items()}

        @functools.wraps(command)
        def run(**options: Any) -> None:
            made = {
                name: maker(**{each.name: options.pop(each.name) for each in taken[name]})
                for name, maker in makers.items()
            }
            command(**options, **made)

        every = [*own, *(each for parameters in taken.values() for each in parameters)]
        run.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]  # inspect's own protocol
        run.__annotations__ = {each.name: each.annotation for each in every}
        return run

    return with_options


@functools.cache
def _options(maker: Callable[..., object]) -> list[inspect.Parameter]:
    """Read once for all commands: that takes a millisecond each time."""
    return _parameters(maker)


def _parameters(function: Callable[..., object], leave: tuple[str, ...] = ()) -> list[inspect.Parameter]:
    """Its parameters with their types, but for those that the command line does not give."""
    for name in (*leave, "return"):
        function.__annotations__.pop(name, None)
    found = inspect.signature(function, eval_str=True).parameters.values()
    return [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in found if each.name not in leave]


Lang = Annotated[
    str | None,
    typer.Option(
        "--lang",
        help="en or zh, for people's formats; else by LC_ALL, LC_MESSAGES or LANG.",
        autocompletion=complete.languages,
    ),
]


def planned(
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            "-f",
            help="`natprobe list formats` shows them; repeatable, the nth -o takes the nth -f.",
            autocompletion=complete.formats,
        ),
    ] = None,
    outputs: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", help="Write to this file instead of stdout; repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as -f json.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only errors on stderr.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every exchange.")] = False,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="No colours; NO_COLOR in the environment does the same.")
    ] = False,
    dialect: Annotated[
        list[str] | None,
        typer.Option(
            "--dialect",
            help="Write firewalls' lines for this one: ufw, nft, aws ...; or all; repeatable.",
            autocompletion=complete.dialects,
        ),
    ] = None,
    lang: Lang = None,
    redact: Annotated[
        bool, typer.Option("--redact", help="Stand-ins for addresses, names and users: to show to strangers.")
    ] = False,
    redact_key: Annotated[
        Path | None,
        typer.Option(
            "--redact-key",
            help="--redact with the key in this file (or NATPROBE_REDACT_KEY): reports of one key match.",
        ),
    ] = None,
) -> Plan:
    """Where the report goes, and how it is told."""
    from natprobe.cli.output import plan
    from natprobe.cli.redaction import key

    return plan(
        formats,
        outputs,
        as_json,
        quiet=quiet,
        verbose=verbose,
        no_color=no_color,
        dialects=dialect,
        lang=lang,
        redact=key(redact, redact_key),
    )


def demanded(
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on",
            help="Exit 1 from this severity on: error, warning, note or never.",
            show_default="error, or what the policy says",
            autocompletion=complete.fail_on,
        ),
    ] = None,
    require: Annotated[
        list[str] | None,
        typer.Option(
            "--require",
            help="PATH[@HOST][/4|/6] that must be open, such as direct-udp; repeatable.",
            autocompletion=complete.paths,
        ),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", help="What else must hold, as TOML: paths, causes, limits, addresses, waivers."),
    ] = None,
) -> Demands:
    """What the gate asks of the report."""
    from natprobe.cli.gate import demands

    return demands(fail_on, require, policy)
