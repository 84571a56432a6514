"""Accepted and closed at once: the proxy in front doesn't upgrade

The WebSocket of signalling is accepted (HTTP 101), and then nothing passes: the connection is closed before the first
word of XMPP, or of Janus, or stays silent.

How it shows: "WebSocket connection to wss://…/xmpp-websocket failed: Connection closed before receiving a handshake
response", or it opens and closes again and again; the page counts down to the next try.

What to do: a proxy on the way answers for itself and does not pass the upgrade on. Give every proxy the lines for it;
look for one more in front (a CDN, a load balancer, a container's own nginx), and for its idle timeout.

On the server `natprobe inspect` reads it from nginx's files: locations of Jitsi's and Janus's WebSockets that lack
`proxy_http_version 1.1` or the headers Upgrade and Connection, with those of the block around counted.

Sources: RFC 6455 sections 1.3 and 4.2.2, RFC 7395 section 3.1, nginx's page on WebSocket proxying.
"""

from natprobe.derive.advertised import installed
from natprobe.derive.interception import intercepted_page
from natprobe.derive.proxies import taken
from natprobe.derive.websocket_locations import Socket, websockets
from natprobe.facts import Facts, JanusDoor, JitsiConfig, Setting, SignIn, ids
from natprobe.model import Failure, Set, Severity
from natprobe.reasons import sentence
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement, _gateways
from natprobe.servers.jitsi import fixes as jitsi
from natprobe.servers.nginx import RELOAD
from natprobe.wording import listed, mark

READS = (SignIn, JitsiConfig, JanusDoor, Setting)

_MESSAGE = mark("Signalling's WebSocket {url} is accepted and carries nothing: {why}")
_NOT_LED = mark("{file} leads WebSockets to {location} on without {lines}: they are accepted and carry nothing")
_DEAD = (Failure.CLOSED, Failure.RESET, Failure.TIMEOUT, Failure.PROTOCOL)


def check(facts: Facts) -> Judgement:
    """Before the stream's first word only. A word of the server's own, such as host-unknown, came through.

    On the server, nginx's own file tells.
    """
    if there := websockets(facts):
        return [_not_led(each) for each in there if each.missing] or CLEAR
    if intercepted_page(facts):
        return CLEAR
    if not facts.of(SignIn):
        return _gateways.dead(facts)
    sockets = taken(facts, SignIn, lambda each: each.transport == "websocket")
    dead = [e for e in sockets if e.reached == "upgrade" and e.failure in _DEAD and e.condition is None]
    if not dead or any(each.failure is None for each in sockets):
        return CLEAR if sockets else NOT_APPLICABLE
    preferred = any(each.prefer_bosh for each in facts.ok(JitsiConfig))
    return [
        Found(
            message=_MESSAGE,
            args={"url": dead[0].url, "why": sentence(str(dead[0].failure))},
            evidence=ids(dead),
            severity=Severity.WARNING if preferred else None,
            fixes=(*jitsi.signalling_socket(facts.target.host, installed(facts)), jitsi.signalling_up()),
        )
    ]


def _not_led(socket: Socket) -> Found:
    said = socket.location
    lines = tuple(
        Set(
            system="nginx",
            file=said.file,
            section=f"location {said.value}",
            op="add",
            key=line.rpartition(" ")[0],
            value=line.rpartition(" ")[2].rstrip(";"),
            line=said.line,
            text=f"        {line}",
            audience="server",
            why="RFC 6455 section 4.1: an upgrade is of the connection, so each proxy makes it anew",
            after=RELOAD,
        )
        for line in socket.missing
    )
    return Found(
        message=_NOT_LED,
        args={
            "file": f"{said.file}:{said.line}",
            "location": said.value,
            "lines": listed(each.rstrip(";") for each in socket.missing),
        },
        evidence=ids(said),
        file=said.file,
        line=said.line,
        fixes=lines,
    )
