"""Packet filters as data: what nftables and both iptables have in common, as one small model. No I/O.

`nft.py` and `iptables.py` read what the system's own programs print; `walk.py` leads a stranger's first packet through
it. A rule is a list of conditions that all have to hold, and a verdict. What is not understood is one that may hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Engine = Literal["nft", "iptables", "iptables-legacy"]
# What a rule does with a packet that it takes. `unknown`: another program decides, or it is not understood.
Verdict = Literal["accept", "drop", "reject", "return", "jump", "goto", "dnat", "redirect", "unknown"]
# From the hook of a packet that comes in to where the ways part.
Hook = Literal["ingress", "prerouting", "input", "forward", "postrouting"]

# linux/netfilter_ipv4.h: in which order the tables that iptables knows see a packet.
PRIORITIES = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0, "security": 50}


class Atom(NamedTuple):
    """One condition. `field` says how `values` are read (packet.py); `negated`: it holds where they don't fit."""

    field: str
    values: tuple[Any, ...] = ()
    negated: bool = False


class Destination(NamedTuple):
    """Where DNAT leads: None leaves as it is. `ports`: the first of a range."""

    address: str | None = None
    port: int | None = None


class Rule(NamedTuple):
    """`effects`: what it does besides (`mark`, `notrack`). `text`: as the system writes it; of nft its handle."""

    atoms: tuple[Atom, ...]
    verdict: Verdict | None
    target: str = ""
    to: Destination | None = None
    effects: frozenset[str] = frozenset()
    text: str = ""


@dataclass(frozen=True, eq=False)
class Chain:
    """`hook` None: others lead to it. `devices`: of ingress. `nat`: it sees a connection's first packet only."""

    name: str
    rules: tuple[Rule, ...]
    hook: str | None = None
    priority: int = 0
    policy: Literal["accept", "drop"] = "accept"
    nat: bool = False
    devices: tuple[str, ...] = ()


class Table(NamedTuple):
    """`family` as nft names it: ip, ip6, inet, netdev."""

    engine: Engine
    family: str
    name: str
    chains: Mapping[str, Chain]


def rules(tables: tuple[Table, ...]) -> int:
    """How many there are."""
    return sum(len(chain.rules) for table in tables for chain in table.chains.values())
