"""NP111 with the number that was measured, for media and for the page; made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.facts import MediaHandshake, PathSize, TlsHello, TlsSession
from natprobe.model import Do, Failure, Where
from natprobe.rules import CLEAR, NOT_APPLICABLE
from tests.made import (
    LOCAL,
    LOCAL6,
    MEDIA,
    MEDIA6,
    PAGE,
    RELAY,
    TIMEOUT,
    TURN,
    WEB,
    allocated,
    checked,
    connected,
    found,
    judged,
    ours,
    relay,
    silent,
)

CAUSE = "mtu-blackhole"
LOST = (checked(), silent(size=1200))
LOST6 = (checked(MEDIA6, local=LOCAL6), silent(MEDIA6, 1200, local=LOCAL6))
FRONT = f"{WEB}:443"


def size(up: int | None = 1100, lost: int | None = 1104, **more: Any) -> PathSize:
    """From another port of the same address, as it is measured."""
    fields: dict[str, Any] = {"endpoint": MEDIA, "local": "192.168.1.2:50000", "tries": 8, "beside": 6} | more
    return PathSize(up=up, up_lost=lost, **fields)


def texts(found_: Any) -> str:
    return " | ".join(each.text for each in found_.fixes if isinstance(each, Do))


class TestMedia:
    def test_a_black_hole_has_its_number_and_what_to_set(self) -> None:
        only = found(CAUSE, *LOST, size())
        assert (only.args["fits"], only.args["needed"], only.where) == (1100, 1228, Where.UNKNOWN)
        assert "vanish without a word" in only.message
        assert "link set dev LINK mtu 1100" in texts(only)
        assert "maxseg size set 1060" in texts(only)
        assert "--set-mss 1060" in texts(only)
        assert only.evidence == (1, 2, 3)

    def test_a_router_that_says_so_is_named(self) -> None:
        told = size(icmp="3/4", reported_by="10.8.0.1", told=1100)
        only = found(CAUSE, *LOST, told)
        assert (only.args["router"], only.args["told"], only.where) == ("10.8.0.1", 1100, Where.LOCAL_NETWORK)
        assert "Let fragments of UDP pass" in texts(only)
        outer = found(CAUSE, *LOST, size(icmp="3/4", reported_by="198.51.100.2", told=1100))
        assert outer.where is Where.UNKNOWN

    def test_ipv6_has_larger_headers_and_a_least_link(self) -> None:
        only = found(CAUSE, *LOST6, size(1200, 1204, endpoint=MEDIA6, local=LOCAL6))
        assert only.args["needed"] == 1248
        assert "1,280 bytes, as IPv6 wants" in texts(only)
        assert "link set" not in texts(only)

    @pytest.mark.parametrize(
        "other",
        [
            size(None, None),
            size(124, 1228),
            size(1000, None, failure=TIMEOUT),
            size(local="10.8.0.2:50000"),
            size(endpoint="203.0.113.11:10000"),
            PathSize(endpoint=MEDIA, failure=Failure.UNSUPPORTED),
        ],
    )
    def test_what_is_not_measured_has_no_number(self, other: PathSize) -> None:
        only = found(CAUSE, *LOST, other)
        assert "fits" not in only.args
        assert "packets of {size} bytes vanish" in only.message

    def test_answers_that_are_too_large(self) -> None:
        back = silent(size=1200, both_ways=True)
        only = found(CAUSE, checked(), checked(size=1200), back, size(1228, None, down=1100, down_lost=1104))
        assert (only.args["fits"], only.args["size"]) == (1100, 1200)
        assert "its answers above" in only.message

    def test_a_small_path_that_media_fits_is_no_finding(self) -> None:
        assert judged(CAUSE, checked(), checked(size=1200), size(1400, 1404)) is CLEAR


def hello(segment: int | None = None, failure: Failure | None = None, **more: Any) -> TlsHello:
    return TlsHello(endpoint=FRONT, name="meet.example.test", size=517, segment=segment, failure=failure, **more)


HUNG = TlsSession(endpoint=FRONT, name="meet.example.test", verified=False, failure=TIMEOUT, probe="web")
OPENED = connected(FRONT)
HELD = (hello(failure=TIMEOUT), hello(536), hello(failure=TIMEOUT), hello(536), hello(1220), hello(1360, TIMEOUT))


class TestPage:
    def test_segments_that_pass_are_the_proof_and_the_clamp(self) -> None:
        only = found(CAUSE, OPENED, HUNG, *HELD, target=PAGE)
        assert (only.args["segment"], only.args["endpoint"]) == (1220, FRONT)
        assert "maxseg size set 1220" in texts(only)
        assert "mtu" not in texts(only).replace("MTU", "")
        assert judged("web-unreachable", OPENED, HUNG, *HELD, target=PAGE) is CLEAR

    @pytest.mark.parametrize(
        "tries",
        [
            [hello(failure=TIMEOUT), hello(536, TIMEOUT)] * 2,  # a server that hangs
            [hello(failure=TIMEOUT), hello(536), hello(failure=TIMEOUT), hello(536, TIMEOUT)],  # loss
            [hello(failure=TIMEOUT), hello(536), hello(), hello(536)],  # it comes now
            [hello(failure=Failure.REFUSED), hello(536)] * 2,
            [hello(failure=TIMEOUT), hello(536)],  # once each
            [hello(failure=TIMEOUT), hello(536, Failure.CLOSED)] * 2,
        ],
    )
    def test_what_is_no_size(self, tries: list[TlsHello]) -> None:
        assert judged(CAUSE, OPENED, HUNG, *tries, target=PAGE) is NOT_APPLICABLE
        assert found("web-unreachable", OPENED, HUNG, *tries, target=PAGE).message.startswith(
            "{host} takes the connection"
        )

    def test_an_alert_is_an_answer(self) -> None:
        tries = [hello(failure=TIMEOUT), hello(536, Failure.TLS_ALERT)] * 2
        assert found(CAUSE, OPENED, HUNG, *tries, target=PAGE).args["segment"] == 536

    def test_only_a_hello_as_large_as_browsers_send_it(self) -> None:
        large = [hello(failure=TIMEOUT, large=True), hello(536, large=True)] * 2
        only = found(CAUSE, OPENED, *large, target=PAGE)
        assert "as browsers send it" in only.message

    def test_beside_media_both_are_told(self) -> None:
        several = judged(CAUSE, *LOST, size(), HUNG, *HELD, target=PAGE)
        assert isinstance(several, list)
        assert [("fits" in each.args, "segment" in each.args) for each in several] == [(True, False), (False, True)]


class TestRelay:
    LEG = allocated()
    LOSSY = (
        relay(),
        LEG,
        ours("in", 20, LEG),
        ours("out", 20, LEG),
        ours("in", 1200, LEG, failure=TIMEOUT),
        ours("out", 1200, LEG, failure=TIMEOUT),
    )

    def test_the_way_to_it_has_its_number_and_the_relays_header(self) -> None:
        only = found(CAUSE, *self.LOSSY, size(endpoint=RELAY), target=TURN)
        assert (only.args["fits"], only.args["needed"]) == (1100, 1264)
        assert "vanish on the way there" in only.message
        assert "mtu 1100" in texts(only)

    def test_a_router_that_says_so(self) -> None:
        told = size(endpoint=RELAY, icmp="3/4", reported_by="198.51.100.2", told=1100)
        only = found(CAUSE, *self.LOSSY, told, target=TURN)
        assert (only.args["router"], only.args["told"]) == ("198.51.100.2", 1100)

    def test_where_all_gets_to_the_relay_it_is_lost_elsewhere(self) -> None:
        only = found(CAUSE, *self.LOSSY, size(1264, None, endpoint=RELAY), target=TURN)
        assert "fits" not in only.args
        assert only.message.startswith("Small packets through the relay")


def test_a_handshake_that_is_lost_where_large_packets_are_is_no_filter() -> None:
    """The server's flight is as large as what vanishes there."""
    mute = MediaHandshake(endpoint=MEDIA, local=LOCAL, tries=9, control=True, failure=TIMEOUT)
    assert found("dtls-filtered", checked(), checked(size=1200), mute)
    assert judged("dtls-filtered", *LOST, mute) is CLEAR
    assert found("dtls-filtered", *LOST6, mute)  # another way
