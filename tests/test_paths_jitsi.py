"""Ways and verdicts of a Jitsi: each candidate, each relay and each stage, for what its client makes of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from natprobe.facts import Allocation, IceCheck, Permission, Probed, Service
from natprobe.model import Failure, Observation, Path, Report
from tests.made import (
    MEDIA,
    MEDIA6,
    MEDIA_TCP,
    RELAY_HOST,
    RELAY_TLS,
    TIMEOUT,
    allocated,
    checked,
    permitted,
    refused,
    relay,
    report,
    session,
    silent,
    unallocated,
)
from tests.made_jitsi import (
    INNER,
    JITSI,
    JOINED,
    PASSES,
    SIGNED,
    answering,
    bosh,
    candidate,
    conference,
    config,
    entered,
    forced,
    jitsi,
    offer,
    refused_socket,
    rejected,
    services,
    socket,
    unanswered,
)

SERVER = RELAY_TLS
TURNS = Service(type="turns", host=RELAY_HOST, port=5349, transport="tcp", credentials=True)
TURN = Service(type="turn", host=RELAY_HOST, port=3478, transport="udp", credentials=True)
HANDED = (config(), socket(), services(TURNS))
NAMELESS, NAMELESS_UDP = (
    (config(), socket(), services(msgspec.structs.replace(each, credentials=False))) for each in (TURNS, TURN)
)
NO_FOCUS, LOGIN_FIRST = (
    conference(ready=None, failure=Failure.ERROR_RESPONSE, condition=each)
    for each in ("service-unavailable", "not-authorized")
)
NO_OFFER = (conference(), entered(1), entered(2), offer(failure=TIMEOUT, candidates=0))
BOSH_DOWN = bosh(failure=Failure.HTTP_STATUS, status=502)
NO_LOGIN: dict[str, Any] = {"reached": "stream", "mechanisms": ("PLAIN",), "failure": Failure.UNAUTHORIZED}


def judged(*observations: Observation) -> Report:
    return report(*observations, target=JITSI)


def way(name: str, *observations: Observation) -> Path:
    return next(each for each in judged(*observations).paths if each.name == name)


def fate(name: str, *observations: Observation) -> tuple[str, str | None]:
    found = way(name, *observations)
    return found.status, found.reason


def stages(*observations: Observation) -> tuple[str, str]:
    steps = judged(*observations).verdict.stages
    return steps.signalling, steps.session


def leg(transport: str = "tls", server: str = SERVER) -> Allocation:
    return allocated(transport, server)


def forbidden(on: Allocation, peer: str = MEDIA, code: int | None = 403) -> Permission:
    return msgspec.structs.replace(permitted(peer, on, code), probe="relayed")


def sent(on: Allocation, peer: str = MEDIA, **more: Any) -> tuple[IceCheck, ...]:
    """Small and full-size through this leg."""
    found = []
    for size in (100, 1200):
        one = (silent if more.get("failure") is TIMEOUT else checked)(
            peer, size, **{key: each for key, each in more.items() if key != "failure" or each is not TIMEOUT}
        )
        fields: dict[str, Any] = {"server": on.server, "leg": on.transport, "relayed": on.relayed, "flow": on.flow}
        found.append(msgspec.structs.replace(one, probe="relayed", **fields))
    return tuple(found)


def through(on: Allocation, peer: str = MEDIA, **more: Any) -> tuple[Observation, ...]:
    return relay(on.transport, on.server), on, forbidden(on, peer, None), *sent(on, peer, **more)


class TestDirect:
    def test_open(self) -> None:
        found = judged(*jitsi(*PASSES)).verdict
        assert (found.status, found.media) == ("good", "direct-udp")
        assert (found.stages.signalling, found.stages.session) == ("ok", "ok")

    @pytest.mark.parametrize(
        ("observed", "expected"),
        [
            (unanswered(), ("blocked", "silence")),
            ((*unanswered(), forced("203.0.113.80:10000")), ("blocked", "silence")),
            ((*answering(), *unanswered(INNER)), ("open", None)),
            ((*unanswered(), *unanswered(INNER)), ("blocked", "silence")),
            ((*unanswered(), candidate(INNER), silent(INNER, tries=3)), ("blocked", "silence")),
            ((*unanswered(), *answering(INNER)), ("open", None)),
            (unanswered(INNER), ("blocked", "no-reachable-candidate")),
            (rejected(Failure.PORT_UNREACHABLE, INNER), ("blocked", "no-reachable-candidate")),
            ((candidate(INNER), silent(INNER, tries=3)), ("unknown", "timeout")),
            ((candidate(MEDIA6), *unanswered(INNER)), ("blocked", "no-reachable-candidate")),
            ((candidate(MEDIA6),), ("unknown", "family-not-here")),
            ((candidate(),), ("unknown", "family-not-here")),
            ((candidate(), Probed(probe="media", status="cut")), ("unknown", "out-of-time")),
            (rejected(Failure.UNAUTHORIZED, error_code=401), ("blocked", "check-refused")),
            (rejected(Failure.ERROR_RESPONSE, error_code=487), ("blocked", "check-refused")),
            ((candidate(MEDIA_TCP, transport="tcp"),), ("not-offered", "no-udp-candidates")),
        ],
    )
    def test_udp(self, observed: tuple[Observation, ...], expected: tuple[str, str | None]) -> None:
        assert fate("direct-udp", *jitsi(*observed)) == expected

    def test_every_candidate_stands_among_the_attempts(self) -> None:
        found = way("direct-udp", *jitsi(*answering(), *unanswered(INNER)))
        assert {each.endpoint: each.status for each in found.attempts} == {MEDIA: "open", INNER: "blocked"}

    @pytest.mark.parametrize("transport", ["tcp", "ssltcp"])
    def test_tcp(self, transport: str) -> None:
        passed = checked(MEDIA_TCP, transport=transport)
        assert fate("direct-tcp", *jitsi(candidate(MEDIA_TCP, transport=transport), passed)) == ("open", None)
        assert fate("direct-tcp", *jitsi(*PASSES)) == ("not-offered", "no-tcp-candidates")

    def test_relays_only(self) -> None:
        found = judged(*jitsi(*PASSES, signed=(config(force_relay=True), socket(), services(TURNS))))
        direct = found.paths[0]
        assert (direct.status, direct.usable, direct.reason) == ("open", False, "only-relays")
        assert found.verdict.media is None


class TestThroughRelays:
    def test_a_check_that_came_back_is_proof(self) -> None:
        found = judged(*jitsi(*unanswered(), *through(leg()), signed=HANDED))
        (tls,) = (each for each in found.paths if each.name == "turn-tls")
        assert (tls.status, tls.proof, tls.usable) == ("open", "ice", True)
        (attempt,) = tls.attempts
        assert (attempt.endpoint, attempt.server, attempt.large_up) == (MEDIA, f"{RELAY_HOST} {SERVER} tls", True)
        assert (found.verdict.status, found.verdict.media) == ("degraded", "turn-tls")
        assert found.paths[0].attempts[0].server is None

    def test_what_it_comes_to_otherwise(self) -> None:
        on = leg()
        base = (relay("tls", SERVER), on)
        for observed, expected in (
            ((*base, forbidden(on)), ("blocked", "relay-forbids-media-server")),
            ((*base, forbidden(on, code=508)), ("blocked", "relay-refuses")),
            ((*base, *sent(on, failure=TIMEOUT)), ("blocked", "media-server-silent")),
            ((*base, sent(on)[0], sent(on, failure=TIMEOUT)[1]), ("blocked", "large-packets-lost")),
            ((*base, *sent(on, failure=Failure.UNAUTHORIZED)), ("blocked", "check-refused")),
            ((*base, forbidden(on, INNER), *sent(on)), ("open", None)),
            ((*base, *sent(on), *sent(on, INNER, failure=TIMEOUT)), ("open", None)),
            (base, ("unknown", "peer-unreached")),
            ((relay("tls", SERVER), refused(401, "tls", SERVER)), ("blocked", "relay-refuses-credentials")),
            ((relay("tls", SERVER), unallocated(Failure.REFUSED, "tls", SERVER)), ("blocked", "refused")),
            ((*base, *sent(on), refused_tls()), ("blocked", "tls-certificate")),
        ):
            assert fate("turn-tls", *jitsi(*unanswered(), *observed, signed=HANDED)) == expected, observed

    def test_large_packets_lost_behind_a_relay_break_the_call(self) -> None:
        on = leg()
        lost = (relay("tls", SERVER), on, sent(on)[0], sent(on, failure=TIMEOUT)[1])
        assert judged(*jitsi(*unanswered(), *lost, signed=HANDED)).verdict.status == "broken"

    @pytest.mark.parametrize(
        ("signed", "transport", "usable"),
        [
            (HANDED, "tls", True),
            ((config(), socket(), services(TURN)), "udp", False),
            ((config(use_turn_udp=True), socket(), services(TURN)), "udp", True),
            ((config(), socket(), services(Service(type="turns", host=RELAY_HOST, credentials=True))), "tls", False),
            ((config(), socket(), services()), "tls", False),
            ((config(), socket(), services(TURNS)), "tcp", False),
            ((config(), socket()), "tls", True),
            ((config(), socket()), "udp", False),
            ((config(use_turn_udp=True), socket()), "udp", True),
        ],
    )
    def test_only_what_the_client_takes_is_usable(
        self, signed: tuple[Observation, ...], transport: str, usable: bool
    ) -> None:
        on = leg(transport, RELAY_TLS if transport == "tls" else "203.0.113.40:3478")
        found = judged(*jitsi(*unanswered(), *through(on), signed=signed))
        (path,) = (each for each in found.paths if each.name == f"turn-{transport}")
        assert (path.status, path.usable) == ("open", usable)
        assert path.reason == (None if usable else "relay-not-taken")
        assert found.verdict.media == (path.name if usable else None)

    def test_another_relay_beside_the_one_that_is_taken_changes_nothing(self) -> None:
        own, other = leg(), allocated("tls", "203.0.113.41:5349", local="192.168.1.2:40009", host="other.example.test")
        observed = (*through(own, failure=TIMEOUT), *through(other))
        found = way("turn-tls", *jitsi(*unanswered(), *observed, signed=HANDED))
        assert (found.status, found.usable, len(found.attempts)) == ("blocked", True, 2)

    @pytest.mark.parametrize(
        ("handed", "expected"),
        [
            (services(), ("not-offered", "relay-not-offered")),
            (services(TURN), ("not-offered", "relay-not-offered")),
            (services(TURNS), ("unknown", "not-tried")),
            (
                services(failure=Failure.ERROR_RESPONSE, condition="service-unavailable"),
                ("not-offered", "relay-not-offered"),
            ),
            (services(failure=Failure.TIMEOUT), ("unknown", "not-tried")),
        ],
    )
    def test_what_signalling_hands_out(self, handed: Observation, expected: tuple[str, str]) -> None:
        assert fate("turn-tls", *jitsi(*PASSES, signed=(config(), socket(), handed))) == expected


def refused_tls() -> Observation:
    return session(SERVER, Failure.TLS_CERTIFICATE, name=RELAY_HOST, probe="turn")


class TestStages:
    @pytest.mark.parametrize(
        ("signed", "joined", "expected", "verdict"),
        [
            (SIGNED, JOINED, ("ok", "ok"), "good"),
            ((config(), refused_socket(404), bosh()), JOINED, ("failed", "ok"), "broken"),
            ((config(websocket=None), bosh()), JOINED, ("ok", "ok"), "good"),
            ((config(websocket=None), BOSH_DOWN), (), ("failed", "unknown"), "broken"),
            ((config(), socket(**NO_LOGIN)), (), ("unknown", "unknown"), "unknown"),
            (SIGNED, (LOGIN_FIRST,), ("ok", "unknown"), "unknown"),
            (SIGNED, (), ("ok", "unknown"), "unknown"),
            (SIGNED, (NO_FOCUS,), ("ok", "failed"), "broken"),
            (SIGNED, (conference(ready=False, tries=4),), ("ok", "failed"), "broken"),
            (SIGNED, (conference(), entered(1, bridge=False), entered(2)), ("ok", "failed"), "broken"),
            (SIGNED, NO_OFFER, ("ok", "failed"), "broken"),
            (NAMELESS, JOINED, ("ok", "failed"), "broken"),
            (NAMELESS_UDP, JOINED, ("ok", "ok"), "good"),
        ],
    )
    def test_each(
        self,
        signed: tuple[Observation, ...],
        joined: tuple[Observation, ...],
        expected: tuple[str, str],
        verdict: str,
    ) -> None:
        media = PASSES if offer() in joined else ()
        observed = jitsi(*media, signed=signed, joined=joined)
        assert stages(*observed) == expected
        assert judged(*observed).verdict.status == verdict

    def test_where_the_web_fails_nothing_later_is_told(self) -> None:
        assert stages(*jitsi(signed=(), joined=())) == ("unknown", "unknown")

    @pytest.mark.parametrize(
        ("signed", "joined", "reason"),
        [
            ((config(), socket(**NO_LOGIN)), (), "login-needed"),
            ((config(), refused_socket(404)), (), "signalling-failed"),
            (SIGNED, (Probed(probe="join", status="skipped", detail="not asked for: --no-join"),), "not-joined"),
            (SIGNED, (conference(), entered(1, bridge=False), entered(2)), "bridge-unavailable"),
            (SIGNED, (conference(ready=None, failure=TIMEOUT),), "focus-unavailable"),
            (SIGNED, (conference(ready=False, tries=4),), "no-session-offered"),
            (SIGNED, (Probed(probe="join", status="cut"),), "out-of-time"),
            ((), (), "needs-session"),
        ],
    )
    def test_why_no_way_was_tried(
        self, signed: tuple[Observation, ...], joined: tuple[Observation, ...], reason: str
    ) -> None:
        assert fate("direct-udp", *jitsi(signed=signed, joined=joined)) == ("unknown", reason)


class TestWhatExplains:
    """Errors of the part that broke, and of no other."""

    def errors(self, *observations: Observation) -> list[str]:
        return [each.cause for each in judged(*observations).findings if each.severity == "error"]

    def test_signalling_before_media(self) -> None:
        broken = jitsi(*unanswered(), signed=(config(), refused_socket(404), bosh()))
        assert self.errors(*broken) == ["websocket-refused"]
        assert judged(*broken).verdict.summary.startswith("Meetings on meet.example.test will not work from here: ")

    def test_what_bosh_found_beside_it_is_no_headline(self) -> None:
        """Nor is what stays an error for safety's sake: people meet the WebSocket first."""
        unsafe = allocated(challenged=False, authenticated=False, realm=None)
        alone = (config(), refused_socket(404), bosh(), services())
        made = judged(*jitsi(*unanswered(), signed=alone), unsafe)
        errors = {each.cause: each.message for each in made.findings if each.severity == "error"}
        assert list(errors) == ["turn-open-relay", "media-port-silent", "websocket-refused"]
        assert made.verdict.summary.endswith(errors["websocket-refused"])

    def test_the_session_before_media(self) -> None:
        assert self.errors(*jitsi(joined=(NO_FOCUS,))) == ["focus-unavailable"]
        nobody = (conference(), entered(1, bridge=False), entered(2, bridge=False))
        assert self.errors(*jitsi(joined=nobody)) == ["bridge-unavailable"]
        assert self.errors(*jitsi(*PASSES, signed=NAMELESS)) == ["turn-without-credentials"]

    def test_media(self) -> None:
        alone = (config(), socket(), services())
        assert self.errors(*jitsi(*unanswered(), signed=alone)) == ["media-port-silent"]
        assert self.errors(*jitsi(*unanswered(INNER), signed=alone)) == ["private-address-advertised"]

    def test_a_relay_that_was_not_tried_leaves_it_open(self) -> None:
        assert judged(*jitsi(*unanswered())).verdict.status == "unknown"
        assert judged(*jitsi(*unanswered(), signed=(config(), socket(), services()))).verdict.status == "broken"

    def test_a_healthy_call_fails_no_gate(self) -> None:
        assert self.errors(*jitsi(*PASSES)) == []
