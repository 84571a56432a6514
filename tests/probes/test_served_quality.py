"""What a `natprobe serve` adds to trains: each direction by itself, rates, and marks that survive or don't."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.diagnose import diagnose
from natprobe.facts import Arrived, Marked, PathBurst, PathRate
from natprobe.model import Failure, Report
from natprobe.net.api import Datagram
from natprobe.pairing import credentials
from natprobe.render.text import render
from natprobe.run import Session
from natprobe.serve.counting import Counts
from natprobe.serve.responder import Responder
from natprobe.target import parse
from natprobe.wire import stun
from tests.case import Network, Peer
from tests.lab.build import Lab
from tests.lab.check import session
from tests.lab.client import lab_of
from tests.lab.sockets import LabUdp
from tests.netns import addresses as at
from tests.probes.seen import of


def lab(seed: int = 0, **conditions: Any) -> Lab:
    return lab_of(seed, peer=Peer(runs=True), network=Network(**conditions))


def checked(made: Lab, **options: Any) -> Session:
    return session(made, made.peer_target, **options)


def trains(made: Lab, **options: Any) -> list[PathBurst]:
    found = of(checked(made, compare=True, **options).observations, PathBurst)
    return [each for each in found if each.transport == "udp"]


def told(made: Lab, found: Session) -> str:
    return " ".join(render(report(made, found)).split())


def report(made: Lab, found: Session) -> Report:
    return diagnose(parse(made.peer_target).target, found.observations, [found.source])


class TestEachDirection:
    def test_without_loss_all_got_there_and_back(self) -> None:
        (train,) = trains(lab())
        assert (train.sent, train.halfway, train.arrived, train.duplicates) == (20, 20, 20, 0)
        assert train.jitter_up_ms == train.jitter_down_ms == pytest.approx(0, abs=0.01)

    def test_loss_is_what_the_wire_lost(self) -> None:
        """The lab's log has every packet: of 500 checks exactly those are missing there and here."""
        for seed in range(2):
            made = lab(seed, loss=0.08)
            (train,) = trains(made, packets=500)
            port = int((train.local or "").rpartition(":")[2])
            here = [each for each in made.network.log if each.packet.proto == "udp" and each.fate == "lost"]
            up = [each for each in here if each.packet.source[1] == port and b"\xc0\xe0" in each.packet.payload]
            down = [each for each in here if each.packet.destination[1] == port and b"\xc0\xe0" in each.packet.payload]
            assert (train.sent, train.sent - (train.halfway or 0)) == (500, len(up))
            assert (train.halfway or 0) - train.arrived == len(down)

    def test_jitter_is_that_of_each_direction(self) -> None:
        """Up to 30 ms more each way, evenly drawn: the mean difference of two of those is a third of it."""
        (train,) = trains(lab(jitter=0.03), packets=500)
        assert train.jitter_up_ms == pytest.approx(10, rel=0.1)
        assert train.jitter_down_ms == pytest.approx(10, rel=0.1)
        assert train.reordered > 0

    def test_copies_are_no_arrivals(self) -> None:
        """Every third check comes to the server twice, so that it answers twice."""
        made = lab_of()
        web, seen = made.servers["web"], list[bytes]()
        responder = Responder(credentials(made.peer_target.partition("#")[2]), counted=Counts(0.0))

        def twice(udp: LabUdp, datagram: Datagram) -> None:
            seen.append(datagram.data)
            train = b"\xc0\xe0" in datagram.data
            for _ in range(2 if train and len(seen) % 3 == 0 else 1):
                answer = responder.answer(datagram.data, udp.local, datagram.source, web.now(), tos=0)
                if answer is not None:
                    udp.send(answer.data, answer.to)
                    responder.sent(answer)

        web.serve_udp(at.WEB, at.MEDIA_UDP, twice)
        (train,) = trains(made, packets=60)
        assert (train.sent, train.halfway, train.arrived) == (60, 60, 60)
        assert train.duplicates == pytest.approx(20, abs=1)

    def test_an_older_server_answers_and_tells_nothing(self) -> None:
        made = lab_of()
        key = credentials(made.peer_target.partition("#")[2]).password.encode()

        def plainly(udp: LabUdp, datagram: Datagram) -> None:
            if not stun.is_stun(datagram.data):
                return
            request = stun.decode(datagram.data).message
            udp.send(stun.response(request, key=key, XOR_MAPPED_ADDRESS=datagram.source), datagram.source)

        made.servers["web"].serve_udp(at.WEB, at.MEDIA_UDP, plainly)
        (train,) = trains(made)
        assert (train.sent, train.halfway, train.arrived, train.jitter_up_ms) == (20, None, 20, None)
        (marked,) = of(checked(made, trace=True).observations, Marked)
        assert (marked.answered, marked.seen) == (9, None)

    def test_the_server_counts_a_train_apart_from_the_checks(self) -> None:
        """What came of the run's other checks is told as before."""
        plain, compared = (of(checked(lab(), compare=each).observations, Arrived) for each in (False, True))
        assert [(each.proto, each.packets, each.answered) for each in plain] == [
            (each.proto, each.packets, each.answered) for each in compared
        ]

    def test_the_text_tells_up_and_down(self) -> None:
        made = lab(1, loss=0.15)
        found = checked(made, compare=True, packets=100)
        (train, *_), words = of(found.observations, PathBurst), told(made, found)
        assert "direct-udp: audio MOS 2." in words
        assert "Ie 0, Bpl 25.1" in words
        assert f"direct-udp: up {100 - (train.halfway or 0)}.0 % lost, jitter 0.0 ms, down" in words
        assert "WARNING NP113 path-lossy" in words


class TestRates:
    def rates(self, made: Lab, rate: int) -> list[PathRate]:
        return of(checked(made, bitrate=rate).observations, PathRate)

    @pytest.mark.parametrize("rate", [32_000, 500_000, pytest.param(20_000_000, marks=pytest.mark.long)])
    def test_each_way_by_itself(self, rate: int) -> None:
        up, down = self.rates(lab(), rate)
        assert [up.direction, down.direction] == ["up", "down"]
        for each in (up, down):
            assert each.sent == each.halfway == each.arrived
            assert each.size == 1200
            assert each.received == pytest.approx(rate, rel=0.02)

    def test_loss_lowers_what_arrives(self) -> None:
        up, down = self.rates(lab(loss=0.1), 2_500_000)
        assert (up.halfway or 0) / up.sent == pytest.approx(0.9, abs=0.04)
        assert down.arrived / (down.halfway or 1) == pytest.approx(0.9, abs=0.04)
        assert up.received == pytest.approx(2_250_000, rel=0.05)

    def test_the_text_tells_the_picture_that_fits(self) -> None:
        made = lab()
        words = told(made, checked(made, bitrate=2_500_000))
        assert "direct-udp (up) carries 720p: 2.5 Mbit/s with 0.0 % loss" in words
        assert "direct-udp (down) carries 720p" in words

    def test_only_where_it_is_asked_for(self) -> None:
        assert self.rates(lab(), 0) == []
        assert self.rates(lab(udp="drop"), 500_000) == []

    def test_no_answer_is_larger_than_its_check(self) -> None:
        made = lab()
        checked(made, bitrate=500_000)
        sizes: dict[bytes, dict[bool, int]] = {}
        for each in made.network.log:
            if each.node == "web" and each.packet.proto == "udp":
                there = each.packet.destination[1] == at.MEDIA_UDP
                sizes.setdefault(each.packet.payload[8:20], {})[there] = len(each.packet.payload)
        both = [each for each in sizes.values() if each.get(True, 0) >= 1200 and False in each]
        assert all(each[False] <= each[True] for each in both)


class TestMarks:
    def marked(self, made: Lab, **options: Any) -> list[Marked]:
        return of(checked(made, **{"compare": True} | options).observations, Marked)

    @pytest.mark.parametrize(
        ("dscp", "seen", "answered", "words"),
        [
            ("kept", 184, 9, "DSCP EF arrives at 203.0.113.10:10000 as it was sent."),
            ("cleared", 0, 9, "DSCP EF arrives at 203.0.113.10:10000 as 0: cleared on the way."),
            ("dropped", None, 0, "Packets marked DSCP EF to 203.0.113.10:10000 stay unanswered, unmarked ones do not."),
        ],
    )
    def test_what_becomes_of_them(self, dscp: Any, seen: int | None, answered: int, words: str) -> None:
        made = lab(dscp=dscp)
        found = checked(made, compare=True)
        (marked,) = of(found.observations, Marked)
        assert (marked.tos, marked.seen, marked.sent, marked.answered) == (184, seen, 9, answered)
        assert (marked.plain, marked.plain_answered) == (9, 9)
        assert marked.failure is (None if answered else Failure.TIMEOUT)
        assert words in told(made, found)
        assert [each.cause for each in report(made, found).findings] == ([] if answered else ["path-lossy"])

    def test_only_where_it_is_asked_for(self) -> None:
        assert self.marked(lab(), compare=False) == []
        assert len(self.marked(lab(), compare=False, trace=True)) == 1
        assert self.marked(lab(udp="drop")) == []


def lossy(seed: int, loss: float, packets: int) -> bool:
    made = lab(seed, loss=loss)
    return "path-lossy" in [each.cause for each in report(made, checked(made, compare=True, packets=packets)).findings]


def test_a_little_loss_is_no_finding() -> None:
    assert not any(lossy(seed, 0.02, 20) for seed in range(8))
    assert not lossy(1, 0.02, 500)


@pytest.mark.long
def test_a_little_loss_is_no_finding_many_times() -> None:
    """Of 200 trains of 20 at two per cent hardly one is unlucky enough."""
    assert sum(lossy(seed, 0.02, 20) for seed in range(200)) <= 1
    assert sum(lossy(seed, 0.15, 80) for seed in range(50)) >= 49


def test_a_plain_check_sends_nothing_of_this() -> None:
    made = lab()
    found = checked(made)
    assert not [each for each in found.observations if isinstance(each, (PathBurst, PathRate, Marked))]
    assert not [each for each in made.network.log if b"\xc0\xe0" in each.packet.payload or each.packet.tos]
