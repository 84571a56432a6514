"""The search for the largest packet: over links of every size, with loss, with routers that say so, and in the lab."""

from __future__ import annotations

import errno
import random
from typing import Any

import pytest

from natprobe.asking.sizing import ENOUGH, STEP, TOO_MANY, Search
from natprobe.facts import PathSize, TlsHello
from natprobe.model import Failure, Family
from natprobe.net.api import Udp
from natprobe.net.stun import Outcome
from natprobe.wire import stun
from tests.case import Dns, Network, Peer, Relay
from tests.lab.build import Lab
from tests.lab.check import observed
from tests.lab.client import lab_of
from tests.netns import addresses as at
from tests.probes.relaying import ALICE

ANSWER = stun.decode(stun.binding_request(bytes(12)))
SILENCE = Outcome(None, Failure.TIMEOUT, "", 1)
REFUSED = Outcome(None, Failure.TOO_BIG, "Message too long", 1)
LOW, HIGH, TOP = 124, 1228, 1500


def passed() -> Outcome:
    return Outcome(ANSWER, None, "", 1)


def said(mtu: int | None, by: str = "198.51.100.2") -> Outcome:
    return Outcome(None, Failure.TOO_BIG, "", 1, icmp="3/4", reported_by=by, mtu=mtu)


class Path:
    """A way that carries `mtu` bytes, loses a share of what it carries, and says what was too large, or doesn't."""

    def __init__(self, mtu: int, loss: float = 0.0, tells: Outcome = SILENCE, seed: int = 0) -> None:
        self.mtu, self.loss, self.tells, self.chance = mtu, loss, tells, random.Random(seed)

    def carry(self, size: int) -> Outcome:
        if size > self.mtu:
            return self.tells
        lost = self.chance.random() < self.loss or self.chance.random() < self.loss  # there, or back
        return SILENCE if lost else passed()

    def found(self, search: Search) -> Search:
        """As sizing.search goes, without the clock."""
        while sizes := search.next(narrow=search.sent <= ENOUGH):
            if search.sent + len(sizes) > TOO_MANY:
                break
            search.seen(sizes, [self.carry(each) for each in sizes])
            if not search.heard:
                break
        return search


def below(mtu: int) -> int:
    """The largest size of the search's steps that passes."""
    return LOW + (mtu - LOW) // STEP * STEP


@pytest.mark.parametrize("mtu", range(576, HIGH - 1, 11))
def test_every_size_is_found_where_full_size_was_lost(mtu: int) -> None:
    search = Path(mtu).found(Search(LOW, HIGH, lost=True))
    assert (search.up, search.lost) == (below(mtu), below(mtu) + STEP)
    assert search.sent <= TOO_MANY
    assert search.word is None


@pytest.mark.parametrize("mtu", [1000, 1280, 1340, 1380, 1400, 1420, 1450, 1492, 1496, 1500])
def test_every_size_is_found_where_nothing_was_lost_before(mtu: int) -> None:
    search = Path(mtu).found(Search(LOW, TOP + STEP, lost=False))
    assert (search.up, search.lost) == (below(mtu), None if mtu == TOP else below(mtu) + STEP)
    assert search.whole is (mtu == TOP)


@pytest.mark.parametrize(("mtu", "packets"), [(576, 9), (1006, 9), (1100, 16), (1200, 20)])
def test_a_routers_word_is_tried_and_spares_the_rest(mtu: int, packets: int) -> None:
    search = Path(mtu, tells=said(mtu)).found(Search(LOW, HIGH, lost=True))
    assert (search.up, search.lost) == (below(mtu), below(mtu) + STEP)
    assert search.word == ("3/4", "198.51.100.2", mtu)
    assert search.sent <= packets


@pytest.mark.parametrize("mtu", [None, 68, 1180, 1400])
def test_a_word_that_does_not_fit_is_no_proof(mtu: int | None) -> None:
    """None, too small by far, too large for what is seen: the search goes on by itself and says nothing of it."""
    search = Path(1100, tells=said(mtu)).found(Search(LOW, HIGH, lost=True))
    assert (search.up, search.lost, search.word) == (1100, 1104, None)


def test_what_this_machine_takes_no_larger_of() -> None:
    search = Path(1400, tells=REFUSED).found(Search(LOW, TOP + STEP, lost=False))
    assert (search.up, search.lost, search.here, search.word) == (1400, 1404, True, None)


def test_a_way_that_died_tells_nothing() -> None:
    search = Path(0).found(Search(LOW, HIGH, lost=True))
    assert not search.heard
    assert search.lost == HIGH  # which was known before


@pytest.mark.parametrize("loss", [0.02, 0.05, 0.15])
def test_loss_never_looks_like_a_size(loss: float) -> None:
    """Of 2,000 runs none says that something is lost which the path carries; most find the very size."""
    exact = 0
    for seed in range(2000):
        search = Path(1000, loss, seed=seed).found(Search(LOW, HIGH, lost=True))
        assert search.up <= 1000
        assert search.lost is not None
        assert search.lost > 1000, seed
        exact += search.lost - search.up == STEP
    assert exact > {0.02: 1800, 0.05: 1500, 0.15: 400}[loss]


# --- in the lab


def measured(network: Network, seed: int = 0, **options: Any) -> tuple[Lab, list[PathSize]]:
    lab = lab_of(seed, network=network, peer=Peer(runs=True), dns=Dns(ipv6=network.ipv6 != "none"))
    found = observed(lab, lab.peer_target, ("names", "peer", "media", "size"), **options)
    return lab, [each for each in found if isinstance(each, PathSize)]


def padded(lab: Lab) -> list[int]:
    """How large the client's checks were, beside the small ones and those of full size."""
    sizes = {len(each.packet.payload) for each in lab.network.log if each.node == "client" and each.fate == "sent"}
    return sorted(each for each in sizes if each > 1200 or 150 < each < 1200)


def test_a_hole_has_its_size_there_and_back() -> None:
    _, (size,) = measured(Network(mtu=1000))
    assert (size.up, size.up_lost, size.down, size.down_lost) == (1000, 1004, 1000, None)
    assert (size.failure, size.icmp, size.told) == (None, None, None)
    assert (size.tries, size.beside) == (8, 6)


def test_each_family_has_its_own() -> None:
    _, found = measured(Network(mtu=1000, ipv6="works"))
    assert sorted((each.endpoint[0], each.up, each.up_lost) for each in found) == [("2", 1000, 1004), ("[", 1000, 1004)]


def test_where_full_size_passes_nothing_is_sent() -> None:
    lab, found = measured(Network(mtu=1280))
    assert found == []
    assert padded(lab) == []


@pytest.mark.parametrize(("mtu", "up", "lost"), [(0, 1500, None), (1280, 1280, 1284), (1452, 1452, 1456)])
def test_with_trace_the_size_is_told_all_the_same(mtu: int, up: int, lost: int | None) -> None:
    _, (size,) = measured(Network(mtu=mtu), trace=True)
    assert (size.up, size.up_lost, size.down, size.down_lost) == (up, lost, up, None)


@pytest.mark.parametrize("seed", range(5))
def test_loss_on_the_way_says_nothing_wrong(seed: int) -> None:
    _, found = measured(Network(mtu=1000, loss=0.05), seed)
    for size in found:
        assert size.up is None or size.up <= 1000
        assert size.up_lost is None or size.up_lost > 1000


def test_where_the_system_cannot_measure_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_of(network=Network(mtu=1000), peer=Peer(runs=True))
    bind = lab.client.udp

    def udp(family: Family, local: str | None = None, port: int = 0, *, whole: bool = False) -> Udp:
        if whole:
            raise OSError(errno.EAFNOSUPPORT, "sizes are measured on Linux only")
        return bind(family, local, port)

    monkeypatch.setattr(lab.client, "udp", udp)
    found = observed(lab, lab.peer_target, ("names", "peer", "media", "size"))
    (size,) = (each for each in found if isinstance(each, PathSize))
    assert (size.failure, size.up, size.up_lost) == (Failure.UNSUPPORTED, None, None)


@pytest.mark.parametrize("delay", [0.1, 0.2, 0.4])
def test_on_a_slow_way_less_is_known_and_nothing_wrong(delay: float) -> None:
    _, (size,) = measured(Network(mtu=1000, delay=delay))
    assert size.up is None or size.up <= 1000
    assert size.up_lost is None or size.up_lost > 1000


# --- to a relay, and of TLS


def test_the_way_to_a_relay_is_measured_where_large_data_was_lost() -> None:
    lab = lab_of(network=Network(mtu=1200), relay=Relay(runs=True))
    found = observed(lab, "turn:turn.example.test", ("names", "turn", "relay_size"), access=ALICE)
    (size,) = (each for each in found if isinstance(each, PathSize))
    assert (size.endpoint, size.up, size.up_lost) == (f"{at.RELAY}:3478", 1200, 1204)


def hellos(network: Network, **options: Any) -> list[tuple[int | None, bool, Failure | None]]:
    lab = lab_of(network=network)
    found = observed(lab, probes=("names", "web", "hello"), **options)
    return [(each.segment, each.large, each.failure) for each in found if isinstance(each, TlsHello)]


def test_a_page_that_opens_is_not_asked_again() -> None:
    assert hellos(Network()) == []


def test_with_trace_a_large_hello_is_tried_beside_it() -> None:
    assert sorted(hellos(Network(), trace=True), key=str) == [(536, True, None)] * 2 + [(None, True, None)] * 2


def test_a_page_that_hangs_is_asked_for_in_small_segments() -> None:
    found = hellos(Network(mtu=1280))
    passed = {segment for segment, _, failure in found if failure is None}
    assert passed == {536, 1220}
    assert [failure for segment, _, failure in found if segment is None] == [Failure.TIMEOUT] * 2
