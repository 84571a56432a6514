"""Case in, internet out: the plan of tests/case.py from these parts, with nothing else to say about a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from natprobe.model import Family
from natprobe.net.api import Datagram
from natprobe.pairing import credentials, new_token
from natprobe.serve.responder import Responder
from natprobe.serve.streams import Streams
from tests.case import Case, Network, Peer, Web
from tests.lab import web
from tests.lab.certificates import root_pem
from tests.lab.clock import Clock
from tests.lab.host import Interface, LabHost, Way
from tests.lab.nat import Behaviour, Mapped, Nat
from tests.lab.network import DELAY, Action, Link, Loss, Rule
from tests.lab.network import Network as Wires
from tests.lab.router import Core, Gateway, Hole
from tests.lab.servers import DnsServer, Records, StunServer
from tests.lab.sockets import LabUdp
from tests.netns import addresses as at

ANY: Behaviour = "endpoint-independent"
BOTH: Behaviour = "address-and-port-dependent"
OUTSIDE, CARRIER_INSIDE, CARRIER_OUTSIDE = "198.51.100.7", "100.64.0.7", "198.51.100.1"
CORE: dict[Family, str] = {4: "203.0.113.1", 6: "2001:db8:f::1"}
LINK_LOCAL = "fe80::2%eth0"
_RESOLVERS = frozenset({at.RESOLVER, at.RESOLVER_OTHER})
_PAGES = frozenset({80, 443})
_ACTIONS: dict[str, Action] = {"drop": "drop", "reject": "prohibit", "refused": "close", "down": "drop"}


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A built case. Run the client's coroutines with `clock.run`."""

    client: LabHost
    clock: Clock
    network: Wires
    ca_pem: str
    peer_target: str
    servers: dict[str, LabHost]


def build(case: Case, seed: int = 0, delay: float = DELAY) -> Lab:
    """The same case and seed give the same packets at the same instants, but for what TLS makes up."""
    wires = Wires(seed)
    core = Core(wires, CORE)
    client = _client_side(wires, core, case, delay)
    servers = {
        "web": _host(wires, core, "web", _web_addresses(case.web), delay, _server_rules(case.web, case.peer)),
        "stun1": _host(wires, core, "stun1", (at.STUN1, at.STUN1_OTHER, at.STUN1_6, at.STUN1_OTHER6), delay),
        "stun2": _host(wires, core, "stun2", (at.STUN2, at.STUN2_6), delay),
        "resolver": _host(wires, core, "resolver", (at.RESOLVER,), delay),
    }
    if case.dns.second != "none":
        servers["resolver2"] = _host(wires, core, "resolver2", (at.RESOLVER_OTHER,), delay)
    token = new_token(wires.chance("token").randbytes(16))
    _start(servers, case, token)
    return Lab(
        client=client,
        clock=wires.clock,
        network=wires,
        ca_pem=root_pem(),
        peer_target=f"natprobe://{at.TARGET}:{at.MEDIA_UDP}?tcp={at.MEDIA_TCP}#{token}",
        servers=servers,
    )


def _start(servers: dict[str, LabHost], case: Case, token: str) -> None:
    StunServer(servers["stun1"], (at.STUN1, at.STUN1_OTHER, at.STUN1_6, at.STUN1_OTHER6))
    StunServer(servers["stun2"], (at.STUN2, at.STUN2_6), (at.STUN_PORT,))
    DnsServer(servers["resolver"], at.RESOLVER, _records(case), at.TARGET, case.dns.answer)
    if case.dns.second != "none":
        DnsServer(servers["resolver2"], at.RESOLVER_OTHER, _records(case), at.TARGET, case.dns.second)
    web.start(servers["web"], case.web, at.TARGET)
    if case.peer.runs:
        serve_peer(servers["web"], _web_addresses(case.web), token)


def serve_peer(host: LabHost, addresses: Sequence[str], token: str) -> None:
    """natprobe's own `serve` on this host: its responder, our sockets."""
    responder = Responder(credentials(token))

    def asked(udp: LabUdp, datagram: Datagram) -> None:
        answer = responder.answer(datagram.data, udp.local, datagram.source, host.now())
        if answer is not None:
            udp.send(answer.data, answer.to)

    for address in addresses:
        host.serve_udp(address, at.MEDIA_UDP, asked)
    host.listen(at.MEDIA_TCP, Streams(responder, host.now, lambda *_: None).serve)


def _web_addresses(front: Web) -> tuple[str, ...]:
    return (at.WEB, at.WEB6) if front.other == "none" else (at.WEB, at.WEB_OTHER, at.WEB6)


def _records(case: Case) -> dict[str, Records]:
    other = () if case.web.other == "none" else (at.WEB_OTHER,)
    return {
        name: {"A": (v4, *other) if name == at.TARGET else (v4,)} | ({"AAAA": (v6,)} if case.dns.ipv6 else {})
        for name, (v4, v6) in at.NAMES.items()
    }


def _host(
    wires: Wires, core: Core, name: str, addresses: Sequence[str], delay: float, rules: Sequence[Rule] = ()
) -> LabHost:
    host = LabHost(wires, name, rules)
    link = Link(wires, host, core, delay)
    core.route(addresses)
    prefixed = tuple((address, 64 if ":" in address else 24) for address in addresses)
    host.configure([Interface("eth0", link, prefixed, tuple((v, CORE[v]) for v in CORE))])
    return host


def _server_rules(front: Web, peer: Peer) -> list[Rule]:
    """The firewall before the web front and the media ports."""
    rules = [Rule("drop", "tcp", ports=_PAGES)] if front.state == "down" else []
    if front.other in _ACTIONS:
        rules.append(Rule(_ACTIONS[front.other], "tcp", ports=_PAGES, spared=frozenset({at.WEB, at.WEB6})))
    if front.ipv6 in _ACTIONS:
        rules.append(Rule(_ACTIONS[front.ipv6], "tcp", ports=_PAGES, family=6))
    if peer.udp != "pass":
        rules.append(Rule(_ACTIONS[peer.udp], "udp", ports=frozenset({at.MEDIA_UDP})))
    if peer.tcp != "pass":
        rules.append(Rule(_ACTIONS[peer.tcp], "tcp", ports=frozenset({at.MEDIA_TCP})))
    return rules


def _client_side(wires: Wires, core: Core, case: Case, delay: float) -> LabHost:
    """client – home – (carrier) – core, and the tunnel beside it."""
    network = case.network
    client = _client(wires, case)
    home = _home(wires, network)
    lan = Link(wires, client, home, delay, Loss(network.loss, network.loss, _RESOLVERS))
    if network.carrier:
        carrier = _gateway(wires, "carrier", CARRIER_OUTSIDE, ANY, ANY, "100.64.0.1")
        Link(wires, home, carrier, delay)
        Link(wires, carrier, core, delay)
    else:
        Link(wires, home, core, delay)
    core.route((CARRIER_OUTSIDE if network.carrier else OUTSIDE, at.CLIENT6))
    interfaces = [_ethernet(network, lan)]
    if network.tunnel != "none":
        interfaces.append(_tunnel(wires, core, network, client, delay))
    client.configure(interfaces, _policy(network))
    return client


def _client(wires: Wires, case: Case) -> LabHost:
    refused = [Rule("drop", "udp", spared=_RESOLVERS)] if case.network.local == "udp-refused" else []
    resolvers = (at.RESOLVER,) if case.dns.second == "none" else (at.RESOLVER, at.RESOLVER_OTHER)
    hosts = {at.TARGET: (at.WEB,)} if case.dns.hosts else {}
    return LabHost(wires, "client", out_rules=refused, resolvers=resolvers, hosts=hosts)


def _home(wires: Wires, network: Network) -> Gateway:
    """The home router. The resolver stays reachable: what it says is another part of the case."""
    rules = [Rule("drop", family=6)] if network.ipv6 == "broken" else []
    if network.udp != "pass":
        rules.append(Rule(_ACTIONS[network.udp], "udp", passing=frozenset(network.udp_open), spared=_RESOLVERS))
    if network.tcp != "pass":
        rules.append(Rule(_ACTIONS[network.tcp], "tcp", passing=frozenset(network.tcp_open), spared=_RESOLVERS))
    outside = CARRIER_INSIDE if network.carrier else OUTSIDE
    inside = _inside(network)[1]
    home = _gateway(wires, "home", outside, network.mapping, network.filtering, inside, rules, network.rewrite)
    home.hole = Hole(network.mtu)
    return home


def _gateway(
    wires: Wires,
    name: str,
    outside: str,
    mapping: Mapped,
    filtering: Behaviour,
    inside: str,
    rules: Sequence[Rule] = (),
    rewrites: bool = False,
) -> Gateway:
    """Translates IPv4 as told; lets IPv6 out and its answers in."""
    chance = wires.chance(f"nat {name}")
    nats: dict[Family, Nat] = {
        4: Nat(outside, mapping, filtering, chance, preserves_ports=mapping == ANY),
        6: Nat("", "none", BOTH, chance),
    }
    return Gateway(wires, name, {4: inside, 6: at.ROUTER6}, nats, rules, rewrites)


def _inside(network: Network) -> tuple[str, str]:
    """The client's IPv4 address and its router's, on their link."""
    if network.mapping != "none":
        return at.LAN_CLIENT, at.LAN_ROUTER
    return (CARRIER_INSIDE, "100.64.0.3") if network.carrier else (OUTSIDE, "198.51.100.3")


def _ethernet(network: Network, link: Link) -> Interface:
    client, router = _inside(network)
    addresses, gateways = [(client, 24)], []
    if network.tunnel != "all":
        gateways.append((4, router))
    if network.ipv6 != "none":
        addresses += [(at.CLIENT6, 64), (LINK_LOCAL, 64)]
        gateways.append((6, at.ROUTER6))
    return Interface("eth0", link, tuple(addresses), tuple(gateways))  # type: ignore[arg-type]  # families 4 and 6


def _tunnel(wires: Wires, core: Core, network: Network, client: LabHost, delay: float) -> Interface:
    """tun0 and its far end, which takes whatever source address the client bound."""
    far = _gateway(wires, "tunnel", at.TUNNEL_OUTSIDE, ANY, BOTH, at.TUNNEL_ROUTER)
    link = Link(wires, client, far, delay)
    Link(wires, far, core, delay)
    core.route((at.TUNNEL_OUTSIDE,))
    gateways: tuple[tuple[Family, str | None], ...] = ((4, at.TUNNEL_ROUTER),) if network.tunnel == "all" else ()
    return Interface("tun0", link, ((at.TUNNEL_CLIENT, 24),), gateways, tunnel=True)


def _policy(network: Network) -> list[Way]:
    """What the routing rules say before the main table is asked."""
    bound = [Way("tun0", 4, source=at.TUNNEL_CLIENT)] if network.tunnel != "none" else []
    return bound + ([Way("tun0", 4, proto="udp")] if network.tunnel == "udp" else [])
