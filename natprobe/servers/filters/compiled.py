"""A chain as one kind of packet meets it: without the rules that it can't match, and without conditions that it meets.

Lists of thousands of addresses or ports are gone through once, not for every port that is asked about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from natprobe.servers.filters import Atom, Chain, Rule
from natprobe.servers.filters.ranges import Range, public_share

_SENDERS = Atom("sources")


class Live(NamedTuple):
    """`atoms`: what is left to ask. `ports`: the destination ports that it is about, None: all. `aside`: it is nothing
    but an end for certain senders.
    """

    rule: Rule
    atoms: tuple[Atom, ...]
    ports: tuple[Range, ...] | None
    aside: bool = False


@lru_cache(maxsize=1024)
def live(chain: Chain, family: Literal[4, 6], proto: str) -> tuple[Live, ...]:
    """The rules that a stranger's packet of this family and protocol may match."""
    found = ((rule, _left(rule.atoms, family, proto)) for rule in chain.rules)
    return tuple(Live(rule, *left, _aside(rule, left[0])) for rule, left in found if left is not None)


def _aside(rule: Rule, left: tuple[Atom, ...]) -> bool:
    return left == (_SENDERS,) and rule.verdict in ("accept", "drop", "reject") and not rule.effects


def flat(atoms: Iterable[Atom]) -> Iterator[Atom]:
    """With what stands in a set of one element as if it stood alone."""
    for atom in atoms:
        if atom.field == "any" and len(atom.values) == 1 and not atom.negated:
            yield from flat(atom.values[0])
        else:
            yield atom


def _left(
    atoms: Iterable[Atom], family: Literal[4, 6], proto: str
) -> tuple[tuple[Atom, ...], tuple[Range, ...] | None] | None:
    """None: one of them never holds."""
    left: list[Atom] = []
    ports: tuple[Range, ...] | None = None
    for atom in flat(atoms):
        if atom.field == "dport" and ports is None and not atom.negated:
            ports = atom.values
            continue
        holds = _holds(atom, family, proto)
        if holds is False:
            return None
        if holds is None:
            left.append(_SENDERS if atom.field == "saddr" else atom)
    return tuple(left), ports


def _holds(atom: Atom, family: Literal[4, 6], proto: str) -> bool | None:
    """None: that depends on more than family and protocol."""
    if atom.field == "saddr":
        share = public_share(atom.values, family)
        return share < 2 if atom.negated else (False, None, True)[share]
    if atom.field == "family":
        return (family in atom.values) is not atom.negated
    if atom.field == "proto":
        return (proto in atom.values) is not atom.negated
    if atom.field in ("yes", "no"):
        return (atom.field == "yes") is not atom.negated
    return None
