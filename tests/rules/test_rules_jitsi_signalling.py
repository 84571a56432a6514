"""Rules about a Jitsi's signalling and what it hands out, on facts made by hand."""

from __future__ import annotations

import pytest

from natprobe.facts import Service
from natprobe.model import Allow, Do, Failure, Forward, Observation, Set, Severity, Where
from natprobe.rules import CLEAR, NOT_APPLICABLE
from tests.made import HOST, doubt, found, judged, page, report, words
from tests.made_jitsi import (
    JITSI,
    JOINED,
    PASSES,
    TURNS,
    Scenario,
    alternatives,
    bosh,
    causes,
    channel,
    conference,
    config,
    entered,
    errors,
    jitsi,
    offer,
    refused_socket,
    services,
    socket,
    unanswered,
)
from tests.rules.test_rules_jitsi import CASES as CANDIDATES

CUT = Failure.CLOSED
ELSEWHERE = "Communication with remote domains is not enabled"
REFUSED = Failure.ERROR_RESPONSE
TURN_UDP = Service(type="turn", host=f"turn.{HOST}", port=3478, transport="udp", credentials=True)
TURN_TCP = Service(type="turn", host=f"turn.{HOST}", port=3478, transport="tcp", credentials=True)
UNNAMED = Service(type="turns", host=f"turn.{HOST}", port=443, credentials=True)
BARE = Service(type="turns", host=f"turn.{HOST}", port=443, transport="tcp")
STUN_ONLY = Service(type="stun", host=HOST, port=3478)
DOCKER_CONFIG = config(domain="meet.jitsi")


def signed(*steps: Observation, media: Scenario = (), joined: Scenario = ()) -> Scenario:
    """Up to signing in, as these steps go."""
    return jitsi(*media, signed=(config(), *steps), joined=joined)


def offering(*entries: Service, **more: bool) -> Scenario:
    """A healthy Jitsi that hands these out."""
    return jitsi(*PASSES, signed=(config(**more), socket(), services(*entries)))


NO_FOCUS = conference(ready=None, failure=REFUSED, condition="service-unavailable")
CLOSED_BEFORE_XMPP = socket(reached="upgrade", failure=CUT, mechanisms=())
MUTE = refused_socket(None, failure=CUT)
TOKEN = socket(reached="stream", failure=REFUSED, condition="not-allowed")
LOGIN = socket(reached="stream", failure=REFUSED, mechanisms=("PLAIN", "SCRAM-SHA-1"), condition="invalid-mechanism")
REFUSED_BOSH = bosh(reached="tls", status=403, greets=True, failure=Failure.HTTP_STATUS, mechanisms=())
MISSING = conference(ready=None, failure=REFUSED, condition="not-allowed", detail=ELSEWHERE)
BUSY = conference(ready=None, failure=REFUSED, condition="resource-constraint")
RESERVED = conference(ready=None, failure=REFUSED, condition="reservation-error")
BY_TOKEN = entered(1, focus=False, failure=REFUSED, condition="not-allowed", detail="Room and token mismatched")
HOSTS_ONLY = conference(ready=None, failure=REFUSED, condition="not-authorized")
STRANGER = socket(reached="upgrade", failure=REFUSED, condition="host-unknown", mechanisms=())
CLOSED_WITH_A_WORD = socket(reached="upgrade", failure=CUT, condition="host-unknown", mechanisms=())

# Scenario -> what rules themselves call errors.
CASES: dict[str, tuple[Scenario, set[str]]] = {
    **{
        f"upgrade-{status}": (signed(refused_socket(status), bosh()), {"websocket-refused"})
        for status in (200, 301, 400, 403, 404, 418, 426, 501, 502, 503)
    },
    "greets": (signed(refused_socket(200, greets=True), bosh()), {"websocket-refused"}),
    "forbidden": (signed(refused_socket(403, greets=False)), {"websocket-refused"}),
    "origin": (signed(refused_socket(403, greets=True), bosh()), {"origin-refused"}),
    "origin-of-bosh": (jitsi(signed=(config(websocket=None), REFUSED_BOSH)), {"origin-refused"}),
    "origin-of-both": (
        signed(refused_socket(403, greets=True), refused_socket(403, greets=None), REFUSED_BOSH),
        {"origin-refused"},
    ),
    "mute": (signed(MUTE), {"websocket-refused"}),
    "not-upgraded": (signed(CLOSED_BEFORE_XMPP, bosh()), {"websocket-not-upgraded"}),
    "silent-after-upgrade": (
        signed(socket(reached="upgrade", failure=Failure.TIMEOUT, mechanisms=())),
        {"websocket-not-upgraded"},
    ),
    "stranger": (signed(STRANGER), {"websocket-refused"}),
    "stranger-and-closed": (signed(CLOSED_WITH_A_WORD), {"websocket-refused"}),
    "no-focus": (jitsi(joined=(NO_FOCUS,)), {"focus-unavailable"}),
    "focus-over-http-gone": (
        jitsi(joined=(conference(by="http", ready=None, failure=Failure.HTTP_STATUS, status=502),)),
        {"focus-unavailable"},
    ),
    "focus-missing": (jitsi(joined=(MISSING,)), {"focus-unavailable"}),
    "focus-refuses": (
        jitsi(joined=(conference(ready=None, failure=REFUSED, condition="session-invalid"),)),
        {"focus-unavailable"},
    ),
    "focus-over-http-is-a-page": (
        jitsi(joined=(conference(by="http", ready=None, failure=Failure.PROTOCOL, status=200),)),
        {"focus-unavailable"},
    ),
    "focus-is-busy": (jitsi(joined=(BUSY,)), set()),
    "reserved": (jitsi(joined=(RESERVED,)), set()),
    "visitors": (jitsi(joined=(conference(visitors="v1"),)), set()),
    "not-live": (jitsi(joined=(conference(ready=False, condition="not-live"),)), set()),
    "token-of-another-room": (
        jitsi(signed=(config(), socket(login="token"), services(TURNS)), joined=(conference(), BY_TOKEN)),
        set(),
    ),
    "room-not-made": (jitsi(joined=(conference(), BY_TOKEN)), set()),
    "focus-never-ready": (jitsi(joined=(conference(ready=False, tries=3),)), {"focus-unavailable"}),
    "focus-silent": (jitsi(joined=(conference(ready=None, failure=Failure.TIMEOUT),)), {"focus-unavailable"}),
    "no-bridge": (jitsi(joined=(conference(), entered(1, bridge=False), entered(2))), {"bridge-unavailable"}),
    "no-session": (
        jitsi(joined=(conference(), entered(1), entered(2), offer(candidates=0, failure=Failure.TIMEOUT))),
        {"bridge-unavailable"},
    ),
    "login": (signed(LOGIN), set()),
    "token": (signed(TOKEN), set()),
    "hosts-only": (jitsi(joined=(HOSTS_ONLY,)), set()),
    "lobby": (
        jitsi(joined=(conference(), entered(1, focus=False, failure=REFUSED, condition="registration-required"))),
        set(),
    ),
    "channel": (jitsi(*PASSES, channel(404)), set()),
    "bosh-only": (jitsi(*PASSES, signed=(config(websocket=None), bosh(), services(TURNS))), set()),
    "no-turn": (offering(), set()),
    "bare-turn": (offering(BARE), {"turn-without-credentials"}),
    "turn-without-transport": (offering(UNNAMED), set()),
    "turn-over-udp": (offering(TURN_UDP), set()),
    "turn-not-on-443": (offering(TURN_TCP), set()),
    "private-api": (
        jitsi(*PASSES, page(f"http://{HOST}:8080/about/health", says=("jvb",))),
        {"private-api-exposed"},
    ),
    "healthy": (jitsi(*PASSES), set()),
}
ALL: dict[str, Scenario] = {name: case[0] for name, case in CASES.items()}
ALL |= {f"media-{name}": case[0] for name, case in CANDIDATES.items()}
# What is no error, of those above.
BESIDE = {
    "login": "login-required",
    "token": "login-required",
    "hosts-only": "login-required",
    "lobby": "login-required",
    "reserved": "login-required",
    "visitors": "login-required",
    "not-live": "login-required",
    "token-of-another-room": "login-required",
    "channel": "bridge-channel-refused",
    "no-turn": "turn-not-offered",
    "turn-without-transport": "turn-lists-nothing-for-bridge",
    "turn-over-udp": "turn-lists-nothing-for-bridge",
    "turn-not-on-443": "turn-no-443",
}


@pytest.mark.parametrize("name", CASES)
def test_each_state_has_its_cause_and_no_other_error(name: str) -> None:
    scenario, expected = CASES[name]
    assert errors(*scenario) == expected


@pytest.mark.parametrize("name", CASES)
def test_and_no_other_finding(name: str) -> None:
    scenario, expected = CASES[name]
    assert set(causes(*scenario)) == expected | ({BESIDE[name]} if name in BESIDE else set())


class TestWebSocket:
    @pytest.mark.parametrize(
        ("status", "greets", "meaning"),
        [
            (200, False, "a web page answers"),
            (200, True, "Upgrade headers got lost"),
            (302, None, "a redirect"),
            (404, False, "nobody behind the web server knows the path"),
            (501, True, "no WebSocket there"),
            (502, False, "finds no signalling behind it"),
        ],
    )
    def test_what_the_answer_says(self, status: int, greets: bool | None, meaning: str) -> None:
        sentence = words("websocket-refused", *signed(refused_socket(status, greets=greets)), target=JITSI)
        assert f"HTTP {status}" in sentence
        assert meaning in sentence
        assert "BOSH" not in sentence

    def test_that_bosh_works_is_said(self) -> None:
        assert words("websocket-refused", *CASES["upgrade-404"][0], target=JITSI).endswith("do not fall back to it")

    def test_where_nobody_asked_for_the_greeting(self) -> None:
        assert alternatives("websocket-refused", *CASES["upgrade-403"][0]) == ["origin-refused"]
        assert alternatives("websocket-refused", *CASES["forbidden"][0]) == []

    def test_behind_the_proxy(self) -> None:
        assert found("websocket-refused", *CASES["upgrade-502"][0], target=JITSI).where is Where.SERVER_PROCESS
        assert found("websocket-refused", *CASES["upgrade-404"][0], target=JITSI).where is None

    def test_a_client_that_prefers_bosh(self) -> None:
        scenario = jitsi(signed=(config(prefer_bosh=True), refused_socket(404), bosh()))
        assert found("websocket-refused", *scenario, target=JITSI).severity is Severity.WARNING

    def test_what_bosh_found_broken_stays_broken_once_the_socket_works(self) -> None:
        container = unanswered("172.18.0.5:10000")
        without_relay, with_one = ((config(), refused_socket(404), bosh(), services(*e)) for e in ((), (TURNS,)))
        assert causes(*jitsi(*container, signed=without_relay))["container-address-advertised"] == "error"
        assert causes(*jitsi(*container, signed=with_one))["container-address-advertised"] == "warning"

    @pytest.mark.parametrize("cause", ["websocket-refused", "websocket-not-upgraded", "origin-refused"])
    def test_no_connection_is_another_causes_matter(self, cause: str) -> None:
        dead = refused_socket(None, reached="nothing", failure=Failure.REFUSED)
        assert not isinstance(judged(cause, *signed(dead), target=JITSI), list)
        assert judged(cause, *signed(socket()), target=JITSI) is CLEAR
        assert judged(cause, *signed(), target=JITSI) is NOT_APPLICABLE

    def test_a_refused_certificate_is_none_either(self) -> None:
        refused = refused_socket(None, reached="connection", failure=Failure.TLS_CERTIFICATE)
        assert doubt("websocket-refused", *signed(refused), target=JITSI) == "no-answer-to-upgrade"

    def test_the_domain_that_config_js_names(self) -> None:
        sentence = words("websocket-refused", *CASES["stranger"][0], target=JITSI)
        assert "does not know the domain meet.example.test" in sentence

    def test_the_lines_for_nginx(self) -> None:
        fix = found("websocket-refused", *CASES["upgrade-200"][0], target=JITSI).fixes[0]
        assert isinstance(fix, Set)
        assert (fix.system, fix.key) == ("nginx", "location = /xmpp-websocket")
        assert "proxy_set_header Upgrade $http_upgrade" in fix.value
        assert fix.value.count("{") == fix.value.count("}") == 1

    def test_by_installation(self) -> None:
        docker = jitsi(signed=(DOCKER_CONFIG, refused_socket(403, greets=True)))
        fix, front = found("origin-refused", *docker, target=JITSI).fixes
        assert isinstance(fix, Set)
        assert (fix.key, fix.value) == ("PUBLIC_URL", f"https://{HOST}")
        fix, again = found("origin-refused", *CASES["origin"][0], target=JITSI).fixes
        assert isinstance(fix, Set)
        assert (fix.key, fix.until) == ("cross_domain_websocket", "0.12")
        assert front == again
        assert isinstance(again, Do)
        assert "Origin" in again.text

    def test_by_bosh_nothing_of_jitsis_own_compares_origins(self) -> None:
        (fix,) = found("origin-refused", *CASES["origin-of-bosh"][0], target=JITSI).fixes
        assert isinstance(fix, Do)
        working = signed(socket(), REFUSED_BOSH)
        assert judged("origin-refused", *working, target=JITSI) is CLEAR


class TestConference:
    def test_a_focus_that_refuses_is_there(self) -> None:
        assert judged("focus-unavailable", *jitsi(joined=(HOSTS_ONLY,)), target=JITSI) is CLEAR

    @pytest.mark.parametrize(
        ("name", "words_"),
        [
            ("focus-refuses", "refuses to begin a conference (session-invalid)"),
            ("focus-over-http-is-a-page", "is not there to begin a conference (HTTP 200)"),
            ("focus-never-ready", "is never ready"),
        ],
    )
    def test_what_the_focus_does(self, name: str, words_: str) -> None:
        assert words_ in words("focus-unavailable", *CASES[name][0], target=JITSI)

    def test_too_much_at_once(self) -> None:
        assert doubt("focus-unavailable", *CASES["focus-is-busy"][0], target=JITSI) == "rate-limited"
        known = report(*CASES["focus-is-busy"][0], target=JITSI)
        assert (known.verdict.status, known.paths[0].reason) == ("unknown", "rate-limited")

    def test_a_token_for_another_room(self) -> None:
        known = report(*CASES["token-of-another-room"][0], target=JITSI)
        assert (known.verdict.status, known.paths[0].reason) == ("unknown", "token-bound-to-room")
        fix = known.findings[0].fixes[0]
        assert isinstance(fix, Do)
        assert "--room" in fix.text

    def test_ours_cut_short(self) -> None:
        cut = conference(ready=None, failure=Failure.CANCELLED)
        assert doubt("focus-unavailable", *jitsi(joined=(cut,)), target=JITSI) == "no-answer"
        session = offer(candidates=0, failure=Failure.CANCELLED)
        scenario = jitsi(joined=(conference(), entered(1), entered(2), session))
        assert doubt("bridge-unavailable", *scenario, target=JITSI) == "no-session-offered"

    def test_not_joined(self) -> None:
        for cause in ("focus-unavailable", "bridge-unavailable"):
            assert judged(cause, *jitsi(joined=()), target=JITSI) is NOT_APPLICABLE

    def test_a_session_outweighs_what_was_said_before(self) -> None:
        scenario = jitsi(joined=(conference(), entered(1, bridge=False), entered(2), offer(1)))
        assert judged("bridge-unavailable", *scenario, target=JITSI) is CLEAR

    def test_what_the_log_tells_apart(self) -> None:
        expected = ["not-listening", "port-held-by-other", "private-address-advertised"]
        assert alternatives("bridge-unavailable", *CASES["no-bridge"][0]) == expected

    def test_the_focus_behind_http_has_a_proxy(self) -> None:
        assert len(found("focus-unavailable", *CASES["focus-over-http-gone"][0], target=JITSI).fixes) == 2
        assert "HTTP 502" in words("focus-unavailable", *CASES["focus-over-http-gone"][0], target=JITSI)

    def test_login_in_words(self) -> None:
        assert "a login or a token" in words("login-required", *CASES["login"][0], target=JITSI)
        wrong = socket(reached="stream", failure=REFUSED, condition="not-authorized", login="password")
        assert "this user name and password" in words("login-required", *signed(wrong), target=JITSI)
        assert "lobby" in words("login-required", *CASES["lobby"][0], target=JITSI)
        assert "reservation system" in words("login-required", *CASES["reserved"][0], target=JITSI)
        assert "for visitors (v1)" in words("login-required", *CASES["visitors"][0], target=JITSI)
        assert "until a host begins" in words("login-required", *CASES["not-live"][0], target=JITSI)
        assert judged("login-required", *jitsi(), target=JITSI) is CLEAR


class TestRelays:
    def test_a_module_that_is_not_there(self) -> None:
        none = services(failure=REFUSED, condition="service-unavailable")
        scenario = jitsi(signed=(config(), socket(), none))
        assert found("turn-not-offered", *scenario, target=JITSI)

    def test_signalling_that_does_not_say(self) -> None:
        forbidden = services(failure=REFUSED, condition="forbidden")
        scenario = jitsi(signed=(config(), socket(), forbidden))
        assert doubt("turn-not-offered", *scenario, target=JITSI) == "services-not-told"

    def test_stun_alone_is_no_relay(self) -> None:
        assert set(causes(*offering(STUN_ONLY))) == {"turn-not-offered"}

    def test_any_of_the_three_ways_will_do(self) -> None:
        scenario = jitsi(signed=(config(), socket(), services()), joined=(*JOINED, services(TURNS, by="metadata")))
        assert judged("turn-not-offered", *scenario, target=JITSI) is CLEAR

    def test_nothing_was_asked(self) -> None:
        for cause in ("turn-not-offered", "turn-without-credentials", "turn-no-443", "turn-lists-nothing-for-bridge"):
            assert judged(cause, *jitsi(signed=(config(),)), target=JITSI) is NOT_APPLICABLE

    def test_a_client_that_takes_udp_too(self) -> None:
        assert set(causes(*offering(TURN_UDP, use_turn_udp=True))) == {"turn-no-443"}

    def test_one_that_is_left_is_enough(self) -> None:
        assert causes(*offering(TURN_UDP, TURNS)) == {}

    def test_the_usual_port_of_turns_is_5349(self) -> None:
        usual = Service(type="turns", host=f"turn.{HOST}", transport="tcp", credentials=True)
        assert f"turns:turn.{HOST}:5349?transport=tcp" in words("turn-no-443", *offering(usual), target=JITSI)


class TestBridgeChannel:
    @pytest.mark.parametrize(
        ("status", "words_"),
        [(200, "does not lead the path"), (403, "another bridge"), (404, "does not lead"), (502, "no bridge listens")],
    )
    def test_what_the_answer_says(self, status: int, words_: str) -> None:
        assert words_ in words("bridge-channel-refused", channel(status, content_type="text/html"), target=JITSI)

    def test_no_answer_at_all(self) -> None:
        assert "refused" in words("bridge-channel-refused", channel(None, Failure.REFUSED), target=JITSI)

    def test_it_opened_and_bridges_without_one(self) -> None:
        assert judged("bridge-channel-refused", channel(101, None), target=JITSI) is CLEAR
        assert judged("bridge-channel-refused", *jitsi(*PASSES), target=JITSI) is NOT_APPLICABLE


def test_the_private_api_stays_an_error_in_a_healthy_call() -> None:
    assert causes(*CASES["private-api"][0]) == {"private-api-exposed": "error"}
    assert judged("private-api-exposed", page(f"http://{HOST}:8080/"), target=JITSI) is CLEAR
    assert judged("private-api-exposed", *unanswered(), target=JITSI) is NOT_APPLICABLE


@pytest.mark.parametrize("name", ALL)
def test_nothing_obsolete_is_advised(name: str) -> None:
    """No ICE over TCP, no harvester of old, no published private API; and what has ended says when."""
    scenario = ALL[name]
    fixes = [fix for each in report(*scenario, target=JITSI).findings for fix in each.fixes]
    settings = [fix for fix in fixes if isinstance(fix, Set)]
    assert not [fix for fix in settings if "TCP_HARVESTER" in fix.key or "COLIBRI_PORT" in fix.key]
    assert not [fix for fix in fixes if isinstance(fix, Allow | Forward) and {"4443", "8080"} & set(_ports(fix))]
    ended = {"DOCKER_HOST_ADDRESS", "ENABLE_COLIBRI_WEBSOCKET", "NAT_HARVESTER_PUBLIC_ADDRESS"}
    assert all(fix.until for fix in settings if fix.key.rpartition(".")[2] in ended)


@pytest.mark.parametrize("name", ALL)
def test_no_setting_is_given_two_values_for_one_version(name: str) -> None:
    scenario = ALL[name]
    fixes = [fix for each in report(*scenario, target=JITSI).findings for fix in each.fixes]
    told = {(fix.file, fix.section, fix.key, fix.value) for fix in fixes if isinstance(fix, Set)}
    assert len({each[:3] for each in told}) == len(told)


def _ports(fix: Allow | Forward) -> tuple[str, ...]:
    return fix.ports if isinstance(fix, Allow) else (fix.outside.rpartition(":")[2],)
