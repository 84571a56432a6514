"""What the rules about signalling's WebSocket say of the ways into Janus's API: HTTP, and a WebSocket."""

from __future__ import annotations

from natprobe.derive.janus import answers, doors, named_door
from natprobe.facts import Facts, JanusDoor, ids
from natprobe.model import Failure, Fix, Where
from natprobe.reasons import sentence
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.servers import janus
from natprobe.target import path_in
from natprobe.wording import mark, phrase

_HTTP = mark("Janus's API at {url} brings HTTP {status} instead of an answer of its own: {meaning}")
_SOCKET = mark("Janus's WebSocket {url} brings HTTP {status} instead of an upgrade: {meaning}")
_MUTE = mark(
    "Janus's API at {url} is not there: the server takes the connection and gives no answer of Janus's ({why})"
)
_DEAD = mark("Janus's WebSocket {url} is accepted and carries nothing: {why}")
_PAGE = phrase("a web page answers, so nothing leads the path to Janus")
_MEANINGS: dict[int, str] = {
    200: phrase("what answers there is not Janus"),
    401: phrase("something in front wants a password"),
    403: phrase("something in front of Janus forbids it"),
    404: phrase("nobody behind the web server knows the path"),
    500: phrase("what is behind the web server failed"),
    502: phrase("the web server finds no Janus behind it"),
    503: phrase("the web server finds no Janus behind it"),
    504: phrase("what is behind the web server does not answer"),
}
_LOST = phrase("its Upgrade headers got lost on the way, or a proxy speaks HTTP/1.0")
# libwebsockets refuses with 403 what is no upgrade, and hangs up where the sub-protocol is not named (measured).
_OF_SOCKETS: dict[int, str] = {
    400: _LOST,
    403: phrase(
        "its Upgrade headers got lost on the way, which Janus's own WebSocket server answers so, or something in front"
        " forbids it"
    ),
    405: phrase("the path leads to something that is no WebSocket"),
    426: _LOST,
    502: phrase("the web server finds no Janus behind it, or its sub-protocol `janus-protocol` got lost on the way"),
}
_BEHIND = (500, 502, 503, 504)
# Not a timeout: a door's few seconds are over soon where packets are lost.
_WITHOUT_ANSWER = (Failure.CLOSED, Failure.RESET, Failure.PROTOCOL)


def refused(facts: Facts) -> Judgement:
    """The way in that the target names: only there is it known that something should be. No connection and no TLS are
    other causes' matter.
    """
    if named_door(facts) is None:
        return NOT_APPLICABLE
    asked = doors(facts)
    if not asked or any(answers(each) for each in asked):
        return CLEAR if asked else NOT_APPLICABLE
    told = [each for each in asked if each.status not in (None, 101)] or [each for each in asked if _mute(each)]
    return [_found(told)] if told else CLEAR


def dead(facts: Facts) -> Judgement:
    """A WebSocket that was accepted, and nothing of Janus's came over it."""
    sockets = [each for each in doors(facts) if each.transport == "websocket"]
    if named_door(facts) != "websocket" or not sockets:
        return NOT_APPLICABLE
    mute = [each for each in sockets if each.reached == "upgrade" and each.failure in _WITHOUT_ANSWER]
    if not mute or any(answers(each) for each in sockets):
        return CLEAR
    first = mute[0]
    return [
        Found(
            message=_DEAD,
            args={"url": first.url, "why": sentence(str(first.failure))},
            evidence=ids(mute),
            fixes=(janus.location(path_in(first.url), websocket=True), janus.SUBPROTOCOL, janus.running()),
        )
    ]


def _mute(door: JanusDoor) -> bool:
    """Connected, with TLS where it is due, and then nothing."""
    due = "tls" if door.url.startswith(("wss:", "https:")) else "connection"
    return door.reached == due and door.failure in _WITHOUT_ANSWER


def _found(told: list[JanusDoor]) -> Found:
    first = told[0]
    socket = first.transport == "websocket"
    message = _MUTE if first.status is None else _SOCKET if socket else _HTTP
    return Found(
        message=message,
        args={
            "url": first.url,
            "status": first.status,
            "meaning": _meaning(first),
            "why": sentence(str(first.failure)),
        },
        evidence=ids(told),
        where=Where.SERVER_PROCESS if first.status in _BEHIND else None,
        fixes=_fixes(first, socket=socket),
    )


def _meaning(door: JanusDoor) -> str:
    if "html" in (door.content_type or "") and door.status == 200:
        return _PAGE
    known = _MEANINGS | (_OF_SOCKETS if door.transport == "websocket" else {})
    moved = phrase("a redirect, which browsers do not follow here")
    return (
        moved
        if 300 <= (door.status or 0) < 400
        else known.get(door.status or 0, phrase("which is no answer of Janus's"))
    )


def _fixes(door: JanusDoor, *, socket: bool) -> tuple[Fix, ...]:
    lines: tuple[Fix, ...] = (janus.location(path_in(door.url), websocket=socket),)
    if socket and door.status in (*_BEHIND, None):
        lines += (janus.SUBPROTOCOL,)
    return (janus.running(), *lines) if door.status in _BEHIND else (*lines, janus.running())
