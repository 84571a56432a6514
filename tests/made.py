"""Facts made by hand, in the lab's plan of addresses: short words for observations, for tests of what is judged."""

from __future__ import annotations

from typing import Any

import msgspec

from natprobe.diagnose import diagnose
from natprobe.facts import (
    Allocation,
    Binding,
    Certificate,
    Connected,
    DefaultRoute,
    Facts,
    HttpReply,
    IceCheck,
    LocalAddress,
    Permission,
    Probed,
    Relayed,
    Resolved,
    TlsSession,
    TurnServer,
)
from natprobe.model import Failure, Observation, Report, Source, Target, family, flow, join, split
from natprobe.rules import CouldNotTell, Found, Judgement, rules
from natprobe.run import SEQUENCE

HOST = "meet.example.test"
WEB, WEB_OTHER, WEB6 = "203.0.113.10", "203.0.113.11", "2001:db8:f::10"
MEDIA, MEDIA6, MEDIA_TCP = f"{WEB}:10000", f"[{WEB6}]:10000", f"{WEB}:4443"
STUN1, STUN1_6, STUN2 = "203.0.113.20:3478", "[2001:db8:f::20]:3478", "203.0.113.30:3478"
LOCAL, LOCAL6, OUTSIDE = "192.168.1.2:40000", "[2001:db8:1::2]:40000", "198.51.100.7:40000"
ROUTER, RESOLVER, RESOLVER_OTHER = "192.168.1.1", "203.0.113.53:53", "203.0.113.54:53"
TIMEOUT, PROHIBITED, UNREACHABLE = Failure.TIMEOUT, Failure.PROHIBITED, Failure.PORT_UNREACHABLE

PEER = Target(input=f"natprobe://{HOST}:10000", host=HOST, port=10000, kind="natprobe", scheme="natprobe")
PAGE = Target(input=HOST, host=HOST, port=443)
STUN = Target(input=f"stun:{HOST}", host=HOST, port=3478, kind="stun", scheme="stun", transport="udp")
RELAY_HOST, RELAY, RELAY_TLS = "turn.example.test", "203.0.113.40:3478", "203.0.113.40:5349"
RELAYED, LEG = "203.0.113.40:50000", "192.168.1.2:40001"
TURN = Target(input=f"turn:{RELAY_HOST}", host=RELAY_HOST, port=3478, kind="turn", scheme="turn", transport="udp")
SOURCE = Source(started="2026-11-21T08:00:00Z", duration=1.0, natprobe="0.1.0")


def facts(*observations: Observation, target: Target = PEER) -> Facts:
    """What a rule reads: these observations, numbered from 1."""
    return Facts(target, numbered(*observations))


def report(*observations: Observation, target: Target = PEER, sources: int = 1) -> Report:
    """The diagnosis of these observations."""
    return diagnose(target, numbered(*observations), [SOURCE] * sources)


def numbered(*observations: Observation) -> list[Observation]:
    return [msgspec.structs.replace(each, id=number) for number, each in enumerate(observations, 1)]


def saw(server: str = STUN1, mapped: str | None = OUTSIDE, local: str = LOCAL, **more: Any) -> Binding:
    """A STUN server's answer over UDP, or over TCP with `transport`."""
    fields: dict[str, Any] = {"transport": "udp", "origin": "option", "operator": server, "tries": 1} | more
    return Binding(server=server, mapped=mapped, local=local, **fields)


def unheard(server: str = STUN1, tries: int = 5, failure: Failure = TIMEOUT, **more: Any) -> Binding:
    """A STUN server that was asked in vain."""
    return saw(server, None, tries=tries, failure=failure, **more)


def checked(endpoint: str = MEDIA, size: int = 100, local: str = LOCAL, **more: Any) -> IceCheck:
    """An ICE check that was answered and verified; with `failure`, one that was not."""
    fields: dict[str, Any] = {"transport": "udp", "tries": 1, "verified": "failure" not in more, "rtt_ms": None} | more
    return IceCheck(
        endpoint=endpoint, size=size, local=local, flow=flow(fields["transport"], local, endpoint), **fields
    )


def silent(endpoint: str = MEDIA, size: int = 100, tries: int = 9, **more: Any) -> IceCheck:
    """An ICE check that nothing came back to."""
    return checked(endpoint, size, tries=tries, failure=TIMEOUT, **more)


def relay(transport: str = "udp", server: str = RELAY, access: str = "password", host: str = RELAY_HOST) -> TurnServer:
    """A relay that there are credentials for."""
    at, port = split(server)
    fields: dict[str, Any] = {"transport": transport, "access": access, "origin": "target"}
    return TurnServer(host=host, address=at, port=port, **fields)


def allocated(transport: str = "udp", server: str = RELAY, local: str | None = LEG, **more: Any) -> Allocation:
    """A leg to a relay that gave out an address for credentials."""
    fields: dict[str, Any] = {"host": RELAY_HOST, "relayed": RELAYED, "challenged": True, "realm": RELAY_HOST}
    fields |= {"authenticated": True, "tries": 2} | more
    return Allocation(
        server=server,
        transport=transport,  # type: ignore[arg-type]  # a word of it
        local=local,
        probe="turn",
        flow=flow(transport, local, server),
        **fields,
    )


def unallocated(failure: Failure, transport: str = "udp", server: str = RELAY, **more: Any) -> Allocation:
    """A leg to a relay of which nothing came back, in nine tries, or three connections that never stood."""
    datagrams = transport in ("udp", "dtls")
    fields: dict[str, Any] = {"relayed": None, "challenged": False, "authenticated": False, "realm": None}
    fields |= {"tries": 9 if datagrams else 3, "local": LEG if transport == "udp" else None} | more
    return allocated(transport, server, failure=failure, **fields)


def refused(code: int, transport: str = "udp", server: str = RELAY, words: str = "", **more: Any) -> Allocation:
    """A leg to a relay that refused credentials, or what was asked with them."""
    failure = Failure.UNAUTHORIZED if code == 401 else Failure.ERROR_RESPONSE
    detail = f"{code} {words}".strip()
    return allocated(transport, server, relayed=None, failure=failure, error_code=code, detail=detail, **more)


def permitted(peer: str = STUN1, leg: Allocation | None = None, code: int | None = None) -> Permission:
    """A peer that may send through the leg; with a code, one that may not."""
    on = leg or allocated()
    return Permission(
        server=on.server,
        transport=on.transport,
        relayed=on.relayed or RELAYED,
        peer=peer,
        error_code=code,
        flow=on.flow,
        failure=Failure.ERROR_RESPONSE if code else None,
    )


def through(
    peer: str = STUN1, seen_from: str | None = RELAYED, size: int = 20, leg: Allocation | None = None, **more: Any
) -> Relayed:
    """Data through the leg to a STUN server and back; in vain where it is not seen from anywhere."""
    on = leg or allocated()
    lost = seen_from is None and more.get("direction", "both") != "in"
    fields: dict[str, Any] = {"by": "stun", "tries": 9 if lost else 1, "failure": TIMEOUT if lost else None} | more
    return Relayed(
        server=on.server,
        transport=on.transport,
        relayed=on.relayed or RELAYED,
        peer=peer,
        size=size,
        seen_from=seen_from,
        flow=on.flow,
        **fields,
    )


def ours(direction: str, size: int = 20, leg: Allocation | None = None, **more: Any) -> Relayed:
    """Data between the leg and a socket of our own, one way; with `failure`, nine times in vain."""
    fields: dict[str, Any] = {"by": "own-socket", "direction": direction, "tries": 9 if "failure" in more else 1} | more
    seen = RELAYED if direction == "out" and "failure" not in more else None
    return through(OUTSIDE, fields.pop("seen_from", seen), size, leg, **({"failure": None} | fields))


def connected(endpoint: str = f"{WEB}:443", failure: Failure | None = None, probe: str = "web") -> Connected:
    return Connected(endpoint=endpoint, failure=failure, probe=probe, flow=flow("tcp", None, endpoint))


def session(endpoint: str = f"{WEB}:443", failure: Failure | None = None, **more: Any) -> TlsSession:
    """A verified TLS handshake of the web probe; with `failure`, one that was not."""
    fields: dict[str, Any] = {"name": HOST, "probe": "web", "verified": failure is None} | more
    return TlsSession(endpoint=endpoint, failure=failure, **fields)


def certificate(**more: Any) -> Certificate:
    """A good one from a public authority, with its chain."""
    fields: dict[str, Any] = {
        "endpoint": f"{WEB}:443",
        "name": HOST,
        "subject": f"CN={HOST}",
        "issuer": "CN=Example CA",
        "names": (HOST,),
        "not_before": "2026-10-01T00:00:00Z",
        "not_after": "2027-01-01T00:00:00Z",
        "days_left": 40.0,
        "self_issued": False,
        "matches": True,
        "chain": 2,
        "sha256": "00",
    }
    return Certificate(**fields | more)


def page(url: str = f"https://{HOST}/", status: int | None = 200, **more: Any) -> HttpReply:
    return HttpReply(url=url, endpoint=f"{WEB}:{443 if url.startswith('https') else 80}", status=status, **more)


def named(*addresses: str, by: str = "system", failure: Failure | None = None, **more: Any) -> Resolved:
    """An answer about the target's name."""
    fields: dict[str, Any] = {"name": HOST, "family": family(addresses[0]) if addresses else 4} | more
    return Resolved(by=by, addresses=addresses, failure=failure, **fields)  # type: ignore[arg-type]  # a word of it


def by_dns(*addresses: str, server: str = RESOLVER, **more: Any) -> Resolved:
    return named(*addresses, by="dns", server=server, **more)


def address(text: str, scope: str, interface: str = "eth0", **more: Any) -> LocalAddress:
    return LocalAddress(address=text, interface=interface, prefix=24, scope=scope, **more)  # type: ignore[arg-type]


def route(version: int, gateway: str | None = None) -> DefaultRoute:
    return DefaultRoute(family=version, interface="eth0", gateway=gateway)  # type: ignore[arg-type]  # 4 or 6


def ended(**odd: str) -> list[Probed]:
    """Every probe complete, but for those named."""
    return [Probed(probe=name, status=odd.get(name, "complete")) for name in SEQUENCE]  # type: ignore[arg-type]


def online(host: str = WEB, port: int = 443) -> Connected:
    """Something over TCP works."""
    return connected(join(host, port), probe="reach")


def judged(cause: str, *observations: Observation, target: Target = PEER) -> Judgement:
    """What the rule of this cause answers."""
    rule = next(each for each in rules() if each.cause.name == cause)
    judgement: Judgement = rule.module.check(facts(*observations, target=target))
    return judgement


def found(cause: str, *observations: Observation, target: Target = PEER) -> Found:
    """The one thing that this rule finds."""
    judgement = judged(cause, *observations, target=target)
    assert isinstance(judgement, list), judgement
    (only,) = judgement
    assert only.evidence
    return only


def words(cause: str, *observations: Observation, target: Target = PEER) -> str:
    """The sentence of the one thing that this rule finds."""
    only = found(cause, *observations, target=target)
    return only.message.format_map(only.args)


def doubt(cause: str, *observations: Observation, target: Target = PEER) -> str:
    """Why this rule could not tell."""
    judgement = judged(cause, *observations, target=target)
    assert isinstance(judgement, CouldNotTell), judgement
    return judgement.reason
