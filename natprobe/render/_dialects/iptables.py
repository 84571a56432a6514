"""iptables' lines, and ip6tables'. They are lost with a restart of the machine, unless something saves them."""

from __future__ import annotations

from collections.abc import Sequence

from natprobe.facts import Passage
from natprobe.model import Allow, Family
from natprobe.render._dialects.opening import Forwarding, Opening
from natprobe.render._dialects.passing import chains
from natprobe.render._dialects.ufw import target
from natprobe.render._outline import Copy
from natprobe.wording import say

_PROGRAMS: dict[Family, str] = {4: "iptables", 6: "ip6tables"}
_CHAINS = {"in": "INPUT", "out": "OUTPUT", "through": "FORWARD"}
_BACK = {"out": "INPUT", "through": "FORWARD"}


def allow(asked: Opening) -> tuple[Copy, ...]:
    """By the tool of each family; and of what is let out the answers."""
    named = [say("# the name is looked up once, when the line runs")] if asked.name else []
    return _copy([*named, *(line for each in asked.families for line in _lines(asked, each))])


def _lines(asked: Opening, version: Family) -> list[str]:
    program, whom = f"sudo {_PROGRAMS[version]}", asked.of(version)
    to = f" -d {','.join(whom)}" if whom else ""
    port = "--sport" if asked.own else "--dport"
    head = f"{program} -I {_CHAINS[asked.way]}{to} -p {asked.proto} {port}"
    lines = [f"{head} {_range(each)} -j ACCEPT" for each in asked.ports]
    if asked.way != "in" and not asked.own:
        lines.append(f"{program} -I {_BACK[asked.way]} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT")
    return lines


def forward(asked: Forwarding) -> tuple[Copy, ...]:
    """To the inside endpoint, and through what filters on the way there."""
    program = f"sudo {_PROGRAMS[6 if ':' in asked.inside else 4]}"
    lines = []
    for outer, inner in asked.ports:
        lines.append(
            f"{program} -t nat -I PREROUTING -d {asked.outside} -p {asked.proto} --dport {_range(outer)}"
            f" -j DNAT --to-destination {target(asked.inside, outer, inner)}"
        )
        lines.append(f"{program} -I FORWARD -d {asked.inside} -p {asked.proto} --dport {_range(inner)} -j ACCEPT")
    return _copy(lines)


def in_force(fix: Allow, shut: Sequence[Passage], suffix: str = "") -> tuple[Copy, ...]:
    """The tool of the chain's family: `ip filter INPUT`, and other tables by their names."""
    found = []
    for chain, ports in chains(shut).items():
        version, table, name = chain.split()
        program = f"{'ip6tables' if version == 'ip6' else 'iptables'}{suffix}"
        of = "" if table == "filter" else f" -t {table}"
        found += [f"sudo {program}{of} -I {name} -p {fix.proto} --dport {_range(port)} -j ACCEPT" for port in ports]
    return _copy(found, suffix)


def in_force_legacy(fix: Allow, shut: Sequence[Passage]) -> tuple[Copy, ...]:
    """The old interface of the kernel has rules and programs of its own."""
    return in_force(fix, shut, "-legacy")


def _copy(lines: Sequence[str], suffix: str = "") -> tuple[Copy, ...]:
    saved = "sudo netfilter-persistent save"
    lost = say("# lost at the next restart, unless it is saved (Debian's iptables-persistent: {saved})", saved=saved)
    return (Copy(label=f"iptables{suffix}", lines=(*lines, lost)),)


def _range(port: str) -> str:
    return port.replace("-", ":")
