"""How long mappings outlive their last packet in netfilter, with a real coturn to send to them."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.codec import load
from natprobe.derive.behaviour import Behaviour, binding_lifetime
from natprobe.facts import Facts, IdleMapping
from tests.case import Case, Dns, Expect, Network
from tests.netns.lab import lab

BOTH: Behaviour = "address-and-port-dependent"
WORDS = ["--stun", "stun:stun1.example.test", "--only", "lifetime", "--json", "-q"]


def measured(once: int = 0, idle: int = 3, **parts: Any) -> Facts:
    """`once`: seconds that the router gives a flow which is used only once; `idle`: how long natprobe leaves it."""
    with lab(Case(title="", expect=Expect(verdict="good", exit=0), **parts)) as built:
        if once:
            setting = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout"
            built.network["home"].run(["sh", "-c", f"echo {once} >{setting}"])
        words = [*WORDS, "--idle", str(idle)]
        done = built.client.natprobe("check", "stun:stun1.example.test", *words)
    saved = load(done.stdout)
    facts = Facts(saved.target, saved.observations)
    assert {each.by for each in facts.of(IdleMapping)} == {"response-port"}
    return facts


# The lifetime-short case has the endpoint-independent one.
@pytest.mark.parametrize("mapping", [BOTH, "none"])
def test_a_router_that_forgets(mapping: Any) -> None:
    assert binding_lifetime(measured(network=Network(mapping=mapping, filtering=BOTH, lifetime=2)))[:2] == (None, 3)


def test_a_firewall_for_ipv6_forgets_too() -> None:
    facts = measured(idle=6, network=Network(ipv6="works", lifetime=4), dns=Dns(ipv6=True))
    assert binding_lifetime(facts, 6)[:2] == binding_lifetime(facts, 4)[:2] == (3, 6)


def test_a_flow_in_use_is_what_is_measured() -> None:
    """Linux keeps it for 120 seconds, when one that was used once is gone after two."""
    assert binding_lifetime(measured(once=2))[:2] == (3, None)
