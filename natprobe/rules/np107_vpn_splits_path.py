"""Media and web leave by different ways

A VPN is up, and part of the traffic goes through it while another part does not: TCP and UDP of this machine
are seen under different outside addresses, or IPv4 and IPv6 towards the server start from different
interfaces.

How it shows: the page opens and the meeting stays silent, or works only until the VPN connects. The server
sees one client under two addresses; rules that know the one don't know the other.

What to do: send the server's addresses wholly through the VPN or wholly past it.

Sources: RFC 8828 section 5.2 (which interfaces a browser uses).
"""

from natprobe.derive import bindings, target_addresses
from natprobe.facts import Binding, Facts, LocalAddress, SourceAddress, ids
from natprobe.model import Do, Observation, family, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement

READS = (LocalAddress, SourceAddress, Binding)


def check(facts: Facts) -> Judgement:
    """Only where a tunnel is up: pools of outside addresses without one are a NAT's business (RFC 4787 section 4.1)."""
    tunnels = facts.ok(LocalAddress, lambda each: each.scope == "tunnel" and each.up)
    if not tunnels:
        return NOT_APPLICABLE
    inside = {each.address for each in tunnels}
    evidence = _by_protocol(facts, inside) or _by_family(facts, inside)
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
                    text=f"Send everything to {facts.target.host} through the VPN, or everything past it"
                    " (split-tunnel setting of the VPN client)",
                    audience="user",
                ),
            ),
        )
    ]


def _by_protocol(facts: Facts, tunnels: set[str]) -> list[Observation]:
    """The same server sees UDP and TCP come from different outside addresses, and one of them came by the tunnel."""
    for tcp in bindings(facts, "tcp"):
        if tcp.mapped is None:
            continue
        same = [each for each in bindings(facts, "udp") if each.server == tcp.server and each.mapped]
        tunnelled = any(each.local is not None and split(each.local)[0] in tunnels for each in (tcp, *same))
        apart = all(split(each.mapped or "")[0] != split(tcp.mapped)[0] for each in same)
        if same and apart and tunnelled:
            return [tcp, *same]
    return []


def _by_family(facts: Facts, tunnels: set[str]) -> list[Observation]:
    """Of the target's addresses, one family is reached through the tunnel and the other beside it."""
    used = target_addresses(facts)
    sources = [each for each in facts.ok(SourceAddress) if each.towards in used and each.local is not None]
    inside = {family(each.towards) for each in sources if each.local in tunnels}
    outside = {family(each.towards) for each in sources if each.local not in tunnels}
    return list(sources) if inside and outside else []
