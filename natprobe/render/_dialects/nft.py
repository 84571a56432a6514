"""nftables' own lines. They are lost with a restart of the machine, unless they stand in the file that is loaded then.

Without a look at the rules the chains are those of Debian's and most others' samples.
"""

from __future__ import annotations

from collections.abc import Sequence

from natprobe.facts import Passage
from natprobe.model import Allow, Family
from natprobe.render._dialects.opening import Forwarding, Opening
from natprobe.render._dialects.passing import chains
from natprobe.render._outline import Copy
from natprobe.wording import say

_INSERT = "sudo nft insert rule"
_CHAINS = {"in": "inet filter input", "out": "inet filter output", "through": "inet filter forward"}
_BACK = {"out": "inet filter input", "through": "inet filter forward"}
_IP: dict[Family, str] = {4: "ip", 6: "ip6"}


def allow(asked: Opening) -> tuple[Copy, ...]:
    """At the head of the usual chain; and of what is let out the answers."""
    chain = _CHAINS[asked.way]
    what = f"{asked.proto} {'sport' if asked.own else 'dport'} {_set(asked.ports)} accept"
    lines = [f"{_INSERT} {chain} {whom}{what}" for whom in _whom(asked)]
    if asked.way != "in" and not asked.own:
        lines.append(f"{_INSERT} {_BACK[asked.way]} ct state established,related accept")
    named = [say("# the name is looked up once, when the line runs")] if asked.name else []
    return _copy([*named, *lines], _other_name())


def _whom(asked: Opening) -> list[str]:
    if asked.addresses or asked.name:
        return [f"{_IP[each]} daddr {_set(asked.of(each))} " for each in asked.families]
    return [f"meta nfproto ipv{asked.families[0]} "] if len(asked.families) == 1 else [""]


def forward(asked: Forwarding) -> tuple[Copy, ...]:
    """In a table of its own, which stands beside all others; the last line where forwarded packets are filtered."""
    ip = "ip6" if ":" in asked.inside else "ip"
    chain = f"{ip} meetings prerouting"
    made = [f"sudo nft add table {ip} meetings"]
    made.append(f"sudo nft 'add chain {chain} {{ type nat hook prerouting priority dstnat; }}'")
    for outer, inner in asked.ports:
        bare = f"[{asked.inside}]" if ip == "ip6" else asked.inside
        to = asked.inside if outer == inner else f"{bare}:{inner}"
        made.append(f"{_INSERT} {chain} {ip} daddr {asked.outside} {asked.proto} dport {outer} dnat to {to}")
    ports = _set([inner for _, inner in asked.ports])
    lets = f"{_INSERT} {_CHAINS['through']} {ip} daddr {asked.inside} {asked.proto} dport {ports} accept"
    return _copy([*made, lets], _other_name())


def in_force(fix: Allow, shut: Sequence[Passage]) -> tuple[Copy, ...]:
    """At the head of each chain that shuts it."""
    return _copy([f"{_INSERT} {chain} {fix.proto} dport {_set(ports)} accept" for chain, ports in chains(shut).items()])


def _set(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"'{{ {', '.join(words)} }}'"


def _copy(lines: Sequence[str], *notes: str) -> tuple[Copy, ...]:
    lost = say("# lost at the next restart, unless it stands in /etc/nftables.conf, too")
    return (Copy(label="nft", lines=(*lines, *notes, lost)),)


def _other_name() -> str:
    return say("# your chain may have another name: sudo nft list chains")
