"""What --redact makes of a report before it is told, and where its key comes from, which never shows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from natprobe.cli.errors import UsageError
from natprobe.cli.files import content
from natprobe.model import Report
from natprobe.render._manner import Gate

if TYPE_CHECKING:
    from natprobe.redact import Redactor

KEY = "NATPROBE_REDACT_KEY"
_KEY_MIN, _KEY_MAX, _KEY_NEW = 16, 1024, 32  # bytes


def key(redact: bool, file: Path | None, environment: Mapping[str, str] = os.environ) -> bytes | None:
    """What the stand-ins are made with; None: they are not asked for. Without a file or the environment's key a new one
    that nobody will know. Raises UsageError.
    """
    if file is not None:
        what = f"--redact-key {str(file)!a}"
        return _long_enough(what, content(what, file, _KEY_MAX))
    if not redact:
        return None
    if given := environment.get(KEY):
        return _long_enough(KEY, os.fsencode(given))
    import secrets

    return secrets.token_bytes(_KEY_NEW)


def _long_enough(what: str, found: bytes) -> bytes:
    bare = found.strip(b"\r\n")
    if not _KEY_MIN <= len(bare) <= _KEY_MAX:
        raise UsageError(f"{what} wants a key of {_KEY_MIN} to {_KEY_MAX} bytes: `openssl rand -hex 32` makes one")
    return bare


def hidden(
    report: Report, gate: Gate | None, using: bytes | None, *, judged: bool = True
) -> tuple[Report, Gate | None]:
    """Both with stand-ins, where there is a key. `judged` False: the report was not, and is not now."""
    if using is None:
        return report, gate
    from natprobe.redact import Redactor, redacted

    redactor = Redactor(report.target, report.observations, report.sources, using)
    return redacted(report, redactor, judged=judged), gate and _hidden(gate, redactor)


def discreet(gate: Gate, report: Report, using: bytes | None) -> Gate:
    """The gate alone, for stderr."""
    if using is None:
        return gate
    from natprobe.redact import Redactor

    return _hidden(gate, Redactor(report.target, report.observations, report.sources, using))


def _hidden(gate: Gate, redactor: Redactor) -> Gate:
    """Demands name servers and addresses, too."""
    held = (
        msgspec.structs.replace(each, demand=redactor.words(each.demand), why=redactor.words(each.why))
        for each in gate.held
    )
    return msgspec.structs.replace(gate, held=tuple(held))
