"""Outside addresses, ports and hairpinning against real NATs: what nftables can be of them."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from natprobe.codec import load
from natprobe.derive.behaviour import (
    Behaviour,
    address_pooling,
    filtering_behaviour,
    hairpinning,
    mapping_behaviour,
    ports_contiguous,
    ports_preserved,
)
from natprobe.facts import Facts, Hairpin
from tests.case import Case, Dns, Expect, Network
from tests.netns import nat
from tests.netns.lab import lab
from tests.netns.topology import in_userspace, plan

ANY: Behaviour = "endpoint-independent"
ADDRESS: Behaviour = "address-dependent"
BOTH: Behaviour = "address-and-port-dependent"
SERVERS = ("stun1.example.test", "stun2.example.test")


def case(**network: Any) -> Case:
    return Case(title="", expect=Expect(verdict="good", exit=0), network=Network(**network), dns=Dns())


def measured(**network: Any) -> Facts:
    words = [word for name in SERVERS for word in ("--stun", name)]
    words += [word for name in ("mapping", "filtering", "hairpin") for word in ("--only", name)]
    with lab(case(**network)) as built:
        done = built.client.natprobe("check", "stun:stun1.example.test", *words, "--json", "-q")
    assert json.loads(done.stdout)["verdict"]["status"] == "good", done.stderr
    saved = load(done.stdout)
    return Facts(saved.target, saved.observations)


@pytest.mark.parametrize("filtering", [ANY, ADDRESS, BOTH])
@pytest.mark.parametrize("hairpin", [True, False])
def test_hairpinning(filtering: Any, hairpin: bool) -> None:
    facts = measured(filtering=filtering, hairpin=hairpin)
    assert hairpinning(facts) is hairpin
    assert (mapping_behaviour(facts), filtering_behaviour(facts)) == (ANY, filtering)
    there, back = facts.of(Hairpin)
    assert (there.seen_from, back.seen_from) == ((back.mapped, there.mapped) if hairpin else (None, None))


@pytest.mark.parametrize("hairpin", [True, False])
def test_hairpinning_at_the_provider(hairpin: bool) -> None:
    assert hairpinning(measured(carrier=True, hairpin=hairpin)) is hairpin


@pytest.mark.parametrize("mapping", [ADDRESS, BOTH, "none"])
def test_hairpinning_that_nobody_can_tell(mapping: Any) -> None:
    assert hairpinning(measured(mapping=mapping)) is None


@pytest.mark.parametrize(
    ("network", "kept"),
    [({}, True), ({"ports": "random"}, False), ({"mapping": ADDRESS}, False), ({"mapping": BOTH}, False)],
)
def test_ports(network: Any, kept: bool) -> None:
    facts = measured(**network)
    assert mapping_behaviour(facts) == network.get("mapping", ANY)
    assert (ports_preserved(facts), ports_contiguous(facts)) == (kept, kept)


def test_a_pool() -> None:
    facts = measured(pool=4)
    assert address_pooling(facts) is True
    assert mapping_behaviour(facts) == ANY
    assert address_pooling(measured()) is False


def test_loss_never_makes_it_wrong() -> None:
    facts = measured(loss=0.1, hairpin=True)
    told = (hairpinning(facts), ports_preserved(facts), ports_contiguous(facts))
    assert all(each in (True, None) for each in told)
    assert address_pooling(facts) in (False, None)


def test_a_short_lifetime() -> None:
    """A mapping that was left alone for longer is another one afterwards; one that was not is the same."""
    asks = (
        "import socket, sys, time; sys.path[:0] = ['tests/netns']; import stun_client as c; s = c.opened('.'); "
        "print([time.sleep(pause) or c.asked(s, (sys.argv[1], c.PORT)) for pause in (0, 0.4, 3.5)])"
    )
    with lab(case(lifetime=2.0, ports="random")) as built:
        shown = built.client.run([sys.executable, "-c", asks, "203.0.113.20"]).stdout
    first, again, later = json.loads(shown.replace("'", '"'))
    assert first == again != later


@pytest.mark.parametrize(
    "network",
    [
        {"ports": "sequential"},
        {"ports": "contiguous"},
        {"ports": "preserved", "mapping": BOTH},
        {"ports": "random", "hairpin": True},
        {"ports": "random", "filtering": ANY},
        {"pool": 2, "hairpin": True},
        {"pool": 2, "filtering": ADDRESS},
        {"pool": 2, "mapping": BOTH},
        {"hairpin": True, "mapping": BOTH},
    ],
)
def test_what_netfilter_cannot_be_is_built_in_user_space(network: Any) -> None:
    assert in_userspace(Network(**network)) is not None


def test_only_the_home_router_is() -> None:
    assert in_userspace(Network(pool=2)) is None
    with pytest.raises(nat.UnbuildableError):
        plan(case(pool=2, carrier=True))
