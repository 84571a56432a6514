"""The media port is closed

The server itself says that nothing listens on the port (ICMP port unreachable).

How it shows: the meeting opens and stays without sound and picture. Relays do not help.

What to do: start the media server (bridge), look at its log, and see on which address and port it listens. A Docker
host says the same where the container is down or its port not published; a router, where it forwards to a machine that
does not listen.

Sources: RFC 1122 section 3.2.2.1, RFC 4443 section 3.1. A firewall's `reject` can say the same in the
server's name: where natprobe runs as root, it sees whether what says so is nearer than the server.
"""

from natprobe.derive import media_checks
from natprobe.derive.advertised import accused, offered
from natprobe.facts import Answerer, Candidate, Facts, IceCheck, PoolCheck, Quote, Resolved, Trail, ids
from natprobe.fixes import media_server
from natprobe.model import Alternative, Do, Failure, Fix, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement, alternative
from natprobe.rules._forged import by_another
from natprobe.wording import phrase

READS = (IceCheck, Candidate, Resolved, PoolCheck, Answerer, Quote, Trail)


def check(facts: Facts) -> Judgement:
    """ICMP from another host than the server is a router's word, and media-port-prohibited's matter."""
    checks = media_checks(facts)
    closed = [each for each in accused(facts) if each.failure is Failure.PORT_UNREACHABLE and _by_server(each)]
    if not closed:
        return CLEAR if checks else NOT_APPLICABLE
    if (other := by_another(facts, "udp", closed)) is not None:
        return [other]
    address, port = split(closed[0].endpoint)
    return [
        Found(
            message="Nothing listens on UDP port {port} of {address}: the server says that the port is closed",
            args={"port": port, "address": address},
            evidence=ids(closed),
            alternatives=_alternatives(facts, port) if offered(facts) else (),
            fixes=_fixes(facts, port),
        )
    ]


def _alternatives(facts: Facts, port: int) -> tuple[Alternative, ...]:
    """In a session the server runs: it may be its container's port, or whoever the router passes packets on to."""
    return (
        alternative(
            "port-not-published", phrase("on the server: {published}", published=media_server(facts).published(port))
        ),
        alternative(
            "forwarded-elsewhere", "on the router in front of the server: which machine is the port passed to?"
        ),
    )


def _fixes(facts: Facts, port: int) -> tuple[Fix, ...]:
    look = Do(
        text=phrase(
            "On the server, see what listens: ss -ulpn | grep {port}; start the media server, or correct"
            " the port that it is set to",
            port=port,
        ),
        audience="server",
    )
    return (look, media_server(facts).running()) if offered(facts) else (look,)


def _by_server(check: IceCheck) -> bool:
    return check.reported_by in (None, split(check.endpoint)[0])
