"""A case, built: `with lab(case) as built: built.client.run([...])`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.case import Case, pasted
from tests.netns import certificates, servers
from tests.netns.kernel import Host, Network, built
from tests.netns.topology import plan


@dataclass(frozen=True)
class Lab:
    """`target` is what check is asked for; `root` the authority of the web front's certificate."""

    network: Network
    target: str
    root: Path

    @property
    def client(self) -> Host:
        return self.network["client"]


@contextmanager
def lab(case: Case) -> Iterator[Lab]:
    """Raises nat.UnbuildableError for what only the memory ring has."""
    with built(plan(case)) as network:
        files = certificates.write(case.web.certificate, network.folder)
        servers.start(network, case, files)
        line = servers.peer(network["web"]) if case.peer.runs else ""
        yield Lab(network, pasted(case, line), files.root)
