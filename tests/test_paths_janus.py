"""Ways, stages and verdicts of a Janus: what its doors, its handles and their candidates come to."""

from __future__ import annotations

import pytest

from natprobe.facts import Facts, Probed, server_kind
from natprobe.model import Failure, Observation, Path, Report, Target
from natprobe.reasons import REASONS
from tests.made import (
    HOST,
    PAGE,
    STUN1,
    TIMEOUT,
    WEB,
    checked,
    connected,
    numbered,
    relay,
    report,
    saw,
    session,
    silent,
)
from tests.made_janus import (
    API,
    JANUS,
    NETWORK,
    ONE,
    PASSES,
    REFUSED,
    SOCKET,
    TWO,
    WRONG,
    WRONG_TOO,
    WSS,
    Scenario,
    answering,
    call,
    candidate,
    door,
    echoed,
    forced,
    info,
    janus,
    refused_call,
    settled,
    shut,
    unanswered,
)

SKIPPED, CUT = (
    Probed(probe="echo", status="skipped", detail="not asked for: --no-join"),
    Probed(probe="echo", status="cut"),
)
UNKNOWN_TO_IT, WITHOUT_PLUGIN, FULL = (
    refused_call(403, failure=Failure.UNAUTHORIZED),
    refused_call(460),
    refused_call(472),
)
TCP = f"{WEB}:20041"


def path(found: Report, name: str) -> Path:
    return next(each for each in found.paths if each.name == name)


def judged(*observations: Observation, target: Target = JANUS) -> Report:
    return report(*observations, target=target)


def stages(found: Report) -> tuple[str, str]:
    return found.verdict.stages.signalling, found.verdict.stages.session


# --- the direct way


def test_a_janus_that_works() -> None:
    found = judged(*janus(*PASSES))
    direct = path(found, "direct-udp")
    assert (direct.status, direct.proof) == ("open", "media")
    best = next(each for each in direct.attempts if each.proof == "media")
    assert (best.endpoint, best.large_up, best.large_down, best.pair) == (TWO, True, True, "advertised")
    assert found.verdict.status == "good"
    assert found.verdict.media == "direct-udp"
    assert stages(found) == ("ok", "ok")


def test_full_size_media_that_does_not_come_back_blocks() -> None:
    found = judged(*janus(*PASSES[:-2], echoed(100, 1), echoed(1200, 0, sent=9)))
    direct = path(found, "direct-udp")
    assert (direct.status, direct.reason, direct.proof) == ("blocked", "large-packets-lost", "media")
    assert found.verdict.status == "broken"


@pytest.mark.parametrize("tries", [9, 3])
def test_media_that_came_back_outweighs_a_padded_check(tries: int) -> None:
    """It went there in full size."""
    checks = (*answering(ONE, 1), candidate(TWO, 2), checked(TWO), silent(TWO, size=1200, tries=tries), *settled())
    found = judged(*janus(*checks, echoed(100, 1), echoed(1200, 1)))
    best = next(each for each in path(found, "direct-udp").attempts if each.proof == "media")
    assert (best.status, best.large_up, best.large_down) == ("open", True, True)
    assert found.verdict.status == "good"
    assert found.findings == ()


@pytest.mark.parametrize("echoes", [(), (echoed(100, 0, sent=9), echoed(1200, 0, sent=9)), (echoed(100, 1),)])
def test_an_echo_that_tells_nothing_leaves_the_way_open(echoes: Scenario) -> None:
    direct = path(judged(*janus(*PASSES[:-2], *echoes)), "direct-udp")
    assert (direct.status, [each.large_down for each in direct.attempts]) == ("open", [None, None])


def test_another_sessions_echo_counts_for_no_attempt() -> None:
    direct = path(judged(*janus(*PASSES[:-2], echoed(1200, 1, handle=3))), "direct-udp")
    assert [each.large_down for each in direct.attempts] == [None, None]


def test_a_pair_by_luck_is_open_and_says_so() -> None:
    media = (*unanswered(WRONG, 1), *unanswered(WRONG_TOO, 2), forced(ONE), *settled(TWO, "peer-reflexive"))
    found = judged(*janus(*media))
    direct = path(found, "direct-udp")
    assert (direct.status, direct.proof) == ("open", "media")
    assert [each.pair for each in direct.attempts if each.status == "open"] == ["peer-reflexive"]
    assert found.verdict.status == "good"


# --- ICE over TCP


def test_tcp_is_offered_by_two_settings_only() -> None:
    tcp = path(judged(*janus(*PASSES)), "direct-tcp")
    assert (tcp.status, tcp.reason) == ("not-offered", "ice-tcp-off")


def test_passive_candidates_over_tcp() -> None:
    over_tcp = checked(TCP, transport="tcp")
    found = judged(*janus(*unanswered(ONE, 1), candidate(TCP, transport="tcp"), over_tcp))
    assert (path(found, "direct-tcp").status, path(found, "direct-tcp").proof) == ("open", "ice")
    assert found.verdict.status == "degraded"


def test_candidates_of_no_family_here() -> None:
    """They were told, and no check could be sent."""
    direct = path(judged(*janus(candidate("[2001:db8:f::10]:20050"))), "direct-udp")
    assert (direct.status, direct.reason) == ("unknown", "family-not-here")


# --- relays


def test_a_janus_hands_out_no_relay() -> None:
    found = judged(*janus(*PASSES))
    for name in ("turn-udp", "turn-tcp", "turn-tls", "turn-dtls"):
        assert (path(found, name).status, path(found, name).reason) == ("not-offered", "relay-not-named")


def test_a_named_relay_is_only_untried() -> None:
    found = judged(*janus(*PASSES), relay("udp"))
    assert (path(found, "turn-udp").status, path(found, "turn-udp").reason) == ("unknown", "not-tried")
    assert path(found, "turn-tcp").reason == "relay-not-named"


# --- stages


@pytest.mark.parametrize(
    ("doors", "target", "wanted"),
    [
        ((door(), info()), JANUS, "ok"),
        ((shut(why="usual"), door()), JANUS, "ok"),
        ((door(error_code=403, failure=Failure.UNAUTHORIZED),), JANUS, "ok"),  # in its own words
        # It may be at another port or path than the usual ones.
        ((shut(why="usual"), shut(f"https://{HOST}:8089/janus", f"{WEB}:8089", why="usual")), JANUS, "unknown"),
        ((shut(why="usual"), shut(failure=Failure.NO_ROUTE, why="usual")), JANUS, "unknown"),
        ((), JANUS, "unknown"),
        ((shut(), door()), SOCKET, "failed"),  # by another way is not by the one that was named
        ((door(WSS, f"{WEB}:8989", why="target"),), SOCKET, "ok"),
        ((shut(failure=TIMEOUT),), SOCKET, "unknown"),
        ((shut(failure=Failure.HTTP_STATUS, reached="tls", status=404),), SOCKET, "failed"),
        ((shut(f"https://{HOST}/janus", f"{WEB}:443", why="target"), door(WSS, f"{WEB}:8989")), API, "failed"),
        ((door(WSS, "203.0.113.11:8989", why="sibling"), shut()), SOCKET, "failed"),
    ],
)
def test_signalling_is_the_way_that_was_named(doors: Scenario, target: Target, wanted: str) -> None:
    assert judged(*janus(doors=doors, calls=()), target=target).verdict.stages.signalling == wanted


@pytest.mark.parametrize(
    ("calls", "wanted", "reason"),
    [
        ((call(),), "ok", "family-not-here"),
        ((call(), UNKNOWN_TO_IT), "ok", "family-not-here"),
        ((UNKNOWN_TO_IT,), "unknown", "login-needed"),
        ((WITHOUT_PLUGIN,), "unknown", "no-echo"),
        ((SKIPPED,), "unknown", "not-joined"),
        ((CUT,), "unknown", "out-of-time"),
        ((FULL,), "failed", "sessions-refused"),
        ((call(candidates=0),), "failed", "no-candidates"),
        ((refused_call(490),), "failed", "no-session-offered"),
        ((call(failure=Failure.CLOSED),), "unknown", "needs-session"),
        ((call(failure=TIMEOUT, reached="offer"),), "unknown", "no-session-offered"),
        ((), "unknown", "needs-session"),
    ],
)
def test_a_session_is_an_answer_with_addresses(calls: Scenario, wanted: str, reason: str) -> None:
    told = (candidate("[2001:db8:f::10]:20050"),) if wanted == "ok" else ()
    found = judged(*janus(*told, calls=calls))
    assert found.verdict.stages.session == wanted
    assert path(found, "direct-udp").reason == reason
    assert reason in REASONS


def test_no_door_no_session() -> None:
    assert path(judged(*janus(doors=(shut(),), calls=()), target=SOCKET), "direct-udp").reason == "signalling-failed"


def test_a_janus_that_is_found_nowhere_may_be_elsewhere() -> None:
    """A page of Janus's, and nothing at the usual ports and paths: nobody named one, so that nothing is broken."""
    found = judged(*janus(doors=(shut(why="usual"),), calls=()))
    assert found.verdict.status == "unknown"
    assert path(found, "direct-udp").reason == "no-way-in"
    assert "janus+https:" in REASONS["no-way-in"]
    refused_here = (shut(why="usual"), door(WSS, "203.0.113.11:8989", why="sibling"))
    assert judged(*janus(*PASSES, doors=refused_here, calls=())).verdict.stages.signalling == "failed"


def test_without_an_address_nothing_is_tried() -> None:
    assert path(judged(saw(STUN1)), "direct-udp").reason == "no-address"


@pytest.mark.parametrize(
    ("calls", "status"), [((UNKNOWN_TO_IT,), "unknown"), ((WITHOUT_PLUGIN,), "unknown"), ((FULL,), "broken")]
)
def test_what_cannot_be_tried_is_not_called_broken(calls: Scenario, status: str) -> None:
    assert judged(*janus(calls=calls)).verdict.status == status


# --- what it is


def test_what_answers_at_januss_ports_is_a_janus() -> None:
    assert server_kind(Facts(PAGE, numbered(door()))) == "janus"
    assert server_kind(Facts(PAGE, numbered(shut()))) == "auto"


def test_its_sentence_speaks_of_media() -> None:
    """Meetings are one of its plugins."""
    found = judged(*janus(*unanswered(ONE, 1), *unanswered(TWO, 2)))
    assert found.verdict.summary.startswith(f"Media will not flow between here and {HOST}: UDP to {WEB}")


# --- the web stage of what has no page


@pytest.mark.parametrize(
    ("front", "doors", "wanted"),
    [
        ((connected(f"{WEB}:8989"), session(f"{WEB}:8989")), (door(WSS, f"{WEB}:8989", why="target"),), "ok"),
        ((connected(f"{WEB}:8989", REFUSED),), (shut(), door()), "ok"),  # the host is there
        ((connected(f"{WEB}:8989", REFUSED),), (shut(),), "failed"),
        ((connected(f"{WEB}:8989", TIMEOUT),), (shut(failure=TIMEOUT), door()), "failed"),
        (
            (connected(f"{WEB}:8989"), session(f"{WEB}:8989", Failure.TLS_CERTIFICATE)),
            (shut(failure=Failure.TLS_CERTIFICATE, reached="connection"),),
            "failed",
        ),
    ],
)
def test_the_web_stage_of_a_websocket(front: Scenario, doors: Scenario, wanted: str) -> None:
    assert judged(*NETWORK, *front, *doors, target=SOCKET).verdict.stages.web == wanted


def test_silence_of_one_handle_leaves_the_other_open() -> None:
    found = judged(*janus(*answering(ONE, 1), candidate(TWO, 2), silent(TWO), silent(TWO, size=1200)))
    assert path(found, "direct-udp").status == "open"
    assert found.verdict.status == "good"
