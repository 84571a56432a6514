"""How long a bridge that never answers is waited for, in virtual time: three seconds from the session on."""

from __future__ import annotations

import pytest

from natprobe.facts import IceCheck, Probed, SessionOffer
from natprobe.model import Failure, Report
from natprobe.target import turn_server
from tests.case import Network, Peer
from tests.lab.client import lab_of
from tests.netns import addresses as at
from tests.probes.bridging import DIRECT, MEDIA, bridge_at, facts_of, offered, report
from tests.probes.relaying import ALICE, HEALTHY, TARGETS

BAR = 3.0
HERE = (at.WEB, at.MEDIA_UDP)


def took(found: Report, probe: str) -> float:
    """From the session that the bridge offered to the end of this probe."""
    (offer,) = facts_of(found, SessionOffer)
    return max(each.at for each in facts_of(found, Probed, probe)) - offer.at  # type: ignore[no-any-return]


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("candidates", [1, 24])
def test_direct_checks(delay: float, candidates: int) -> None:
    lab = lab_of(peer=Peer(udp="drop"), network=Network(delay=delay))
    _, keys = bridge_at(lab.servers["web"], HERE)
    nobody = [f"203.0.113.{150 + number}" for number in range(candidates - 1)]
    found = report(lab, keys, [offered(f"{each}:{at.MEDIA_UDP}") for each in (at.WEB, *nobody)], DIRECT)
    checks = facts_of(found, IceCheck)
    assert {each.failure for each in checks if each.endpoint == MEDIA} == {Failure.TIMEOUT}
    assert len({each.endpoint for each in checks}) == candidates
    assert took(found, "media") <= BAR


def test_relayed_checks_begin_with_the_allocation() -> None:
    """Not when all relays have been proven: they have round trips of their own."""
    lab = lab_of(peer=Peer(udp="drop"), relay=HEALTHY, network=Network(delay=0.05))
    _, keys = bridge_at(lab.servers["web"], HERE)
    relays = tuple(turn_server(each) for each in TARGETS.values())
    probes = ("interfaces", "names", "turn", "media", "relayed")
    found = report(lab, keys, (offered(),), probes, access=ALICE, turn=relays)
    assert {each.leg for each in facts_of(found, IceCheck, "relayed")} == set(TARGETS)
    assert {str(each.failure) for each in facts_of(found, IceCheck, "relayed")} == {"timeout"}
    assert took(found, "relayed") <= BAR + 1.0
