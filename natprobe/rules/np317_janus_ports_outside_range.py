"""Media ports lie outside the opened range

Janus takes a port of its own for every client. Of several handles of natprobe's at the same address, one's port
answered and another's never did: what stands before it lets in a part of the ports that Janus uses.

How it shows: some people are connected and others not, and who reloads the page often enough gets through.

What to do: give Janus a range (`rtp_port_range` in janus.jcfg, section media), and let in and forward exactly that
one. Without a range it takes any port. Plugins that take RTP from elsewhere (streaming, SIP, remote publishers) have
ranges of their own.

Where no port answers, the same may be behind it, and nobody can tell that from a closed firewall: media-port-silent.

Sources: Janus's sample configuration (media), libnice's NiceAgent port range; field reports: janus-gateway 651, 3352.
"""

from natprobe.derive.janus import ports_apart
from natprobe.facts import Candidate, Facts, IceCheck, ids
from natprobe.model import split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement, alternative
from natprobe.servers import janus
from natprobe.wording import listed, mark

READS = (Candidate, IceCheck)

_MESSAGE = mark(
    "Of Janus's media ports at {address}, {open} answers and {shut} never does: what stands before it lets in a part of"
    " the ports only"
)


def check(facts: Facts) -> Judgement:
    """One address and two ports, each of a session of its own: nothing but the port differs."""
    apart = ports_apart(facts)
    if not apart:
        return CLEAR if facts.of(Candidate) else NOT_APPLICABLE
    return [_found(good, shut) for good, shut in apart]


def _found(good: IceCheck, shut: list[IceCheck]) -> Found:
    address, port = split(good.endpoint)
    ports = [split(each.endpoint)[1] for each in shut]
    return Found(
        message=_MESSAGE,
        args={"address": address, "open": port, "shut": listed(map(str, ports))},
        evidence=ids(good, shut),
        alternatives=(alternative("media-port-blocked-here", "run the same check from another network"),),
        fixes=(janus.port_range(), janus.port_open(address, ports)),
    )
