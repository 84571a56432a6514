"""The router passes the port to another host or port

A client's packets to the server's public address are answered with "closed" (ICMP port unreachable) though the server
has the port, or they arrive at another of its ports. So the router that has the address passes them on to another place
than the media server's.

How it shows: no sound and no picture for everybody outside; inside all is well. Often the server got another address by
DHCP after the forwarding was made.

What to do: correct the router's rule: the same port on both sides, UDP, to the server's own address; and give the
server that address for good (a DHCP reservation, or a static one). The router itself says "closed" too where it
forwards nothing and drops nothing.

Only reports of a client and of the server together tell (`natprobe diagnose client.json server.json`).

Sources: RFC 3022 section 2.2, RFC 5508 section 4 (an ICMP error from inside comes with the NAT's address).
"""

from collections.abc import Sequence

from natprobe.derive.deciding import Decided
from natprobe.facts import Arrived, Facts, IceCheck, Listening, LocalAddress, Watched
from natprobe.fixes import media_server
from natprobe.model import Do, Fix
from natprobe.rules import NOT_APPLICABLE, Judgement
from natprobe.rules._together import inner_of, judged, server_of
from natprobe.wording import mark, phrase

READS = (IceCheck, Listening, LocalAddress, Watched, Arrived)

_TOGETHER = {
    "refused": mark(
        'The packets of {clients} to UDP port {port} of {address} are answered with "closed", while the'
        " server has that port: they are passed on to another machine or port"
    ),
    "unreached": mark(
        "UDP port {port} of {address} is passed on to a machine that is not there, and the server, which has"
        " the"
        " port, gets none of it"
    ),
    "port": mark(
        "The packets of {clients} to UDP port {endpoint} come to the server at {there}: they are passed on to"
        " another"
        " port than the media server's"
    ),
}


def check(facts: Facts) -> Judgement:  # one vantage never tells
    """Nothing by itself."""
    return NOT_APPLICABLE


def check_together(vantages: Sequence[Facts]) -> Judgement:
    """What comes back to the client against what the server has and sees."""
    return judged(vantages, "forwarded-elsewhere", _TOGETHER, _fixes)


def _fixes(found: Decided) -> tuple[Fix, ...]:
    asked = found.asked
    return (
        media_server(server_of(found)).forwarded(asked.address, inner_of(found), [asked.port]),
        Do(
            text=phrase(
                "See that the address in that rule, {address}, stays the server's: reserve it in DHCP, or set it",
                address=inner_of(found),
            ),
            audience="server",
        ),
    )
