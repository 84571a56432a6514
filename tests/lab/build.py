"""Case in, internet out: the plan of tests/case.py from these parts, with nothing else to say about a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from natprobe.model import Family
from natprobe.net.api import Datagram
from natprobe.pairing import credentials, new_token
from natprobe.serve.counting import Counts
from natprobe.serve.responder import Responder
from natprobe.serve.streams import Streams
from tests.case import Case, Network, Peer, Relay, Stun, Web
from tests.lab import relays, stuns, web
from tests.lab.certificates import root_pem
from tests.lab.clock import Clock
from tests.lab.host import Interface, LabHost, Way
from tests.lab.nat import Behaviour, Nat, OneToOne, Ports
from tests.lab.network import DELAY, Action, Disorder, Link, Loss, Rule
from tests.lab.network import Network as Wires
from tests.lab.router import Core, Gateway, Hole, Rewrite
from tests.lab.servers import DnsServer, Records, StunServer
from tests.lab.sockets import LabUdp
from tests.netns import addresses as at

ANY: Behaviour = "endpoint-independent"
BOTH: Behaviour = "address-and-port-dependent"
OUTSIDE, CARRIER_INSIDE, CARRIER_OUTSIDE = "198.51.100.7", "100.64.0.7", "198.51.100.1"
CORE: dict[Family, str] = {4: "203.0.113.1", 6: "2001:db8:f::1"}
LINK_LOCAL = "fe80::2%eth0"
_RESOLVERS = frozenset({at.RESOLVER, at.RESOLVER_OTHER})
_STUN1 = (at.STUN1, at.STUN1_OTHER, at.STUN1_6, at.STUN1_OTHER6)
_PAGES = frozenset({80, 443})
# What a condition lets nobody send: UDP, or everything.
_SHUT: dict[str, Literal["udp"] | None] = {"no-udp": "udp", "dead": None, "broken": None}
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
    relay: relays.RelayHost | None = None


def build(case: Case, seed: int = 0, delay: float = DELAY) -> Lab:
    """The same case and seed give the same packets at the same instants, but for what TLS makes up."""
    wires = Wires(seed)
    core = Core(wires, CORE)
    core.silent = case.network.silent_routers
    client = _client_side(wires, core, case, delay)
    servers = {
        "web": _host(wires, core, "web", _web_addresses(case.web), delay, _server_rules(case.web, case.peer)),
        "stun1": _host(wires, core, "stun1", _STUN1, delay, _stun_rules(case.stun)),
        "stun2": _host(wires, core, "stun2", (at.STUN2, at.STUN2_6), delay),
        "resolver": _host(wires, core, "resolver", (at.RESOLVER,), delay),
    }
    if case.dns.second != "none":
        servers["resolver2"] = _host(wires, core, "resolver2", (at.RESOLVER_OTHER,), delay)
    relay = None
    if case.relay.runs:
        host = _relay(wires, core, case.relay, delay)
        servers["relay"], relay = host, relays.serve(host, case.relay)
    token = new_token(wires.chance("token").randbytes(16))
    _start(servers, case, token)
    return Lab(
        client=client,
        clock=wires.clock,
        network=wires,
        ca_pem=root_pem(),
        peer_target=f"natprobe://{at.TARGET}:{at.MEDIA_UDP}?tcp={at.MEDIA_TCP}#{token}",
        servers=servers,
        relay=relay,
    )


def _start(servers: dict[str, LabHost], case: Case, token: str) -> None:
    StunServer(servers["stun1"], _STUN1)
    if case.stun.tls != "none":
        stuns.serve(servers["stun1"], _STUN1, at.STUNS_PORT, case.stun.tls, "stun1.example.test")
    StunServer(servers["stun2"], (at.STUN2, at.STUN2_6), (at.STUN_PORT,))
    DnsServer(servers["resolver"], at.RESOLVER, _records(case), at.TARGET, case.dns.answer)
    if case.dns.second != "none":
        DnsServer(servers["resolver2"], at.RESOLVER_OTHER, _records(case), at.TARGET, case.dns.second)
    web.start(servers["web"], case.web, at.TARGET)
    if case.peer.runs:
        serve_peer(servers["web"], _web_addresses(case.web), token)


def serve_peer(host: LabHost, addresses: Sequence[str], token: str) -> None:
    """natprobe's own `serve` on this host: its responder, our sockets."""
    counts = Counts(host.now())
    counts.ports = (("udp", at.MEDIA_UDP), ("tcp", at.MEDIA_TCP))
    responder = Responder(credentials(token), counted=counts)

    def asked(udp: LabUdp, datagram: Datagram) -> None:
        answer = responder.answer(datagram.data, udp.local, datagram.source, host.now(), tos=datagram.tos)
        if answer is not None:
            udp.send(answer.data, answer.to)
            responder.sent(answer)

    for address in addresses:
        host.serve_udp(address, at.MEDIA_UDP, asked)
    host.listen(at.MEDIA_TCP, Streams(responder, host.now, lambda *_: None).serve)


def _web_addresses(front: Web) -> tuple[str, ...]:
    return (at.WEB, at.WEB6) if front.other == "none" else (at.WEB, at.WEB_OTHER, at.WEB6)


def _records(case: Case) -> dict[str, Records]:
    other = () if case.web.other == "none" else (at.WEB_OTHER,)
    found: dict[str, dict[str, tuple[str, ...]]] = {
        name: {"A": (v4, *other) if name == at.TARGET else (v4,)} | ({"AAAA": (v6,)} if case.dns.ipv6 else {})
        for name, (v4, v6) in at.NAMES.items()
    }
    if not case.dns.ipv4:
        del found[at.TARGET]["A"]
    if case.dns.naptr:
        found[at.SRV_NAME] = {"SRV": (f"10 10 {at.TURN_PORT} {at.SRV_HOST}.",)}
        for name, order, preference, flags, service, to in at.NAPTR:
            kinds = found.setdefault(name, {})
            kinds["NAPTR"] = (*kinds.get("NAPTR", ()), f'{order} {preference} "{flags}" "{service}" "" {to}.')
    return {**found}


def _host(
    wires: Wires, core: Core, name: str, addresses: Sequence[str], delay: float, rules: Sequence[Rule] = ()
) -> LabHost:
    host = LabHost(wires, name, rules)
    link = Link(wires, host, core, delay)
    core.route(addresses)
    prefixed = tuple((address, 64 if ":" in address else 24) for address in addresses)
    host.configure([Interface("eth0", link, prefixed, tuple((v, CORE[v]) for v in CORE))])
    return host


def _relay(wires: Wires, core: Core, relay: Relay, delay: float) -> LabHost:
    """The relay's host, behind a NAT where it has one."""
    if not relay.nat:
        return _host(wires, core, "relay", relays.ADDRESSES, delay, relays.rules(relay))
    host = LabHost(wires, "relay", relays.rules(relay))
    nat, none = OneToOne(at.RELAY, at.RELAY_INSIDE), Nat("", "none", BOTH, wires.chance("filter cloud"))
    cloud = Gateway(wires, "cloud", {4: at.RELAY_ROUTER, 6: at.ROUTER6}, {4: nat, 6: none})
    inside = Link(wires, host, cloud, delay)
    Link(wires, cloud, core, delay)
    core.route((at.RELAY,))
    host.configure([Interface("eth0", inside, ((at.RELAY_INSIDE, 24),), ((4, at.RELAY_ROUTER),))])
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


def _stun_rules(stun: Stun) -> list[Rule]:
    """The firewall before STUN over TLS and DTLS."""
    shut: list[Literal["tcp", "udp"]] = [each for each in ("tcp", "udp") if getattr(stun, each) == "drop"]
    return [Rule("drop", each, ports=frozenset({at.STUNS_PORT})) for each in shut]


def _client_side(wires: Wires, core: Core, case: Case, delay: float) -> LabHost:
    """client – home – (carrier) – core, and the tunnel beside it."""
    network = case.network
    client = _client(wires, case)
    home = _home(wires, network)
    nearest = home if network.second == "none" else _second(wires, network)
    lan = Link(wires, client, nearest, delay, Loss(network.loss, network.loss, _RESOLVERS))
    if nearest is not home:
        Link(wires, nearest, home, delay)
    nearest.tells = _told(network) if network.router_tells else ""
    carrier = _carrier(wires, network) if network.carrier else None
    disorder = Disorder(network.jitter, network.reorder)
    Link(wires, home, carrier or core, delay + network.delay, disorder=disorder)
    if carrier is not None:
        Link(wires, carrier, core, delay)
    core.route((CARRIER_OUTSIDE if network.carrier else OUTSIDE, *_pool(network), at.CLIENT6))
    interfaces = [_ethernet(network, lan)]
    if network.tunnel != "none":
        interfaces.append(_tunnel(wires, core, network, client, delay))
    if network.uplink != "none":
        interfaces.append(_uplink(wires, core, network, client, delay))
    client.configure(interfaces, _policy(network))
    return client


def _second(wires: Wires, network: Network) -> Gateway:
    """The client's own router, where another one lies between it and the provider; one that only routes keeps nothing
    in mind.
    """
    translates = network.second == "nat"
    nat = Nat(at.SECOND_OUTSIDE, ANY if translates else "none", BOTH if translates else ANY, wires.chance("nat second"))
    second = _gateway(wires, "second", nat, at.LAN_ROUTER)
    second.silent = network.silent_routers
    return second


def _told(network: Network) -> str:
    """What the client's own router has outside."""
    if network.second != "none":
        return at.SECOND_OUTSIDE
    return CARRIER_INSIDE if network.carrier else OUTSIDE


def _client(wires: Wires, case: Case) -> LabHost:
    refused = [Rule("drop", "udp", spared=_RESOLVERS)] if case.network.local == "udp-refused" else []
    resolvers = (at.RESOLVER,) if case.dns.second == "none" else (at.RESOLVER, at.RESOLVER_OTHER)
    hosts = {at.TARGET: (at.WEB,)} if case.dns.hosts else {}
    return LabHost(wires, "client", out_rules=refused, resolvers=resolvers, hosts=hosts)


def _home(wires: Wires, network: Network) -> Gateway:
    """The home router. The resolver stays reachable: what it says is another part of the case."""
    rules = [Rule("drop", _SHUT[network.ipv6], family=6)] if network.ipv6 in _SHUT else []
    if network.dpi == "stun-cookie":
        rules.append(Rule("drop", "udp", passing=frozenset(network.udp_open), cookie=True))
    if network.udp != "pass":
        rules.append(Rule(_ACTIONS[network.udp], "udp", passing=frozenset(network.udp_open), spared=_RESOLVERS))
    if network.tcp != "pass":
        rules.append(Rule(_ACTIONS[network.tcp], "tcp", passing=frozenset(network.tcp_open), spared=_RESOLVERS))
    outside = CARRIER_INSIDE if network.carrier else OUTSIDE
    inside = _inside(network)[1] if network.second == "none" else at.SECOND_ROUTER
    usual: Ports = "preserved" if network.mapping == ANY else "random"
    nat = Nat(
        outside,
        network.mapping,
        network.filtering,
        wires.chance("nat home"),
        ports=usual if network.ports == "usual" else network.ports,
        pool=() if network.carrier else _pool(network),
        hairpin=network.hairpin,
        lifetime=network.lifetime,
        now=lambda: wires.clock.now,
    )
    home = _gateway(wires, "home", nat, inside, rules, network.rewrite, network.lifetime)
    home.hole, home.silent, home.dscp = Hole(network.mtu, network.mtu_of), network.silent_routers, network.dscp
    return home


def _carrier(wires: Wires, network: Network) -> Gateway:
    """Lets strangers in, as RFC 6888 (REQ-7) recommends, unless told: what is measured stays the home router's."""
    chance = wires.chance("nat carrier")
    nat = Nat(CARRIER_OUTSIDE, ANY, network.carrier_filtering, chance, pool=_pool(network), hairpin=network.hairpin)
    carrier = _gateway(wires, "carrier", nat, "100.64.0.1")
    carrier.silent = network.silent_routers
    return carrier


def _pool(network: Network) -> tuple[str, ...]:
    """Outside addresses beyond the first."""
    return tuple(f"198.51.100.{70 + number}" for number in range(1, network.pool))


def _gateway(
    wires: Wires,
    name: str,
    nat: Nat,
    inside: str,
    rules: Sequence[Rule] = (),
    rewrite: Rewrite = "none",
    lifetime: float = 0.0,
) -> Gateway:
    """Translates IPv4 with this NAT; lets IPv6 out and its answers in."""
    stateful = Nat("", "none", BOTH, wires.chance(f"filter {name}"), lifetime=lifetime, now=lambda: wires.clock.now)
    return Gateway(wires, name, {4: inside, 6: at.ROUTER6}, {4: nat, 6: stateful}, rules, rewrite)


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
    ghosts = ((at.GHOST6, 64),) if network.ghost else ()
    return Interface("eth0", link, tuple(addresses), tuple(gateways), ghosts=ghosts)  # type: ignore[arg-type]  # 4 and 6


def _tunnel(wires: Wires, core: Core, network: Network, client: LabHost, delay: float) -> Interface:
    """tun0 and its far end, which takes whatever source address the client bound."""
    far = _gateway(wires, "tunnel", Nat(at.TUNNEL_OUTSIDE, ANY, BOTH, wires.chance("nat tunnel")), at.TUNNEL_ROUTER)
    link = Link(wires, client, far, delay)
    Link(wires, far, core, delay)
    core.route((at.TUNNEL_OUTSIDE,))
    gateways: tuple[tuple[Family, str | None], ...] = ((4, at.TUNNEL_ROUTER),) if network.tunnel == "all" else ()
    return Interface("tun0", link, ((at.TUNNEL_CLIENT, 24),), gateways, tunnel=True)


def _uplink(wires: Wires, core: Core, network: Network, client: LabHost, delay: float) -> Interface:
    """eth1 and its router; its default route comes second, as that of a larger metric."""
    shut = [Rule("drop", _SHUT[network.uplink], spared=_RESOLVERS)] if network.uplink in _SHUT else []
    nat = Nat(at.UPLINK_OUTSIDE, ANY, BOTH, wires.chance("nat uplink"))
    router = _gateway(wires, "uplink", nat, at.UPLINK_ROUTER, shut)
    link = Link(wires, client, router, delay)
    Link(wires, router, core, delay)
    core.route((at.UPLINK_OUTSIDE,))
    return Interface("eth1", link, ((at.UPLINK_CLIENT, 24),), ((4, at.UPLINK_ROUTER),))


def _policy(network: Network) -> list[Way]:
    """What the routing rules say before the main table is asked."""
    bound = [Way("tun0", 4, source=at.TUNNEL_CLIENT)] if network.tunnel != "none" else []
    bound += [Way("eth1", 4, source=at.UPLINK_CLIENT)] if network.uplink != "none" else []
    return bound + ([Way("tun0", 4, proto="udp")] if network.tunnel == "udp" else [])
