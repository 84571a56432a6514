"""Inner addresses, answers that nobody can use, clocks that are off, full-size packets that relays lose."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from natprobe.derive.bursts import carried, loss
from natprobe.derive.inner import INNER
from natprobe.facts import RelayBurst, Run
from natprobe.model import Failure, Observation, Set, Severity, Where, join
from natprobe.render.text import render
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell
from tests.made import (
    HOST,
    LOCAL6,
    OUTSIDE,
    PAGE,
    PEER,
    RELAY_HOST,
    RELAYED,
    STUN,
    STUN1_6,
    TURN,
    WEB,
    WEB6,
    address,
    allocated,
    checked,
    connected,
    facts,
    found,
    judged,
    named,
    ours,
    page,
    permitted,
    refused,
    relay,
    report,
    route,
    saw,
    silent,
    unallocated,
    unheard,
)
from tests.made_relays import NAME, causes, healthy, verdict

STARTED = "2026-11-21T08:00:00Z"
RUN = Run(version="1", started=STARTED)


def audit(**codes: int | None) -> list[Observation]:
    """What the relay said of each inner IPv4 address: granted unless a code is named for it, as `a10_0_0_1=403`."""
    named = {each[1:].replace("_", "."): code for each, code in codes.items()}
    doors = [each for each in INNER if ":" not in each]
    asked = [permitted(join(each, 9), code=named.get(each)) for each in doors]
    return [msgspec.structs.replace(each, purpose="audit", probe="audit") for each in asked]


DENIED = dict.fromkeys((f"a{each.replace('.', '_')}" for each in INNER if ":" not in each), 403)


def test_inner_addresses_are_named_with_the_line_for_each() -> None:
    it = found("turn-inner-addresses", NAME, *healthy(), *audit(a127_0_0_1=403), target=TURN)
    assert "169.254.169.254 (the cloud's metadata service)" in it.args["doors"]
    assert "127.0.0.1" not in it.args["doors"]
    lines = [(each.key, each.value) for each in it.fixes if isinstance(each, Set)]
    assert ("denied-peer-ip", "10.0.0.0-10.255.255.255") in lines
    assert len(lines) == 5
    assert len(it.evidence) == 5


def test_loopback_granted_has_its_own_line() -> None:
    it = found("turn-inner-addresses", *healthy(), *audit(**DENIED | {"a127_0_0_1": None}), target=TURN)
    (line,) = [each for each in it.fixes if isinstance(each, Set)]
    assert (line.op, line.key) == ("remove", "allow-loopback-peers")


def test_what_is_denied_or_was_not_asked_is_no_finding() -> None:
    assert judged("turn-inner-addresses", *healthy(), target=TURN) == NOT_APPLICABLE
    assert judged("turn-inner-addresses", *healthy(), *audit(**DENIED), target=TURN) == CLEAR


def test_silence_to_an_audit_is_no_answer() -> None:
    silent = [msgspec.structs.replace(each, failure=Failure.TIMEOUT) for each in audit()]
    assert isinstance(judged("turn-inner-addresses", *healthy(), *silent, target=TURN), CouldNotTell)


def test_what_an_audit_is_denied_says_nothing_of_media() -> None:
    """A relay that refuses inner addresses only is open; one that grants them and no peer is as before."""
    assert causes(*healthy(), *audit(**DENIED)) == []
    assert verdict(*healthy(), *audit(**DENIED)) == "good"
    leg = allocated()
    forbids = [relay(), leg, permitted(leg=leg, code=403)]
    assert verdict(*forbids, *audit()) == verdict(*forbids) == "unknown"


@pytest.mark.parametrize(("code", "words"), [(400, "Bad Request"), (420, "Unknown Attribute"), (500, "Server Error")])
def test_an_error_of_the_relays_own_is_told_in_its_words(code: int, words: str) -> None:
    seen = [relay(), refused(code, words=words)]
    assert causes(*seen) == ["turn-answer-unusable"]
    assert verdict(*seen) == "broken"
    it = found("turn-answer-unusable", *seen, target=TURN)
    assert f"{code} {words}" in it.message.format(**it.args)


@pytest.mark.parametrize("detail", ["unsigned", "wrong-signature", "incomplete"])
def test_an_answer_that_does_not_verify_is_told(detail: str) -> None:
    seen = [relay(), unallocated(Failure.PROTOCOL, challenged=True, authenticated=True, signed=False, detail=detail)]
    assert causes(*seen) == ["turn-answer-unusable"]
    assert verdict(*seen) == "broken"


def lossy(large_out: bool, large_in: bool) -> list[Observation]:
    """Small packets pass both ways, large ones where it says so."""
    leg = allocated()
    large = {"out": large_out, "in": large_in}
    ways = [ours(way, 1200, leg, **({} if passes else {"failure": Failure.TIMEOUT})) for way, passes in large.items()]
    return [relay(), leg, permitted(OUTSIDE, leg), ours("in", 20, leg), ours("out", 20, leg), *ways]


@pytest.mark.parametrize(
    ("passes", "words"),
    [
        ((False, True), "from here to the relay"),
        ((True, False), "from the relay to here"),
        ((False, False), "both ways"),
    ],
)
def test_large_packets_lost_over_a_relay_are_a_black_hole(passes: tuple[bool, bool], words: str) -> None:
    assert causes(*lossy(*passes)) == ["mtu-blackhole"]
    assert verdict(*lossy(*passes)) == "broken"
    it = found("mtu-blackhole", *lossy(*passes), target=TURN)
    assert words in it.message.format(**it.args)


def lossy_relay(host: str, server: str) -> list[Observation]:
    leg = allocated(server=server, host=host)
    large = [ours(way, 1200, leg, failure=Failure.TIMEOUT) for way in ("in", "out")]
    return [relay(server=server, host=host), leg, ours("in", 20, leg), ours("out", 20, leg), *large]


ELSEWHERE, FAR = "turn.example.net", "192.0.2.40:3478"


@pytest.mark.parametrize(
    ("host", "server", "where"),
    [
        (ELSEWHERE, FAR, Where.LOCAL_NETWORK),
        # Beside the media server, or most likely: behind the same uplink.
        (ELSEWHERE, "203.0.113.40:3478", Where.UNKNOWN),
        (ELSEWHERE, "[2001:db8:f::40]:3478", Where.UNKNOWN),
        (RELAY_HOST, FAR, Where.UNKNOWN),
        (HOST, FAR, Where.UNKNOWN),
        ("Example.Test", FAR, Where.UNKNOWN),
        ("turn.badexample.test", FAR, Where.LOCAL_NETWORK),
    ],
)
def test_a_hole_for_the_media_server_and_a_relay_elsewhere_is_one(host: str, server: str, where: Where) -> None:
    """On the part of the way that both share."""
    through = lossy_relay(host, server)
    only = found("mtu-blackhole", checked(), silent(size=1200), *through)
    assert (only.args["hosts"], only.where) == (host, where)
    assert "through the relay" in only.message
    assert found("mtu-blackhole", checked(), checked(size=1200), *through).where is Where.UNKNOWN


def test_a_name_under_a_top_domain_has_no_other_relays_above_it() -> None:
    target = msgspec.structs.replace(PEER, host="meet.test")
    for host, where in (("turn.test", Where.LOCAL_NETWORK), ("turn.meet.test", Where.UNKNOWN)):
        assert (
            found("mtu-blackhole", checked(), silent(size=1200), *lossy_relay(host, FAR), target=target).where is where
        )


class TestIpv6ThatLeadsNowhere:
    HERE = (address("2001:db8:1::2", "public"), route(6), saw(), unheard(STUN1_6, local=LOCAL6))
    OTHER = unheard("[2001:db8:f::30]:3478", local=LOCAL6)

    def test_relays_over_it_are_no_matter_of_theirs(self) -> None:
        """Silent over all transports; where one destination is dead, that relay itself may be."""
        legs = [unallocated(Failure.TIMEOUT, over, "[2001:db8:f::40]:3478") for over in ("udp", "tcp", "tls")]
        assert judged("turn-unreachable", *self.HERE, self.OTHER, *legs) is CLEAR
        assert isinstance(judged("turn-unreachable", *self.HERE, *legs), list)

    def test_neither_are_pages_and_stun_servers_that_have_no_other_address(self) -> None:
        dead = connected(f"[{WEB6}]:443", Failure.TIMEOUT)
        assert judged("web-unreachable", *self.HERE, self.OTHER, dead, target=PAGE) is CLEAR
        assert isinstance(judged("web-unreachable", *self.HERE[2:], dead, target=PAGE), list)
        asked = unheard(f"[{WEB6}]:3478", 9, origin="target", local=LOCAL6)
        assert judged("stun-unreachable", *self.HERE, self.OTHER, asked, target=STUN) is CLEAR
        assert isinstance(judged("stun-unreachable", *self.HERE[2:3], asked, target=STUN), list)

    def test_what_has_no_other_address_cannot_be_reached_then(self) -> None:
        beside = found("ipv6-broken", *self.HERE, self.OTHER, named(WEB, WEB6))
        alone = found("ipv6-broken", *self.HERE, self.OTHER, named(WEB6))
        assert (beside.severity, alone.severity) == (None, Severity.ERROR)

    DEAD_PAGE = (named(WEB6), connected(f"[{WEB6}]:443", Failure.TIMEOUT))

    @pytest.mark.parametrize(
        ("other", "cause"),
        [
            (unheard(STUN1_6, 9, local=LOCAL6), "ipv6-broken"),
            (unheard(STUN1_6, 1, Failure.UNREACHABLE_NET, local=LOCAL6), "ipv6-broken"),
            (connected("[2001:db8:f::20]:3478", Failure.TIMEOUT, "reach"), "ipv6-broken"),
            # A firewall's word on UDP, or a few packets lost: the page may be down as well.
            (unheard(STUN1_6, 8, local=LOCAL6), "web-unreachable"),
            (unheard(STUN1_6, 9, Failure.PROHIBITED, local=LOCAL6), "web-unreachable"),
            (connected(f"[{WEB6}]:80", Failure.TIMEOUT), "web-unreachable"),
        ],
    )
    def test_a_dead_page_is_its_doing_where_another_destination_is_surely_as_dead(
        self, other: Observation, cause: str
    ) -> None:
        told = report(*self.HERE[:3], *self.DEAD_PAGE, other, target=PAGE)
        assert [each.cause for each in told.findings if each.severity is Severity.ERROR] == [cause]
        first = next(each for each in told.findings if each.cause == cause)
        assert (told.verdict.status, told.verdict.stages.web) == ("broken", "failed")
        assert told.verdict.summary.endswith(first.message)


def with_clock(date: str | None, access: str = "secret", **more: Any) -> list[Observation]:
    return [RUN, relay(access=access), refused(401), page(date=date, at=2.0, **more)]


@pytest.mark.parametrize(
    ("date", "words"),
    [
        ("2026-11-21T08:12:02Z", "12 minutes ahead of this machine's"),
        ("2026-11-21T04:59:00Z", "3 hours behind this machine's"),
        ("2026-11-23T08:00:00Z", "2 days ahead of this machine's"),
        ("0001-01-01T00:00:00Z", "behind this machine's"),
    ],
)
def test_a_clock_that_is_off_is_the_first_alternative(date: str, words: str) -> None:
    it = found("turn-unauthorized", *with_clock(date), target=TURN)
    assert it.alternatives[0].cause == "clock-off"
    assert words in it.alternatives[0].ask
    assert len(it.evidence) == 2


@pytest.mark.parametrize("date", [None, STARTED, "2026-11-21T08:05:01Z", "2026-11-21T07:55:03Z"])
def test_a_clock_that_agrees_or_is_not_told_is_none(date: str | None) -> None:
    it = found("turn-unauthorized", *with_clock(date), target=TURN)
    assert it.alternatives[0].cause == "turn-secret-mismatch"


def test_a_password_knows_no_clock() -> None:
    it = found("turn-unauthorized", *with_clock("2026-11-23T08:00:00Z", access="password"), target=TURN)
    assert "clock-off" not in {each.cause for each in it.alternatives}


def burst(direction: str = "both", sent: int = 20, arrived: int = 20, **more: Any) -> RelayBurst:
    leg = allocated()
    fields: dict[str, Any] = {"by": "own-socket", "size": 20, "interval_ms": 20.0, "flow": leg.flow} | more
    return RelayBurst(
        server=leg.server,
        transport=leg.transport,
        relayed=RELAYED,
        peer=OUTSIDE,
        direction=direction,  # type: ignore[arg-type]  # a word of it
        sent=sent,
        arrived=arrived,
        **fields,
    )


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        ([], None),
        ([burst()], 0.0),
        ([burst(arrived=15, by="stun")], 0.25),
        ([burst(halfway=20, arrived=15)], 0.25),
        ([burst(halfway=10, arrived=9)], 0.5),
        ([burst(halfway=0, arrived=0)], 1.0),
        ([burst(sent=0, arrived=0)], None),
        ([burst(arrived=10), burst("out", 500, 499, bitrate=500_000), burst("in", 500, 490, bitrate=500_000)], 0.02),
    ],
)
def test_loss_is_that_of_the_worse_way_of_the_longest_burst(seen: list[RelayBurst], wanted: float | None) -> None:
    assert loss(facts(*seen, target=TURN), allocated()) == wanted


def test_loss_stands_in_the_path_with_its_evidence() -> None:
    known = report(NAME, *healthy(), burst(halfway=20, arrived=18), target=TURN)
    path = next(each for each in known.paths if each.name == "turn-udp")
    assert path.loss == path.attempts[0].loss == 0.1
    number = next(each.id for each in known.observations if isinstance(each, RelayBurst))
    assert number in path.attempts[0].evidence


@pytest.mark.parametrize(
    ("asked", "received", "arrived", "holds", "picture"),
    [
        (2_500_000, 2_500_000, 1000, True, "720p"),
        (2_500_000, 2_460_000, 998, True, "720p"),
        (2_499_999, 2_499_999, 1000, True, "360p"),
        (10_000_000, 10_000_000, 1000, True, "4K"),
        (20_000_000, 1_000_000, 50, False, "360p"),
        (2_500_000, 2_300_000, 1000, False, "360p"),
        (2_500_000, 2_490_000, 970, False, "360p"),
        (32_000, 32_000, 1000, True, None),
        (500_000, 90_000, 180, False, None),
    ],
)
def test_the_picture_is_the_largest_that_fits(
    asked: int, received: int, arrived: int, holds: bool, picture: str | None
) -> None:
    ways = [burst(way, 1000, arrived, bitrate=asked, received=received) for way in ("out", "in")]
    (leg,) = carried(facts(*ways, target=TURN))
    assert (leg.holds, leg.picture) == (holds, picture)


def test_nothing_asked_nothing_carried() -> None:
    assert carried(facts(burst(), target=TURN)) == []


@pytest.mark.parametrize(
    ("arrived", "received", "words"),
    [
        (998, 2_495_000, "turn-udp carries 720p: 2.5 Mbit/s with 0.2 % loss"),
        (400, 1_000_000, "turn-udp does not carry 2.5 Mbit/s (60.0 % loss): 1 Mbit/s arrive, enough for 360p"),
        (1000, 2_000_000, "turn-udp took 2 Mbit/s of the 2.5 Mbit/s, with 0.0 % loss: enough for 360p"),
        (10, 25_000, "too little for the smallest picture"),
    ],
)
def test_the_report_says_what_fits(arrived: int, received: int, words: str) -> None:
    """Too little without loss may be that this machine sends no faster: it is not laid to the relay."""
    ways = [burst(way, 1000, arrived, bitrate=2_500_000, received=received) for way in ("out", "in")]
    assert words in " ".join(render(report(NAME, *healthy(), *ways, target=TURN)).split())
