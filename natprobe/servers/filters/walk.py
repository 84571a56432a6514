"""Leads a stranger's first packet through all tables, in the kernel's order: who lets it in, and who does not.

Each base chain of a hook has to accept it; what one accepts the next one may drop. Connection tracking has not seen the
sender before, and reverse path filters are not considered: strangers come by the way that leads back to them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from natprobe.model import family
from natprobe.servers.filters import Atom, Chain, Destination, Rule, Table
from natprobe.servers.filters.compiled import live
from natprobe.servers.filters.packet import Fit, Packet, fits

Outcome = Literal["accept", "drop", "reject", "unknown"]

# The kernel's own bound (NFT_JUMP_STACK_SIZE); xtables has no loops either.
_DEPTH_MAX = 16
# Chains that lead to one another in a lattice would be gone through for ever.
_STEPS_MAX = 200_000
_ASIDES_MAX = 8
_NAT_VERDICTS = ("dnat", "redirect")
# Connection tracking's own place among the hooks of prerouting.
_TRACKING = -200
_CLOSED = ("drop", "reject")


class Step(NamedTuple):
    """Where a packet ended: `rule` None: the chain's policy. `fit`: for whom. `by`: the conditions that lead there."""

    outcome: str
    table: Table
    chain: Chain
    rule: Rule | None
    fit: Fit
    by: tuple[Atom, ...] = ()


class Own(NamedTuple):
    """An address of this host: of which interface, and the network around it."""

    address: str
    interface: str
    prefix: int


class Way(NamedTuple):
    """What becomes of the packet, up to the port `until`.

    `steps`: who decides; of a closed way every base chain that closes it, the first one first. `to`: where DNAT leads
    it, by `led`. `asides`: what happens to certain senders instead, `more` of them not listed.
    """

    outcome: Outcome
    until: int
    steps: tuple[Step, ...] = ()
    to: tuple[str, int] | None = None
    led: Step | None = None
    asides: tuple[Step, ...] = ()
    more: int = 0


def way(tables: Sequence[Table], packet: Packet, own: Sequence[Own], default: str = "", led: bool = True) -> Way:
    """The fate of this packet. `default`: the interface of the default route; `led` False: as if no rule led it on."""
    walk = _Walk(tables, packet)
    walk.hook("ingress")
    walk.hook("prerouting", nat=led)
    if packet.address in packet.own:
        walk.hook("input")
    else:
        packet.outgoing = _outgoing(packet, own) or default or None
        walk.hook("forward")
        walk.hook("postrouting")
    return walk.told()


def _outgoing(packet: Packet, own: Sequence[Own]) -> str | None:
    """The interface whose network has the destination; the narrowest counts."""
    kind = ipaddress.IPv6Address if packet.family == 6 else ipaddress.IPv4Address
    address = kind(packet.address)
    near = [each for each in own if (":" in each.address) is (packet.family == 6) and _beside(address, each)]
    return max(near, key=lambda each: each.prefix).interface if near else None


def _beside(address: ipaddress.IPv4Address | ipaddress.IPv6Address, own: Own) -> bool:
    try:
        return address in ipaddress.ip_network(f"{own.address.partition('%')[0]}/{own.prefix}", strict=False)
    except ValueError:
        return False


@dataclass
class _Walk:
    tables: Sequence[Table]
    packet: Packet
    ends: list[list[Step]] = field(default_factory=list)
    asides: list[Step] = field(default_factory=list)
    more: int = 0
    steps: int = 0
    led: Step | None = None
    astray: Step | None = None

    def hook(self, name: str, nat: bool = True) -> None:
        for table, chain in self._bases(name):
            self.packet.tracked = name not in ("ingress", "prerouting") or chain.priority > _TRACKING
            if chain.nat:
                self._translate(table, chain, nat)
            else:
                self._base(table, chain)

    def _bases(self, name: str) -> Iterator[tuple[Table, Chain]]:
        families = ("ip6", "inet") if self.packet.family == 6 else ("ip", "inet")
        there = [
            (table, chain)
            for table in self.tables
            for chain in table.chains.values()
            if chain.hook == name
            and (table.family in families or name == "ingress")
            and (name != "ingress" or self.packet.interface in chain.devices)
        ]
        return iter(sorted(there, key=lambda each: each[1].priority))

    def _base(self, table: Table, chain: Chain) -> None:
        """All that may become of it here, the certain end last."""
        ends: list[Step] = []
        aside, more = len(self.asides), self.more
        if not self._chain(table, chain, Fit.YES, ends, (), 0):
            ends.append(Step(chain.policy, table, chain, None, Fit.YES))
        self.ends.append(ends)
        other = ("accept",) if ends[-1].outcome in _CLOSED else _CLOSED
        kept = [each for each in self.asides[aside:] if each.outcome in other]
        self.asides, self.more = [*self.asides[:aside], *kept], self.more if kept else more

    def _translate(self, table: Table, chain: Chain, counts: bool) -> None:
        """The first translation is the one; one that only may be leaves all behind it open."""
        ends: list[Step] = []
        if not counts or self.led is not None or chain.hook != "prerouting":
            return
        self._chain(table, chain, Fit.YES, ends, (), 0)
        for end in ends:
            if end.fit is Fit.MAYBE and end.outcome in (*_NAT_VERDICTS, "unknown"):
                self.astray = self.astray or end
            if end.fit is Fit.YES and end.outcome in _NAT_VERDICTS:
                self._lead(end)
            if end.fit is Fit.YES and end.outcome in _CLOSED:
                self.ends.append([end])

    def _lead(self, end: Step) -> None:
        rule, packet = end.rule, self.packet
        assert rule is not None
        to = rule.to or Destination()
        if to.address is not None and family(to.address) != packet.family:
            return
        self.led, packet.led = end, True
        if to.address is not None:
            packet.address = int(ipaddress.ip_address(to.address.partition("%")[0]))
        if to.port is not None:
            packet.port = to.port

    def _chain(self, table: Table, chain: Chain, fit: Fit, ends: list[Step], by: tuple[Atom, ...], depth: int) -> bool:
        """Whether the packet surely ends here, once it is here."""
        certain = True
        for rule, atoms, ports, aside in live(chain, self.packet.family, self.packet.proto):
            if ports is not None and not self.packet.at(ports):
                continue
            if aside and len(self.asides) >= _ASIDES_MAX:
                self.more += 1
                continue
            self.steps += 1
            here = fits(atoms, self.packet) if self.steps < _STEPS_MAX else Fit.NO
            if here is Fit.NO:
                continue
            whole = min(fit, here)
            if rule.effects and whole is not Fit.SOME:
                self._affect(rule, whole)
            if rule.verdict is None:
                continue
            if rule.verdict == "return":
                if here is Fit.YES:
                    return False
                fit, certain = (fit, certain) if here is Fit.SOME else (min(fit, Fit.MAYBE), False)
                continue
            ended = self._follow(table, chain, rule, whole, ends, (*by, *rule.atoms), depth)
            if here is Fit.YES and ended:
                return certain
            if here is Fit.YES and rule.verdict == "goto":
                return False
        return False

    def _follow(
        self, table: Table, chain: Chain, rule: Rule, fit: Fit, ends: list[Step], by: tuple[Atom, ...], depth: int
    ) -> bool:
        if rule.verdict in ("jump", "goto"):
            target = table.chains.get(rule.target)
            if target is not None and depth < _DEPTH_MAX:
                return self._chain(table, target, fit, ends, by, depth + 1)
            self._end(Step("unknown", table, chain, rule, fit, by), ends)
            return False
        self._end(Step(str(rule.verdict), table, chain, rule, fit, by), ends)
        return True

    def _end(self, step: Step, ends: list[Step]) -> None:
        """What is for certain senders only is no end of a stranger's packet."""
        if step.fit is not Fit.SOME:
            ends.append(step)
        elif len(self.asides) < _ASIDES_MAX and step.outcome not in _NAT_VERDICTS:
            self.asides.append(step)
        else:
            self.more += 1

    def _affect(self, rule: Rule, fit: Fit) -> None:
        if "mark" in rule.effects:
            self.packet.marked = True
        if "notrack" in rule.effects:
            self.packet.untracked = max(self.packet.untracked, fit)

    def told(self) -> Way:
        closed, doubts, passed = self._sorted()
        to = None
        if self.led is not None:
            kind = ipaddress.IPv6Address if self.packet.family == 6 else ipaddress.IPv4Address
            to = (str(kind(self.packet.address)), self.packet.port)
        if self.steps >= _STEPS_MAX:
            return Way("unknown", self.packet.until, ())
        if closed and self.astray is None:
            outcome: Outcome = "reject" if closed[0].outcome == "reject" else "drop"
            return self._way(outcome, tuple(closed), to)
        if self.astray is not None or doubts:
            return self._way("unknown", (self.astray or doubts[0],), to)
        return self._way("accept", tuple(passed[:1]), to)

    def _way(self, outcome: Outcome, steps: tuple[Step, ...], to: tuple[str, int] | None) -> Way:
        other = {"accept": _CLOSED, "unknown": ()}.get(outcome, ("accept",) if len(steps) == 1 else ())
        asides = tuple(each for each in self.asides if each.outcome in other)
        return Way(outcome, self.packet.until, steps, to, self.led, asides, self.more if asides else 0)

    def _sorted(self) -> tuple[list[Step], list[Step], list[Step]]:
        """Base chains that surely close it, ends in doubt, and those that let it pass, an explicit rule first."""
        closed: list[Step] = []
        doubts: list[Step] = []
        passed: list[Step] = []
        for ends in self.ends:
            if ends and all(each.outcome in _CLOSED for each in ends):
                closed.append(ends[-1])
            elif any(each.outcome != "accept" for each in ends):
                doubts += [each for each in ends if each.fit is Fit.MAYBE or each.outcome == "unknown"][:1]
            else:
                passed += ends[-1:]
        passed.reverse()
        return closed, doubts, sorted(passed, key=lambda each: each.rule is None)
