"""A chain of routers between a client and a server, from real kernels: what is lost on it, and where, is data.

    client - r1 - r2 - … - r6 - server        `other` hangs on the last router but one
                  |               |
                  b2 ---- b1 -----+           where the server's answers come back by another way

r1 translates IPv4 addresses, and so does r2 where it is the carrier's; IPv6 is not translated. A router may have a twin
(r4b), so that two ways cost the same. Links beyond the client's own are unnumbered: a router has one address for all.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from natprobe.model import Family
from tests.netns.kernel import PYTHON, Host, Network, Node, Plan, Process, Wire, built

CLIENT, INSIDE, SHARED, CARRIER = "192.168.1.2", "192.168.1.1", "100.64.0.7", "100.64.0.1"
SERVER, OTHER = "203.0.113.10", "203.0.113.20"
CLIENT6, INSIDE6, SERVER6, OTHER6 = "2001:db8:1::2", "2001:db8:1::1", "2001:db8:f::10", "2001:db8:f::20"
PORT, TCP_PORT, WEB_PORT = 10000, 4443, 443
TOKEN = "AbCdEfGhIjKlMnOpQrStUv"

VERSIONS: tuple[Family, ...] = (4, 6)
Hook = Literal["prerouting", "forward", "output", "input", "postrouting"]
Icmp = Literal["on", "limited", "off"]
What = Literal["port", "answers", "udp", "cookie", "tcp", "web", "page"]
_MATCHES: Mapping[What, str] = {
    "port": f"udp dport {PORT}",
    "answers": f"udp sport {PORT}",
    "udp": "meta l4proto udp",
    "cookie": "meta l4proto udp @th,96,32 0x2112a442",  # STUN's, behind the UDP header, type and length
    "tcp": "meta l4proto tcp",
    "web": f"tcp dport {WEB_PORT}",
    "page": f"tcp sport {WEB_PORT}",  # the web server's answers
}
ORDINARY = ("setpriv", "--reuid", "65534", "--clear-groups", "--bounding-set", "-all", "--inh-caps", "-all")
_COUNTER = """
table inet counted {
    counter four { }; counter six { };
    chain pre {
        type filter hook prerouting priority -400
        iifname "lan" ip daddr != 192.168.0.0/16 counter name four
        iifname "lan" ip6 daddr 2001:db8:f::/48 counter name six
    }
}
"""
# What Linux does by itself: one error a second to each host, after six at once.
_LIMITS: Mapping[Icmp, int] = {"on": 0, "off": 0, "limited": 1000}
_ERRORS = (
    "icmp type { destination-unreachable, time-exceeded }",
    "icmpv6 type { destination-unreachable, time-exceeded }",
)
_TOO_BIG = ("icmp type destination-unreachable icmp code frag-needed", "icmpv6 type packet-too-big")
# Sorted by ports too, as providers' routers do (RFC 2992); Linux by itself takes addresses alone.
_BY_PORTS = {"ipv4/fib_multipath_hash_policy": 1, "ipv6/fib_multipath_hash_policy": 1}


@dataclass(frozen=True, kw_only=True)
class Drop:
    """What is lost at which host's hook. `rejects`: what its sender is told, as nft's `reject with` has it."""

    at: str
    hook: Hook = "forward"
    what: What = "port"
    rejects: str = ""

    @property
    def rule(self) -> str:
        return f"{_MATCHES[self.what]} {f'reject with {self.rejects}' if self.rejects else 'drop'}"


@dataclass(frozen=True, kw_only=True)
class Chain:
    """`twin`: the number of the router that has one, 0: none. `back`: the server's answers come by b1 and b2.

    `icmp`: whether all but the client tell of packets that they end; `icmp_at` where one differs from the rest. `mtu`:
    what a router takes in one piece towards the server, `mtu_back` towards the client; `black_hole`: without a word.
    """

    routers: int = 6
    carrier: bool = False
    twin: int = 0
    back: bool = False
    drops: tuple[Drop, ...] = ()
    icmp: Icmp = "on"
    icmp_at: Mapping[str, Icmp] = field(default_factory=dict)
    mtu: Mapping[str, int] = field(default_factory=dict)
    mtu_back: Mapping[str, int] = field(default_factory=dict)
    black_hole: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """From the client to the server, without twins."""
        return ("client", *(f"r{number}" for number in range(1, self.routers + 1)), "server")

    def position(self, name: str) -> int:
        """How many routers a packet has met that is at this host, itself counted."""
        return self.names.index(name.removesuffix("b"))

    def address(self, name: str, version: Family = 4) -> str:
        """The one that the client sees of it."""
        if name == "r1":
            return INSIDE if version == 4 else INSIDE6
        if name == "r2" and self.carrier and version == 4:
            return CARRIER
        return _own(self, name, version)

    def of(self, address: str) -> str:
        """Whose address that is, as the client sees it."""
        hosts = (*self.names, f"r{self.twin}b", "other") if self.twin else (*self.names, "other")
        return next(name for name in hosts for version in VERSIONS if self.address(name, version) == address)


def _own(chain: Chain, name: str, version: Family) -> str:
    """Its address towards the server, and of those beyond the carrier the only one."""
    fixed = {"client": (CLIENT, CLIENT6), "server": (SERVER, SERVER6), "other": (OTHER, OTHER6)}
    if name in fixed:
        return fixed[name][version == 6]
    shared = version == 4 and chain.carrier and name == "r1"
    return SHARED if shared else f"{_network(chain, name)[version == 6]}{_number(name, version)}"


def _network(chain: Chain, name: str) -> tuple[str, str]:
    """The provider's, one between, and the server's, whose edge is the last of several routers."""
    here = 4 if name[0] == "b" else chain.position(name)
    if here == chain.routers > 1:
        return "203.0.113.", "2001:db8:f::"
    return ("198.51.100.", "2001:db8:2::") if here < 4 else ("192.0.2.", "2001:db8:3::")


def _number(name: str, version: Family) -> str:
    """Twins: 44 and ::4b; the way back: 101 and ::b1."""
    if version == 6:
        return name.removeprefix("r")
    if name[0] == "b":
        return f"10{name[1:]}"
    return str(int(name[1:].removesuffix("b")) + 40 * name.endswith("b"))


# --- the plan


@dataclass(frozen=True)
class _Link:
    """From `near` to `far`, by these interfaces."""

    near: str
    out: str
    far: str
    into: str


def _links(chain: Chain) -> list[_Link]:
    """All but the client's own, away from it; the way back from the server on."""
    names, last = chain.names, chain.names[-2]
    found = [_Link(near, "out", far, "in") for near, far in itertools.pairwise(names[1:])]
    if chain.twin:
        before, twin, after = names[chain.twin - 1], f"r{chain.twin}b", names[chain.twin + 1]
        found += [_Link(before, "out2", twin, "in"), _Link(twin, "out", after, "in2")]
    found.append(_Link(_host_of_other(chain), "side", "other", "eth0"))
    if chain.back:
        found += [
            _Link("server", "back", "b1", "in"),
            _Link("b1", "out", "b2", "in"),
            _Link("b2", "out", _joins(chain), "back"),
        ]
    return [replace(each, into="eth0") if each == _Link(last, "out", "server", "in") else each for each in found]


def _host_of_other(chain: Chain) -> str:
    return chain.names[max(1, chain.routers - 1)]


def _joins(chain: Chain) -> str:
    return chain.names[min(2, chain.routers)]


def _towards(chain: Chain, near: str, far: str, version: Family) -> str:
    """The neighbour's address on their link."""
    shared = version == 4 and chain.carrier and (near, far) == ("r1", "r2")
    return CARRIER if shared else _own(chain, far, version)


def _mine(chain: Chain, near: str, far: str) -> str:
    return CARRIER if chain.carrier and (near, far) == ("r2", "r1") else _own(chain, near, 4)


def _ends(chain: Chain, name: str) -> list[tuple[str, str]]:
    """The host's interfaces, and who is at their other ends."""
    ways = [each for link in _links(chain) for each in (link, _Link(link.far, link.into, link.near, link.out))]
    return [(each.out, each.far) for each in ways if each.near == name]


def _addresses(chain: Chain, name: str) -> list[str]:
    found = []
    for interface, far in _ends(chain, name):
        found.append(f"{_mine(chain, name, far)} peer {_towards(chain, name, far, 4)}/32 dev {interface}")
        found.append(f"{_own(chain, name, 6)}/128 dev {interface}")
    return found


def _routes(chain: Chain, name: str) -> list[str]:
    """To the neighbours over IPv6; to what lies below and to `other` by address, to all else upwards."""
    found = [f"{_own(chain, far, 6)} dev {interface}" for interface, far in _ends(chain, name)]
    if name in ("server", "other", "b1", "b2"):
        return found + [f"default via {_towards(chain, name, _next(chain, name), version)}" for version in VERSIONS]
    here = chain.position(name)
    below = chain.names[here - 1]
    if here > 1:
        twins = [f"r{chain.twin}b"] if chain.twin and here > chain.twin + 1 else []
        lower = [*chain.names[1 : here - 1], *twins]
        found += [f"{_own(chain, each, v)} via {_towards(chain, name, below, v)}" for each in lower for v in VERSIONS]
        found.append(f"2001:db8:1::/64 via {_own(chain, below, 6)}")
    if here < chain.routers:
        return found + [_upwards(chain, here, version) for version in VERSIONS]
    other = _host_of_other(chain)
    return found + (
        [f"{_own(chain, 'other', v)} via {_own(chain, other, v)}" for v in VERSIONS] if other != name else []
    )


def _next(chain: Chain, name: str) -> str:
    """Whom a host that is no router of the chain sends all to."""
    last = chain.names[-2]
    return {
        "server": "b1" if chain.back else last,
        "other": _host_of_other(chain),
        "b1": "b2",
        "b2": _joins(chain),
    }[name]


def _upwards(chain: Chain, here: int, version: Family) -> str:
    above = chain.names[here + 1]
    via = _towards(chain, chain.names[here], above, version)
    if chain.twin == here + 1:
        return f"default nexthop via {via} dev out nexthop via {_own(chain, above + 'b', version)} dev out2"
    return f"default via {via}"


def _nat(chain: Chain, name: str) -> str:
    if name != "r1" and not (chain.carrier and name == "r2"):
        return ""
    rule = 'oifname != { "lan", "in" } masquerade'
    return f"table ip nat {{\nchain post {{\ntype nat hook postrouting priority 100\n{rule}\n}}\n}}\n"


def _router(chain: Chain, name: str) -> Node:
    first = [f"{INSIDE}/24 dev lan", f"{INSIDE6}/64 dev lan"] if name == "r1" else []
    return Node(
        forwards=True,
        addresses=(*first, *_addresses(chain, name)),
        routes=tuple(_routes(chain, name)),
        settings=_settings(chain, name),
        nft=_nat(chain, name) + (_COUNTER if name == "r1" else "") + _losses(chain, name),
    )


def _end(chain: Chain, name: str) -> Node:
    return Node(
        addresses=tuple(_addresses(chain, name)),
        routes=tuple(_routes(chain, name)),
        settings=_settings(chain, name),
        nft=_losses(chain, name),
    )


def plan(chain: Chain) -> Plan:
    """Its hosts and wires."""
    routers = [*chain.names[1:-1], *([f"r{chain.twin}b"] if chain.twin else []), *(["b1", "b2"] if chain.back else [])]
    client = Node(
        addresses=(f"{CLIENT}/24 dev eth0", f"{CLIENT6}/64 dev eth0"),
        routes=(f"default via {INSIDE}", f"default via {INSIDE6}"),
        nft=_losses(chain, "client"),
        resolvers=(OTHER,),
    )
    ends = {name: _end(chain, name) for name in ("server", "other")}
    wires = [Wire(f"{each.near}/{each.out}", f"{each.far}/{each.into}") for each in _links(chain)]
    nodes = {"client": client, **{name: _router(chain, name) for name in routers}, **ends}
    return Plan(nodes, (Wire("client/eth0", "r1/lan"), *wires))


# --- what is lost and told on it


def _losses(chain: Chain, name: str) -> str:
    rules = [(each.hook, each.rule) for each in chain.drops if each.at == name]
    hushed = [*(_ERRORS if _icmp(chain, name) == "off" else ()), *(_TOO_BIG if chain.black_hole else ())]
    rules += [("output", f"{each} drop") for each in hushed]
    chains = [_hooked(hook, [rule for on, rule in rules if on == hook]) for hook in dict(rules)]
    return f"table inet place {{\n{''.join(chains)}}}\n"


def _hooked(hook: Hook, rules: Sequence[str]) -> str:
    return "\n".join([f"chain {hook} {{", f"type filter hook {hook} priority 0", *rules, "}", ""])


def _icmp(chain: Chain, name: str) -> Icmp:
    return chain.icmp_at.get(name, "on" if name == "client" else chain.icmp)


def _settings(chain: Chain, name: str) -> dict[str, int]:
    limit = _LIMITS[_icmp(chain, name)]
    return {**_BY_PORTS, "ipv4/icmp_ratelimit": limit, "ipv6/icmp/ratelimit": limit}


def _sizes(chain: Chain, name: str) -> list[str]:
    """Routes with what passes in one piece."""
    found = []
    for version in VERSIONS:
        if name in chain.mtu:
            found.append(f"{_to_server(chain, name, version)} mtu {chain.mtu[name]}")
        if name in chain.mtu_back:
            found.append(f"{_to_client(chain, name, version)} mtu {chain.mtu_back[name]}")
    return found


def _to_server(chain: Chain, name: str, version: Family) -> str:
    above, server = chain.names[chain.position(name) + 1], _own(chain, "server", version)
    via = "" if above == "server" else f" via {_towards(chain, name, above, version)}"
    return f"{server}{via} dev out"


def _to_client(chain: Chain, name: str, version: Family) -> str:
    """As it is seen there: behind a NAT that is the NAT."""
    here = chain.position(name)
    translator = "r2" if chain.carrier and here > 2 else "r1"
    end, below = translator if version == 4 and here > 1 else "client", chain.names[here - 1]
    via = "" if end == below else f" via {_towards(chain, name, below, version)}"
    return f"{_own(chain, end, version)}{via} dev {'lan' if name == 'r1' else 'in'}"


@dataclass(frozen=True)
class Running:
    """A chain that runs, with `natprobe serve` at its end and at `other`, and a web server on TCP 443 at its end."""

    network: Network
    chain: Chain

    def target(self, version: Family = 4, page: bool = False) -> str:
        address = f"[{SERVER6}]" if version == 6 else SERVER
        return f"https://{address}/" if page else f"natprobe://{address}:{PORT}?tcp={TCP_PORT}#{TOKEN}"

    def check(self, *words: str, version: Family = 4, ordinary: bool = False, page: bool = False) -> dict[str, Any]:
        """The report, with `page` of the web server; `ordinary`: asked for by a user without privileges."""
        argv = self._asked(version, words, page)
        done = self.network["client"].run([*ORDINARY, *argv] if ordinary else argv, check=False)
        if done.stderr:
            raise RuntimeError(done.stderr)
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    def abreast(self, versions: Sequence[Family], *words: str, page: bool = False) -> list[dict[str, Any]]:
        """The reports of so many checks at once. Raises TimeoutExpired."""
        client, argvs = self.network["client"], [self._asked(each, words, page) for each in versions]
        started = [client.start(argv, log=f"check-{number}.json") for number, argv in enumerate(argvs)]
        for each in started:
            each.child.wait(30)
        return [json.loads(each.log.read_text()) for each in started]

    def _asked(self, version: Family, words: Sequence[str], page: bool = False) -> list[str]:
        stun = () if "--stun" in words else ("--stun", "none")
        return [*PYTHON, "natprobe", "check", self.target(version, page), f"-{version}", "--json", "-q", *stun, *words]

    def sent(self) -> int:
        """Packets that the client has sent to anybody beyond its router, since this was asked last."""
        listed = self.network["r1"].run(["nft", "-j", "reset", "counters", "table", "inet", "counted"]).stdout
        return sum(each["counter"]["packets"] for each in json.loads(listed)["nftables"] if "counter" in each)


@contextmanager
def running(chain: Chain) -> Iterator[Running]:
    """The chain, once its servers listen."""
    with built(plan(chain)) as network:
        for name in chain.names[1:-1]:
            for route in _sizes(chain, name):  # in the place of the kernel's own
                network[name].run(["ip", "route", "replace", *route.split()])
        (network.folder / "token").write_text(TOKEN)
        started = [_serve(network[name], address) for name, address in (("server", SERVER), ("other", OTHER))]
        web = network["server"].start([*PYTHON, "http.server", str(WEB_PORT), "--bind", "::"], log="web.log")
        for serve in started:
            serve.wait(partial(_serves, serve))
        web.listens(tcp=[WEB_PORT])
        yield Running(network, chain)


def _serve(host: Host, address: str) -> Process:
    ports = ["--udp", str(PORT), "--tcp", str(TCP_PORT), "--host", address, "--for", "3600"]
    argv = [*PYTHON, "natprobe", "serve", *ports, "--token-file", str(host.folder / "token")]
    return host.start(argv, log=f"{host.name}.log")


def _serves(serve: Process) -> bool:
    return "natprobe://" in serve.log.read_text()
