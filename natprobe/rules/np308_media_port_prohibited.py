"""A firewall says that the media port is prohibited

A router or firewall on the way answered the checks with an ICMP error: administratively prohibited, or
unreachable.

How it shows: the meeting opens and stays without sound and picture.

What to do: open the port in the firewall that said no; its address stands in the finding. If that address is
in your own network, it is your firewall; if it is the server's, the server's own. "Unreachable" from a router
means that the address is wrong, or the server is off.

Sources: RFC 1812 section 5.2.7.1, RFC 4443 section 3.1.
"""

from natprobe.derive import REJECTED, media_checks, rejecting, udp_works
from natprobe.derive.advertised import accused
from natprobe.derive.unproxied import no_way_for_udp
from natprobe.facts import Binding, Candidate, DefaultRoute, Facts, IceCheck, PoolCheck, Resolved, ids
from natprobe.fixes import media_server
from natprobe.model import Allow, Do, Failure, Fix, Where, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.wording import mark, phrase

READS = (IceCheck, Binding, DefaultRoute, Candidate, Resolved, PoolCheck)

_MESSAGES = {
    Where.LOCAL_NETWORK: mark("This network's firewall ({router}) rejects UDP to {endpoint} (ICMP {icmp})"),
    Where.PROVIDER: mark("The provider's firewall ({router}) rejects UDP to {endpoint} (ICMP {icmp})"),
    Where.SERVER_HOST: mark("The server's own firewall rejects UDP to {endpoint} (ICMP {icmp})"),
    Where.UNKNOWN: mark("A firewall on the way ({router}) rejects UDP to {endpoint} (ICMP {icmp})"),
}
_NO_WAY = mark("No router knows a way to {endpoint}: {router} says that it cannot be reached (ICMP {icmp})")


def check(facts: Facts) -> Judgement:
    """Not where every UDP packet is rejected: udp-blocked says that."""
    checks = media_checks(facts)
    rejected = [each for each in accused(facts) if each.failure in REJECTED and not _closed(each)]
    if not rejected or udp_works(facts) is False or no_way_for_udp(facts):
        return CLEAR if checks else NOT_APPLICABLE
    first = rejected[0]
    prohibited = first.failure in (Failure.PROHIBITED, Failure.PORT_UNREACHABLE)
    where = rejecting(facts, first.reported_by, first.endpoint) if prohibited else Where.UNKNOWN
    return [
        Found(
            message=_MESSAGES[where] if prohibited else _NO_WAY,
            args={
                "router": first.reported_by or phrase("address not known"),
                "endpoint": first.endpoint,
                "icmp": first.icmp or phrase("error"),
            },
            evidence=ids(rejected),
            where=where,
            fixes=(_fix(facts, where, first) if prohibited else _look(first),),
        )
    ]


def _fix(facts: Facts, where: Where, check: IceCheck) -> Fix:
    address, port = split(check.endpoint)
    if where in (Where.UNKNOWN, Where.PROVIDER):
        text = phrase(
            "Find out whose {router} is, and have UDP port {port} to {address} let through",
            router=check.reported_by or phrase("firewall"),
            port=port,
            address=address,
        )
        return Do(text=text, audience="network")
    ours = where is Where.LOCAL_NETWORK
    return Allow(
        proto="udp",
        ports=media_server(facts).ports([port]),
        direction="out" if ours else "in",
        to=address,
        at=phrase("this network's firewall ({router})", router=check.reported_by)
        if ours
        else "the server's own firewall",
        audience="network" if ours else "server",
        why="media travels over UDP",
    )


def _look(check: IceCheck) -> Fix:
    return Do(
        text=phrase("See that {address} is the server's address, and that it is on", address=split(check.endpoint)[0]),
        audience="server",
    )


def _closed(check: IceCheck) -> bool:
    return check.failure is Failure.PORT_UNREACHABLE and check.reported_by in (None, split(check.endpoint)[0])
