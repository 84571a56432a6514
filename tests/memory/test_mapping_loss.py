"""Loss must never make natprobe wrong, only unsure: the mapping probe at 20 % loss each way, behind every NAT."""

from __future__ import annotations

import random
from itertools import product
from typing import Any, get_args

import pytest

from natprobe.context import Context, Options
from natprobe.derive import udp_works
from natprobe.derive.behaviour import mapping_varies
from natprobe.facts import Facts
from natprobe.run import Session
from natprobe.target import parse, stun_server
from tests.case import Case, Expect, Network
from tests.lab.build import build
from tests.lab.nat import Behaviour

RUNS = 200
KINDS = [*product(("none", *get_args(Behaviour)), get_args(Behaviour), (False, True))]
PROBES = ("interfaces", "names", "mapping")


def observed(seed: int) -> tuple[bool, Facts]:
    """Whether mapping really varies in this run's network, and what natprobe saw of it."""
    mapping, filtering, carrier = KINDS[seed % len(KINDS)]
    words: dict[str, Any] = {"mapping": mapping, "filtering": filtering, "carrier": carrier}
    case = Case(title="", expect=Expect(verdict="good", exit=0), network=Network(loss=0.2, **words))
    lab = build(case, seed)
    servers = (stun_server("stun1.example.test"), stun_server("stun2.example.test"))
    context = Context(
        target=parse(case.target).target,
        options=Options(stun=servers, families=(4,)),
        net=lab.client,
        host=lab.client,
        random=random.Random(seed),
        unix_time=0.0,
    )
    session = Session(context)
    lab.clock.run(session.go(PROBES))
    return mapping not in ("none", "endpoint-independent"), Facts(context.target, session.observations)


@pytest.mark.parametrize("seed", range(RUNS))
def test_loss_makes_unsure_and_never_wrong(seed: int) -> None:
    varies, facts = observed(seed)
    assert mapping_varies(facts) in (varies, None)
    assert udp_works(facts) is not False


def test_and_it_is_seldom_unsure() -> None:
    """Five tries each to two servers all fail to bring one answer in 1.2 % of runs."""
    unsure = sum(mapping_varies(observed(seed)[1]) is None for seed in range(RUNS))
    assert unsure < RUNS * 0.05
