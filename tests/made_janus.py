"""A Janus made by hand, as facts: one in which all is well, and each of its parts as it fails."""

from __future__ import annotations

from typing import Any

import msgspec

from natprobe.facts import (
    Candidate,
    Facts,
    IceCheck,
    IceEnded,
    JanusCall,
    JanusDoor,
    JanusInfo,
    MediaEcho,
    MediaHandshake,
)
from natprobe.model import Failure, Observation, Target
from natprobe.rules import rules
from tests.made import (
    HOST,
    LOCAL,
    PAGE,
    STUN1,
    STUN2,
    WEB,
    WEB6,
    certificate,
    checked,
    connected,
    named,
    numbered,
    page,
    report,
    saw,
    session,
    silent,
)

JANUS = msgspec.structs.replace(PAGE, kind="janus")
SOCKET = Target(input=f"janus+wss://{HOST}:8989", host=HOST, port=8989, kind="janus", scheme="janus+wss")
API = Target(input=f"janus+https://{HOST}", host=HOST, port=443, kind="janus", scheme="janus+https")
URL, WSS = f"https://{HOST}/janus", f"wss://{HOST}:8989/"
OTHER = "203.0.113.11"
# The ports of two handles at Janus's own address, at a stranger's, and inside.
ONE, TWO = f"{WEB}:20041", f"{WEB}:20044"
WRONG, WRONG_TOO = "203.0.113.99:20041", "203.0.113.99:20044"
INNER, INNER_TOO = "10.0.0.10:20041", "10.0.0.10:20044"
CONTAINER = "172.18.0.5:20041"
REFUSED, UNAUTHORIZED = Failure.REFUSED, Failure.UNAUTHORIZED


def door(url: str = URL, endpoint: str = f"{WEB}:443", **more: Any) -> JanusDoor:
    """A way in that Janus answers at; with `failure`, as far as `reached` says."""
    fields: dict[str, Any] = {"transport": "websocket" if url.startswith("ws") else "http", "reached": "answer"}
    fields |= {"status": 101 if fields["transport"] == "websocket" else 200} if "failure" not in more else {}
    return JanusDoor(url=url, endpoint=endpoint, **fields | more)


def shut(url: str = WSS, endpoint: str = f"{WEB}:8989", failure: Failure = REFUSED, **more: Any) -> JanusDoor:
    """A way in that nobody is behind."""
    return door(url, endpoint, failure=failure, **{"reached": "nothing", "why": "target"} | more)


def info(**more: Any) -> JanusInfo:
    """Debian's 1.1.2, as it is installed."""
    fields: dict[str, Any] = {
        "version": 1102,
        "version_string": "1.1.2",
        "ipv6": False,
        "ice_lite": False,
        "ice_tcp": False,
        "full_trickle": False,
        "mdns": True,
        "plugins": ("echotest",),
        "transports": ("http", "websockets"),
    }
    return JanusInfo(url=URL, endpoint=f"{WEB}:443", **fields | more)


def call(handle: int = 1, **more: Any) -> JanusCall:
    """A handle whose offer was answered; with `failure`, one that was not."""
    fields: dict[str, Any] = {"plugin": "janus.plugin.echotest", "session": f"janus/{handle}"}
    if "failure" not in more:
        fields |= {"reached": "answer", "candidates": 1, "completed": True, "fingerprint": True}
    return JanusCall(handle=handle, url=URL, endpoint=f"{WEB}:443", **fields | more)


def refused_call(code: int, words: str = "", failure: Failure = Failure.ERROR_RESPONSE) -> JanusCall:
    """A handle that Janus would not have, in its own words."""
    return call(failure=failure, error_code=code, detail=words)


def candidate(endpoint: str = ONE, handle: int = 1, **more: Any) -> Candidate:
    fields: dict[str, Any] = {"transport": "udp", "session": f"janus/{handle}"} | more
    return Candidate(endpoint=endpoint, **fields)


def forced(endpoint: str, **more: Any) -> IceCheck:
    """A verified check to where nobody is told to send."""
    return checked(endpoint, advertised=False, **more)


Scenario = tuple[Observation, ...]


def answering(endpoint: str = ONE, handle: int = 1) -> Scenario:
    return candidate(endpoint, handle), checked(endpoint), checked(endpoint, size=1200)


def unanswered(endpoint: str = ONE, handle: int = 1) -> Scenario:
    return candidate(endpoint, handle), silent(endpoint), silent(endpoint, size=1200)


def settled(endpoint: str = TWO, pair: str = "advertised", handle: int = 2) -> Scenario:
    """The full session of the second handle: ICE and DTLS on this pair."""
    name, fields = f"janus/{handle}", {"endpoint": endpoint, "local": LOCAL}
    return (
        IceEnded(session=name, controlling=True, pair=pair, pairs=1, **fields),  # type: ignore[arg-type]  # words of it
        MediaHandshake(session=name, fingerprint=True, **fields),  # type: ignore[arg-type]
    )


def echoed(size: int, received: int, sent: int = 1, handle: int = 2, endpoint: str = TWO) -> MediaEcho:
    """Media of this size to the echotest, and how much of it came back."""
    failure = None if received else Failure.TIMEOUT
    fields: dict[str, Any] = {"session": f"janus/{handle}", "endpoint": endpoint, "local": LOCAL}
    return MediaEcho(size=size, sent=sent, received=received, failure=failure, **fields)


NETWORK: Scenario = (named(WEB), saw(STUN1), saw(STUN2))
FRONT: Scenario = (connected(), session(), certificate(), page(says=("janus",)))
DOORS: Scenario = (door(), info())
CALLS: Scenario = (call(1), call(2))
PASSES: Scenario = (*answering(ONE, 1), *answering(TWO, 2), *settled(), echoed(100, 1), echoed(1200, 1))


def janus(
    *media: Observation,
    network: Scenario = NETWORK,
    front: Scenario = FRONT,
    doors: Scenario = DOORS,
    calls: Scenario = CALLS,
) -> Scenario:
    """A Janus in which all is well up to media, which is as given."""
    return (*network, *front, *doors, *calls, *media)


def over_ipv6(*media: Observation, **parts: Scenario) -> Scenario:
    """The same, whose name has an IPv6 address besides."""
    return janus(*media, network=(*NETWORK, named(WEB6)), **parts)


def causes(*observations: Observation, target: Target = JANUS) -> dict[str, str]:
    """Every cause that is found with its severity, of whatever rule."""
    return {each.cause: str(each.severity) for each in report(*observations, target=target).findings}


def errors(*observations: Observation, target: Target = JANUS) -> set[str]:
    """What rules themselves answer with, whatever its severity, before anything is lowered."""
    known = Facts(target, numbered(*observations))
    return {rule.cause.name for rule in rules() if isinstance(rule.module.check(known), list)}
