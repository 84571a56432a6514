"""Whether the ring of real kernels can run here: it needs root, Linux and real servers."""

from __future__ import annotations

import functools
import os

from tests.netns import kernel, proxies, relay, servers


@functools.cache
def reason() -> str:
    """Why this ring can't run here, or nothing."""
    if os.environ.get("NATPROBE_NO_NETNS"):
        return "NATPROBE_NO_NETNS is set"
    if not relay.STREAM.exists():
        return "not installed: nginx's stream module (Debian: libnginx-mod-stream)"
    if not proxies.CERTGEN.exists():
        return "not installed: a squid that opens TLS (Debian: squid-openssl)"
    return kernel.missing(servers.TOOLS)
