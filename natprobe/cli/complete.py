"""What a shell completes on TAB (`natprobe --show-completion`): words only, so that nothing heavy is loaded."""

from __future__ import annotations

import os
from collections.abc import Iterable

import typer


def asked() -> bool:
    """Whether it is a shell that runs us: it goes by the exit code, too."""
    return "_NATPROBE_COMPLETE" in os.environ


def _begun(incomplete: str, words: Iterable[str]) -> list[str]:
    return [each for each in words if each.startswith(incomplete)]


def probes(ctx: typer.Context, incomplete: str) -> list[str]:
    """Those of the command."""
    from natprobe.sequence import INSPECTION, SEQUENCE

    return _begun(incomplete, INSPECTION if ctx.info_name == "inspect" else SEQUENCE)


def kinds(incomplete: str) -> list[str]:
    """What --kind takes."""
    from typing import get_args

    from natprobe.model import Kind

    return _begun(incomplete, get_args(Kind))


def formats(incomplete: str) -> list[str]:
    """What -f takes."""
    from natprobe.render import formats as names

    return _begun(incomplete, names())


def fail_on(incomplete: str) -> list[str]:
    """What --fail-on takes."""
    from natprobe.policy import FAIL_ON

    return _begun(incomplete, FAIL_ON)


def paths(incomplete: str) -> list[str]:
    """What --require takes, without what may come after it."""
    from natprobe.model import PATHS

    return _begun(incomplete, PATHS)


def causes(incomplete: str) -> list[str]:
    """Codes for whoever begins one, in either case; else names."""
    from natprobe.causes import BY_CODE, CAUSES

    if incomplete[:2] == "np":
        return _begun(incomplete, map(str.lower, BY_CODE))
    return _begun(incomplete, BY_CODE if incomplete[:2] == "NP" else CAUSES)


def dialects(incomplete: str) -> list[str]:
    """What --dialect takes."""
    from natprobe.render._dialects import NAMES

    return _begun(incomplete, (*NAMES, "all"))


def languages(incomplete: str) -> list[str]:
    """What --lang takes."""
    from natprobe.cli.language import LANGUAGES

    return _begun(incomplete, LANGUAGES)


def lists(incomplete: str) -> list[str]:
    """What `list` takes."""
    return _begun(incomplete, ("probes", "rules", "formats"))
