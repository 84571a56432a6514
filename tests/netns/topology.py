"""The plan of a case's network: client, home router, (carrier,) core, servers, as data.

Transit links are unnumbered: each side knows the other as its peer, so one address serves many links.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tests.case import Case, Network
from tests.lab.nat import Ports
from tests.netns import addresses as at
from tests.netns import nat, proxies, standing, userspace
from tests.netns.kernel import Node, Plan, Wire

CORE, CORE6 = standing.CORE, "2001:db8:f::1"
Addresses = tuple[tuple[str, ...], tuple[str, ...]]
SERVERS: dict[str, Addresses] = {
    "web": ((at.WEB,), (at.WEB6,)),
    "stun1": ((at.STUN1, at.STUN1_OTHER), (at.STUN1_6, at.STUN1_OTHER6)),
    "stun2": ((at.STUN2,), (at.STUN2_6,)),
    "resolver": ((at.RESOLVER,), ()),
}
TUNNEL_TABLE, UPLINK_TABLE, USERSPACE_TABLE = 100, 101, 102
# Duplicate address detection (RFC 4862 section 5.4) that is never done: the address stays tentative.
DAD_WITHOUT_END = {"ipv6/conf/default/accept_dad": 1, "ipv6/conf/default/dad_transmits": 60000}


@dataclass(frozen=True)
class Outside:
    """The home router's outer side: the client's outside address and the router after it."""

    client: str  # by NAT, or really its own
    transit: str  # the home router's own when the client has that address
    gateway: str


PUBLIC = Outside(at.HOME_OUTSIDE, "198.51.100.2", "198.51.100.254")
SHARED = Outside("100.64.0.7", "100.64.0.2", "100.64.0.1")
CARRIER_OUTSIDE = "198.51.100.1"
# Both ways and both families, by the process.
DETOUR = tuple(f"{anywhere} dev {userspace.DEVICE} table {USERSPACE_TABLE}" for anywhere in ("0.0.0.0/0", "::/0"))
DETOURED = tuple(f"iif {side} lookup {USERSPACE_TABLE}" for side in ("lan", "wan"))
LANS = "192.168.0.0/16"  # the client's, and the one between two routers


def plan(case: Case) -> Plan:
    """Raises nat.UnbuildableError for what only the memory ring has."""
    network = case.network
    servers = _servers(case)
    outside = {name: each for name, each in servers.items() if name != "web" or not standing.at_home(case)}
    nodes = {"client": _client(case), "home": _home(network), "core": _core(network, outside)}
    if case.cascade.out == "drop":
        nodes["core"] = replace(nodes["core"], nft=nodes["core"].nft + nat.apart(at.WEB, at.CASCADE))
    nodes |= {name: _server(*servers[name], nft=_server_nft(case, name)) for name in servers}
    nearest = "home" if network.second == "none" else "second"
    ends = {name: f"{name}/eth0" for name in servers}
    if case.relay.nat:
        nodes |= {"relay": standing.relay(_server_nft(case, "relay")), "cloud": standing.cloud()}
        ends["relay"] = "cloud/wan"
    if case.cascade.runs:
        nodes["cascade"] = standing.cascade(case)
    if case.proxy.apart:
        nodes["proxy"] = standing.proxy(case)
    elif taken := _taken(case):
        nodes["home"] = replace(nodes["home"], nft=nodes["home"].nft + nat.taken(taken))
    if case.cascade.runs and case.cascade.stands == "nat":
        nodes["other"] = standing.cascade_gate(case)
        ends["cascade"] = "other/wan"
    if standing.behind_nat(case):
        nodes |= {"web": standing.janus(case, _server_nft(case, "web")), "gate": standing.gate(case)}
        ends["web"] = "gate/wan"
    wires = [Wire("client/eth0", f"{nearest}/lan"), *(Wire(end, f"core/{name}") for name, end in ends.items())]
    wires += [Wire("relay/eth0", "cloud/lan")] if case.relay.nat else []
    wires += [Wire("cascade/eth0", "other/lan")] if "other" in nodes else []
    wires += [Wire("web/eth0", "gate/lan")] if standing.behind_nat(case) else []
    if standing.at_home(case):
        nodes["web"] = standing.server(_server_nft(case, "web"))
        nodes["home"] = standing.before_server(nodes["home"], case, PUBLIC.client)
        wires = [each for each in wires if each.one != "web/eth0"] + [Wire("web/eth0", "home/dmz")]
    if network.carrier:
        nodes["carrier"] = _carrier(network)
        wires += [Wire("home/wan", "carrier/lan"), Wire("carrier/wan", "core/access")]
    else:
        wires.append(Wire("home/wan", "core/access"))
    if network.second != "none":
        nodes["second"] = _second(network)
        wires.append(Wire("second/wan", "home/lan"))
    if network.tunnel != "none":
        nodes["tunnel"] = _tunnel(_inside(network)[0])
        wires += [Wire("client/tun0", "tunnel/lan"), Wire("tunnel/wan", "core/tunnel")]
    if network.uplink != "none":
        nodes["uplink"] = _uplink(network)
        wires += [Wire("client/eth1", "uplink/lan"), Wire("uplink/wan", "core/uplink")]
    return Plan(nodes, tuple(wires))


def _servers(case: Case) -> dict[str, Addresses]:
    """Each server's addresses, IPv4 and IPv6; some are there only in the cases that need them."""
    found = dict(SERVERS)
    if case.web.other != "none" or case.janus.addresses == "second":
        found["web"] = ((at.WEB, at.WEB_OTHER), (at.WEB6,))
    if case.janus.addresses == "first":
        found["web"] = ((at.WEB_OTHER, at.WEB), (at.WEB6,))
    if standing.behind_nat(case):
        found["web"] = ((at.WEB,), ())
    if case.dns.second != "none":
        found["resolver2"] = ((at.RESOLVER_OTHER,), ())
    if case.cascade.runs:
        found["cascade"] = ((at.CASCADE,), ())
    if case.proxy.apart:
        found["proxy"] = ((at.PROXY, at.PROXY_OUTSIDE), ())
    if case.relay.runs:
        found["relay"] = ((at.RELAY,), () if case.relay.nat else (at.RELAY6,))
    return found


def _taken(case: Case) -> Mapping[int, int]:
    """Ports outside that the client's router itself takes, by its own for each."""
    if case.network.portal:
        return {80: proxies.PORTAL_PORT}
    return proxies.TAKEN[case.proxy.bumps] if case.proxy.on_router else {}


def _server_nft(case: Case, name: str) -> str:
    if name == "web":
        media = nat.bridge_firewall(case.jitsi) if case.jitsi.runs else ""
        media += nat.janus_firewall(case.janus) if case.janus.runs else ""
        return nat.server_firewall(case.web, case.peer) + media
    if name == "stun1":
        return nat.stun_firewall(case.stun)
    if name == "relay":
        return nat.relay_firewall(case.relay)
    says = {"resolver": case.dns.answer, "resolver2": case.dns.second}.get(name)
    return nat.silent_resolver() if says == "silent" else ""


def _outside(network: Network) -> Outside:
    return SHARED if network.carrier else PUBLIC


def _inside(network: Network) -> tuple[str, str]:
    """The client's address and its router's."""
    if network.mapping == "none":
        outside = _outside(network).client
        return outside, outside.rpartition(".")[0] + ".3"
    return at.LAN_CLIENT, at.LAN_ROUTER


def _client(case: Case) -> Node:
    network = case.network
    client, router = _inside(network)
    tunnelled = network.tunnel != "none"
    addresses = [f"{client}/24 dev eth0"]
    routes = [] if network.tunnel == "all" else [f"default via {router}"]
    rules = [f"from {at.TUNNEL_CLIENT} lookup {TUNNEL_TABLE}"] if tunnelled else []
    if tunnelled:
        by_tunnel = f"default via {at.TUNNEL_ROUTER} dev tun0"
        addresses.append(f"{at.TUNNEL_CLIENT}/24 dev tun0")
        routes += [f"{by_tunnel} table {TUNNEL_TABLE}"] + ([by_tunnel] if network.tunnel == "all" else [])
    if network.tunnel == "udp":
        rules.append(f"ipproto udp lookup {TUNNEL_TABLE}")
    if network.uplink != "none":
        by_uplink = f"default via {at.UPLINK_ROUTER} dev eth1"
        addresses.append(f"{at.UPLINK_CLIENT}/24 dev eth1")
        routes += [f"{by_uplink} table {UPLINK_TABLE}", f"{by_uplink} metric 200"]
        rules.append(f"from {at.UPLINK_CLIENT} lookup {UPLINK_TABLE}")
    if network.ipv6 != "none":
        addresses.append(f"{at.CLIENT6}/64 dev eth0 nodad")
        routes.append(f"default via {at.ROUTER6}")
    if network.ghost:
        addresses.append(f"{at.GHOST6}/64 dev eth0")
    nft = nat.local_firewall() if network.local == "udp-refused" else ""
    return Node(
        addresses=tuple(addresses),
        routes=tuple(routes),
        rules=tuple(rules),
        settings=DAD_WITHOUT_END if network.ghost else {},
        nft=nft,
        search=at.DOMAIN if case.proxy.told == "wpad" else "",
        resolvers=(at.RESOLVER,) if case.dns.second == "none" else (at.RESOLVER, at.RESOLVER_OTHER),
        hosts=f"127.0.0.1 localhost\n{at.WEB} {at.TARGET}\n" if case.dns.hosts else "",
    )


def _second(network: Network) -> Node:
    """The client's own router, where another one lies between it and the provider."""
    return Node(
        forwards=True,
        addresses=(f"{at.LAN_ROUTER}/24 dev lan", f"{at.SECOND_OUTSIDE}/24 dev wan"),
        routes=(f"default via {at.SECOND_ROUTER}",),
        nft=(nat.router(nat.ANY, nat.BOTH) if network.second == "nat" else "") + _silence(network),
    )


def _silence(network: Network) -> str:
    return nat.silent_router() if network.silent_routers else ""


def told(network: Network) -> tuple[str, str, str]:
    """The client's own router, its inside address and its outside one."""
    if network.second != "none":
        return "second", at.LAN_ROUTER, at.SECOND_OUTSIDE
    return "home", _inside(network)[1], _outside(network).client


def _home(network: Network) -> Node:
    outside, (_, router) = _outside(network), _inside(network)
    router = router if network.second == "none" else at.SECOND_ROUTER
    back = (f"192.168.1.0/24 via {at.SECOND_OUTSIDE}",) if network.second == "routed" else ()
    beyond = _beyond_netfilter(network)
    node = Node(
        forwards=True,
        addresses=(
            f"{router}/24 dev lan",
            f"{_neighbour(network, outside)} peer {outside.gateway}/32 dev wan",
            *(f"{address} dev wan" for address in _pool(network)[1:] if not beyond),
            f"{at.ROUTER6}/64 dev lan",
            "2001:db8:2::7/64 dev wan",
        ),
        routes=(f"default via {outside.gateway}", "default via 2001:db8:2::1", *back),
        settings=_lifetime(network),
        nft=_home_nft(network) + _silence(network),
    )
    return _in_detour(node) if beyond else node


def _in_detour(node: Node) -> Node:
    """The router, with a process that all packets go through."""
    return replace(node, routes=node.routes + DETOUR, rules=DETOURED, rules6=DETOURED, tuns=(userspace.DEVICE,))


def _home_nft(network: Network) -> str:
    conditions = nat.conditions(network)
    if _beyond_netfilter(network):
        return nat.before(userspace.DEVICE, conditions)
    return nat.router(network.mapping, network.filtering, conditions, _more(network))


def _beyond_netfilter(network: Network) -> bool:
    return nat.lacks(network, _more(network))


def _neighbour(network: Network, outside: Outside) -> str:
    """The home router's own address on the wire to the next one: the client's, unless that is routed to it."""
    routed = network.mapping == "none" or _beyond_netfilter(network)
    return outside.transit if routed else outside.client


def in_userspace(network: Network) -> userspace.Config | None:
    """The home router that a process has to be, where netfilter can't."""
    if not _beyond_netfilter(network):
        return None
    usual: Ports = "preserved" if network.mapping == nat.ANY else "random"
    return userspace.Config(
        inside=f"{_inside(network)[0]}/32" if network.mapping == "none" else LANS,
        outside=_outside(network).client,
        mapping=network.mapping,
        filtering=network.filtering,
        ports=usual if network.ports == "usual" else network.ports,
        pool=_pool(network)[1:],
        hairpin=network.hairpin,
        lifetime=network.lifetime,
        rewrite=network.rewrite,
        delay=network.delay,
        jitter=network.jitter,
        reorder=network.reorder,
    )


def _more(network: Network) -> nat.More:
    hairpin = _outside(network).client if network.hairpin else ""
    return nat.More(hairpin, network.ports, _pool(network), int(network.lifetime))


def _pool(network: Network) -> tuple[str, ...]:
    """All outside addresses where there are several."""
    if network.pool > 1 and network.carrier:
        raise nat.UnbuildableError("the provider's NAT has one outside address here")
    return tuple([PUBLIC.client, *(f"198.51.100.{70 + n}" for n in range(1, network.pool))] if network.pool > 1 else ())


def _lifetime(network: Network) -> dict[str, int]:
    """Whole seconds, for mappings that were used once and for those in use."""
    names = ("nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream") if network.lifetime else ()
    return {f"netfilter/{name}": int(network.lifetime) for name in names}


def _carrier(network: Network) -> Node:
    """Lets strangers in, as RFC 6888 (REQ-7) recommends, unless told: what is measured stays the home router's."""
    inner, own = _downlink(network, SHARED, "lan")
    return Node(
        forwards=True,
        addresses=(*inner, f"{CARRIER_OUTSIDE} peer {PUBLIC.gateway}/32 dev wan", "2001:db8:3::2/64 dev wan"),
        routes=(*own, f"default via {PUBLIC.gateway}", "default via 2001:db8:3::1"),
        nft=nat.router(
            nat.ANY, network.carrier_filtering, more=nat.More(hairpin=CARRIER_OUTSIDE if network.hairpin else "")
        )
        + _silence(network),
    )


def _downlink(network: Network, outside: Outside, interface: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Addresses and routes towards the home router."""
    neighbour = _neighbour(network, outside)
    addresses = (
        f"{outside.gateway} peer {neighbour}/32 dev {interface}",
        f"2001:db8:2::1/64 dev {interface}",
    )
    routes = ("2001:db8:1::/64 via 2001:db8:2::7",)
    return addresses, routes + ((f"{outside.client} via {neighbour}",) if neighbour != outside.client else ())


def _access(network: Network) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The core's side of the client's provider."""
    if not network.carrier:
        addresses, routes = _downlink(network, PUBLIC, "access")
        home = _neighbour(network, PUBLIC)
        return addresses, routes + tuple(f"{address} via {home}" for address in _pool(network)[1:])
    addresses = (f"{PUBLIC.gateway} peer {CARRIER_OUTSIDE}/32 dev access", "2001:db8:3::1/64 dev access")
    return addresses, ("2001:db8:1::/64 via 2001:db8:3::2", "2001:db8:2::/64 via 2001:db8:3::2")


def _core(network: Network, servers: Mapping[str, Addresses]) -> Node:
    addresses, routes = map(list, _access(network))
    for name, (ipv4, ipv6) in servers.items():
        addresses += [f"{CORE} peer {ipv4[0]}/32 dev {name}", f"{CORE6}/128 dev {name}"]
        routes += [f"{address} dev {name}" for address in ipv4[1:] + ipv6]
    if network.tunnel != "none":
        addresses.append(f"{PUBLIC.gateway} peer {at.TUNNEL_OUTSIDE}/32 dev tunnel")
    if network.uplink != "none":
        addresses.append(f"{PUBLIC.gateway} peer {at.UPLINK_OUTSIDE}/32 dev uplink")
    return Node(forwards=True, addresses=tuple(addresses), routes=tuple(routes), nft=_silence(network))


def _tunnel(client: str) -> Node:
    """The far end of the VPN: takes whatever source address the client bound."""
    return Node(
        forwards=True,
        addresses=(f"{at.TUNNEL_ROUTER}/24 dev lan", f"{at.TUNNEL_OUTSIDE} peer {PUBLIC.gateway}/32 dev wan"),
        routes=(f"default via {PUBLIC.gateway}", f"{client} via {at.TUNNEL_CLIENT}"),
        nft=nat.router(nat.ANY, nat.BOTH),
    )


def _uplink(network: Network) -> Node:
    """The second router; what it doesn't pass is the case's."""
    return Node(
        forwards=True,
        addresses=(f"{at.UPLINK_ROUTER}/24 dev lan", f"{at.UPLINK_OUTSIDE} peer {PUBLIC.gateway}/32 dev wan"),
        routes=(f"default via {PUBLIC.gateway}",),
        nft=nat.router(nat.ANY, nat.BOTH, nat.uplink_conditions(network)),
    )


def _server(ipv4: tuple[str, ...], ipv6: tuple[str, ...], nft: str = "") -> Node:
    addresses = (f"{ipv4[0]} peer {CORE}/32 dev eth0", *(f"{a} dev eth0" for a in ipv4[1:] + ipv6))
    routes: tuple[str, ...] = (f"default via {CORE}",)
    if ipv6:
        routes += (f"{CORE6} dev eth0", f"default via {CORE6} dev eth0")
    return Node(addresses=addresses, routes=routes, nft=nft)
