"""A Jitsi made by hand, as facts: one in which all is well, and each of its parts as it fails."""

from __future__ import annotations

from typing import Any

import msgspec

from natprobe.facts import (
    BridgeChannel,
    Candidate,
    ConferenceReply,
    Facts,
    IceCheck,
    JitsiConfig,
    PseudoTls,
    RoomEntry,
    Service,
    Services,
    SessionOffer,
    SignIn,
)
from natprobe.model import Failure, Observation
from natprobe.rules import rules
from tests.made import (
    HOST,
    MEDIA,
    PAGE,
    RELAYED,
    STUN1,
    STUN2,
    WEB,
    certificate,
    checked,
    connected,
    found,
    named,
    numbered,
    page,
    report,
    saw,
    session,
    silent,
)

JITSI = msgspec.structs.replace(PAGE, kind="jitsi")
SOCKET, BOSH, CHANNEL = (
    f"wss://{HOST}/xmpp-websocket",
    f"https://{HOST}/http-bind",
    f"wss://{HOST}/colibri-ws/default-id",
)
INNER, OTHER_INNER, CONTAINER, LOOPBACK = "192.168.77.5:10000", "10.9.8.7:10000", "172.18.0.5:10000", "127.0.0.1:10000"
STALE, REMAPPED = "203.0.113.77:10000", f"{WEB}:12000"
RELAY_ELSEWHERE = RELAYED
TURNS = Service(type="turns", host=f"turn.{HOST}", port=443, transport="tcp", credentials=True)


def config(**more: Any) -> JitsiConfig:
    """config.js of a packaged installation."""
    fields: dict[str, Any] = {"domain": HOST, "muc": f"conference.{HOST}", "websocket": SOCKET, "bosh": BOSH} | more
    return JitsiConfig(url=f"https://{HOST}/config.js", endpoint=f"{WEB}:443", **fields)


def socket(**more: Any) -> SignIn:
    """Signed in over the WebSocket; with `failure`, as far as `reached` says."""
    fields: dict[str, Any] = {"reached": "binding", "status": 101, "mechanisms": ("ANONYMOUS",)} | more
    return SignIn(url=SOCKET, transport="websocket", domain=HOST, endpoint=f"{WEB}:443", **fields)


def refused_socket(status: int | None, **more: Any) -> SignIn:
    """A WebSocket that brought this status instead of an upgrade."""
    fields: dict[str, Any] = {"failure": Failure.HTTP_STATUS, "reached": "tls", "mechanisms": ()} | more
    return socket(status=status, **fields)


def bosh(**more: Any) -> SignIn:
    fields: dict[str, Any] = {"reached": "binding", "status": 200, "mechanisms": ("ANONYMOUS",)} | more
    return SignIn(url=BOSH, transport="bosh", domain=HOST, endpoint=f"{WEB}:443", **fields)


def services(*entries: Service, **more: Any) -> Services:
    fields: dict[str, Any] = {"by": "extdisco:2"} | more
    return Services(domain=HOST, services=entries, **fields)


def conference(**more: Any) -> ConferenceReply:
    fields: dict[str, Any] = {"by": "xmpp", "ready": True, "tries": 1} | more
    return ConferenceReply(focus=f"focus.{HOST}", **fields)


def entered(participant: int, **more: Any) -> RoomEntry:
    return RoomEntry(participant=participant, **{"focus": True} | more)


def offer(participant: int = 1, **more: Any) -> SessionOffer:
    return SessionOffer(participant=participant, **{"candidates": 1, "fingerprint": True} | more)


def candidate(endpoint: str = MEDIA, advertised: bool = True, **more: Any) -> Candidate:
    fields: dict[str, Any] = {"transport": "udp", "session": "media/1"} | more
    return Candidate(endpoint=endpoint, advertised=advertised, **fields)


def forced(endpoint: str = MEDIA, **more: Any) -> IceCheck:
    """A verified check to where nobody is told to send."""
    return checked(endpoint, advertised=False, **more)


def relayed(endpoint: str = MEDIA, relay: str = RELAY_ELSEWHERE) -> IceCheck:
    """A verified check through a relay."""
    check = checked(endpoint, server="203.0.113.40:3478", leg="tcp", relayed=relay)
    return msgspec.structs.replace(check, flow="tcp/192.168.1.2:40002>203.0.113.40:3478")


def no_pseudo_tls(failure: Failure = Failure.REFUSED) -> PseudoTls:
    return PseudoTls(endpoint=f"{WEB}:4443", failure=failure)


def channel(status: int | None, failure: Failure | None = Failure.HTTP_STATUS, **more: Any) -> BridgeChannel:
    return BridgeChannel(url=CHANNEL, endpoint=f"{WEB}:443", status=status, failure=failure, **more)


Scenario = tuple[Observation, ...]

NETWORK: Scenario = (named(WEB), saw(STUN1), saw(STUN2))
FRONT: Scenario = (connected(), session(), certificate(), page(says=("jitsi",)))
SIGNED: Scenario = (config(), socket(), bosh(), services(TURNS))
JOINED: Scenario = (conference(), entered(1), entered(2), offer(1), offer(2))
PASSES: Scenario = (candidate(), checked(), checked(size=1200))


def jitsi(
    *media: Observation,
    network: Scenario = NETWORK,
    front: Scenario = FRONT,
    signed: Scenario = SIGNED,
    joined: Scenario = JOINED,
) -> Scenario:
    """A Jitsi in which all is well up to media, which is as given."""
    return (*network, *front, *signed, *joined, *media)


def unanswered(endpoint: str = MEDIA, **more: Any) -> Scenario:
    """An advertised candidate that nothing came back from."""
    return candidate(endpoint, **more), silent(endpoint), silent(endpoint, size=1200)


def answering(endpoint: str = MEDIA, **more: Any) -> Scenario:
    return candidate(endpoint, **more), checked(endpoint), checked(endpoint, size=1200)


def rejected(failure: Failure, endpoint: str = MEDIA, by: str | None = None, **more: Any) -> Scenario:
    """An advertised candidate that an error came back from."""
    return candidate(endpoint), checked(endpoint, failure=failure, reported_by=by, **more)


def inside(*media: Observation, address: str = WEB, mapped: str = f"{WEB}:40000") -> Scenario:
    """A client behind the very NAT that the server is behind."""
    return jitsi(*media, network=(named(address), saw(STUN1, mapped), saw(STUN2, mapped)))


def docker(*media: Observation, **parts: Any) -> Scenario:
    """The same by docker-jitsi-meet."""
    return jitsi(*media, signed=(config(domain="meet.jitsi"), socket(), services(TURNS)), **parts)


def causes(*observations: Observation) -> dict[str, str]:
    """Every cause that is found with its severity, of whatever rule."""
    return {each.cause: str(each.severity) for each in report(*observations, target=JITSI).findings}


def errors(*observations: Observation) -> set[str]:
    """What rules themselves call errors, before the verdict lowers what does not explain it."""
    known = Facts(JITSI, numbered(*observations))
    judged = [(rule.cause, rule.module.check(known)) for rule in rules()]
    told = [(cause, each) for cause, judgement in judged if isinstance(judgement, list) for each in judgement]
    return {cause.name for cause, each in told if (each.severity or cause.severity) == "error"}


def alternatives(cause: str, *observations: Observation) -> list[str]:
    return [each.cause for each in found(cause, *observations, target=JITSI).alternatives]
