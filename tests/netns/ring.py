"""Whether the ring of real kernels can run here: it needs root, Linux and real servers."""

from __future__ import annotations

import functools
import os

from tests.netns import kernel, relay, servers


@functools.cache
def reason() -> str:
    """Why this ring can't run here, or nothing."""
    if os.environ.get("NATPROBE_NO_NETNS"):
        return "NATPROBE_NO_NETNS is set"
    if not relay.STREAM.exists():
        return "not installed: nginx's stream module (Debian: libnginx-mod-stream)"
    return kernel.missing(servers.TOOLS)
