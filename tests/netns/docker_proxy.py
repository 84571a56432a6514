"""The real docker-proxy of Debian's docker.io, which tests/run fetches; nothing else of that package is run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.netns.kernel import Host, Process


def binary() -> Path | str:
    """Where it is, or why it is not."""
    if there := shutil.which("docker-proxy"):
        return Path(there)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = cache / "natprobe-tests" / "bin" / "docker-proxy"
    return found if found.exists() else "docker-proxy is not here: as root tests/run fetches it from Debian's docker.io"


def start(host: Host, proto: str, address: str, port: int, to: tuple[str, int]) -> Process:
    """As dockerd starts it; that reads from descriptor 3 whether the port could be had."""
    path = binary()
    assert isinstance(path, Path)
    words = f"-proto {proto} -host-ip {address} -host-port {port} -container-ip {to[0]} -container-port {to[1]}"
    process = host.start(["sh", "-c", f"exec {path} {words} 3>/dev/null"], log=f"proxy-{proto}-{port}.log")
    return process.listens(udp=[port] if proto == "udp" else [], tcp=[port] if proto == "tcp" else [])
