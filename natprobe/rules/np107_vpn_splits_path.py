"""Media and web leave by different ways

A VPN is up, and part of the traffic goes through it while another part does not: TCP and UDP of this machine
are seen under different outside addresses or start from different interfaces, or IPv4 and IPv6 towards the server do.

How it shows: the page opens and the meeting stays silent, or works only until the VPN connects. The server
sees one client under two addresses; rules that know the one don't know the other.

What to do: send the server's addresses wholly through the VPN or wholly past it.

Sources: RFC 8828 section 5.2 (which interfaces a browser uses).
"""

from natprobe.addresses import carried_by_ipv6
from natprobe.derive import bindings, target_addresses
from natprobe.derive.proxies import straight
from natprobe.facts import Binding, Connected, Facts, LocalAddress, Run, SourceAddress, ids
from natprobe.model import Do, Observation, family, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.wording import phrase

READS = (LocalAddress, SourceAddress, Binding, Connected, Run)


def check(facts: Facts) -> Judgement:
    """Only where a tunnel is up: pools of outside addresses without one are a NAT's business (RFC 4787 section 4.1).
    The interface that gives a network of IPv6 alone its IPv4 is no VPN.
    """
    tunnels = facts.ok(LocalAddress, lambda each: each.scope == "tunnel" and each.up)
    tunnels = [each for each in tunnels if not carried_by_ipv6(each.address)]
    if not tunnels:
        return NOT_APPLICABLE
    inside = {each.address for each in tunnels}
    evidence = _by_protocol(facts, inside) or _by_route(facts, inside) or _by_family(facts, inside)
    if not evidence:
        return CLEAR
    return [
        Found(
            message="The VPN on {interface} takes one part of the traffic and leaves the other: web and media leave"
            " this machine by different ways",
            args={"interface": tunnels[0].interface},
            evidence=ids(tunnels, evidence),
            fixes=(
                Do(
                    text=phrase(
                        "Send everything to {host} through the VPN, or everything past it (split-tunnel setting of"
                        " the VPN client)",
                        host=facts.target.host,
                    ),
                    audience="user",
                ),
            ),
        )
    ]


def _by_protocol(facts: Facts, tunnels: set[str]) -> list[Observation]:
    """The same server sees UDP and TCP come from different outside addresses, and one of them is the tunnel's.

    Of TCP only what goes the way of the page counts; UDP is that of the same local address, where any of it came back.
    """
    answered = [each for each in (*bindings(facts, "udp"), *bindings(facts, "tcp")) if each.mapped and each.local]
    pages = {split(each.local)[0] for each in facts.ok(Connected, straight) if each.local is not None}
    for tcp in (each for each in answered if each.transport == "tcp" and (not pages or _local(each) in pages)):
        same = [each for each in answered if each.transport == "udp" and each.server == tcp.server]
        compared = [each for each in same if _local(each) == _local(tcp)] or same
        apart = all(_outside(each) != _outside(tcp) for each in compared)
        if compared and apart and _tunnelled(answered, [tcp, *compared], tunnels):
            return [tcp, *compared]
    return []


def _tunnelled(answered: list[Binding], compared: list[Binding], tunnels: set[str]) -> bool:
    """What the tunnel's own address is seen as tells. Where it was not sent from (--source), a pool of outside
    addresses would look the same, but for one thing: it does not give all of UDP one address and all of TCP another.
    """
    through = {_outside(each) for each in answered if _local(each) in tunnels}
    if through:
        return any(_outside(each) in through for each in compared)
    mine = [each for each in answered if _local(each) == _local(compared[0])]
    seen = {(each.transport, _outside(each)) for each in mine}
    return len(seen) == 2 and len({each.operator for each in mine if each.transport == "udp"}) > 1


def _local(each: Binding) -> str:
    return split(each.local or "")[0]


def _outside(each: Binding) -> str:
    return split(each.mapped or "")[0]


def _by_route(facts: Facts, tunnels: set[str]) -> list[Observation]:
    """Towards one address the system takes the tunnel for UDP and another interface for TCP, or the other way round."""
    if any(run.sources for run in facts.of(Run)):
        return []  # TCP went where --source said
    for tcp in facts.ok(Connected, lambda each: straight(each) and each.local is not None):
        udp = [each for each in facts.ok(SourceAddress) if each.towards == split(tcp.endpoint)[0]]
        if any((each.local in tunnels) is not (split(tcp.local or "")[0] in tunnels) for each in udp if each.local):
            return [tcp, *udp]
    return []


def _by_family(facts: Facts, tunnels: set[str]) -> list[Observation]:
    """Of the target's addresses, one family is reached through the tunnel and the other beside it."""
    used = target_addresses(facts)
    sources = [each for each in facts.ok(SourceAddress) if each.towards in used and each.local is not None]
    inside = {family(each.towards) for each in sources if each.local in tunnels}
    outside = {family(each.towards) for each in sources if each.local not in tunnels}
    return list(sources) if inside and outside else []
