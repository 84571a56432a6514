"""A firewall says that the media port is prohibited

A router or firewall on the way answered the checks with an ICMP error: administratively prohibited, or
unreachable.

How it shows: the meeting opens and stays without sound and picture.

What to do: open the port in the firewall that said no; its address stands in the finding. If that address is
in your own network, it is your firewall; if it is the server's, the server's own.

Sources: RFC 1812 section 5.2.7.1, RFC 4443 section 3.1.
"""

from natprobe.addresses import address_class
from natprobe.derive import REJECTED, media_checks, udp_works
from natprobe.facts import Binding, Facts, IceCheck, ids
from natprobe.model import Allow, Failure, Where, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement

READS = (IceCheck, Binding)


def check(facts: Facts) -> Judgement:
    """Not where every UDP packet is rejected: udp-blocked says that."""
    checks = media_checks(facts)
    rejected = [each for each in checks if each.failure in REJECTED and not _closed(each)]
    if not rejected or udp_works(facts) is False:
        return CLEAR if checks else NOT_APPLICABLE
    first = rejected[0]
    address, port = split(first.endpoint)
    inside = first.reported_by is not None and address_class(first.reported_by) in ("private", "carrier")
    return [
        Found(
            message="A firewall at {router} rejects UDP to {endpoint} (ICMP {icmp})",
            args={
                "router": first.reported_by or "?",
                "endpoint": first.endpoint,
                "icmp": first.icmp or "error",
            },
            evidence=ids(rejected),
            where=Where.LOCAL_NETWORK if inside else None,
            fixes=(
                Allow(
                    proto="udp",
                    ports=(str(port),),
                    direction="out" if inside else "in",
                    to=address,
                    at=f"the firewall at {first.reported_by or 'the server'}",
                    audience="network" if inside else "server",
                    why="media travels over UDP",
                ),
            ),
        )
    ]


def _closed(check: IceCheck) -> bool:
    return check.failure is Failure.PORT_UNREACHABLE and check.reported_by in (None, split(check.endpoint)[0])
