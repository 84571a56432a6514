"""The words of rules about the server's host where a client fails and the server's report says why."""

from __future__ import annotations

from collections.abc import Sequence

from natprobe.derive.deciding import Decided
from natprobe.facts import Facts
from natprobe.fixes import media_server
from natprobe.model import Allow, Do, Fix
from natprobe.rules import Judgement
from natprobe.rules._together import Words, judged, server_of

_FAILS = "UDP port {endpoint} does not answer {clients}, "
_MESSAGES: dict[str, Words] = {
    "not-listening": {
        "nobody": _FAILS + "since nothing has UDP port {port} on the server",
        "arrived": _FAILS
        + "and on the server, where {packets} packets came from {sender}, nothing has UDP port {port}",
        "container": _FAILS
        + "and on the server, where {packets} packets came from {sender}, nobody answers behind the container's port",
    },
    "loopback-only": {"together": _FAILS + "since {program} has it on {there} only, where no other machine gets"},
    "listening-on-other-address": {
        "together": _FAILS + "since {program} has the port on {there} only, and packets come to another address"
    },
    "port-held-by-other": {"together": _FAILS + "since {program} has the port on the server, and is no media server"},
    "firewall-conflicts-with-docker": {
        "together": _FAILS + "since the server's packet filter shuts the container's port: {rule} ({chain})"
    },
    "firewall-closed": {
        "together": _FAILS + "since the server's own firewall shuts it: {rule} ({chain})",
        "sources": "UDP port {endpoint} answers {others} and not {clients}: the server's firewall lets in some sources"
        " only: {rule} ({chain})",
    },
}


def on_the_host(vantages: Sequence[Facts], cause: str) -> Judgement:
    """What the server's report says of the port that a client fails at."""
    return judged(vantages, cause, _MESSAGES[cause], lambda found: _fixes(found, cause))


def _fixes(found: Decided, cause: str) -> tuple[Fix, ...]:
    asked, server = found.asked, media_server(server_of(found))
    look = f"see who has it: ss -ulpn | grep {asked.port}"
    if cause.startswith("firewall-"):
        return (_opening(found),)
    if cause == "not-listening":
        start = Do(text=f"On the server, start the media server, then {look}", audience="server")
        return (start, server.running())
    if cause == "port-held-by-other":
        text = f"Stop {found.args['program']}, or give one of both another port, then {look}"
        return (Do(text=text, audience="server"), server.running())
    text = f"Set the media server to an address that packets come to, or to all of them (0.0.0.0), then {look}"
    return (Do(text=text, audience="server"), server.running())


def _opening(found: Decided) -> Allow:
    asked = found.asked
    return Allow(
        proto="udp",
        ports=media_server(server_of(found)).ports([asked.port]),
        direction="in",
        to=asked.address,
        at="the server's own firewall",
        audience="server",
        why="media arrives over UDP on this port, from anywhere",
    )
