"""The lab's proxies, portals and interceptors are what they say: asked without natprobe."""

from __future__ import annotations

import sys

import pytest

from natprobe.model import Fix
from natprobe.render._fixing import copies
from natprobe.servers import squid
from tests import access
from tests.case import Case, Dns, Expect, Network, Relay
from tests.case_proxy import Proxy
from tests.netns import addresses as at
from tests.netns.lab import Lab, lab

RIGHT, WRONG = f"{access.USER}:{access.PASSWORD}", f"{access.USER}:{access.WRONG}"
TURN, DENIED, ASKED = "turn.example.test", "403 ERR_ACCESS_DENIED 0", '407 Basic realm="Proxy of the lab"'
FILTER = "Web filter of the lab"


def case(proxy: Proxy, **parts: Network | Dns) -> Case:
    expect = Expect(verdict="unknown", exit=3)
    relay = Relay(runs=True, tls="good")
    return Case(title="the lab itself", expect=expect, relay=relay, proxy=proxy, **parts)  # type: ignore[arg-type]


def ask(built: Lab, *question: str) -> str:
    return built.client.run([sys.executable, "-m", "tests.netns.proxy_client", *question]).stdout.strip()


def printed(*fixes: Fix) -> tuple[str, ...]:
    """What a report has to copy into squid.conf."""
    return tuple(line for fix in fixes for copied in copies(fix) for line in copied.lines)


SQUIDS = {
    "usual": (Proxy(kind="squid"), "200", "200", DENIED),
    "all-ports": (Proxy(kind="squid", rules="all-ports"), "200", "200", "200"),
    "one more port": (Proxy(kind="squid", lines=printed(squid.ports_allowed(TURN, [5349]))), "200", "200", "200"),
    "deny-all": (Proxy(kind="squid", rules="deny-all"), DENIED, DENIED, DENIED),
    "no-relay": (Proxy(kind="squid", rules="no-relay"), "200", DENIED, DENIED),
    "no-relay mended": (
        Proxy(kind="squid", rules="no-relay", lines=printed(*squid.hosts_allowed([TURN]), *squid.quiet_tunnels())),
        *("200", "200", DENIED),
    ),
}


@pytest.mark.parametrize("name", SQUIDS)
def test_what_squid_leads_to(name: str) -> None:
    proxy, web, relay, port = SQUIDS[name]
    with lab(case(proxy, network=Network(udp="drop", tcp="drop"), dns=Dns(outside=False))) as built:
        assert ask(built, "connect", at.TARGET, "443") == web
        assert ask(built, "connect", TURN, "443") in (relay, "503 ERR_CONNECT_FAIL 111")  # nothing listens there
        assert (ask(built, "connect", TURN, "443") == DENIED) == (relay == DENIED)
        assert ask(built, "connect", TURN, "5349") == port


def test_a_proxy_that_wants_to_know_who_asks() -> None:
    with lab(case(Proxy(kind="squid", auth="basic"))) as built:
        assert ask(built, "connect", at.TARGET, "443") == ASKED
        assert ask(built, "connect", at.TARGET, "443", WRONG) == ASKED
        assert ask(built, "connect", at.TARGET, "443", RIGHT) == "200"
        assert ask(built, "connect", TURN, "5349") == DENIED  # ports are judged first


def test_a_proxy_that_opens_tls() -> None:
    with lab(case(Proxy(kind="squid", bumps="explicit"))) as built:
        assert ask(built, "issuer", at.TARGET, str(built.root), at.PROXY_NAME) == FILTER
        assert ask(built, "issuer", at.TARGET, str(built.root)) != FILTER
    with lab(case(Proxy(kind="squid", bumps="explicit", trusted=False))) as built:
        assert "self-signed" in ask(built, "issuer", at.TARGET, str(built.root), at.PROXY_NAME)


def test_an_interceptor_on_the_way() -> None:
    with lab(case(Proxy(kind="squid", bumps="transparent", authority="Somebody"))) as built:
        assert ask(built, "issuer", at.TARGET, str(built.root)) == "Somebody"
        assert ask(built, "page", f"http://{at.TARGET}/") == f"301 - https://{at.TARGET}/"
    with lab(case(Proxy(kind="squid", bumps="http"))) as built:
        passed = f"1.1 {at.PROXY_NAME} (squid/"
        assert ask(built, "page", f"http://{at.TARGET}/").startswith(f"301 {passed}")
        assert ask(built, "issuer", at.TARGET, str(built.root)).startswith("trustme")


def test_a_portal() -> None:
    with lab(case(Proxy(), network=Network(portal=True), dns=Dns(one=True))) as built:
        assert ask(built, "page", f"http://{at.TARGET}/") == "302 - http://login.example.test/"
        assert built.client.run(["getent", "ahostsv4", at.TARGET]).stdout.split()[0] == at.LAN_ROUTER


def test_only_tls_on_443() -> None:
    with lab(case(Proxy(), network=Network(tcp="drop", tcp_open=(443,), only_tls_443=True))) as built:
        assert ask(built, "issuer", at.TARGET, str(built.root)).startswith("trustme")
        assert ask(built, "plain", at.TARGET) == "silent"
    with lab(case(Proxy())) as built:
        assert ask(built, "plain", at.TARGET).startswith("HTTP/1.1 400 ")


def test_socks() -> None:
    with lab(case(Proxy(kind="dante"), network=Network(udp="drop", tcp="drop"), dns=Dns(outside=False))) as built:
        assert ask(built, "socks", TURN, "5349") == "0 0"
        assert ask(built, "socks-udp", at.STUN1, str(at.STUN_PORT)) == f"0 {at.PROXY_OUTSIDE}"
    with lab(case(Proxy(kind="dante", auth="basic"))) as built:
        assert ask(built, "socks", at.TARGET, "443") == "no method"
        assert ask(built, "socks", at.TARGET, "443", WRONG) == "no method"
        assert ask(built, "socks", at.TARGET, "443", RIGHT) == "2 0"
    with lab(case(Proxy(kind="dante", udp=False))) as built:
        assert ask(built, "socks", at.TARGET, "443") == "0 0"
        assert ask(built, "socks-udp", at.STUN1, str(at.STUN_PORT)) == "2"


@pytest.mark.parametrize(
    ("told", "path"), [("pac", "pac.example.test/proxy.pac"), ("wpad", "wpad.example.test/wpad.dat")]
)
def test_a_script_for_it(told: str, path: str) -> None:
    with lab(case(Proxy(kind="squid", told=told), network=Network(tcp="drop"))) as built:  # type: ignore[arg-type]
        assert ask(built, "page", f"http://{path}") == "200 - -"
