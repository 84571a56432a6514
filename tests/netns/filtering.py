"""A server with a packet filter, a stranger who knocks, and a container behind the server; and rules of each manager.

ufw and firewalld write into /etc and /run: theirs are private here.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from natprobe.servers.filters.passages import Asked, Place, passages
from natprobe.servers.filters.reading import Ruleset, Said, read
from natprobe.servers.filters.walk import Own
from tests.netns.kernel import Host, Network, Node, Plan, Wire, built

SERVER, SERVER6, SECOND = "203.0.113.9", "2001:db8:5::9", "203.0.113.10"
STRANGER, STRANGER6 = "198.51.100.7", "2001:db8:c::7"
CONTAINER, BRIDGE = "172.17.0.2", "172.17.0.1"
PORTS = (80, 443, 2222, 3478, 5349, 8080, 10000, 10001, 20000, 20049, 20050)
_READ = "import json; from natprobe.host.filters import texts; print(json.dumps(texts()))"
_PLAN = Plan(
    {
        "server": Node(
            addresses=(
                f"{SERVER}/24 dev eth0",
                f"{SECOND}/24 dev eth0",
                f"{SERVER6}/64 dev eth0 nodad",
                f"{BRIDGE}/16 dev docker0",
            ),
            routes=("default via 203.0.113.1 dev eth0", "default via 2001:db8:5::1 dev eth0"),
            forwards=True,
        ),
        "stranger": Node(
            addresses=(
                "203.0.113.1/24 dev eth0",
                f"{STRANGER}/32 dev eth0",
                "2001:db8:5::1/64 dev eth0 nodad",
                f"{STRANGER6}/128 dev eth0 nodad",
            ),
        ),
        "container": Node(addresses=(f"{CONTAINER}/16 dev eth0",), routes=(f"default via {BRIDGE} dev eth0",)),
    },
    (Wire("server/eth0", "stranger/eth0"), Wire("server/docker0", "container/eth0")),
)
_OWN = [Own(SERVER, "eth0", 24), Own(SECOND, "eth0", 24), Own(SERVER6, "eth0", 64), Own(BRIDGE, "docker0", 16)]
# What each manager needs of /etc and /run, so that this machine's stay as they are.
_PRIVATE = """\
set -e
mount --bind {folder}/ufw /etc/ufw 2>/dev/null || true
mount --bind {folder}/firewalld /etc/firewalld 2>/dev/null || true
mount --bind {folder}/run /run
{script}
"""
_CLEAN = """\
nft flush ruleset
for each in iptables-legacy ip6tables-legacy; do
  command -v $each >/dev/null || continue
  for table in filter nat mangle raw; do $each -t $table -F && $each -t $table -X; done
  for chain in INPUT FORWARD OUTPUT; do $each -P $chain ACCEPT; done
done
"""


# firewalld speaks to its command by a bus of its own; ended, it leaves its rules.
_BUS = "mkdir -p /run/dbus /run/firewalld && exec dbus-daemon --system --nofork --nopidfile"
_FIREWALLD = (
    "sed -i s/^CleanupOnExit=.*/CleanupOnExit=no/ /etc/firewalld/firewalld.conf; exec firewalld --nofork --nopid"
)


@dataclass(frozen=True)
class Lab:
    """`knock`: what happens to real packets; `foretold`: what natprobe reads out of the rules."""

    network: Network
    folder: Path

    @property
    def server(self) -> Host:
        return self.network["server"]

    def shell(self, script: str) -> str:
        """On the server, with /etc/ufw, /etc/firewalld and /run of its own."""
        return self.server.run(self._private(script), timeout=60).stdout

    @contextmanager
    def firewalld(self) -> Iterator[None]:
        """Running, as the only one of its kind."""
        bus = self.server.start(self._private(_BUS), log="bus.log")
        bus.wait((self.folder / "run/dbus/system_bus_socket").exists)
        daemon = self.server.start(self._private(_FIREWALLD), log="firewalld.log")
        try:
            daemon.wait(lambda: not self.server.run(self._private("firewall-cmd --state"), check=False).returncode, 30)
            yield
        finally:
            daemon.stop()
            bus.stop()

    def _private(self, script: str) -> list[str]:
        return ["unshare", "-m", "sh", "-c", _PRIVATE.format(folder=self.folder, script=script)]

    def clean(self) -> None:
        self.server.run(["sh", "-c", _CLEAN], check=False)

    def knock(self, asked: Sequence[str], who: str = "stranger", source: str = STRANGER) -> dict[str, str]:
        """`udp/203.0.113.9/10000` …"""
        words = [sys.executable, "-m", "tests.netns.knocking", source, STRANGER6, *asked]
        return dict(json.loads(self.network[who].run(words).stdout))

    def rules(self) -> Ruleset:
        said = json.loads(self.server.run([sys.executable, "-c", _READ]).stdout)
        return read({name: Said(text, failure) for name, text, failure in said})

    def foretold(self, asked: Sequence[str]) -> dict[str, str]:
        ruleset = self.rules()
        return {word: _foretold(ruleset, word) for word in asked}


def _foretold(ruleset: Ruleset, word: str) -> str:
    proto, address, port = word.split("/")
    asked = Asked("udp" if proto == "udp" else "tcp", int(port), int(port))
    return next(passages(ruleset, asked, Place(address, "eth0"), _OWN, "eth0")).outcome


@contextmanager
def lab() -> Iterator[Lab]:
    with built(_PLAN) as network:
        folder = network.folder
        for name in ("ufw", "firewalld"):
            if Path(f"/etc/{name}").is_dir():
                shutil.copytree(f"/etc/{name}", folder / name)
            else:
                (folder / name).mkdir()
        (folder / "run").mkdir()
        for name in ("server", "container"):
            words = [sys.executable, "-m", "tests.netns.echoing", *map(str, PORTS)]
            process = network[name].start(words, log=f"{name}.log")
            process.listens(udp=PORTS, tcp=PORTS, addresses=2)
        yield Lab(network, folder)


def asked(ports: Mapping[str, Sequence[int]] | None = None, addresses: Sequence[str] = (SERVER, SERVER6)) -> list[str]:
    """The usual questions, or those of one's own."""
    wanted = ports or {"udp": (3478, 10000, 20000, 20050), "tcp": (80, 443, 2222, 5349)}
    return [f"{proto}/{address}/{port}" for proto, some in wanted.items() for port in some for address in addresses]
