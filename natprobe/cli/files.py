"""Files that options name: read at most so far, with one sentence when they can't be."""

from __future__ import annotations

from pathlib import Path

from natprobe.cli.errors import UsageError


def content(what: str, path: Path, most: int) -> bytes:
    """The file's bytes. `what` names it in the sentence: the option, and its path where that is no secret.

    Raises UsageError.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as exc:
        raise UsageError(f"{what} cannot be read: {exc.strerror}") from None
    if len(data) > most:
        bound = f"larger than {most >> 20} MiB" if most >> 20 else f"longer than {most} bytes"
        raise UsageError(f"{what} is {bound}")
    return data
