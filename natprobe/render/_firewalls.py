"""Openings of a machine's own firewall, as the program that manages it wants them: lines to copy.

Where nobody has looked who manages it, ufw's: it is what most who have to be told use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from natprobe.facts import Passage
from natprobe.model import Allow, Observation, split

# What stands in a line to copy is only what no shell makes anything of.
_PLAIN = re.compile(r"[0-9A-Za-z_.:+-]+(?: [0-9A-Za-z_.:+-]+){2}")
_ZONE = re.compile(r"(?:filter_)?(?:IN|FWD[IO]?)_([0-9A-Za-z_-]+?)(?:_(?:pre|log|deny|allow|post))?")


def lines(fix: Allow, evidence: Sequence[Observation]) -> list[str]:
    """Each with its program's name before it; none where the firewall is another product, or ports stand in words."""
    if fix.audience == "network" or not all(port.replace("-", "").isdigit() for port in fix.ports):
        return []
    shut = [each for each in evidence if isinstance(each, Passage) and each.outcome in ("drop", "reject")]
    if not shut or fix.direction == "out" or not _PLAIN.fullmatch(shut[0].chain):
        return _ufw(fix)
    return _DIALECTS.get(shut[0].manager or "ufw", _nothing)(fix, shut)


def _ufw(fix: Allow) -> list[str]:
    way = "out " if fix.direction == "out" else ""
    return [f"ufw: sudo ufw allow {way}{port.replace('-', ':')}/{fix.proto}" for port in fix.ports]


def _ufw_in_force(fix: Allow, shut: Sequence[Passage]) -> list[str]:
    """What an administrator has written into before.rules comes before all that its command can add."""
    return list(dict.fromkeys(_ufw_line(fix, each) for each in shut if "-before-" not in each.chain))


def _ufw_line(fix: Allow, passage: Passage) -> str:
    """A rule for the very ports is changed in its place; before one for more of them another has to come (measured)."""
    if passage.to is not None and "forward" in passage.chain.lower():
        address, port = split(passage.to)
        return f"ufw: sudo ufw route allow proto {fix.proto} from any to {address} port {port}"
    ports = _ports(passage).replace("-", ":")
    same = f"-p {fix.proto} -m {fix.proto} --dport {ports} -j" in passage.rule
    before = passage.chain.split()[-1].endswith("-user-input") and not same
    return f"ufw: sudo ufw {'prepend ' if before else ''}allow {ports}/{fix.proto}"


def _firewalld(fix: Allow, shut: Sequence[Passage]) -> list[str]:
    """In the zone whose chain it is, else in the default one; then loaded anew, since the first line is for good."""
    found = _ZONE.fullmatch(shut[0].chain.split()[-1])
    zone = f" --zone={found[1]}" if found else ""
    ports = [f"firewalld: sudo firewall-cmd --permanent{zone} --add-port={port}/{fix.proto}" for port in fix.ports]
    return [*ports, "firewalld: sudo firewall-cmd --reload"]


def _nft(fix: Allow, shut: Sequence[Passage]) -> list[str]:
    """At the head of each chain that shuts it."""
    found = []
    for chain, ports in _chains(shut).items():
        what = ports[0] if len(ports) == 1 else f"'{{ {', '.join(ports)} }}'"
        found.append(f"nft: sudo nft insert rule {chain} {fix.proto} dport {what} accept")
    return found


def _iptables(fix: Allow, shut: Sequence[Passage], suffix: str = "") -> list[str]:
    """The same, by the tool of the chain's family: `ip filter INPUT`, and other tables by their names."""
    found = []
    for chain, ports in _chains(shut).items():
        family, table, name = chain.split()
        program = f"{'ip6tables' if family == 'ip6' else 'iptables'}{suffix}"
        of = "" if table == "filter" else f" -t {table}"
        found += [
            f"{program}: sudo {program}{of} -I {name} -p {fix.proto} --dport {port.replace('-', ':')} -j ACCEPT"
            for port in ports
        ]
    return found


def _chains(shut: Sequence[Passage]) -> dict[str, list[str]]:
    """What each chain shuts."""
    found: dict[str, list[str]] = {}
    for each in shut:
        ports = found.setdefault(each.chain, []) if _PLAIN.fullmatch(each.chain) else []
        ports += [_ports(each)] if _ports(each) not in ports else []
    return found


def _ports(passage: Passage) -> str:
    """Behind DNAT the container's own port counts."""
    if passage.to is not None:
        return str(split(passage.to)[1])
    return str(passage.port) if passage.port == passage.port_end else f"{passage.port}-{passage.port_end}"


def _nothing(_fix: Allow, _shut: Sequence[Passage]) -> list[str]:
    return []


_DIALECTS: dict[str, Callable[[Allow, Sequence[Passage]], list[str]]] = {
    "ufw": _ufw_in_force,
    "firewalld": _firewalld,
    "nftables": _nft,
    "iptables": _iptables,
    "docker": _iptables,
    "iptables-legacy": lambda fix, shut: _iptables(fix, shut, "-legacy"),
}
