"""Cascades: what a Janus tells without anything made there, and with --apply every no of a videoroom, all removed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from natprobe.asking import cascading, janus_handles, videoroom
from natprobe.context import Cascade
from natprobe.derive.cascade import iface_told
from natprobe.facts import CascadeFlow, CascadeRelay, CascadeRequest, JanusCall, JanusDoor, JanusInfo
from natprobe.model import Failure
from natprobe.net import udp
from natprobe.pairing import JanusAccess
from natprobe.target import parse
from natprobe.wire import videoroom as videoroom_words
from tests.scripted_janus import Seen, asked
from tests.scripted_videoroom import LOCALHOST, ScriptedVideoroom, served

KEY, OUTSIDE = "AdminKeyOfOurs", "203.0.113.9"
NO_IFACE = (499, "Invalid network interface configuration for remote publisher")
MADE = ["create", "join", "add_remote_publisher"]
GONE = ["remove_remote_publisher", "destroy"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cascading, "SETTLE_SECONDS", 0.1)
    monkeypatch.setattr(cascading, "PACKETS", 12)
    monkeypatch.setattr(janus_handles, "TRICKLE_SECONDS", 0.1)
    for module in (cascading, videoroom, janus_handles):
        monkeypatch.setattr(module, "STEP_SECONDS", 0.8)


@asynccontextmanager
async def cascade(
    there: ScriptedVideoroom, here: ScriptedVideoroom, *, access: JanusAccess | None = None, **options: Any
) -> AsyncIterator[Seen]:
    """From `here` to `there`. Nothing of ours is left once it is over."""
    named = {name: options.pop(name) for name in ("iface", "address", "port") if name in options}
    over = options.pop("over", "https")
    async with served(there) as port, served(here) as own:
        relay = Cascade(relay=parse(f"janus+{over}://{LOCALHOST}:{port}/janus").target, **named)
        target = f"janus+{over}://{LOCALHOST}:{own}/janus"
        relays = (*options.pop("before", ()), relay)
        async with asked(target, "gateway", "cascade", access=access, cascade=relays, **options) as seen:
            yield seen
    assert (there.rooms, here.rooms, there.sessions, here.sessions) == ({}, {}, {}, {})


def told(seen: Seen) -> list[tuple[str, str, int | None]]:
    return [(each.of, each.request, each.error_code) for each in seen.of(CascadeRequest)]


class TestWithoutApply:
    async def test_nothing_is_made(self) -> None:
        there, here = ScriptedVideoroom(), ScriptedVideoroom()
        async with cascade(there, here, iface=OUTSIDE) as seen:
            relay = seen.one(CascadeRelay)
        assert (relay.reached, relay.failure, relay.rooms, relay.version) == ("echo", None, True, 1102)
        assert (relay.local_ip, relay.hosts, relay.host) == ("203.0.113.10", ("203.0.113.10",), "127.0.0.1")
        assert there.asked == here.asked == []
        assert here.words() == []
        assert there.words() == ["create", "attach", "message", "destroy"]
        assert not [*seen.of(CascadeRequest), *seen.of(CascadeFlow)]

    async def test_the_other_janus_is_not_the_target(self) -> None:
        """What it says would else be judged as the target's."""
        async with cascade(ScriptedVideoroom(), ScriptedVideoroom()) as seen:
            url = seen.one(CascadeRelay).url
            assert url not in {each.url for each in seen.of(JanusDoor)} | {each.url for each in seen.of(JanusInfo)}
            assert seen.of(JanusCall) == []

    async def test_the_requests_have_the_right_addresses(self) -> None:
        inside = "203.0.113.10"
        async with cascade(ScriptedVideoroom(), ScriptedVideoroom(), iface=inside, address=OUTSIDE, port=4000) as seen:
            relay, door = seen.one(CascadeRelay), seen.of(JanusDoor)[0]
        add, publish = relay.requests
        assert add.startswith(f'{relay.url} {{"request": "add_remote_publisher", "room": <its room>')
        assert f'"iface": "{inside}", "port": 4000, "rtcp_port": 4001' in add
        assert publish.startswith(f'{door.url} {{"request": "publish_remotely"')
        assert f'"host": "{OUTSIDE}", "port": 4000, "rtcp_port": 4001' in publish

    @pytest.mark.parametrize(
        ("info", "rooms"),
        [({"version": 14, "version_string": "0.14.1"}, True), ({"plugins": {"janus.plugin.echotest": {}}}, False)],
    )
    async def test_no_remote_publishers(self, info: dict[str, object], rooms: bool) -> None:
        there = ScriptedVideoroom(info=info)
        async with cascade(there, ScriptedVideoroom(), apply=True) as seen:
            relay = seen.one(CascadeRelay)
        assert (relay.reached, relay.failure, relay.rooms) == ("answer", Failure.UNSUPPORTED, rooms)
        assert there.words() == []

    async def test_no_echotest(self) -> None:
        there = ScriptedVideoroom(refuses={"attach": (460, "No such plugin 'janus.plugin.echotest'")})
        async with cascade(there, ScriptedVideoroom(), iface=OUTSIDE) as seen:
            relay = seen.one(CascadeRelay)
        assert (relay.reached, relay.failure, relay.hosts, relay.local_ip) == ("session", None, (), "203.0.113.10")

    async def test_kept_out(self) -> None:
        there = ScriptedVideoroom(secret="x")
        async with cascade(there, ScriptedVideoroom(), apply=True) as seen:
            relay = seen.one(CascadeRelay)
        assert (relay.reached, relay.failure, relay.error_code) == ("answer", Failure.UNAUTHORIZED, 403)
        assert seen.of(CascadeRequest) == []


async def _to_the_end(there: ScriptedVideoroom, here: ScriptedVideoroom) -> None:
    async with cascade(there, here, apply=True):
        pass


class TestApply:
    async def test_an_address_that_can_not_be_bound(self) -> None:
        there = ScriptedVideoroom(refused={"add_remote_publisher": NO_IFACE}, iface=OUTSIDE)
        here = ScriptedVideoroom()
        async with cascade(there, here, iface=OUTSIDE, apply=True) as seen:
            assert told(seen)[:4] == [
                ("relay", "create", None),
                ("relay", "join", None),
                ("relay", "add_remote_publisher", 499),
                ("relay", "add_remote_publisher", None),
            ]
            refused, bound = seen.of(CascadeRequest, lambda each: each.request == "add_remote_publisher")
            assert (refused.iface, refused.detail) == (OUTSIDE, NO_IFACE[1])
            assert (bound.iface, bound.port is not None) == (None, True)
            flow = seen.one(CascadeFlow, lambda each: each.by == "here")
            assert (flow.sent, flow.arrived, flow.failure) == (12, 12, None)
            assert flow.endpoint == f"127.0.0.1:{bound.port}"
        assert there.requests() == [*MADE, "add_remote_publisher", *GONE]
        assert here.requests()[-1] == "destroy"

    async def test_over_a_websocket(self) -> None:
        there = ScriptedVideoroom()
        async with cascade(there, ScriptedVideoroom(), over="wss", apply=True) as seen:
            assert told(seen)[:3] == [("relay", each, None) for each in MADE]
            assert seen.one(CascadeFlow, lambda each: each.by == "here").arrived == 12
            assert seen.one(CascadeRelay).url.startswith("wss://")
        assert there.requests() == [*MADE, *GONE]

    async def test_one_that_is_not_there_stops_no_other(self) -> None:
        dead = Cascade(relay=parse(f"janus+https://{LOCALHOST}:1/janus").target)
        async with cascade(ScriptedVideoroom(), ScriptedVideoroom(), before=(dead,), apply=True) as seen:
            first, second = seen.of(CascadeRelay)
            assert (first.relay, first.reached, first.failure) == (1, "nothing", Failure.REFUSED)
            assert (second.relay, second.reached) == (2, "echo")
            assert {each.relay for each in seen.of(CascadeRequest)} == {2}

    async def test_no_session_is_to_be_opened(self) -> None:
        there = ScriptedVideoroom()
        async with cascade(there, ScriptedVideoroom(), join=False) as seen:
            relay = seen.one(CascadeRelay)
        assert (relay.reached, relay.failure, relay.local_ip) == ("answer", None, "203.0.113.10")
        assert there.words() == []

    async def test_a_port_that_is_taken_is_no_address(self) -> None:
        there = ScriptedVideoroom(refused={"add_remote_publisher": (499, "Could not open UDP socket for RTP stream")})
        async with cascade(there, ScriptedVideoroom(), iface=OUTSIDE, port=4000, apply=True) as seen:
            assert told(seen)[2:] == [("relay", "add_remote_publisher", 499)]
        assert there.requests() == [*MADE, "destroy"]

    async def test_rooms_are_nobody_elses(self) -> None:
        there, here = ScriptedVideoroom(), ScriptedVideoroom()
        access = JanusAccess(admin_key=KEY)
        async with cascade(there, here, access=access, apply=True) as seen:
            assert KEY not in repr(seen.observations)
        for made in (there.asked[0], here.asked[0]):
            assert (made["is_private"], made["permanent"], made["admin_key"]) == (True, False, KEY)
            assert made["description"].startswith("natprobe-")
            assert len(made["secret"]) == len(made["pin"]) == 24
            assert made["room"] > 0
            assert (made["audio_active_packets"], made["audiolevel_event"]) == (1, True)
        assert len({each["room"] for each in (there.asked[0], here.asked[0])}) == 2

    async def test_rooms_with_names(self) -> None:
        there = ScriptedVideoroom(numbers=False)
        async with cascade(there, ScriptedVideoroom(), apply=True) as seen:
            assert told(seen)[0] == ("relay", "create", None)
        assert [type(each["room"]) for each in there.asked[:3]] == [int, str, str]

    @pytest.mark.parametrize("code", [403, 423, 426, 429, 433])
    @pytest.mark.parametrize("request_", MADE)
    async def test_a_no_of_the_relays(self, request_: str, code: int) -> None:
        there = ScriptedVideoroom(refused={request_: (code, f"No, and not with {KEY}")})
        here, access = ScriptedVideoroom(), JanusAccess(admin_key=KEY)
        async with cascade(there, here, access=access, apply=True) as seen:
            unauthorized = code in (403, 405)
            failure = Failure.UNAUTHORIZED if unauthorized else Failure.ERROR_RESPONSE
            assert told(seen) == [*[("relay", each, None) for each in MADE[: MADE.index(request_)]],
                                  ("relay", request_, code)]  # fmt: skip
            assert seen.of(CascadeRequest)[-1].failure is failure
            assert KEY not in repr(seen.observations)
            assert seen.of(CascadeFlow) == []
        assert here.asked == []

    @pytest.mark.parametrize(
        ("request_", "code"), [("create", 433), ("joinandconfigure", 426), ("publish_remotely", 428)]
    )
    async def test_a_no_of_the_targets(self, request_: str, code: int) -> None:
        """What is sent from here tells of the way in all the same."""
        there, here = ScriptedVideoroom(), ScriptedVideoroom(refused={request_: (code, "No")})
        async with cascade(there, here, apply=True) as seen:
            found = [each for each in told(seen) if each[0] == "target"]
            assert found[-1][2] == code or found[-1][1] == "joinandconfigure"
            assert [each.by for each in seen.of(CascadeFlow)] == ["here"]
            assert seen.one(CascadeFlow).arrived == 12

    async def test_nothing_arrives(self) -> None:
        async with cascade(ScriptedVideoroom(deaf=True), ScriptedVideoroom(), apply=True) as seen:
            flow = seen.one(CascadeFlow, lambda each: each.by == "here")
        assert (flow.sent, flow.arrived, flow.failure) == (12, 0, Failure.TIMEOUT)

    async def test_what_never_left_is_not_lost_on_the_way(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Such as by a firewall of this machine's own."""

        def forbidden(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        for kind in (udp.BoundUdp, udp.RecvErrUdp, udp.CompanionUdp):
            monkeypatch.setattr(kind, "send", forbidden)
        async with cascade(ScriptedVideoroom(), ScriptedVideoroom(), apply=True) as seen:
            flow = seen.one(CascadeFlow, lambda each: each.by == "here")
        assert (flow.sent, flow.arrived, flow.failure) == (0, 0, Failure.PERMISSION_DENIED)

    async def test_cut_while_it_is_leaving(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The probe's own time runs out between the publisher's end and the room's: the drawer waits for the rest."""
        there, here = ScriptedVideoroom(mute={"remove_remote_publisher"}), ScriptedVideoroom()
        checking = asyncio.create_task(_to_the_end(there, here))
        async with asyncio.timeout(10):
            while "remove_remote_publisher" not in there.requests():  # noqa: ASYNC110  # as below
                await asyncio.sleep(0.01)
        checking.cancel()
        await asyncio.gather(checking, return_exceptions=True)
        assert (there.rooms, there.sessions) == ({}, {})

    @pytest.mark.parametrize("request_", MADE[:1] + MADE[2:])
    async def test_interrupted(self, request_: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """In the middle of a request that is never answered: what may have been made is removed."""
        monkeypatch.setattr(videoroom, "STEP_SECONDS", 30)
        there, here = ScriptedVideoroom(mute={request_}), ScriptedVideoroom()
        checking = asyncio.create_task(_to_the_end(there, here))
        async with asyncio.timeout(10):
            while request_ not in there.requests():  # noqa: ASYNC110  # what others say has no event of ours
                await asyncio.sleep(0.01)
        checking.cancel()
        await asyncio.gather(checking, return_exceptions=True)
        assert checking.cancelled()
        assert (there.rooms, there.sessions) == ({}, {})


@pytest.mark.parametrize(
    ("fields", "local"),
    [
        ({"hosts": ("10.0.0.4",)}, False),
        ({"local_ip": "10.0.0.4"}, False),
        ({"hosts": (OUTSIDE,)}, True),
        ({"local_ip": OUTSIDE}, True),
        # Mapped: its candidates are not its own; whether the address is, its own word says.
        ({"hosts": (OUTSIDE,), "public_ips": (OUTSIDE,), "local_ip": "10.0.0.4"}, False),
        ({"hosts": (OUTSIDE,), "public_ips": (OUTSIDE,)}, False),
        ({"hosts": ("203.0.113.8",)}, None),  # another public one may stand beside it, unused by ICE
        ({"iface": "10.0.0.5", "hosts": ("10.0.0.4",)}, None),  # as may another inner one
        ({"hosts": ("2001:db8::4",)}, None),
        ({}, None),
    ],
)
def test_whose_address_it_is(fields: dict[str, Any], local: bool | None) -> None:
    relay = CascadeRelay(relay=1, url="https://b.test/janus", **{"iface": OUTSIDE} | fields)
    assert iface_told(relay) is local


@pytest.mark.parametrize(
    ("passed", "arrived", "rtts", "delay"),
    [
        ({0: 1.0, 64: 1.02}, {0: 1.05, 64: 1.06}, (0.02, 0.02), 40.0),  # the quickest packet counts
        ({0: 1.0}, {0: 1.05}, (0.02, 0.06), 30.0),  # the relay's word takes 20 ms longer to us
        ({0: 1.0}, {0: 1.001}, (0.02, 0.06), 0.0),
        ({0: 1.0}, {64: 1.05}, (0.02, 0.02), None),
    ],
)
def test_the_delay_is_without_the_words_own(
    passed: dict[int, float], arrived: dict[int, float], rtts: tuple[float, float], delay: float | None
) -> None:
    found = cascading._delay(passed, arrived, *rtts)
    assert found == (None if delay is None else pytest.approx(delay))


def test_of_what_nobody_told_nothing_got_there() -> None:
    """A target that says nothing of our packets has forwarded none that is known of."""
    assert cascading._accounted({}, 40) == 0
    assert cascading._accounted({videoroom_words.level(number): 0.0 for number in range(40)}, 40) == 40
