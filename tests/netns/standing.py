"""Where a server stands that has no address on the core: behind a NAT of its own, or in the client's own network."""

from __future__ import annotations

from dataclasses import replace

from tests.case import Case
from tests.netns import addresses as at
from tests.netns import nat, proxies
from tests.netns.kernel import Node

CORE = "203.0.113.1"
# By where a Janus stands: its address, its router's, and how long the prefix is.
_JANUS = {"nat": (at.JANUS_INSIDE, at.JANUS_ROUTER, 24), "container": (at.CONTAINER, at.CONTAINER_ROUTER, 16)}


def at_home(case: Case) -> bool:
    """The host `web` stands in a network of the client's own router."""
    return case.jitsi.inside != "no" or case.janus.stands == "inside"


def behind_nat(case: Case) -> bool:
    """The host `web` has a NAT before it, the host `gate`."""
    return case.janus.stands in _JANUS


def named(case: Case) -> str:
    """What the resolver says of the target where that is not the server's own address; empty elsewhere."""
    if case.janus.stands == "inside":
        return at.HOME_OUTSIDE
    return {"by-name": at.SERVER_INSIDE, "by-router": at.HOME_OUTSIDE}.get(case.jitsi.inside, "")


def relay(nft: str) -> Node:
    """A relay that has an inside address only."""
    return _inner(at.RELAY_INSIDE, at.RELAY_ROUTER, 24, nft)


def cloud() -> Node:
    """The NAT before it."""
    return _gate(at.RELAY, at.RELAY_INSIDE, at.RELAY_ROUTER, 24)


def janus(case: Case, nft: str) -> Node:
    """A Janus, and the web front, that have an inside address only."""
    return _inner(*_JANUS[case.janus.stands], nft)


def gate(case: Case) -> Node:
    """The NAT before them."""
    inside, router, prefix = _JANUS[case.janus.stands]
    return _gate(at.WEB, inside, router, prefix)


def cascade(case: Case) -> Node:
    """Another Janus."""
    if case.cascade.stands == "nat":
        return _inner(at.CASCADE_INSIDE, at.CASCADE_ROUTER, 24, "")
    address = f"{at.CASCADE} peer {CORE}/32 dev eth0"
    return Node(addresses=(address,), routes=(f"default via {CORE}",), nft=nat.let_in(case.cascade.forwards))


def cascade_gate(case: Case) -> Node:
    """The NAT before it, which forwards what it is told to."""
    gate = _gate(at.CASCADE, at.CASCADE_INSIDE, at.CASCADE_ROUTER, 24)
    return replace(gate, nft=nat.cascade_gate(at.CASCADE, at.CASCADE_INSIDE, case.cascade.forwards))


def proxy(case: Case) -> Node:
    """A proxy with one address inside, for clients, and one for the rest of the world."""
    return Node(
        addresses=(f"{at.PROXY} peer {CORE}/32 dev eth0", f"{at.PROXY_OUTSIDE} dev eth0"),
        routes=(f"default via {CORE} src {at.PROXY_OUTSIDE}",),
        hosts=f"127.0.0.1 localhost\n{proxies.HOSTS}",
        etc=proxies.ACCOUNTS if case.proxy.kind == "dante" else {},
    )


def server(nft: str) -> Node:
    """The web front and all behind it, on the client's own router."""
    return _inner(at.SERVER_INSIDE, at.SERVER_ROUTER, 24, nft)


def before_server(home: Node, case: Case, public: str) -> Node:
    """The router, with the server's network and the ports that lead there."""
    by_router = case.jitsi.inside == "by-router" or case.janus.stands == "inside"
    turned = ("tcp",) * by_router + ("udp",) * case.network.hairpin
    media = case.janus.range if case.janus.runs else str(at.MEDIA_UDP)
    forwards = nat.forwarded(public, at.SERVER_INSIDE, turned, media)
    return replace(home, addresses=(*home.addresses, f"{at.SERVER_ROUTER}/24 dev dmz"), nft=home.nft + forwards)


def _inner(address: str, router: str, prefix: int, nft: str) -> Node:
    return Node(addresses=(f"{address}/{prefix} dev eth0",), routes=(f"default via {router}",), nft=nft)


def _gate(outside: str, inside: str, router: str, prefix: int) -> Node:
    return Node(
        forwards=True,
        addresses=(f"{router}/{prefix} dev lan", f"{outside} peer {CORE}/32 dev wan"),
        routes=(f"default via {CORE}",),
        nft=nat.one_to_one(outside, inside),
    )
