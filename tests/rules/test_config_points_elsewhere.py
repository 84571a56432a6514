"""Where config.js sends clients, on facts made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.facts import JitsiConfig, SignIn
from natprobe.model import Failure, Observation, Set, Severity, Target
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, rules
from natprobe.rules.np408_config_points_elsewhere import check
from tests.made import HOST, PAGE, WEB, facts, found, judged, named

CAUSE = "config-points-elsewhere"
SOCKET, BOSH = f"wss://{HOST}/xmpp-websocket", f"https://{HOST}/http-bind"


def told(page: str = f"https://{HOST}", **more: Any) -> JitsiConfig:
    fields: dict[str, Any] = {"domain": "meet.jitsi", "websocket": SOCKET, "bosh": BOSH} | more
    return JitsiConfig(url=f"{page}/config.js", endpoint=f"{WEB}:443", **fields)


def tried(url: str, reached: Any, transport: Any = "websocket") -> SignIn:
    return SignIn(url=url, transport=transport, domain="meet.jitsi", reached=reached, failure=Failure.TIMEOUT)


def only(*observations: Observation, target: Target = PAGE) -> Found:
    return found(CAUSE, named(WEB), *observations, target=target)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("wss://localhost:8443/xmpp-websocket", "own machine"),
        ("wss://127.0.0.1/xmpp-websocket", "own machine"),
        ("wss://[::1]:8443/xmpp-websocket", "own machine"),
        ("wss://192.168.1.5:8443/xmpp-websocket", "private"),
        ("wss://172.18.0.4/xmpp-websocket", "private"),
        ("wss://0.0.0.0/xmpp-websocket", "private"),
        ("wss://[fd00::1]/xmpp-websocket", "private"),
        ("wss://http://meet.example.com/xmpp-websocket", "no name"),
        ("wss://prosody/xmpp-websocket", "no name"),
        (f"ws://{HOST}/xmpp-websocket", "insecure"),
        (f"https://{HOST}/xmpp-websocket", "BOSH"),
        ("wss://[bad/x", "no address"),
        (f"wss://{HOST}:0/x", "no address"),
        (f"wss://{HOST}:99999/x", "no address"),
        ("wss:///xmpp-websocket", "no address"),
        ("javascript:alert(1)", "no address"),
    ],
)
def test_what_no_client_can_use(url: str, words: str) -> None:
    one = only(told(websocket=url))
    assert words in one.args["fault"]
    assert (one.args["url"], one.args["key"], one.severity) == (url, "websocket", None)


@pytest.mark.parametrize(
    "url",
    [
        SOCKET,
        f"wss://{HOST.upper()}:443/xmpp-websocket",
        "wss://xmpp.example.org/xmpp-websocket",
        "wss://xmpp.example.org:5281/xmpp-websocket",
        "wss://203.0.113.99/xmpp-websocket",
    ],
)
def test_what_may_be_meant(url: str) -> None:
    assert judged(CAUSE, named(WEB), told(websocket=url), target=PAGE) is CLEAR


@pytest.mark.parametrize(
    ("reached", "wrong"),
    [("nothing", True), ("connection", True), ("tls", False), ("upgrade", False), ("binding", False)],
)
def test_another_port_is_wrong_where_nothing_answers_there(reached: str, wrong: bool) -> None:
    url = f"wss://{HOST}:8443/xmpp-websocket"
    judgement = judged(CAUSE, named(WEB), told(websocket=url), tried(url, reached), target=PAGE)
    assert isinstance(judgement, list) is wrong
    assert judged(CAUSE, named(WEB), told(websocket=url), target=PAGE) is CLEAR  # nobody tried


def test_the_way_that_is_not_taken_is_a_warning() -> None:
    assert only(told(bosh="https://localhost:8443/http-bind")).severity is Severity.WARNING
    assert only(told(websocket="wss://localhost:8443/x", prefer_bosh=True)).severity is Severity.WARNING
    assert only(told(websocket=None, bosh="https://localhost:8443/http-bind")).severity is None


def test_both_are_told_in_one() -> None:
    """As one setting makes them, by one change; each with its own fault where those differ."""
    alike = only(told(websocket="wss://localhost:8443/x", bosh="https://localhost:8443/http-bind"))
    assert {alike.args["url"], alike.args["other_url"]} == {
        "wss://localhost:8443/x",
        "https://localhost:8443/http-bind",
    }
    assert "own machine" in alike.message.format_map(alike.args)
    assert [each.key for each in alike.fixes if isinstance(each, Set)] == ["PUBLIC_URL"]
    two = only(told(websocket="wss://localhost:8443/x", bosh=f"http://{HOST}/http-bind"))
    words = two.message.format_map(two.args)
    assert "own machine, and to" in words
    assert "insecure" in words
    assert two.severity is None


def test_both_of_a_package_are_two_lines() -> None:
    fixes = only(told(domain=HOST, websocket="wss://localhost:8443/x", bosh="https://localhost:8443/http-bind")).fixes
    assert [each.key for each in fixes if isinstance(each, Set)] == ["websocket", "bosh"]


@pytest.mark.parametrize(
    ("page", "address", "url"),
    [
        ("https://localhost:8443", "127.0.0.1", "wss://localhost:8443/xmpp-websocket"),
        (f"https://{HOST}", "192.168.1.5", "wss://192.168.1.5/xmpp-websocket"),
        ("https://jitsi:8443", "10.0.0.5", "wss://jitsi:8443/xmpp-websocket"),
        ("http://meet.lan", "10.0.0.5", "ws://meet.lan/xmpp-websocket"),
        ("http://meet.lan", "10.0.0.5", "wss://meet.lan/xmpp-websocket"),
    ],
)
def test_a_page_that_is_itself_inside(page: str, address: str, url: str) -> None:
    config = told(page, websocket=url, bosh=None)
    name = page.partition("://")[2].partition(":")[0]
    target = Target(input=name, host=name, port=443)
    assert check(facts(named(address, name=name), config, target=target)) is CLEAR


def test_what_to_change() -> None:
    """By how it was installed; PUBLIC_URL with the port that people type."""
    docker = only(told(f"https://{HOST}:8443", websocket="wss://localhost:8443/x")).fixes
    assert [(each.key, each.value) for each in docker if isinstance(each, Set)] == [
        ("PUBLIC_URL", f"https://{HOST}:8443")
    ]
    (package,) = only(told(domain=HOST, websocket="wss://localhost/x")).fixes
    assert isinstance(package, Set)
    assert (package.file, package.key, package.value) == (
        f"/etc/jitsi/meet/{HOST}-config.js",
        "websocket",
        f"'{SOCKET}'",
    )
    assert len(only(told(domain=None, websocket="wss://localhost/x")).fixes) == 2


def test_without_a_config() -> None:
    assert judged(CAUSE, named(WEB), target=PAGE) is NOT_APPLICABLE
    assert judged(CAUSE, named(WEB), told(failure=Failure.PROTOCOL), target=PAGE) is NOT_APPLICABLE
    assert CAUSE in {rule.cause.name for rule in rules()}


@pytest.mark.parametrize("page", ["https://[", "ftp://" + HOST, f"https://{HOST}:99999"])
def test_a_page_that_is_no_url(page: str) -> None:
    """A saved report may say anything."""
    assert judged(CAUSE, named(WEB), told(page)) is CLEAR or only(told(page)).fixes
    assert only(told(page, websocket="wss://127.0.0.1/xmpp-websocket")).fixes
