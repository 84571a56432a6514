"""The system's programs that are asked about this machine: in no environment with what may be a password."""

from __future__ import annotations

import os
from typing import NamedTuple

# Settings fit into the text; a program that is stuck is not waited for (seconds).
_TEXT_MAX, _SECONDS = 1 << 18, 1.0
# Where an administrator's programs are, which users don't look into.
_ADMIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")


class Said(NamedTuple):
    """What a program printed, and what it complained of. failure: why that is nothing, by the errno's name.

    ENOENT: there is no such program; ETIMEDOUT; EMSGSIZE: more than was wanted; EPERM: it takes root; EIO: it failed.
    """

    text: str = ""
    failure: str | None = None


def environment() -> dict[str, str]:
    """Ours, less natprobe's own variables and the URLs of proxies."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("NATPROBE_") and not name.lower().endswith(("_proxy", "socks_server"))
    }


def output(*command: str) -> str | None:
    """What this program prints. None: it is not there, failed, or took too long."""
    import subprocess

    try:
        done = subprocess.run(  # noqa: S603
            command,
            capture_output=True,
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
            env=environment(),
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout[:_TEXT_MAX].decode("utf-8", "replace") if done.returncode == 0 else None


def said(*command: str, limit: int, seconds: float) -> Said:
    """What an administrator's program prints, in English and at most so many bytes of it. What is longer counts for
    nothing: half a list of rules would be another list.
    """
    import shutil
    import subprocess

    folders = os.pathsep.join((os.environ.get("PATH", os.defpath), *_ADMIN))
    program = shutil.which(command[0], path=folders)
    if program is None:
        return Said(failure="ENOENT")
    try:
        done = subprocess.run(  # noqa: S603
            (program, *command[1:]),
            capture_output=True,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
            env=environment() | {"LC_ALL": "C", "PATH": folders},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Said(failure="ETIMEDOUT")
    except (OSError, subprocess.SubprocessError):
        return Said(failure="EIO")
    if done.returncode:
        return Said(failure="EPERM" if _forbidden(done.stderr) else "EIO")
    if len(done.stdout) > limit:
        return Said(failure="EMSGSIZE")
    return Said(done.stdout.decode("utf-8", "replace"))


def _forbidden(complaint: bytes) -> bool:
    return any(word in complaint for word in (b"ermission denied", b"not permitted", b"be root"))
