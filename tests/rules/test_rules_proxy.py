"""Rules about proxies, portals and inspection: each as it speaks, and the networks that only look like it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from natprobe.model import Allow, Failure, Observation, Where
from natprobe.render import _dialects as dialects
from natprobe.rules import CLEAR, NOT_APPLICABLE
from natprobe.servers import squid
from tests.made import (
    HOST,
    PAGE,
    RELAY_HOST,
    STUN1,
    STUN2,
    WEB,
    connected,
    found,
    judged,
    named,
    relay,
    report,
    saw,
    unheard,
    words,
)
from tests.made_jitsi import JITSI, PASSES, jitsi, services
from tests.made_proxy import (
    CONTROL,
    FRONT,
    PROXY,
    RELAY_443,
    RELAY_5349,
    SHUT,
    SOCKETS_DEAD,
    UDP_WORKS,
    UNHEARD,
    behind,
    choice,
    led,
    problem_a,
    relayed,
    tunnel,
)
from tests.made_relays import TLS

UNRESOLVED = named(failure=Failure.NXDOMAIN)


def causes(*observations: Observation, target: Any = JITSI) -> dict[str, str]:
    return {each.cause: str(each.severity) for each in report(*observations, target=target).findings}


def errors(*observations: Observation, target: Any = JITSI) -> set[str]:
    return {cause for cause, severity in causes(*observations, target=target).items() if severity == "error"}


# --- problem A


def test_only_the_web_goes_by_the_proxy() -> None:
    seen = problem_a()
    assert causes(*seen) == {
        "proxy-ignores-media": "error",
        "proxy-required": "note",
        "turn-not-offered": "warning",
        "tcp-fallback-obsolete": "note",
    }
    verdict = report(*seen, target=JITSI).verdict
    assert verdict.status == "broken"
    assert "carries the web alone" in verdict.summary
    assert (verdict.stages.name, verdict.stages.web) == ("ok", "ok")


def test_names_are_the_proxys_matter() -> None:
    seen = problem_a(name=UNRESOLVED, straight=())
    assert errors(*seen) == {"proxy-ignores-media"}
    assert "not known here" in words("proxy-required", *seen, target=JITSI)


def test_both_sides_are_told_what_to_do() -> None:
    fixes = found("proxy-ignores-media", *problem_a(relays=services(RELAY_443)), target=JITSI).fixes
    assert {each.audience for each in fixes} == {"network"}, "the server's side has done its part"
    ticket = next(text for each in fixes if (text := getattr(each, "text", "")).startswith("For the ticket"))
    assert f"{HOST}, port 10000" in ticket
    assert f"CONNECT to {RELAY_HOST}:443" in ticket
    bare = found("proxy-ignores-media", *problem_a(), target=JITSI).fixes
    assert {each.audience for each in bare} == {"network", "server"}
    assert "once the server has a relay" in getattr(bare[0], "text", "")


def test_a_firewall_that_rejects_is_the_same() -> None:
    far: dict[str, Any] = {"failure": Failure.PROHIBITED, "tries": 1, "reported_by": "192.168.1.1"}
    seen = behind(*UNHEARD, network=(unheard(STUN1, **far), unheard(STUN2, **far)))
    assert errors(*seen) == {"proxy-ignores-media"}


def test_no_other_server_asked() -> None:
    """It may be the server's port as well."""
    seen = behind(*UNHEARD, network=())
    assert errors(*seen) == {"proxy-ignores-media"}
    others = found("proxy-ignores-media", *seen, target=JITSI).alternatives
    assert [each.cause for each in others] == ["media-port-silent"]


def test_tcp_passes_beside_the_proxy() -> None:
    """Then one server's silence proves nothing of the network, and several servers' does."""
    network = (unheard(STUN1), unheard(STUN2), saw(STUN1, transport="tcp"))
    assert errors(*behind(*UNHEARD, network=network, straight=(connected(),))) == {"proxy-ignores-media"}
    alone = behind(*UNHEARD, network=(saw(STUN1, transport="tcp"),), straight=(connected(),))
    assert "proxy-ignores-media" not in causes(*alone)


def test_udp_passes_beside_the_proxy() -> None:
    seen = behind(*PASSES, network=UDP_WORKS)
    assert report(*seen, target=JITSI).verdict.status == "good"
    assert errors(*seen) == set()
    assert judged("proxy-ignores-media", *seen, target=JITSI) is CLEAR


def test_the_media_port_alone_is_silent() -> None:
    """UDP comes back from others: it is the port's matter, proxy or not."""
    seen = behind(*UNHEARD, network=UDP_WORKS)
    assert errors(*seen) == {"media-port-silent"}


def test_a_relay_through_the_proxy_carries_it() -> None:
    seen = problem_a(relays=services(RELAY_443))
    got = report(*seen, *relayed(), target=JITSI)
    assert (got.verdict.status, got.verdict.media) == ("degraded", "turn-tls-proxy")
    assert {each.cause for each in got.findings} == {"proxy-required"}


# --- a browser that goes straight


def test_no_proxy_is_set() -> None:
    seen = (choice(None), *jitsi(*PASSES))
    for cause in ("proxy-required", "proxy-ignores-media"):
        assert judged(cause, *seen, target=JITSI) is NOT_APPLICABLE
    for cause in ("proxy-refuses-port", "proxy-authentication"):
        assert judged(cause, *seen, target=JITSI) is NOT_APPLICABLE
    assert causes(*seen) == causes(*jitsi(*PASSES))


def test_a_dead_proxy_with_direct_behind_it() -> None:
    """The browser goes straight after all: nothing of the proxy is a cause."""
    seen = (choice(None, ways=(PROXY, "direct")), *jitsi(*PASSES))
    assert report(*seen, target=JITSI).verdict.status == "good"
    assert not any(each.startswith("proxy") for each in causes(*seen))


def test_the_script_leaves_this_host_out() -> None:
    other = choice(PROXY, host="elsewhere.test", purpose="relay")
    seen = (choice(None, by="desktop"), other, *jitsi(*PASSES))
    assert report(*seen, target=JITSI).verdict.status == "good"


def test_what_goes_straight_is_judged_without_the_proxys_word() -> None:
    """The page is shut straight, and open through the proxy: the browser's way counts, both ways round."""
    assert "web-unreachable" not in causes(*problem_a())
    shut = (choice(None), named(WEB), *SHUT, *FRONT, *UDP_WORKS)
    assert "web-unreachable" in causes(*shut)


# --- the proxy's own word


def test_a_dead_proxy() -> None:
    dead = choice(None, ways=(PROXY,), failure=Failure.REFUSED)
    seen = (dead, UNRESOLVED, *SOCKETS_DEAD, *led(connected(failure=Failure.REFUSED)))
    got = report(*seen, target=PAGE)
    assert got.verdict.status == "broken"
    assert errors(*seen, target=PAGE) == {"web-unreachable"}
    assert found("web-unreachable", *seen, target=PAGE).where is Where.PROXY


@pytest.mark.parametrize(("status", "error"), [(503, "ERR_CONNECT_FAIL 111"), (502, ""), (504, "")])
def test_the_proxy_does_not_get_there(status: int, error: str) -> None:
    seen = (choice(), named(WEB), *SOCKETS_DEAD, *SHUT, tunnel(status=status, error=error))
    assert errors(*seen, *led(connected(failure=Failure.HTTP_STATUS)), target=PAGE) == {"web-unreachable"}
    assert f"HTTP {status}" in words("web-unreachable", *seen, target=PAGE)


def test_nobody_knows_the_name() -> None:
    failed = tunnel(status=503, error="ERR_DNS_FAIL 0")
    seen = (choice(), UNRESOLVED, *SOCKETS_DEAD, failed, *led(connected(failure=Failure.HTTP_STATUS)))
    assert errors(*seen, target=PAGE) == {"name-unresolved"}


def test_the_proxy_refuses_the_relays_port() -> None:
    denied = tunnel(RELAY_HOST, 5349, "relay", 403, error="ERR_ACCESS_DENIED 0")
    seen = (*problem_a(relays=services(RELAY_5349)), relay("tls", "203.0.113.40:5349"), denied, CONTROL)
    assert errors(*seen) == {"proxy-refuses-port"}
    text = words("proxy-refuses-port", *seen, target=JITSI)
    assert f"refuses port 5349 of the relay {RELAY_HOST} (HTTP 403)" in text
    assert "port 443 of meet.example.test and stun.other.test passes" in text
    fixes = found("proxy-refuses-port", *seen, target=JITSI).fixes
    (opening,) = [each for each in fixes if isinstance(each, Allow) and each.at == squid.PORTS]
    (copied,) = dialects.lines(opening, ())
    assert (copied.label, copied.lines) == ("/etc/squid/squid.conf", ("acl SSL_ports port 5349",))
    assert {each.audience for each in fixes} == {"network", "server"}


def test_the_proxy_refuses_the_relay_by_name() -> None:
    denied = tunnel(RELAY_HOST, 443, "relay", 403)
    seen = (*problem_a(relays=services(RELAY_443)), relay("tls", "203.0.113.40:443"), denied)
    assert "refuses the relay" in words("proxy-refuses-port", *seen, target=JITSI)
    assert errors(*seen) == {"proxy-refuses-port"}
    keys = [getattr(each, "key", "") for each in found("proxy-refuses-port", *seen, target=JITSI).fixes]
    assert f"acl meetings dstdomain {RELAY_HOST}" in keys


def test_another_relay_passes() -> None:
    denied = tunnel(RELAY_HOST, 3478, "relay", 403)
    assert judged("proxy-refuses-port", *problem_a(), denied, *relayed(), target=JITSI) is CLEAR


def test_the_relays_port_is_shut_behind_the_proxy() -> None:
    """The proxy would have let it pass: no rule of its is to blame."""
    shut = tunnel(RELAY_HOST, 443, "relay", 503, error="ERR_CONNECT_FAIL 111")
    assert judged("proxy-refuses-port", *problem_a(relays=services(RELAY_443)), shut, target=JITSI) is CLEAR


DENIED_PAGE = (choice(), UNRESOLVED, *SOCKETS_DEAD, tunnel(status=403), *led(connected(failure=Failure.HTTP_STATUS)))


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ((tunnel("stun.other.test", 443, "control", 403),), "refuses every tunnel"),
        ((CONTROL,), "while it leads to stun.other.test"),
        ((), "refuses meet.example.test (HTTP 403)"),
    ],
)
def test_the_proxy_refuses_the_page(more: tuple[Observation, ...], what: str) -> None:
    seen = (*DENIED_PAGE, *more)
    assert report(*seen, target=PAGE).verdict.status == "broken"
    assert errors(*seen, target=PAGE) == {"proxy-refuses-port"}
    assert what in words("proxy-refuses-port", *seen, target=PAGE)


def test_socks_says_no() -> None:
    seen = (choice(), UNRESOLVED, tunnel(status=None, reply=2, failure=Failure.PROHIBITED))
    assert "SOCKS: not allowed" in words("proxy-refuses-port", *seen, target=PAGE)


@pytest.mark.parametrize(
    ("fields", "what", "fix"),
    [
        ({"schemes": ("Basic",)}, "was told nothing", "--proxy-username"),
        ({"schemes": ("Basic",), "authenticated": True}, "refuses the user name and password", "Correct --proxy-user"),
        ({"schemes": ("Negotiate", "NTLM")}, "natprobe does not know (Negotiate, NTLM)", "browser of this machine"),
    ],
)
def test_the_proxy_wants_a_password(fields: dict[str, Any], what: str, fix: str) -> None:
    asks = tunnel(status=407, **fields)
    seen = (choice(), UNRESOLVED, *SOCKETS_DEAD, asks, *led(connected(failure=Failure.UNAUTHORIZED)))
    assert report(*seen, target=PAGE).verdict.status == "broken"
    assert errors(*seen, target=PAGE) == {"proxy-authentication"}
    assert what in words("proxy-authentication", *seen, target=PAGE)
    assert fix in getattr(found("proxy-authentication", *seen, target=PAGE).fixes[0], "text", "")


def test_the_password_was_right() -> None:
    seen = problem_a(front=(tunnel(authenticated=True), *FRONT[1:]))
    assert judged("proxy-authentication", *seen, target=JITSI) is CLEAR


def test_nothing_of_proxies_is_said_of_a_relays_own_check() -> None:
    """A leg through the proxy alone, of a `turn:` target."""
    target = msgspec.structs.replace(TLS, port=443)
    chosen = choice(PROXY, RELAY_HOST, 443, purpose="relay")
    seen = (chosen, relay("tls", "203.0.113.40:443"), tunnel(RELAY_HOST, 443, "relay", 403), *SOCKETS_DEAD)
    assert errors(*seen, target=target) == {"proxy-refuses-port"}
