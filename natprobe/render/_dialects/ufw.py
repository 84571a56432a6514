"""ufw's lines (Ubuntu's, Debian's). What it is told stays; the way back of what it lets out it knows by itself.

An `allow` changes a rule for the very same ports in its place; a range that holds them stands before, and only
`prepend` makes the new one come first (measured, 0.36.2).
"""

from __future__ import annotations

from collections.abc import Sequence

from natprobe.facts import Passage
from natprobe.model import Allow, split
from natprobe.render._dialects.opening import Forwarding, Opening
from natprobe.render._dialects.passing import range_of
from natprobe.render._outline import Copy
from natprobe.wording import say


def allow(asked: Opening) -> tuple[Copy, ...]:
    """One line for each port, and each address that it goes to."""
    return (Copy(label="ufw", lines=tuple(line for port in asked.ports for line in _lines(asked, _range(port)))),)


def _lines(asked: Opening, port: str) -> list[str]:
    if asked.own:
        route = "route allow" if asked.way == "through" else "allow out"
        return [f"sudo ufw {route} proto {asked.proto} from any port {port} to any"]
    if asked.way != "through":
        return [f"sudo ufw allow {'out ' if asked.way == 'out' else ''}{port}/{asked.proto}"]
    whom = asked.addresses or ("any",)
    return [f"sudo ufw route allow proto {asked.proto} from any to {each} port {port}" for each in whom]


def forward(asked: Forwarding) -> tuple[Copy, ...]:
    """It has no command for addresses to be changed: that stands in its file, which its reload reads."""
    six = ":" in asked.inside
    file = f"/etc/ufw/before{6 if six else ''}.rules"
    rules = [
        f"-A PREROUTING -d {asked.outside} -p {asked.proto} --dport {_range(outer)}"
        f" -j DNAT --to-destination {target(asked.inside, outer, inner)}"
        for outer, inner in asked.ports
    ]
    head = say("# at the head of the file, before *filter")
    whole = (head, "*nat", ":PREROUTING ACCEPT [0:0]", *rules, "COMMIT")
    lets = [
        f"sudo ufw route allow proto {asked.proto} from any to {asked.inside} port {_range(inner)}"
        for _, inner in asked.ports
    ]
    return (Copy(label=file, lines=whole), Copy(label="ufw", lines=(*lets, "sudo ufw reload")))


def target(inside: str, outer: str, inner: str) -> str:
    """What iptables calls a destination: with a port only where it is another one."""
    if outer == inner:
        return inside
    return f"[{inside}]:{inner}" if ":" in inside else f"{inside}:{inner}"


def in_force(fix: Allow, shut: Sequence[Passage]) -> tuple[Copy, ...]:
    """What an administrator has written into before.rules comes before all that its command can add."""
    found = dict.fromkeys(_by_rule(fix, each) for each in shut if "-before-" not in each.chain)
    return (Copy(label="ufw", lines=tuple(found)),) if found else ()


def _by_rule(fix: Allow, passage: Passage) -> str:
    """A rule for the very ports is changed in its place; before one for more of them another has to come."""
    if passage.to is not None and "forward" in passage.chain.lower():
        address, port = split(passage.to)
        return f"sudo ufw route allow proto {fix.proto} from any to {address} port {port}"
    ports = _range(range_of(passage))
    same = f"-p {fix.proto} -m {fix.proto} --dport {ports} -j" in passage.rule
    before = passage.chain.split()[-1].endswith("-user-input") and not same
    return f"sudo ufw {'prepend ' if before else ''}allow {ports}/{fix.proto}"


def _range(port: str) -> str:
    return port.replace("-", ":")
