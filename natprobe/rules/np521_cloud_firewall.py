"""Packets never reach the host though its own firewall is open

The server's public address is its own, or its provider maps it one to one; the media port is taken and the host's own
firewall lets it in; and nothing of what a client sends arrives at its interface. What stands before the host then drops
it: the provider's firewall, which is called security group, network security group or cloud firewall.

How it shows: the page opens, since TCP 443 is let in; no sound and no picture, for everybody.

What to do: let in UDP on the media port, from everywhere (0.0.0.0/0 and ::/0), in the provider's console. No setting on
the server changes it.

Only reports of a client and of the server together tell (`natprobe diagnose client.json server.json`).

Sources: field reports: jitsi-meet 14195, docker-jitsi-meet 582.
"""

from collections.abc import Sequence

from natprobe.derive.deciding import Decided
from natprobe.facts import Arrived, Facts, IceCheck, Listening, LocalAddress, Passage, Platform, Watched
from natprobe.fixes import media_server
from natprobe.model import Allow, Fix
from natprobe.rules import NOT_APPLICABLE, Judgement
from natprobe.rules._together import judged, server_of
from natprobe.wording import mark

READS = (IceCheck, Listening, Passage, LocalAddress, Platform, Watched, Arrived)

_TOGETHER = {
    "interface": mark(
        "Packets of {clients} to UDP port {endpoint} are lost before the server, whose own port is open: the"
        " firewall of its provider or its network drops them"
    ),
    "cloud": mark(
        "Packets of {clients} to UDP port {endpoint} are lost before the server, whose own port is open: its"
        " cloud's security group drops them"
    ),
    "refused": mark(
        "UDP port {endpoint} is rejected before the server, whose own port is open: the firewall of its provider"
        " or its network does that"
    ),
}


def check(facts: Facts) -> Judgement:  # one vantage never tells
    """Nothing by itself."""
    return NOT_APPLICABLE


def check_together(vantages: Sequence[Facts]) -> Judgement:
    """Where the server is ready and has the address, and nothing arrives."""
    return judged(vantages, "cloud-firewall", _TOGETHER, _fixes)


def _fixes(found: Decided) -> tuple[Fix, ...]:
    asked = found.asked
    return (
        Allow(
            proto="udp",
            ports=media_server(server_of(found)).ports([asked.port]),
            direction="in",
            to=asked.address,
            at="the provider's firewall (security group)",
            audience="server",
            why="media arrives over UDP on this port, from anywhere",
        ),
    )
