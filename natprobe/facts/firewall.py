"""This host's own packet filter: who manages it, and what it does with strangers' packets to the ports that matter."""

from __future__ import annotations

from typing import Literal

from natprobe.facts.listening import Proto
from natprobe.model import Address, Count, Endpoint, Family, Observation, Port, Text

Manager = Literal["nftables", "iptables", "iptables-legacy", "ufw", "firewalld", "docker"]


class PacketFilter(Observation, frozen=True, kw_only=True):
    """One of the packet filters, as it was read. failure permission-denied: it takes root to see it.

    `active`: it has rules in force, or, of a manager, it is switched on; None: could not be told. `rules`: how many.
    """

    manager: Manager
    active: bool | None = None
    rules: Count = 0


class Passage(Observation, frozen=True, kw_only=True):
    """What the packet filter does with the first packet of a stranger to a port of this host. Read, not tried.

    `address`: the own address that it comes to; `interface`: by which it comes. `outcome`: `unknown` where a rule
    depends on what nobody knows before (a set, a rate, a mark). `rule`: the one that decides, as the system writes it,
    or the policy; `chain`: where it stands (`inet filter input`); `manager`: whose rule it is. `to`: where DNAT leads
    it, so that the rules for forwarded packets decide. `sources`: for whom the rule is, empty: for everybody.
    `passed_by`: the rule that would have closed the port to this host itself, which DNAT leads past, and whose it is.
    """

    proto: Proto
    port: Port
    port_end: Port
    address: Address | None = None
    family: Family
    interface: Text = ""
    outcome: Literal["accept", "drop", "reject", "unknown"]
    rule: Text = ""
    chain: Text = ""
    manager: Manager | None = None
    to: Endpoint | None = None
    sources: Text = ""
    passed_by: Text = ""
    passed_manager: Manager | None = None
