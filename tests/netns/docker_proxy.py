"""The real docker-proxy: of Debian's docker.io, unpacked beside the tests' other caches. Nothing else of it is run."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

from tests.netns.kernel import Host, Process

_PACKAGE = "docker.io"
_SECONDS = 120


@functools.cache
def binary() -> Path | str:
    """Where it is, or why it can't be had."""
    if there := shutil.which("docker-proxy"):
        return Path(there)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "natprobe-tests" / "docker-proxy"
    found = cache / "usr" / "sbin" / "docker-proxy"
    if found.exists():
        return found
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return "docker-proxy is not installed, and there is no apt-get to fetch Debian's docker.io with"
    try:
        _fetch(cache)
    except (OSError, subprocess.SubprocessError) as exc:
        return f"docker-proxy could not be had from Debian's docker.io: {exc}"
    return found if found.exists() else "Debian's docker.io has no docker-proxy"


def _fetch(cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    wanted = ["apt-get", "-qq", "download", _PACKAGE]
    subprocess.run(wanted, cwd=cache, check=True, capture_output=True, timeout=_SECONDS)
    for package in cache.glob("*.deb"):
        content = ["dpkg-deb", "--fsys-tarfile", str(package)]
        with subprocess.Popen(content, stdout=subprocess.PIPE) as tar:
            subprocess.run(["tar", "-xC", str(cache), "./usr/sbin/docker-proxy"], stdin=tar.stdout, timeout=_SECONDS)
        package.unlink()


def start(host: Host, proto: str, address: str, port: int, to: tuple[str, int]) -> Process:
    """As dockerd starts it; that reads from descriptor 3 whether the port could be had."""
    path = binary()
    assert isinstance(path, Path)
    words = f"-proto {proto} -host-ip {address} -host-port {port} -container-ip {to[0]} -container-port {to[1]}"
    process = host.start(["sh", "-c", f"exec {path} {words} 3>/dev/null"], log=f"proxy-{proto}-{port}.log")
    return process.listens(udp=[port] if proto == "udp" else [], tcp=[port] if proto == "tcp" else [])
