"""The system's programs that are asked about this machine: in no environment with what may be a password."""

from __future__ import annotations

import os

# Settings fit into the text; a program that is stuck is not waited for (seconds).
_TEXT_MAX, _SECONDS = 1 << 18, 1.0


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
