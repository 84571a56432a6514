"""The plan of a case's network: client, home router, (carrier,) core, servers, as data.

Transit links are unnumbered: each side knows the other as its peer, so one address serves many links.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.case import Case, Network
from tests.netns import addresses as at
from tests.netns import nat
from tests.netns.kernel import Node, Plan, Wire

CORE, CORE6 = "203.0.113.1", "2001:db8:f::1"
Addresses = tuple[tuple[str, ...], tuple[str, ...]]
SERVERS: dict[str, Addresses] = {
    "web": ((at.WEB,), (at.WEB6,)),
    "stun1": ((at.STUN1, at.STUN1_OTHER), (at.STUN1_6, at.STUN1_OTHER6)),
    "stun2": ((at.STUN2,), (at.STUN2_6,)),
    "resolver": ((at.RESOLVER,), ()),
}
TUNNEL_TABLE = 100


@dataclass(frozen=True)
class Outside:
    """The home router's outer side: the client's outside address and the router after it."""

    client: str  # by NAT, or really its own
    transit: str  # the home router's own when the client has that address
    gateway: str


PUBLIC = Outside("198.51.100.7", "198.51.100.2", "198.51.100.254")
SHARED = Outside("100.64.0.7", "100.64.0.2", "100.64.0.1")
CARRIER_OUTSIDE = "198.51.100.1"


def plan(case: Case) -> Plan:
    """Raises nat.UnbuildableError for what only the memory ring has."""
    network = case.network
    if network.rewrite:
        raise nat.UnbuildableError("netfilter rewrites no payloads: this case is the memory ring's alone")
    servers = _servers(case)
    nodes = {"client": _client(case), "home": _home(network), "core": _core(network, servers)}
    nodes |= {name: _server(*servers[name], nft=_server_nft(case, name)) for name in servers}
    wires = [Wire("client/eth0", "home/lan"), *(Wire(f"{name}/eth0", f"core/{name}") for name in servers)]
    if network.carrier:
        nodes["carrier"] = _carrier(network)
        wires += [Wire("home/wan", "carrier/lan"), Wire("carrier/wan", "core/access")]
    else:
        wires.append(Wire("home/wan", "core/access"))
    if network.tunnel != "none":
        nodes["tunnel"] = _tunnel(_inside(network)[0])
        wires += [Wire("client/tun0", "tunnel/lan"), Wire("tunnel/wan", "core/tunnel")]
    return Plan(nodes, tuple(wires))


def _servers(case: Case) -> dict[str, Addresses]:
    """Each server's addresses, IPv4 and IPv6; some are there only in the cases that need them."""
    found = dict(SERVERS)
    if case.web.other != "none":
        found["web"] = ((at.WEB, at.WEB_OTHER), (at.WEB6,))
    if case.dns.second != "none":
        found["resolver2"] = ((at.RESOLVER_OTHER,), ())
    return found


def _server_nft(case: Case, name: str) -> str:
    if name == "web":
        return nat.server_firewall(case.web, case.peer)
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
    if network.ipv6 != "none":
        addresses.append(f"{at.CLIENT6}/64 dev eth0")
        routes.append(f"default via {at.ROUTER6}")
    nft = nat.local_firewall() if network.local == "udp-refused" else ""
    return Node(
        addresses=tuple(addresses),
        routes=tuple(routes),
        rules=tuple(rules),
        nft=nft,
        resolvers=(at.RESOLVER,) if case.dns.second == "none" else (at.RESOLVER, at.RESOLVER_OTHER),
        hosts=f"127.0.0.1 localhost\n{at.WEB} {at.TARGET}\n" if case.dns.hosts else "",
    )


def _home(network: Network) -> Node:
    outside, (_, router) = _outside(network), _inside(network)
    own = outside.transit if network.mapping == "none" else outside.client
    return Node(
        forwards=True,
        addresses=(
            f"{router}/24 dev lan",
            f"{own} peer {outside.gateway}/32 dev wan",
            f"{at.ROUTER6}/64 dev lan",
            "2001:db8:2::7/64 dev wan",
        ),
        routes=(f"default via {outside.gateway}", "default via 2001:db8:2::1"),
        nft=nat.router(network.mapping, network.filtering, nat.conditions(network)),
    )


def _carrier(network: Network) -> Node:
    """Lets strangers in, as RFC 6888 (REQ-7) recommends: what is measured stays the home router's."""
    inner, own = _downlink(network, SHARED, "lan")
    return Node(
        forwards=True,
        addresses=(*inner, f"{CARRIER_OUTSIDE} peer {PUBLIC.gateway}/32 dev wan", "2001:db8:3::2/64 dev wan"),
        routes=(*own, f"default via {PUBLIC.gateway}", "default via 2001:db8:3::1"),
        nft=nat.router(nat.ANY, nat.ANY),
    )


def _downlink(network: Network, outside: Outside, interface: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Addresses and routes towards the home router."""
    unmapped = network.mapping == "none"
    neighbour = outside.transit if unmapped else outside.client
    addresses = (
        f"{outside.gateway} peer {neighbour}/32 dev {interface}",
        f"2001:db8:2::1/64 dev {interface}",
    )
    routes = ("2001:db8:1::/64 via 2001:db8:2::7",)
    return addresses, routes + ((f"{outside.client} via {neighbour}",) if unmapped else ())


def _access(network: Network) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The core's side of the client's provider."""
    if not network.carrier:
        return _downlink(network, PUBLIC, "access")
    addresses = (f"{PUBLIC.gateway} peer {CARRIER_OUTSIDE}/32 dev access", "2001:db8:3::1/64 dev access")
    return addresses, ("2001:db8:1::/64 via 2001:db8:3::2", "2001:db8:2::/64 via 2001:db8:3::2")


def _core(network: Network, servers: Mapping[str, Addresses]) -> Node:
    addresses, routes = map(list, _access(network))
    for name, (ipv4, ipv6) in servers.items():
        addresses += [f"{CORE} peer {ipv4[0]}/32 dev {name}", f"{CORE6}/128 dev {name}"]
        routes += [f"{address} dev {name}" for address in ipv4[1:] + ipv6]
    if network.tunnel != "none":
        addresses.append(f"{PUBLIC.gateway} peer {at.TUNNEL_OUTSIDE}/32 dev tunnel")
    return Node(forwards=True, addresses=tuple(addresses), routes=tuple(routes))


def _tunnel(client: str) -> Node:
    """The far end of the VPN: takes whatever source address the client bound."""
    return Node(
        forwards=True,
        addresses=(f"{at.TUNNEL_ROUTER}/24 dev lan", f"{at.TUNNEL_OUTSIDE} peer {PUBLIC.gateway}/32 dev wan"),
        routes=(f"default via {PUBLIC.gateway}", f"{client} via {at.TUNNEL_CLIENT}"),
        nft=nat.router(nat.ANY, nat.BOTH),
    )


def _server(ipv4: tuple[str, ...], ipv6: tuple[str, ...], nft: str = "") -> Node:
    addresses = (f"{ipv4[0]} peer {CORE}/32 dev eth0", *(f"{a} dev eth0" for a in ipv4[1:] + ipv6))
    routes: tuple[str, ...] = (f"default via {CORE}",)
    if ipv6:
        routes += (f"{CORE6} dev eth0", f"default via {CORE6} dev eth0")
    return Node(addresses=addresses, routes=routes, nft=nft)
