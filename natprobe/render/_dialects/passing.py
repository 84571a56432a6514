"""Where a port is shut, as `inspect` has read it: chains and ports for lines that open it there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from natprobe.facts import Passage
from natprobe.model import Observation, split

# Family, table and chain.
_PLAIN = re.compile(r"(?!-)[0-9A-Za-z_.:+-]+(?: (?!-)[0-9A-Za-z_.:+-]+){2}")


def shutting(evidence: Iterable[Observation]) -> list[Passage]:
    """What stops a stranger's packet; nothing where a chain has a name that can't stand in a line."""
    shut = [each for each in evidence if isinstance(each, Passage) and each.outcome in ("drop", "reject")]
    return shut if all(_PLAIN.fullmatch(each.chain) for each in shut) else []


def chains(shut: Sequence[Passage]) -> dict[str, list[str]]:
    """The ports that each of them shuts."""
    found: dict[str, dict[str, None]] = {}
    for each in shut:
        found.setdefault(each.chain, {})[range_of(each)] = None
    return {chain: list(ports) for chain, ports in found.items()}


def range_of(passage: Passage) -> str:
    """Behind DNAT the container's own port counts."""
    if passage.to is not None:
        return str(split(passage.to)[1])
    return str(passage.port) if passage.port == passage.port_end else f"{passage.port}-{passage.port_end}"
