"""The laboratory's Janus is what its case says: Debian's own, asked by a small client of its own."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from tests.case import Case, Expect, Janus, Web
from tests.netns import addresses as at
from tests.netns.lab import Lab, lab

API = f"https://{at.TARGET}/janus"
# What a check comes to: our address as Janus sees it, or what came instead.
ANSWERED, AT_HOME, SILENT, REFUSED = at.HOME_OUTSIDE, at.LAN_CLIENT, "silence", "ConnectionRefusedError"


def case(**janus: Any) -> Case:
    return Case(
        title="lab",
        expect=Expect(verdict="good", exit=0),
        rings=("kernel",),
        janus=Janus(runs=True, **janus),
        web=Web(state="janus"),
    )


def ask(built: Lab, word: str, url: str = API, host: str = "client") -> dict[str, Any]:
    client = [sys.executable, "-m", "tests.netns.janus_client", str(built.root), word, url]
    return json.loads(built.network[host].run(client).stdout)  # type: ignore[no-any-return]


def test_info_tells_of_its_settings() -> None:
    """Most at once; what `call` needs has tests of its own."""
    with lab(case(stands="nat", mapping="own", lite=True, ice_tcp=True, mdns=False, wants="secret")) as built:
        said = ask(built, "info")
        refused = ask(built, "call")
    assert (said["version_string"], said["local-ip"], said["public-ip"]) == ("1.1.2", at.JANUS_INSIDE, at.WEB)
    told = ("ice-lite", "ice-tcp", "mdns-enabled", "api_secret", "auth_token", "ipv6", "full-trickle")
    assert [said[each] for each in told] == [True, True, False, True, False, False, False]
    assert list(said["plugins"]) == ["janus.plugin.echotest"]
    assert refused["heard"][0]["error"]["code"] == 403


OWN, OTHER, INSIDE = "udp 203.0.113.10 host", "udp 203.0.113.11 host", "udp 192.168.77.5 host"
ACTIVE, PASSIVE = "tcp 203.0.113.10 host active", "tcp 203.0.113.10 host passive"
CANDIDATES = (
    ({"full_trickle": True, "addresses": "first"}, {OTHER: ANSWERED, OWN: ANSWERED}),
    ({"lite": True, "ice_tcp": True, "udp": "refused"}, {OWN: REFUSED, ACTIVE: "", PASSIVE: ""}),
    ({"stands": "nat", "mapping": "own"}, {OWN: ANSWERED}),
    ({"opened": "30000-30099"}, {OWN: SILENT}),
    ({"stands": "inside", "mapping": "own", "keep_private": True}, {"udp 198.51.100.7 host": SILENT, INSIDE: AT_HOME}),
)


@pytest.mark.parametrize(("conditions", "found"), CANDIDATES, ids=str)
def test_candidates(conditions: dict[str, Any], found: dict[str, str]) -> None:
    """Each, and what comes of a check; its session is gone afterwards."""
    with lab(case(**conditions)) as built:
        said = ask(built, "call")
        assert ask(built, "sessions", host="web")["sessions"] == []
    assert said["candidates"] == list(found)
    assert said["checks"] == [each for each in found.values() if each]
    assert bool(said["trickled"]) == conditions.get("full_trickle", False)


def test_a_list_that_matches_nothing_is_ignored() -> None:
    """Then there are more candidates than without it: IPv6, though that is off, and the link's own."""
    with lab(case(enforce=True)) as built:
        said, found = ask(built, "info"), ask(built, "call")
    assert not said["ipv6"]
    assert {each.split()[1][:6] for each in found["candidates"]} == {"203.0.", "2001:d", "fe80::"}


# Problem E, and its kin: the address that is set, and where something listens then.
BOUND = {("second", "second"): at.WEB, ("one", "ipv6"): at.WEB, ("one", "absent"): at.WEB}


@pytest.mark.parametrize(("addresses", "ws_ip"), BOUND)
def test_where_the_websocket_listens(addresses: str, ws_ip: str) -> None:
    with lab(case(api="own-plain", addresses=addresses, ws_ip=ws_ip)) as built:
        there = (at.WEB, at.WEB_OTHER)[: 1 + (addresses != "one")]
        said = {each: ask(built, "open", f"ws://{each}:8188/")["answer"] for each in there}
    bound = BOUND[addresses, ws_ip]
    assert said == {each: "server_info" if each == bound else "ConnectionRefusedError" for each in there}


@pytest.mark.parametrize(("websocket", "answer"), [("no-upgrade", 403), ("no-subprotocol", 502)])
def test_what_nginx_passes_on(websocket: str, answer: object) -> None:
    with lab(case(websocket=websocket)) as built:
        assert ask(built, "open", f"wss://{at.TARGET}/janus-ws") == {"answer": answer}
