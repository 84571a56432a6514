"""The words of rules about the server's host where a client fails and the server's report says why."""

from __future__ import annotations

from collections.abc import Sequence

from natprobe.derive.deciding import Decided
from natprobe.facts import Facts
from natprobe.fixes import media_server
from natprobe.model import Allow, Do, Fix
from natprobe.rules import Judgement
from natprobe.rules._together import Words, judged, server_of
from natprobe.wording import mark, phrase

_MESSAGES: dict[str, Words] = {
    "not-listening": {
        "nobody": mark(
            "UDP port {endpoint} does not answer {clients}, since nothing has UDP port {port} on the server"
        ),
        "arrived": mark(
            "UDP port {endpoint} does not answer {clients}, and on the server, where {packets} packets came from"
            " {sender}, nothing has UDP port {port}"
        ),
        "container": mark(
            "UDP port {endpoint} does not answer {clients}, and on the server, where {packets} packets came from"
            " {sender}, nobody answers behind the container's port"
        ),
    },
    "loopback-only": {
        "together": mark(
            "UDP port {endpoint} does not answer {clients}, since {program} has it on {there} only, where no"
            " other machine gets"
        )
    },
    "listening-on-other-address": {
        "together": mark(
            "UDP port {endpoint} does not answer {clients}, since {program} has the port on {there} only, and"
            " packets come to another address"
        )
    },
    "port-held-by-other": {
        "together": mark(
            "UDP port {endpoint} does not answer {clients}, since {program} has the port on the server, and is no"
            " media server"
        )
    },
    "firewall-conflicts-with-docker": {
        "together": mark(
            "UDP port {endpoint} does not answer {clients}, since the server's packet filter shuts the"
            " container's port: {rule} ({chain})"
        )
    },
    "firewall-closed": {
        "together": mark(
            "UDP port {endpoint} does not answer {clients}, since the server's own firewall shuts it: {rule} ({chain})"
        ),
        "sources": mark(
            "UDP port {endpoint} answers {others} and not {clients}: the server's firewall lets in some sources"
            " only: {rule} ({chain})"
        ),
    },
}


def on_the_host(vantages: Sequence[Facts], cause: str) -> Judgement:
    """What the server's report says of the port that a client fails at."""
    return judged(vantages, cause, _MESSAGES[cause], lambda found: _fixes(found, cause))


def _fixes(found: Decided, cause: str) -> tuple[Fix, ...]:
    asked, server = found.asked, media_server(server_of(found))
    look = phrase("see who has it: ss -ulpn | grep {port}", port=asked.port)
    if cause.startswith("firewall-"):
        return (_opening(found),)
    if cause == "not-listening":
        start = Do(text=phrase("On the server, start the media server, then {look}", look=look), audience="server")
        return (start, server.running())
    if cause == "port-held-by-other":
        text = phrase(
            "Stop {program}, or give one of both another port, then {look}", program=found.args["program"], look=look
        )
        return (Do(text=text, audience="server"), server.running())
    text = phrase(
        "Set the media server to an address that packets come to, or to all of them (0.0.0.0), then {look}", look=look
    )
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
