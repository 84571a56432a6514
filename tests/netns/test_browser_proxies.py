"""A real browser beside natprobe behind proxies, portals and inspection: the same ways are open to both (Chromium)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests import access
from tests.case import CASES, Case, load, repaired
from tests.netns import addresses as at
from tests.netns import browser, kernel
from tests.netns.lab import Lab, lab
from tests.netns.test_cases import STUN

# docs/accuracy.md has this table: the ways that carry in each network, for both.
ALL = "direct-udp turn-udp turn-tcp turn-tls"
EXPECTED = {
    "proxy-only-udp-out": "direct-udp turn-udp turn-tls-proxy",
    "proxy-relay-443": "turn-tls-proxy",
    "proxy-ignores-media": "",
    "proxy-relay-port-refused": "",
    "proxy-refuses-relay": "",
    "proxy-denies-all": "",
    "proxy-dead": "",
    "proxy-none": ALL,
    "proxy-auth": "",
    "proxy-auth fixed": "turn-tls-proxy",
    "proxy-auth-wrong": "",
    "proxy-pac": "turn-tls-proxy",
    "proxy-pac-direct": "direct-udp turn-udp turn-tls-proxy",
    "proxy-pac-fallback": ALL,
    "proxy-pac-loops": "",
    "proxy-wpad": "turn-tls-proxy",
    "proxy-socks": "turn-tcp-proxy turn-tls-proxy",
    "proxy-socks-auth": "",
    "proxy-socks-auth fixed": "turn-tcp-proxy turn-tls-proxy",
    "tls-intercepted-explicit": "direct-udp turn-udp",
    "tls-intercepted-explicit fixed": "direct-udp turn-udp turn-tls-proxy",
    "tls-intercepted-explicit-untrusted": "",
    "tls-intercepted-no-upgrade": "",
    "tls-intercepted-transparent": "direct-udp turn-udp turn-tcp",
    "tls-intercepted-transparent fixed": ALL,
    "tls-intercepted-transparent-untrusted": "",
    "http-intercepted": ALL,
    "captive-portal": "",
    "captive-portal-names": "",
    "only-tls-443": "turn-tls",
}
JANUS = {"proxy-janus": "direct-udp", "proxy-janus-ice-tcp": "direct-tcp-proxy"}
# What a way over TCP leads to. Where it carries and nothing is connected there, a proxy is between.
SERVERS = {
    "direct-tcp": [[at.WEB, at.MEDIA_TCP]],
    "turn-tcp": [[at.RELAY, at.TURN_PORT]],
    "turn-tls": [[at.RELAY, at.TURN_WEB_PORT], [at.RELAY, at.TURNS_PORT]],
}
POLICIES = Path("chromium/policies/managed/lab.json")
Facts = dict[str, Any]


@pytest.mark.long
@pytest.mark.parametrize("name", EXPECTED)
def test_both_have_the_same_ways(name: str) -> None:
    if not shutil.which(browser.PROGRAM):
        pytest.skip(f"not installed: {browser.PROGRAM}")
    stem, _, fixed = name.partition(" ")
    case = load(CASES / f"{stem}.toml")
    case = repaired(case) if fixed else case
    with lab(case) as built:
        report = of_natprobe(built, case)
        met = of_browser(built, case)
    assert carrying(met) == open_ways(report) == set(EXPECTED[name].split())
    stages = report["verdict"]["stages"]
    page = stages["web"] == "ok"
    assert (page, page and stages["signalling"] == "ok") == (not met["page"], met["websocket"])


@pytest.mark.long
@pytest.mark.parametrize("name", JANUS)
def test_a_call_by_janus_goes_the_same_way(name: str) -> None:
    if not shutil.which(browser.PROGRAM):
        pytest.skip(f"not installed: {browser.PROGRAM}")
    case = load(CASES / f"{name}.toml")
    with lab(case) as built:
        report = of_natprobe(built, case)
        trusting(built)
        words = ["tests.netns.browser_janus", "[]", "[]", json.dumps(arguments(case))]
        met = json.loads(asked(built, words, environment(case)))
    assert met["connection"] == "connected"
    straight = any(address == at.WEB and port != 443 for address, port in met["connections"])
    by_proxy = met["way"] == "direct-tcp" and not straight
    assert report["verdict"]["media"] == met["way"] + "-proxy" * by_proxy == JANUS[name]


@pytest.mark.long
def test_a_relay_by_itself_carries_for_both() -> None:
    if not shutil.which(browser.PROGRAM):
        pytest.skip(f"not installed: {browser.PROGRAM}")
    case = load(CASES / "proxy-turn-target.toml")
    user = f"{int(time.time()) + 3600}:{access.USER}"
    password = base64.b64encode(hmac.new(access.SECRET.encode(), user.encode(), hashlib.sha1).digest()).decode()
    server = {"urls": case.target, "username": user, "credential": password}
    given = {"name": "turn-tls", "iceServers": [server], "arguments": arguments(case), "login": login(case)}
    with lab(case) as built:
        report = of_natprobe(built, case)
        trusting(built)
        met = json.loads(asked(built, ["tests.netns.browser_paths", "relay", json.dumps(given)], environment(case)))
    assert met["ways"]["turn-tls"]["echoed"]
    assert open_ways(report) == {"turn-tls" + "-proxy" * through(met, "turn-tls")} == {"turn-tls-proxy"}


def open_ways(report: Facts) -> set[str]:
    """None, where a browser could not sign in. Chromium is given each relay, whatever lib-jitsi-meet keeps; it has no
    TURN over DTLS.
    """
    if "failed" in (report["verdict"]["stages"]["web"], report["verdict"]["stages"]["signalling"]):
        return set()
    there = (each for each in report["paths"] if each["status"] == "open")
    used = {each["name"] for each in there if each["usable"] or each["reason"] == "relay-not-taken"}
    return used - {"p2p", "turn-dtls"}


def carrying(met: Facts) -> set[str]:
    """None, where the page could not sign in: there is no meeting then."""
    echoed = {name for name, each in met["ways"].items() if each["echoed"] and met["websocket"]}
    return {name + "-proxy" * through(met, name) for name in echoed}


def through(met: Facts, name: str) -> bool:
    servers = SERVERS.get(name, [])
    return bool(servers) and not any(each in met["connections"] for each in servers)


# --- asking both


def of_natprobe(built: Lab, case: Case) -> Facts:
    options = [*STUN, *access.options(case, built.network.folder), "--json", "--ca-file", str(built.root)]
    done = built.client.natprobe("check", built.target, *options, *case.options, env=access.environment(case))
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def of_browser(built: Lab, case: Case) -> Facts:
    """The meeting is another host's, so that every way is tried whatever becomes of the page."""
    trusting(built)
    told = {"arguments": arguments(case), "login": login(case)}
    inviting = started(built, "web", ["meeting", str(built.root)], {})
    asking = started(built, "client", ["page", json.dumps(told)], environment(case))
    with inviting, asking:
        passed(inviting, asking)
        passed(asking, inviting)
        result = asking.communicate(timeout=60)[0]
        inviting.communicate("\n", timeout=10)
    return json.loads(result)  # type: ignore[no-any-return]


def asked(built: Lab, words: list[str], env: dict[str, str]) -> str:
    """What this module says on the client, which nobody says anything to."""
    argv = ["env", *(f"{name}={value}" for name, value in env.items()), sys.executable, "-m", *words]
    return built.client.run(argv, timeout=90).stdout


def started(built: Lab, host: str, words: list[str], env: dict[str, str]) -> subprocess.Popen[str]:
    argv = built.network[host].inside([sys.executable, "-m", "tests.netns.browser_paths", *words])
    pipe = subprocess.PIPE
    return subprocess.Popen(
        argv, stdin=pipe, stdout=pipe, text=True, cwd=kernel.TREE, env={**kernel.environment(), **env}
    )


def passed(one: subprocess.Popen[str], other: subprocess.Popen[str]) -> None:
    """A line of one to the other."""
    assert one.stdout is not None
    assert other.stdin is not None
    other.stdin.write(one.stdout.readline())
    other.stdin.flush()


def trusting(built: Lab) -> None:
    """Chromium knows the authorities that the client is to know, and no others of the lab."""
    path = kernel.SETTINGS / built.client.namespace / POLICIES
    path.parent.mkdir(parents=True)
    pems = built.root.read_text().split("-----BEGIN CERTIFICATE-----")[1:]
    encoded = ["".join(each.partition("-----END")[0].split()) for each in pems]
    path.write_text(json.dumps({"CACertificates": encoded}))


# --- how Chromium is set as the case says


def arguments(case: Case) -> list[str]:
    if "none" in case.options:
        return ["--no-proxy-server"]
    if not case.proxy.apart:
        return []
    own = {"option": f"--proxy-server={access.proxy_url(case.proxy)}", "wpad": "--proxy-auto-detect"}
    return [own[case.proxy.told]] if case.proxy.told in own else []


def environment(case: Case) -> dict[str, str]:
    """As the check's, without the login: Chromium takes none from there."""
    return {
        name: value.replace(f"{word}@", "")
        for name, value in access.environment(case).items()
        for word in [_word(case)]
    }


def login(case: Case) -> dict[str, str]:
    """What a user would type."""
    user, _, password = _word(case).partition(":")
    return {"username": user, "password": password} if password else {}


def _word(case: Case) -> str:
    return {"nothing": "", "right": f"{access.USER}:{access.PASSWORD}", "wrong": f"{access.USER}:{access.WRONG}"}[
        case.proxy.given
    ]
