"""The bridge's own WebSocket is misrouted or its target refuses

Older bridges talk to clients over a WebSocket of their own (colibri-ws), beside media. This one names such a WebSocket,
and asking for it brings no upgrade.

How it shows: sound and picture come, but of everybody in the smallest size, screen sharing fails with the third
participant, "bridge channel closed, code 1006" in the browser's console. Some clients leave the call and join again.

What the answer says: 200 with a web page or 404: nginx has no location for `/colibri-ws`; 403: the path leads elsewhere
(an old PUBLIC_URL such as https://localhost:8443, or no login for this conference); 502, 504: the bridge does not
listen on port 9090 where nginx looks for it.

What to do: switch it off: clients have taken SCTP for the same since June 2024, and docker-jitsi-meet from stable-11146
on has no such WebSocket any more. Where the server is older, add the lines to nginx. Port 8080 of the bridge has
nothing to do with it, and must not be published.

Sources: jitsi-videobridge's doc/web-sockets.md, lib-jitsi-meet's and docker-jitsi-meet's own sources; field reports:
docker-jitsi-meet 815, gst-meet 54.
"""

from natprobe.derive.advertised import installed
from natprobe.facts import BridgeChannel, Facts, JitsiConfig, ids
from natprobe.model import Failure, Where
from natprobe.reasons import sentence
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.servers.jitsi import fixes as jitsi
from natprobe.wording import mark, phrase

READS = (BridgeChannel, JitsiConfig)

_ROUTE = mark(
    "The bridge's own WebSocket {url} is not there: {answer}, so the web server does not lead the path to the bridge"
)
_FORBIDDEN = mark(
    "The bridge's own WebSocket {url} is refused with HTTP 403: the path leads to another bridge or server"
)
_BACKEND = mark(
    "The bridge's own WebSocket {url} leads nowhere: {answer}, so no bridge listens where the web server looks"
)
_OTHER = mark("The bridge's own WebSocket {url} cannot be opened: {answer}")
_BEHIND = (500, 502, 503, 504)


def check(facts: Facts) -> Judgement:
    """Only where the offer names one: bridges of today have none."""
    tried = facts.of(BridgeChannel)
    refused = [each for each in tried if each.failure is not None and each.failure is not Failure.CANCELLED]
    if not refused or facts.ok(BridgeChannel):
        return CLEAR if tried else NOT_APPLICABLE
    first, system = refused[0], installed(facts)
    return [
        Found(
            message=_message(first),
            args={"url": first.url, "answer": _answer(first)},
            evidence=ids(refused),
            where=Where.SERVER_PROCESS if first.status in _BEHIND else None,
            fixes=(*jitsi.without_channel(system), jitsi.location("/colibri-ws", facts.target.host, system)),
        )
    ]


def _message(channel: BridgeChannel) -> str:
    if channel.status in _BEHIND:
        return _BACKEND
    if channel.status == 403:
        return _FORBIDDEN
    return _ROUTE if channel.status in (200, 404) else _OTHER


def _answer(channel: BridgeChannel) -> str:
    if channel.status is None:
        return sentence(str(channel.failure))
    page = "html" in (channel.content_type or "") and channel.status == 200
    template = mark("HTTP {status} with a web page comes back") if page else mark("HTTP {status} comes back")
    return phrase(template, status=channel.status)
