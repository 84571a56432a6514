"""Rules about the ways into Janus's API: where it is asked for and is not, and what answers in its place."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from natprobe.model import Do, Failure, Fix, Set, Target
from natprobe.render._words import advice
from natprobe.rules import CLEAR, NOT_APPLICABLE
from tests.made import HOST, TIMEOUT, WEB, WEB6, connected, found, judged, named, page, report, saw, session, words
from tests.made_janus import (
    API,
    JANUS,
    NETWORK,
    OTHER,
    PASSES,
    REFUSED,
    SOCKET,
    URL,
    WSS,
    Scenario,
    answering,
    causes,
    door,
    info,
    janus,
    over_ipv6,
    shut,
)

THERE, THERE6 = f"{OTHER}:8989", f"[{WEB6}]:8989"
NAMED_PORT: Scenario = (connected(f"{WEB}:8989", REFUSED),)
PLAIN_WS = f"ws://{HOST}:8188/"
BESIDE = f"wss://{HOST}/janus-ws"


def sibling(endpoint: str = THERE, url: str = WSS) -> object:
    return door(url, endpoint, why="sibling")


def elsewhere(*doors: object, told: object | None = None) -> Scenario:
    """The WebSocket is refused where the target names it, HTTP works, and these besides."""
    return janus(*PASSES, front=NAMED_PORT, doors=(shut(), door(), told or info(), *doors))  # type: ignore[arg-type]


def said(*fixes: Fix) -> str:
    return " ".join(line for each in fixes for line in advice(each))


def misrouted(status: int | None, url: str = BESIDE, **more: Any) -> Scenario:
    """The named way in, by a proxy that brings this."""
    fields: dict[str, Any] = {"failure": Failure.HTTP_STATUS, "reached": "tls", "status": status} | more
    return janus(*PASSES, doors=(shut(url, f"{WEB}:443", **fields), door(), info()))


# --- listening-on-other-address


def test_refused_here_and_answered_there() -> None:
    facts = elsewhere(sibling())
    assert causes(*facts, target=SOCKET) == {"listening-on-other-address": "error"}
    hits = found("listening-on-other-address", *facts, target=SOCKET)
    assert hits.args == {"endpoint": f"{WEB}:8989", "url": WSS, "right": THERE}
    assert "1.3.1" in said(*hits.fixes)
    assert "0.15.1" in said(*hits.fixes)
    removed = [each for each in hits.fixes if isinstance(each, Set)]
    assert [(each.key, each.op, each.file) for each in removed] == [
        ("wss_ip", "remove", "janus.transport.websockets.jcfg")
    ]


def test_without_tls_it_is_the_other_key() -> None:
    target = msgspec.structs.replace(SOCKET, port=8188)
    facts = janus(*PASSES, doors=(shut(PLAIN_WS, f"{WEB}:8188"), door(), sibling(f"{OTHER}:8188", PLAIN_WS)))  # type: ignore[arg-type]
    hits = found("listening-on-other-address", *facts, target=target)
    assert [each.key for each in hits.fixes if isinstance(each, Set)] == ["ws_ip"]


@pytest.mark.parametrize(
    ("version", "updates"),
    [
        ("1.1.2", True),
        ("1.3.0", True),
        ("0.15.0", True),
        ("0.14.3", True),
        (None, True),
        ("1.3.0-rc1", True),
        ("1.3.1", False),
        ("1.4.1", False),
        ("0.15.1", False),
        ("2", False),
    ],
)
def test_a_mended_version_needs_no_update(version: str | None, updates: bool) -> None:
    hits = found("listening-on-other-address", *elsewhere(sibling(), told=info(version_string=version)), target=SOCKET)
    assert any(isinstance(each, Do) and each.text.startswith("Update Janus") for each in hits.fixes) is updates


def test_by_a_plain_name_it_is_a_warning() -> None:
    """Who takes HTTP gets through."""
    facts = janus(*PASSES, doors=(door(), info(), shut(why="usual"), sibling()))  # type: ignore[arg-type]
    assert causes(*facts) == {"listening-on-other-address": "warning"}


def test_a_proxy_before_janus_has_no_websocket_to_miss() -> None:
    """The name leads to the proxy, whose ports are its own; Janus is at another address, where clients need nothing."""
    there = (*answering(f"{OTHER}:20041", 1), *answering(f"{OTHER}:20044", 2))
    facts = janus(*there, doors=(door(), info(), shut(why="usual"), sibling()))  # type: ignore[arg-type]
    assert causes(*facts) == {}


def test_the_other_family_of_the_name() -> None:
    """A browser falls back, and natprobe says what it fell back from."""
    doors = (shut(endpoint=THERE6), door(WSS, f"{WEB}:8989", why="target"), info())
    front = (connected(f"{WEB}:8989"), connected(THERE6, REFUSED), session(f"{WEB}:8989"))
    assert causes(*over_ipv6(*PASSES, doors=doors, front=front), target=SOCKET) == {
        "listening-on-other-address": "warning"
    }


@pytest.mark.parametrize(
    "doors",
    [
        (shut(failure=TIMEOUT), sibling()),  # a firewall's silence
        (shut(), sibling(f"{OTHER}:8188")),  # another port
        (shut(), sibling("10.0.0.10:8989")),  # where a proxy finds it
        (shut(), sibling(f"{WEB}:8989")),  # it was just started
        (shut(), shut(endpoint=THERE, why="sibling")),
        (shut(why="usual"), sibling(), door(BESIDE, f"{WEB}:443")),  # there is a way at this address
    ],
)
def test_what_is_no_proof_of_another_address(doors: Scenario) -> None:
    facts = janus(*PASSES, doors=(*doors, door(), info()))
    target = JANUS if len(doors) > 2 else SOCKET
    assert judged("listening-on-other-address", *facts, target=target) is CLEAR


def test_without_a_websocket_nothing_listens_elsewhere() -> None:
    assert judged("listening-on-other-address", *janus(*PASSES), target=JANUS) is NOT_APPLICABLE


# --- not-listening


def test_refused_everywhere_while_janus_answers() -> None:
    facts = elsewhere(shut(endpoint=THERE, why="sibling"))
    assert causes(*facts, target=SOCKET) == {"not-listening": "error"}
    assert "ss -ltnp" in said(*found("not-listening", *facts, target=SOCKET).fixes)


def test_a_transport_that_is_not_loaded_is_told() -> None:
    facts = elsewhere(told=info(transports=("http",)))
    assert words("not-listening", *facts, target=SOCKET).endswith("its transport websockets is not loaded")


@pytest.mark.parametrize(
    ("own", "others"),
    [(WEB, []), (None, []), ("10.0.0.10", ["port-not-forwarded", "port-not-published"])],
)
def test_what_stands_before_it_may_refuse_in_its_place(own: str | None, others: list[str]) -> None:
    hits = found("not-listening", *elsewhere(told=info(local_ip=own)), target=SOCKET)
    assert [each.cause for each in hits.alternatives] == others


def test_an_address_that_stays_silent_may_have_it() -> None:
    doors = (shut(), shut(endpoint=THERE, failure=TIMEOUT), door(), info())
    assert judged("not-listening", *janus(*PASSES, doors=doors), target=SOCKET) is CLEAR


def test_of_http_its_own_file_is_named() -> None:
    target = msgspec.structs.replace(API, port=8089)
    doors = (shut(f"https://{HOST}:8089/janus", f"{WEB}:8089"), door(WSS, f"{WEB}:8989"), info())
    hits = found("not-listening", *janus(*PASSES, doors=doors), target=target)
    assert "janus.transport.http.jcfg" in said(*hits.fixes)


def test_where_nothing_of_janus_answers_it_is_the_web_front() -> None:
    facts = (*NETWORK, *NAMED_PORT, shut())
    assert judged("not-listening", *facts, target=SOCKET) is CLEAR
    assert causes(*facts, target=SOCKET) == {"web-unreachable": "error"}
    assert judged("not-listening", *NETWORK, target=SOCKET) is NOT_APPLICABLE


def test_a_plain_name_promises_no_websocket() -> None:
    """Refused ports and unknown paths are what most have."""
    guesses = (
        shut(why="usual"),
        shut(PLAIN_WS, f"{WEB}:8188", why="usual"),
        shut(BESIDE, f"{WEB}:443", Failure.HTTP_STATUS, reached="tls", status=404, why="usual"),
        shut(f"https://{HOST}:8089/janus", f"{WEB}:8089", why="usual"),
    )
    assert causes(*janus(*PASSES, doors=(door(), info(), *guesses))) == {}


# --- websocket-refused, websocket-not-upgraded


@pytest.mark.parametrize(
    ("status", "more", "meaning"),
    [
        (200, {"content_type": "text/html"}, "a web page answers"),
        (302, {}, "a redirect"),
        (403, {}, "Upgrade headers got lost"),
        (400, {}, "Upgrade headers got lost"),
        (404, {}, "nobody behind the web server knows the path"),
        (502, {}, "sub-protocol"),
        (504, {}, "does not answer"),
        (418, {}, "no answer of Janus's"),
    ],
)
def test_what_answers_for_the_websocket(status: int, more: dict[str, Any], meaning: str) -> None:
    facts = misrouted(status, **more)
    assert causes(*facts, target=SOCKET) == {"websocket-refused": "error"}
    assert meaning in words("websocket-refused", *facts, target=SOCKET)
    told = said(*found("websocket-refused", *facts, target=SOCKET).fixes)
    assert "location /janus-ws" in told
    assert "proxy_set_header Upgrade" in told


@pytest.mark.parametrize(("status", "first"), [(502, Do), (404, Set)])
def test_who_is_to_be_looked_at_first(status: int, first: type) -> None:
    """Behind the web server, where nobody is there; else its own settings."""
    assert isinstance(found("websocket-refused", *misrouted(status), target=SOCKET).fixes[0], first)


def test_the_api_over_http_that_a_target_names() -> None:
    """Its WebSocket works beside it, and is not what was named."""
    named = shut(URL, f"{WEB}:443", Failure.HTTP_STATUS, reached="tls", status=502)
    facts = janus(*PASSES, doors=(named, door(BESIDE, f"{WEB}:443"), info()))
    assert causes(*facts, target=API) == {"websocket-refused": "error"}
    hits = found("websocket-refused", *facts, target=API)
    assert "location /janus {       proxy_pass http://127.0.0.1:8088;" in said(*hits.fixes)
    assert "janus-protocol" not in said(*hits.fixes)


def test_an_error_in_the_apis_place_is_no_web_front_that_fails() -> None:
    named = shut(URL, f"{WEB}:443", Failure.HTTP_STATUS, reached="tls", status=502)
    front = (connected(), session(), page(f"{URL}/info", 502, failure=Failure.HTTP_STATUS))
    facts = janus(*PASSES, front=front, doors=(named, door(BESIDE, f"{WEB}:443"), info()))
    assert causes(*facts, target=API) == {"websocket-refused": "error"}


@pytest.mark.parametrize("failure", [Failure.CLOSED, Failure.RESET, Failure.PROTOCOL])
def test_a_connection_without_an_answer(failure: Failure) -> None:
    facts = misrouted(None, failure=failure)
    assert causes(*facts, target=SOCKET) == {"websocket-refused": "error"}
    assert "gives no answer" in words("websocket-refused", *facts, target=SOCKET)


@pytest.mark.parametrize("failure", [Failure.CLOSED, Failure.RESET, Failure.PROTOCOL])
def test_accepted_and_mute(failure: Failure) -> None:
    facts = misrouted(101, failure=failure, reached="upgrade")
    assert causes(*facts, target=SOCKET) == {"websocket-not-upgraded": "error"}
    assert "janus-protocol" in said(*found("websocket-not-upgraded", *facts, target=SOCKET).fixes)


@pytest.mark.parametrize("reached", ["tls", "upgrade"])
def test_a_few_seconds_of_silence_are_no_proof(reached: str) -> None:
    """At 15 % loss each way TCP and TLS may take as long."""
    facts = misrouted(None, failure=TIMEOUT, reached=reached)
    assert causes(*facts, target=SOCKET) == {}
    assert report(*facts, target=SOCKET).verdict.status == "unknown"


@pytest.mark.parametrize("cause", ["websocket-refused", "websocket-not-upgraded"])
@pytest.mark.parametrize("target", [SOCKET, JANUS])
def test_where_it_answers_nothing_is_refused(cause: str, target: Target) -> None:
    facts = janus(*PASSES, doors=(door(WSS, f"{WEB}:8989", why="target"), info()))
    assert judged(cause, *facts, target=target) is (CLEAR if target is SOCKET else NOT_APPLICABLE)


@pytest.mark.parametrize("failure", [REFUSED, Failure.TLS_CERTIFICATE, Failure.NO_ROUTE])
def test_no_connection_is_no_refusal_of_the_websocket(failure: Failure) -> None:
    facts = (*NETWORK, shut(failure=failure))
    assert judged("websocket-refused", *facts, target=SOCKET) is CLEAR
    assert judged("websocket-not-upgraded", *facts, target=SOCKET) is CLEAR


def test_nothing_here_is_said_of_a_jitsi() -> None:
    facts = (named(WEB), saw())
    for cause in ("websocket-refused", "websocket-not-upgraded", "not-listening", "listening-on-other-address"):
        assert judged(cause, *facts) is NOT_APPLICABLE


# --- reports that nobody's probes wrote


@pytest.mark.parametrize(
    "doors",
    [
        (shut("wss://[", f"{WEB}:8989"), door("wss://[", THERE, why="sibling")),
        (shut("wss://[", failure=Failure.HTTP_STATUS, reached="tls", status=404),),
        (shut("wss://[", failure=Failure.CLOSED, reached="upgrade", status=101),),
    ],
)
def test_a_text_that_is_no_url(doors: Scenario) -> None:
    assert report(*janus(doors=doors, calls=()), target=SOCKET).findings
