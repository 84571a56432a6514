"""A case, built: `with lab(case) as built: built.client.run([...])`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.case import Case, pasted
from tests.netns import certificates, proxies, servers
from tests.netns.kernel import Host, Network, built, tunless
from tests.netns.topology import plan


@dataclass(frozen=True)
class Lab:
    """`target` is what check is asked for; `root` the authority of its certificates."""

    network: Network
    target: str
    root: Path

    @property
    def client(self) -> Host:
        return self.network["client"]


def _shown(kind: str, folder: Path, name: str) -> certificates.Files | None:
    """The certificate of this kind that a server shows, where it has one."""
    if kind in ("none", "unreadable"):
        return None
    folder.mkdir()
    return certificates.write("good" if kind == "http" else kind, folder, name)


@contextmanager
def lab(case: Case) -> Iterator[Lab]:
    """Raises nat.UnbuildableError for what only the memory ring has."""
    wanted = plan(case)
    tuns = any(node.tuns for node in wanted.nodes.values())
    if reason := proxies.lacking(case.proxy) or (tunless() if tuns else ""):
        (pytest.fail if os.environ.get("NATPROBE_REQUIRE_NETNS") else pytest.skip)(reason)
    with built(wanted) as network:
        files = certificates.write(case.web.certificate, network.folder)
        stuns = _shown(case.stun.tls, network.folder / "stuns", "stun1.example.test")
        turns = _shown(case.relay.tls, network.folder / "turns", "turn.example.test")
        servers.start(network, case, files, stuns, turns)
        line = servers.peer(network["web"]) if case.peer.runs else ""
        yield Lab(network, pasted(case, line), files.root)
