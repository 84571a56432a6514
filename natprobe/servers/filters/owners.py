"""Whose a rule is: told by the names that managers of packet filters give to their tables and chains."""

from __future__ import annotations

import re
from collections.abc import Sequence

from natprobe.facts.firewall import Manager
from natprobe.servers.filters import Table
from natprobe.servers.filters.walk import Step

# firewalld's own chains where it works with iptables: INPUT_ZONES, IN_public_allow …
_ZONES = re.compile(r"(INPUT|FORWARD|PREROUTING|POSTROUTING|OUTPUT)_(direct|ZONES|POLICIES)|(IN|FWD[IO]?|PRE|POST)_\w+")
# `filter_IN_public_deny`: what is let in to a zone by nftables, or with iptables `IN_public_deny`.
_ZONE = re.compile(r"(?:filter_)?(?:IN|FWD[IO]?)_(\w+?)(?:_(?:pre|log|deny|allow|post))?")
_ENGINES: dict[str, Manager] = {"nft": "nftables", "iptables": "iptables", "iptables-legacy": "iptables-legacy"}


def manager(step: Step) -> Manager:
    """Whose rule, or policy, this is."""
    return owner(step.table, step.chain.name)


def owner(table: Table, chain: str) -> Manager:
    """By the chain's name; of the system's own chains by what they lead to."""
    if chain.startswith(("ufw-", "ufw6-")):
        return "ufw"
    if chain.startswith("DOCKER") or table.name.startswith("docker-"):
        return "docker"
    if table.name.startswith("firewalld") or _ZONES.fullmatch(chain):
        return "firewalld"
    if table.engine == "nft" or chain not in ("INPUT", "FORWARD"):
        return _ENGINES[table.engine]
    return _of_filter(table, chain)


def _of_filter(table: Table, chain: str) -> Manager:
    """Of INPUT and FORWARD, whose policies and first rules managers set; Docker sets that of FORWARD."""
    if any(each.startswith(("ufw-", "ufw6-")) for each in table.chains):
        return "ufw"
    if "INPUT_ZONES" in table.chains:
        return "firewalld"
    if chain == "FORWARD" and "DOCKER" in table.chains:
        return "docker"
    return _ENGINES[table.engine]


def managers(tables: Sequence[Table]) -> dict[Manager, int]:
    """Everybody who has rules here, and how many."""
    found: dict[Manager, int] = {}
    for table in tables:
        for chain in table.chains.values():
            if chain.rules or chain.policy == "drop":
                who = owner(table, chain.name)
                found[who] = found.get(who, 0) + len(chain.rules)
    return found


def zone(chain: str) -> str:
    """The zone of firewalld's that this chain is about, or nothing."""
    found = _ZONE.fullmatch(chain)
    return found[1] if found and found[1] not in ("policy",) else ""
