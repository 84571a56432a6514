"""The environment of the system's programs that are asked about this machine: without what may be a password."""

from __future__ import annotations

import os


def environment() -> dict[str, str]:
    """Ours, less natprobe's own variables and the URLs of proxies."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("NATPROBE_") and not name.lower().endswith(("_proxy", "socks_server"))
    }
