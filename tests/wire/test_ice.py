"""The ICE agent: two of them over a wire of lists, with loss, NATs and role conflicts."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest

from natprobe.pairing import IceCredentials
from natprobe.wire import stun
from natprobe.wire.ice import PACE, PAIRS_MAX, SETTLE, Agent, Base, Endpoint, Remote

OURS = IceCredentials(ufrag="ours", password="the password of one side")
THEIRS = IceCredentials(ufrag="theirs", password="the password of the other side")
A: Endpoint = ("192.0.2.1", 5000)
B: Endpoint = ("203.0.113.10", 10000)
C: Endpoint = ("172.18.0.5", 10000)
ROLES = [(True, False), (False, True), (True, True), (False, False)]


class Wire:
    """Two agents, each with one base; `path` says what becomes of a datagram: the endpoints that it has there."""

    def __init__(
        self,
        one: tuple[Agent, Endpoint],
        other: tuple[Agent, Endpoint],
        path: Callable[[Endpoint, Endpoint], tuple[Endpoint, Endpoint] | None] = lambda source, to: (source, to),
    ) -> None:
        self.agents = {one[1]: one[0], other[1]: other[0]}
        self.path, self.now, self.sent = path, 0.0, 0

    def run(self, seconds: float) -> None:
        """In steps of a millisecond; a datagram takes ten."""
        flying: list[tuple[float, Endpoint, bytes, Endpoint]] = []
        while self.now < seconds:
            for at, agent in self.agents.items():
                if (due := agent.due()) is not None and due <= self.now:
                    agent.tick(self.now)
                for each in agent.sending():
                    self.sent += 1
                    if (arrives := self.path(at, each.to)) is not None and arrives[1] in self.agents:
                        flying.append((self.now + 0.01, arrives[1], each.data, arrives[0]))
            landed = [each for each in flying if each[0] <= self.now]
            flying = [each for each in flying if each[0] > self.now]
            for _, to, data, source in landed:
                assert self.agents[to].receive("udp", data, source, self.now)
            self.now += 0.001


def agent(controlling: bool, remotes: list[Remote], seed: int = 1, ours: IceCredentials = OURS) -> Agent:
    chance = random.Random(seed)
    theirs = THEIRS if ours is OURS else OURS
    made = Agent(
        ours,
        theirs,
        remotes,
        controlling=controlling,
        tie_breaker=chance.getrandbits(64),
        transaction_id=lambda: chance.randbytes(12),
    )
    made.add(Base("udp", 4))
    return made


def remote(endpoint: Endpoint, priority: int = 2130706431) -> Remote:
    return Remote(endpoint, priority)


@pytest.mark.parametrize(("first", "second"), ROLES)
def test_two_agents_agree_on_one_pair(first: bool, second: bool) -> None:
    one, other = agent(first, [remote(B)]), agent(second, [remote(A)], 2, THEIRS)
    Wire((one, A), (other, B)).run(1.0)
    assert one.controlling is not other.controlling
    assert one.nominated is not None
    assert other.nominated is not None
    assert (one.nominated.remote.endpoint, other.nominated.remote.endpoint) == (B, A)
    assert one.nominated.mapped == A


def test_an_agent_without_our_candidates_learns_them() -> None:
    one, other = agent(False, [remote(C), remote(B, 1694498815)]), agent(True, [], 2, THEIRS)
    Wire((one, A), (other, B)).run(1.0)
    assert one.nominated is not None
    assert one.nominated.remote.endpoint == B
    assert one.nominated.remote.advertised
    assert other.nominated is not None
    assert not other.nominated.remote.advertised


def test_whoever_writes_from_elsewhere_becomes_peer_reflexive() -> None:
    """The advertised address is dead, the other side finds us: works here by luck."""
    one, other = agent(False, [remote(C)]), agent(True, [remote(A)], 2, THEIRS)
    Wire((one, A), (other, B)).run(1.0)
    assert one.nominated is not None
    assert one.nominated.remote.endpoint == B
    assert not one.nominated.remote.advertised


def test_having_control_whoever_finds_us_is_checked_and_nominated() -> None:
    """Janus with the wrong address advertised: its own checks show where it is."""
    one, other = agent(True, [remote(C)]), agent(False, [remote(A)], 2, THEIRS)
    Wire((one, A), (other, B)).run(1.0)
    assert one.nominated is not None
    assert (one.nominated.remote.endpoint, one.nominated.remote.advertised) == (B, False)
    assert other.nominated is not None


def answered(one: Agent, now: float, code: int | None = None) -> list[bool]:
    """Every check to B is, with this error; whether each asked for the pair to be used."""
    asked = []
    for each in one.sending():
        message = stun.decode(each.data).message
        if each.to == B and "USERNAME" in message.attributes:
            asked.append("USE-CANDIDATE" in message.attributes)
            key = THEIRS.password.encode()
            success = stun.response(message, key=key, XOR_MAPPED_ADDRESS=A)
            one.receive("udp", success if code is None else stun.error(message, code, "No", key=key), B, now)
    return asked


def test_who_has_control_nominates_once() -> None:
    """With somebody better still silent, after a moment; until that is answered nothing else is due."""
    one = agent(True, [remote(C), remote(B, 1694498815)])
    for now in (0.0, PACE):
        one.tick(now)
    assert answered(one, PACE) == [False]
    one.tick(PACE + SETTLE / 2)
    assert answered(one, PACE) == []
    one.tick(PACE + SETTLE)
    due = one.due()
    assert due is not None
    assert due >= PACE + SETTLE + 0.05
    assert answered(one, PACE + SETTLE) == [True]
    assert one.nominated is not None
    assert one.nominated.remote.endpoint == B


def test_a_nomination_that_is_refused_leaves_the_others() -> None:
    """A pair that works comes later: it is nominated instead; till then nothing is due at once."""
    one = agent(True, [remote(B)])
    one.tick(0.0)
    assert answered(one, 0.01) == [False]
    one.tick(0.01)
    assert answered(one, 0.02, 400) == [True]
    one.tick(0.5)
    assert (one.nominated, one.due()) == (None, None)
    check = stun.ice_check(bytes(12), user="ours:theirs", password=OURS.password, tie_breaker=1, controlling=False)
    one.receive("udp", check, B, 0.6)
    assert answered(one, 0.6) == [False]
    one.tick(0.61)
    assert answered(one, 0.7) == [True]
    assert one.nominated is not None


def test_an_answer_from_elsewhere_is_no_answer() -> None:
    """RFC 8445 section 7.2.5.2.1."""
    one, other = agent(False, [remote(B)]), agent(True, [], 2, THEIRS)
    away: Endpoint = ("203.0.113.99", 10000)
    Wire((one, A), (other, B), lambda source, to: (away if source == B else source, to) if to != away else None).run(2)
    assert one.nominated is None
    assert all(each.state != "valid" for each in one.pairs if each.remote.endpoint == B)


@pytest.mark.parametrize("seed", range(30))
def test_loss_only_costs_time(seed: int) -> None:
    chance = random.Random(seed)
    one, other = agent(False, [remote(B)], seed), agent(True, [remote(A)], seed + 1000, THEIRS)
    Wire((one, A), (other, B), lambda source, to: None if chance.random() < 0.3 else (source, to)).run(8.0)
    assert one.nominated is not None
    assert other.nominated is not None


def test_silence_is_never_nominated_and_bounded_in_packets() -> None:
    one = agent(True, [remote(B), remote(C)])
    other = agent(False, [], 2, THEIRS)
    wire = Wire((one, A), (other, B), lambda _source, _to: None)
    wire.run(3.0)
    assert one.nominated is None
    assert 10 <= wire.sent <= 16


def test_a_stranger_with_a_wrong_password_gets_nothing() -> None:
    one = agent(False, [])
    wrong = stun.ice_check(bytes(12), user="ours:theirs", password="guessed", tie_breaker=1)
    unknown = stun.ice_check(bytes(12), user="nobody:theirs", password=OURS.password, tie_breaker=1)
    for each in (wrong, unknown, stun.binding_request(bytes(12)), b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)):
        assert one.receive("udp", each, B, 0.0)
    assert (one.sending(), one.pairs, one.heard) == ([], (), 0)


def test_media_is_not_the_agents_business() -> None:
    one = agent(False, [])
    assert not one.receive("udp", bytes([22, 254, 253]) + bytes(40), B, 0.0)
    assert not one.receive("udp", bytes([128]) + bytes(40), B, 0.0)


def test_peers_cannot_make_pairs_without_end() -> None:
    one = agent(False, [remote(B)])
    for number in range(1, 2 * PAIRS_MAX):
        check = stun.ice_check(number.to_bytes(12, "big"), user="ours:theirs", password=OURS.password, tie_breaker=1)
        one.receive("udp", check, ("203.0.113.10", 20000 + number), 0.0)
    assert len(one.pairs) == PAIRS_MAX


def test_the_other_family_has_no_pair() -> None:
    one = agent(True, [remote(("2001:db8::1", 10000)), remote(B)])
    assert [each.remote.endpoint for each in one.pairs] == [B]


def test_of_two_nominated_the_better_one_counts() -> None:
    """Aggressive nomination (RFC 5245 section 8.1.1.2), in either order."""
    for order in itertools.permutations((B, C)):
        one = agent(False, [remote(B), remote(C, 1694498815)])
        for number, source in enumerate(order):
            one.tick(number * 0.1)
            one.tick(number * 0.1 + 0.05)
            check = stun.ice_check(
                bytes([number]) * 12, user="ours:theirs", password=OURS.password, tie_breaker=1, use_candidate=True
            )
            one.receive("udp", check, source, 0.2)
        for each in one.sending():
            message = stun.decode(each.data).message
            if "USERNAME" in message.attributes:
                answer = stun.response(message, key=THEIRS.password.encode(), XOR_MAPPED_ADDRESS=A)
                one.receive("udp", answer, each.to, 0.3)
        assert one.nominated is not None
        assert one.nominated.remote.endpoint == B
