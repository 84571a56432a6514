"""Fixes for cascades between two Janus servers: the requests as they have to be, and the ports to forward."""

from __future__ import annotations

from collections.abc import Sequence

from natprobe.addresses import address_class
from natprobe.facts import CascadeRelay, CascadeRequest
from natprobe.model import Address, Allow, Do, Fix, Forward, family
from natprobe.servers.janus import EDGE, ROUTER
from natprobe.target import host_in
from natprobe.wording import listed, phrase

# Which ports videoroom binds for remote publishers where the request names none (its source, 1.1.0 to 1.4.0).
PORTS = "10000-60000"


def host(relay: CascadeRelay) -> str:
    """The server's name, as it was typed."""
    return host_in(relay.url)


def without_iface(relay: CascadeRelay, own: Sequence[Address], bound: CascadeRequest | None) -> tuple[Fix, ...]:
    """The right addresses in the requests, which CascadeRelay has as a whole, and the forwarding that they need."""
    return (_left_out(relay.host), *forwarding(relay, own, bound))


def without_foreign(address: Address | None, own: Sequence[Address]) -> tuple[Fix, ...]:
    """The same where the server itself was asked. A public address before inner ones is a router's, which forwards."""
    beside = [each for each in own if address and family(each) == family(address)]
    inside = beside and all(address_class(each) != "public" for each in beside)
    if address is None or not inside or address_class(address) != "public":
        return (_left_out(None),)
    return (_left_out(address), _forward(address, own, phrase("that its answers name, of {ports}", ports=PORTS)))


def _left_out(address: Address | None) -> Do:
    sends = address or phrase("the server's public address")
    return Do(
        text=phrase(
            "Leave iface out of add_remote_publisher, ignore the ip of its answer, and give"
            " publish_remotely {sends} as host, with the answer's port and rtcp_port",
            sends=sends,
        ),
        audience="server",
        why="without iface the port is bound at all addresses of the host; what stands before it forwards",
    )


def forwarding(relay: CascadeRelay, own: Sequence[Address], bound: CascadeRequest | None = None) -> tuple[Fix, ...]:
    """Of the very ports; nothing where the server has the address itself."""
    if relay.host is None or relay.host in own:
        return ()
    return (_forward(relay.host, own, _ports(relay, bound)),)


def _forward(outside: Address, own: Sequence[Address], ports: str) -> Forward:
    inside = next((each for each in own if family(each) == family(outside)), phrase("the server"))
    return Forward(
        proto="udp",
        outside=phrase("{outside}, the ports {ports}", outside=outside, ports=ports),
        inside=phrase("the same ports of {inside}", inside=inside),
        at=ROUTER,
        audience="server",
        why="name port and rtcp_port in add_remote_publisher, and a few forwarded ports are enough",
    )


def let_in(relay: CascadeRelay, own: Sequence[Address], bound: CascadeRequest | None) -> tuple[Fix, ...]:
    """Through the router where there is one, else through what filters."""
    if found := forwarding(relay, own, bound):
        return found
    return (
        Allow(
            proto="udp",
            ports=(_ports(relay, bound),),
            direction="in",
            to=relay.host or "any",
            at=EDGE,
            audience="server",
            why="remote publishers arrive there; with port and rtcp_port in add_remote_publisher a few are enough",
        ),
    )


def let_out(source: str, relay: CascadeRelay, bound: CascadeRequest | None) -> tuple[Fix, ...]:
    """Of the sending side."""
    return (
        Allow(
            proto="udp",
            ports=(_ports(relay, bound),),
            direction="out",
            from_=source,
            to=relay.host or "any",
            at=phrase("the firewall of {source} and its cloud's rules for what leaves", source=source),
            audience="server",
            why="publishers are forwarded as plain RTP",
        ),
    )


def _ports(relay: CascadeRelay, bound: CascadeRequest | None) -> str:
    if bound is not None and bound.port:
        return phrase(
            "{port} and {rtcp_port}, which were tried, and of others ({ports})",
            port=bound.port,
            rtcp_port=bound.rtcp_port or bound.port + 1,
            ports=PORTS,
        )
    if relay.port:
        return listed((str(relay.port), str(relay.port + 1)))
    return phrase("that its answers name, of {ports}", ports=PORTS)
