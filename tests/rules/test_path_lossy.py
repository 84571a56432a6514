"""NP113, and what it is judged by: what is lost for certain, how far away, how unevenly; and the E-model's figures."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natprobe.derive.emodel import R_MAX, audio, delay_impairment, loss_impairment, mos
from natprobe.derive.lossy import lower_end
from natprobe.derive.quality import qualities
from natprobe.facts import Connected, Marked, PathBurst, PathHeld, RelayBurst
from natprobe.model import Failure, Observation, Where
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Judgement
from tests.made import MEDIA, MEDIA_TCP, RELAY, RELAYED, TURN, checked, facts, found, judged, saw, words

CAUSE = "path-lossy"


def train(sent: int = 20, arrived: int = 20, **more: Any) -> PathBurst:
    fields: dict[str, Any] = {"size": 100, "interval_ms": 20.0, "rtt_min_ms": 30.0, "rtt_median_ms": 31.0}
    fields |= {"transport": "udp", "jitter_ms": 1.0} | more
    return PathBurst(endpoint=MEDIA, sent=sent, arrived=arrived, **fields)


def relayed(sent: int = 20, arrived: int = 20, **more: Any) -> RelayBurst:
    fields: dict[str, Any] = {"transport": "udp", "by": "own-socket", "delay_min_ms": 60.0, "jitter_ms": 1.0} | more
    where: dict[str, Any] = {"server": RELAY, "relayed": RELAYED, "peer": "198.51.100.7:40001"}
    return RelayBurst(sent=sent, arrived=arrived, size=100, interval_ms=20.0, **where, **fields)


def judge(*seen: Observation, **more: Any) -> Judgement:
    return judged(CAUSE, *seen, **more)


class TestLoss:
    @pytest.mark.parametrize(
        ("lost", "of"),
        [(0, 20), (1, 20), (0, 500), (5, 500), (10, 500), (20, 500)],  # two per cent each way are four there and back
    )
    def test_a_little_is_nothing(self, lost: int, of: int) -> None:
        assert judge(train(of, of - lost)) is CLEAR

    @pytest.mark.parametrize(("lost", "of"), [(2, 20), (3, 20), (36, 500)])
    def test_a_little_more_may_be_chance(self, lost: int, of: int) -> None:
        found = judge(train(of, of - lost))
        assert isinstance(found, CouldNotTell)
        assert (found.reason, "--packets 500" in found.ask) == ("few-packets", True)

    @pytest.mark.parametrize(("lost", "of", "effect"), [(5, 20, "falter"), (50, 500, "falter"), (150, 500, "break up")])
    def test_much_is_certain(self, lost: int, of: int, effect: str) -> None:
        told = words(CAUSE, train(of, of - lost))
        assert f"Of {of} packets that went to {MEDIA} and back {lost} were lost" in told
        assert effect in told

    @pytest.mark.parametrize(
        ("halfway", "arrived", "told"),
        [
            (440, 440, f"12.0 % of the packets to {MEDIA} are lost on the way there"),
            (500, 440, f"12.0 % of the packets from {MEDIA} are lost on their way here"),
            (440, 400, f"12.0 % of the packets to {MEDIA} are lost on the way there, 9.1 % on the way back"),
        ],
    )
    def test_each_direction_where_the_other_end_counted(self, halfway: int, arrived: int, told: str) -> None:
        assert told in words(CAUSE, train(500, arrived, halfway=halfway))

    def test_three_of_twenty_are_chance(self) -> None:
        assert isinstance(judge(train(20, 17, halfway=17)), CouldNotTell)
        assert found(CAUSE, train(20, 16, halfway=16))

    def test_over_tcp_nothing_is_lost(self) -> None:
        assert judge(train(20, 10, transport="tcp")) is CLEAR
        assert judge(train(20, 10, leg="tls", server=RELAY)) is CLEAR
        assert judge(relayed(20, 10, transport="tcp"), target=TURN) is CLEAR

    def test_the_way_that_a_browser_prefers(self) -> None:
        assert judge(train(), train(500, 300, leg="udp", server=RELAY)) is CLEAR
        assert judge(train(20, 0, failure=Failure.TIMEOUT)) is NOT_APPLICABLE

    def test_through_a_relay_each_half_crosses_twice(self) -> None:
        """Ten of a hundred each way are 19 of each half: 34 of a hundred there and back."""
        only = found(CAUSE, relayed(500, 328, halfway=405), target=TURN)
        assert only.args["percent"] == pytest.approx(8.4, abs=0.3)
        assert judge(relayed(500, 475, halfway=490), target=TURN) is CLEAR

    def test_what_bitrate_filled_on_purpose_is_no_loss(self) -> None:
        full = relayed(500, 300, direction="out", bitrate=20_000_000)
        assert judge(relayed(), full, target=TURN) is CLEAR

    def test_a_path_that_was_watched(self) -> None:
        lived = PathHeld(endpoint=MEDIA, hold=300.0, checks=60, answered=40)
        assert "Of 60 packets" in words(CAUSE, lived)
        assert judge(PathHeld(endpoint=MEDIA, hold=300.0, checks=60, answered=60)) is CLEAR

    @given(st.integers(1, 2000), st.data())
    def test_the_lower_end_is_below_the_share(self, of: int, data: st.DataObject) -> None:
        lost = data.draw(st.integers(0, of))
        least = lower_end(lost, of)
        assert 0.0 <= least <= lost / of + 1e-9

    @pytest.mark.parametrize(("lost", "of", "least"), [(1, 10, 0.0179), (5, 100, 0.0215), (50, 500, 0.0767)])
    def test_wilson(self, lost: int, of: int, least: float) -> None:
        """Figures of the interval as textbooks have them (Wilson 1927, without continuity correction)."""
        assert lower_end(lost, of) == pytest.approx(least, abs=0.0005)


class TestFar:
    def opened(self, ms: float, at: str = MEDIA_TCP) -> Connected:
        return Connected(endpoint=at, rtt_ms=ms)

    def test_a_satellite(self) -> None:
        slow = (checked(tries=3), checked(MEDIA_TCP, transport="tcp", rtt_ms=600.0), self.opened(590.0))
        only = found(CAUSE, *slow)
        assert "590 ms away" in only.message.format_map(only.args)
        assert only.where is Where.UNKNOWN

    def test_everything_is_as_far(self) -> None:
        slow = (checked(tries=3), self.opened(590.0), self.opened(600.0))
        others = [saw(f"203.0.113.{n}:3478", transport="tcp", rtt_ms=610.0) for n in (20, 30)]
        only = found(CAUSE, *slow, *others)
        assert only.where is Where.LOCAL_NETWORK
        assert "this network's way out" in only.message
        near = [saw(f"203.0.113.{n}:3478", rtt_ms=30.0) for n in (20, 30)]
        assert found(CAUSE, *slow, *near).where is Where.UNKNOWN

    def test_one_measurement_may_have_lost_a_packet(self) -> None:
        assert judge(checked(tries=5), self.opened(1030.0)) is NOT_APPLICABLE

    def test_the_shortest_counts(self) -> None:
        assert judge(checked(), self.opened(1030.0), self.opened(40.0)) is CLEAR
        assert judge(checked(rtt_ms=250.0), self.opened(1030.0)) is CLEAR

    def test_of_the_way_itself_the_train_tells(self) -> None:
        assert "450 ms" in words(CAUSE, train(rtt_min_ms=450.0), checked(tries=2), self.opened(2.0), self.opened(3.0))

    def test_elsewhere_is_elsewhere(self) -> None:
        assert judge(checked(), self.opened(600.0, "198.51.100.99:443"), self.opened(600.0, "198.51.100.98:443")) is (
            NOT_APPLICABLE
        )

    def test_too_far_for_a_conversation(self) -> None:
        assert "too long" in found(CAUSE, checked(tries=3), self.opened(900.0), self.opened(950.0)).message

    def test_a_relay_by_half_of_what_our_own_socket_took(self) -> None:
        assert judge(relayed(delay_min_ms=560.0), target=TURN) is CLEAR
        assert "700 ms" in words(CAUSE, relayed(delay_min_ms=1400.0), target=TURN)


class TestUneven:
    def test_of_one_direction(self) -> None:
        told = words(CAUSE, train(500, 500, jitter_ms=60.0, jitter_up_ms=59.0, jitter_down_ms=1.0))
        assert "arrive there unevenly, 59 ms" in told

    def test_of_both_together_half(self) -> None:
        assert isinstance(judge(train(500, 500, jitter_ms=62.0)), CouldNotTell)
        assert "and back arrive unevenly" in found(CAUSE, train(500, 500, jitter_ms=70.0)).message
        assert judge(train(500, 500, jitter_ms=50.0)) is CLEAR

    def test_twenty_packets_tell_little(self) -> None:
        assert isinstance(judge(train(jitter_ms=100.0)), CouldNotTell)
        assert found(CAUSE, train(jitter_ms=120.0))


class TestMarks:
    def marked(self, answered: int, plain: int, sent: int = 9) -> Marked:
        return Marked(endpoint=MEDIA, tos=184, sent=sent, answered=answered, plain=sent, plain_answered=plain)

    def test_only_marked_ones_are_lost(self) -> None:
        assert "marked DSCP 46" in found(CAUSE, train(), self.marked(0, 9)).message.format_map(
            {"place": "", "dscp": 46}
        )

    @pytest.mark.parametrize(("answered", "plain", "sent"), [(1, 9, 9), (0, 0, 9), (0, 3, 9), (0, 5, 5), (9, 9, 9)])
    def test_anything_else_is_nothing(self, answered: int, plain: int, sent: int) -> None:
        assert judge(train(), self.marked(answered, plain, sent)) is CLEAR


def test_without_a_measure_there_is_nothing_to_judge() -> None:
    assert judge(checked()) is NOT_APPLICABLE


class TestEModel:
    @pytest.mark.parametrize(("rating", "score"), [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58)])
    def test_scores_are_those_of_the_table(self, rating: float, score: float) -> None:
        """ITU-T G.107 table B.1."""
        assert mos(rating) == pytest.approx(score, abs=0.011)

    def test_the_default_connection(self) -> None:
        assert mos(R_MAX) == pytest.approx(4.41, abs=0.005)
        assert delay_impairment(0.0) == pytest.approx(0.0, abs=1e-6)
        assert (mos(-5.0), mos(0.0), mos(120.0)) == (1.0, 1.0, 4.5)

    @pytest.mark.parametrize("delay", [50, 100, 150, 200, 250, 300])
    def test_delay_is_that_of_the_published_reduction(self, delay: float) -> None:
        """Cole and Rosenbluth, Voice over IP performance monitoring (2001): 0.024 d + 0.11 (d - 177.3) beyond that."""
        known = 0.024 * delay + 0.11 * max(0.0, delay - 177.3)
        assert delay_impairment(delay) == pytest.approx(known, abs=0.35)

    @pytest.mark.parametrize(("share", "worth"), [(0.0, 0.0), (0.01, 3.64), (0.05, 15.78), (0.2, 42.13)])
    def test_loss_is_that_of_the_formula(self, share: float, worth: float) -> None:
        """95 * Ppl / (Ppl + Bpl) by hand, with G.113's 25.1 for G.711 with concealment."""
        assert loss_impairment(share) == pytest.approx(worth, abs=0.005)

    @given(st.floats(0, 5000), st.floats(0, 500), st.floats(0, 1))
    def test_more_is_worse_and_nothing_is_out_of_bounds(self, rtt: float, jitter: float, loss: float) -> None:
        here = audio(rtt, jitter, loss)
        assert 1.0 <= here.mos <= 4.41
        assert 0.0 <= here.rating <= R_MAX
        assert audio(rtt + 50, jitter, loss).rating <= here.rating + 1e-9
        assert audio(rtt, jitter, min(loss + 0.05, 1.0)).rating <= here.rating + 1e-9
        assert math.isfinite(here.one_way)

    def test_inputs(self) -> None:
        """Half the round trip, a jitter buffer of at least one packet, a packet, Opus' look-ahead."""
        assert audio(40.0, 2.0, 0.0).one_way == 20 + 20 + 20 + 6.5
        assert audio(40.0, 30.0, 0.0).one_way == 20 + 60 + 20 + 6.5

    def test_of_a_way_the_worse_direction(self) -> None:
        (quality,) = qualities(facts(train(500, 400, halfway=450, jitter_up_ms=15.0, jitter_down_ms=1.0)))
        assert quality.audio is not None
        assert quality.audio.loss == pytest.approx(50 / 450)
        assert quality.audio.one_way == 15.5 + 30 + 26.5
        assert quality.way == "direct-udp"
