"""The system's programs that are asked about this machine: in no environment with what may be a password."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from subprocess import Popen

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
    nothing, and is not read on: half a list of rules would be another list.
    """
    import shutil
    import subprocess

    folders = os.pathsep.join((os.environ.get("PATH", os.defpath), *_ADMIN))
    program = shutil.which(command[0], path=folders)
    if program is None:
        return Said(failure="ENOENT")
    try:
        with (
            subprocess.Popen(  # noqa: S603
                (program, *command[1:]),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment() | {"LC_ALL": "C", "PATH": folders},
            ) as child
        ):
            try:
                return _heard(child, limit, seconds)
            finally:
                child.kill()
    except OSError:
        return Said(failure="EIO")


def _heard(child: Popen[bytes], limit: int, seconds: float) -> Said:
    """Up to its end, or to the first of the two bounds."""
    import selectors
    import subprocess
    import time

    pipes = [each for each in (child.stdout, child.stderr) if each is not None]
    heard, ends = {each: bytearray() for each in pipes}, time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for each in pipes:
            selector.register(each, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(ends - time.monotonic(), 0))
            if not ready:
                return Said(failure="ETIMEDOUT")
            for key, _ in ready:
                part = os.read(key.fd, 1 << 16)
                heard[key.fileobj] += part  # type: ignore[index]  # one of the pipes
                if not part:
                    selector.unregister(key.fileobj)
            if any(len(each) > limit for each in heard.values()):
                return Said(failure="EMSGSIZE")
    try:
        code = child.wait(max(ends - time.monotonic(), 0))
    except subprocess.TimeoutExpired:  # it has nothing more to say, and goes on
        return Said(failure="ETIMEDOUT")
    return _judged(code, *map(bytes, heard.values()))


def _judged(code: int, printed: bytes, complaint: bytes) -> Said:
    if code:
        return Said(failure="EPERM" if _forbidden(complaint) else "EIO")
    return Said(printed.decode("utf-8", "replace"))


def _forbidden(complaint: bytes) -> bool:
    return any(word in complaint for word in (b"ermission denied", b"not permitted", b"be root"))
