"""Networks from real kernels: a Plan is plain data, `built(plan)` makes it from network namespaces.

Hosts are namespaces, wires are routed veth pairs (a bridge would break hairpin and delay its ports).
Packets never leave the namespaces made here. Everything made is unmade when the context ends; what a
killed run left behind goes when the next one starts, told by the dead process's id in the name.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from tests import warm

NAMESPACES = Path("/run/netns")
SETTINGS = Path("/etc/netns")  # `ip netns exec` mounts NAME/resolv.conf and NAME/hosts over those of /etc
TUN = Path("/dev/net/tun")
PREFIX = "natprobe"
TREE = Path(__file__).parents[2]  # where `python -m natprobe` finds the code under test
TOOLS = ("ip", "nft", "setpriv", "unshare", "nsenter")
PYTHON = [sys.executable, "-m"]  # modules are run by a process that has loaded them
_serial = itertools.count()

# Duplicate address detection would keep IPv6 silent for a second; the ICMP limits would hide rejects.
SYSCTLS = {
    "ipv6/conf/default/accept_dad": 0,
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
    "ipv4/icmp_ratelimit": 0,
    "ipv6/icmp/ratelimit": 0,
}
# Namespaces with tables of TCP connections of their own: reading /proc/net/tcp walks the whole machine's, in 5 ms
# (measured). The setting is for namespaces made in the one where it is set; before Linux 6.1 there is none.
_OWN_TABLES = "/proc/sys/net/ipv4/tcp_child_ehash_entries"
APART = ["unshare", "--net", "sh", "-c", f"[ ! -e {_OWN_TABLES} ] || echo 1024 >{_OWN_TABLES}; exec ip -batch -"]
NOTHING: Mapping[str, str] = MappingProxyType({})
FORWARDING = {"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1}


@dataclass(frozen=True, kw_only=True)
class Node:
    """One host of a plan. `addresses`, `routes` and `rules` are arguments of `ip … add`, `rules6` of `ip -6 rule add`;
    `settings` are sysctls; `tuns` are devices for processes that carry packets. `search`: the domain that the host's
    short names are in; `etc`: further files of /etc.
    """

    addresses: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    rules6: tuple[str, ...] = ()
    settings: Mapping[str, int] = field(default_factory=dict)
    tuns: tuple[str, ...] = ()
    forwards: bool = False
    nft: str = ""
    resolvers: tuple[str, ...] = ()
    search: str = ""
    hosts: str = ""
    etc: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wire:
    """A veth pair between two interfaces, each named `host/interface`."""

    one: str
    other: str


@dataclass(frozen=True)
class Plan:
    nodes: Mapping[str, Node]
    wires: tuple[Wire, ...]


@dataclass(frozen=True)
class Host:
    """A running host: what is run or started here sees this namespace's network only."""

    name: str
    namespace: str
    folder: Path
    _undo: ExitStack = field(repr=False)

    def run(
        self, argv: Sequence[str], *, timeout: float = 30, check: bool = True, env: Mapping[str, str] = NOTHING
    ) -> subprocess.CompletedProcess[str]:
        """`env`: further variables. Raises TimeoutExpired; and RuntimeError for exit codes over 0, with `check`."""
        env = {**environment(), **env}
        if argv[:2] == PYTHON:
            found = warm.run(argv[2:], namespace=self.namespace, timeout=timeout, cwd=TREE, env=env)
            done = subprocess.CompletedProcess(argv, found.returncode, found.stdout.decode(), found.stderr.decode())
        else:
            done = subprocess.run(self.inside(argv), capture_output=True, text=True, timeout=timeout, cwd=TREE, env=env)
        if check and done.returncode:
            raise RuntimeError(f"{self.name}: {' '.join(argv)}: exit {done.returncode}\n{done.stderr}")
        return done

    def natprobe(
        self, *words: str, timeout: float = 30, env: Mapping[str, str] = NOTHING
    ) -> subprocess.CompletedProcess[str]:
        """`natprobe WORDS` here, whatever its exit code; `env`: further variables. Raises TimeoutExpired."""
        return self.run([*PYTHON, "natprobe", *words], timeout=timeout, check=False, env=env)

    def start(self, argv: Sequence[str], *, log: str, ends: signal.Signals = signal.SIGTERM) -> Process:
        """A server that lives until the network goes; its output stands in folder/log. `ends`: what stops it."""
        path = self.folder / log
        process = Process(self, self._started(argv, path), path, ends)
        self._undo.callback(process.stop)
        return process

    def _started(self, argv: Sequence[str], log: Path) -> subprocess.Popen[bytes] | warm.Child:
        with log.open("wb") as output:
            if argv[:2] == PYTHON:
                return warm.start(argv[2:], namespace=self.namespace, log=log, cwd=TREE, env=environment())
            argv, quiet = self.inside(argv), subprocess.DEVNULL
            return subprocess.Popen(argv, stdin=quiet, stdout=output, stderr=output, cwd=TREE, env=environment())

    def inside(self, argv: Sequence[str]) -> list[str]:
        """Each step replaces its process, so that the id stays, and the kernel ends it with pytest."""
        return ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", self.namespace, *argv]


@dataclass(frozen=True)
class Process:
    host: Host
    child: subprocess.Popen[bytes] | warm.Child
    log: Path
    ends: signal.Signals = signal.SIGTERM

    def listens(self, *, udp: Sequence[int] = (), tcp: Sequence[int] = (), addresses: int = 1) -> Process:
        """Waits until these ports are bound, each on that many addresses."""
        ports = [("udp", port) for port in udp] + [("tcp", port) for port in tcp]
        wanted = Counter(ports * addresses)
        self.wait(lambda: wanted <= self._bound())
        return self

    def wait(self, ready: Callable[[], bool], timeout: float = 10) -> None:
        end = time.monotonic() + timeout
        while self.child.poll() is None and time.monotonic() < end:
            if ready():
                return
            time.sleep(0.005)
        raise RuntimeError(f"{self.log.name} in {self.host.name} did not start:\n{self.log.read_text()}")

    def stop(self) -> None:
        self.child.send_signal(self.ends)
        try:
            self.child.wait(1)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def _bound(self) -> Counter[tuple[str, int]]:
        """Unconnected UDP sockets (state 07) and TCP listeners (0A)."""
        proc = Path(f"/proc/{self.child.pid}")
        try:
            if not (proc / "ns/net").samefile(NAMESPACES / self.host.namespace):
                return Counter()  # still on its way: this table would be another network's
            tables = [(name, (proc / "net" / name).read_text()) for name in ("udp", "udp6", "tcp", "tcp6")]
        except FileNotFoundError:  # it has just ended
            return Counter()
        rows = [(name[:3], line.split()) for name, text in tables for line in text.splitlines()[1:]]
        return Counter((name, int(row[1].rpartition(":")[2], 16)) for name, row in rows if row[3] in ("07", "0A"))


@dataclass(frozen=True)
class Network:
    hosts: Mapping[str, Host]
    folder: Path

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]


@contextmanager
def built(plan: Plan) -> Iterator[Network]:
    """The plan's hosts, wired and configured."""
    prefix = f"{PREFIX}-{os.getpid()}-{next(_serial)}-"
    with ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)))
        namespaces = {name: prefix + name for name in plan.nodes}
        undo.callback(_remove, list(namespaces.values()))
        hosts = {name: Host(name, namespace, folder, undo) for name, namespace in namespaces.items()}
        _side_by_side([(APART, _lines(f"netns add {namespace}" for namespace in namespaces.values()))])
        for name, node in plan.nodes.items():
            _tune(namespaces[name], node)
        _batch([_veth(wire, prefix) for wire in plan.wires])
        _side_by_side([_configure(hosts[name], node, plan) for name, node in plan.nodes.items()])
        yield Network(hosts, folder)


def sweep() -> None:
    """Removes what killed runs of ours left: their process's id stands in the name."""
    names = {path.name for root in (NAMESPACES, SETTINGS) if root.is_dir() for path in root.iterdir()}
    abandoned = [name for name in names if _abandoned(name)]
    for pid in [pid for name in abandoned for pid in processes(name)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _remove(abandoned)
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}-*"):
        if _abandoned(path.name):
            shutil.rmtree(path, ignore_errors=True)


def processes(namespace: str) -> list[int]:
    listed = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True)
    return [int(pid) for pid in listed.stdout.split()]


def missing(tools: Sequence[str] = ()) -> str:
    """Why namespaces can't be made here or these tools can't be run, or nothing."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid():
        return "network namespaces are made by root"
    if absent := [tool for tool in (*TOOLS, *tools) if not shutil.which(tool)]:
        return f"not installed: {', '.join(absent)}"
    name = f"{PREFIX}-{os.getpid()}-trial"
    trial = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    _remove([name])
    return f"no network namespaces here: {trial.stderr.strip()}" if trial.returncode else ""


def tunless() -> str:
    """Why processes can't carry packets here, or nothing."""
    try:
        TUN.open("r+b", buffering=0).close()
    except OSError as exc:
        return f"no TUN devices here: {exc}"
    return ""


def _abandoned(name: str) -> bool:
    owner = re.match(rf"{PREFIX}-(\d+)-", name)
    return owner is not None and not Path(f"/proc/{owner[1]}").exists()


def environment() -> dict[str, str]:
    """The machine's proxies are no part of the lab, nor is a desktop that has some."""
    machine = ("_proxy", "_current_desktop", "desktop_session")
    kept = {key: value for key, value in os.environ.items() if not key.lower().endswith(machine)}
    return kept | {"PYTHONUNBUFFERED": "1"}


def _tune(namespace: str, node: Node) -> None:
    """Before the interfaces come: they inherit the defaults."""
    with warm.within(namespace):
        for name, value in (SYSCTLS | (FORWARDING if node.forwards else {}) | dict(node.settings)).items():
            Path("/proc/sys/net", name).write_text(str(value))


def _veth(wire: Wire, prefix: str) -> str:
    (one, interface), (other, opposite) = wire.one.split("/"), wire.other.split("/")
    return f"link add {interface} netns {prefix}{one} type veth peer name {opposite} netns {prefix}{other}"


def _configure(host: Host, node: Node, plan: Plan) -> tuple[list[str], str]:
    """One process per host: addresses and routes, then the ruleset."""
    if node.resolvers:
        search = [f"search {node.search}"] if node.search else []
        servers = [f"nameserver {each}" for each in node.resolvers]
        _write_settings(host.namespace, "resolv.conf", _lines(search + servers))
    if node.hosts:
        _write_settings(host.namespace, "hosts", node.hosts)
    for name, text in node.etc.items():
        _write_settings(host.namespace, name, text)
    ends = [end.split("/") for wire in plan.wires for end in (wire.one, wire.other)]
    links = ["lo", *(interface for name, interface in ends if name == host.name), *node.tuns]
    # No packet is too large for a process, nor are there too many at once.
    lines = [f"tuntap add dev {tun} mode tun\nlink set {tun} mtu 65535 txqueuelen 10000" for tun in node.tuns]
    lines += [f"link set {interface} up" for interface in links]
    lines += [f"address add {address}" for address in node.addresses]
    lines += [f"route add {route}" for route in node.routes] + [f"rule add {rule}" for rule in node.rules]
    script = host.folder / f"{host.name}.ip"
    script.write_text("\n".join(lines) + "\n")
    rules6 = "".join(f" && ip -6 rule add {rule}" for rule in node.rules6)
    command = f"ip -batch {script}{rules6}" + (" && nft -f -" if node.nft else "")
    return ["nsenter", f"--net={NAMESPACES / host.namespace}", "sh", "-c", command], node.nft


def _write_settings(namespace: str, name: str, text: str) -> None:
    folder = SETTINGS / namespace
    while not folder.is_dir():
        with suppress(FileNotFoundError):  # another lab has just removed the empty parent
            folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def _remove(namespaces: Sequence[str]) -> None:
    for name in namespaces:
        shutil.rmtree(SETTINGS / name, ignore_errors=True)
    with suppress(OSError):
        SETTINGS.rmdir()
    there = [name for name in namespaces if (NAMESPACES / name).exists()]
    subprocess.run(["ip", "-force", "-batch", "-"], input=_lines(f"netns delete {n}" for n in there), text=True)


def _batch(commands: Sequence[str]) -> None:
    _side_by_side([(["ip", "-batch", "-"], _lines(commands))])


def _lines(commands: Iterable[str]) -> str:
    return "".join(f"{command}\n" for command in commands)


def _side_by_side(jobs: Sequence[tuple[list[str], str]]) -> None:
    """All at once: starting processes is what building costs."""
    pipe = subprocess.PIPE
    running = [(subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True), text) for argv, text in jobs]
    results = [(child, child.communicate(text, timeout=30)) for child, text in running]
    if faults := [f"{child.args!r}: {out}{err}" for child, (out, err) in results if child.returncode]:
        raise RuntimeError("\n".join(faults))
