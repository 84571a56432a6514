"""firewalld's lines (Fedora's, RHEL's, SUSE's). What is permanent comes into force with the reload.

What a host sends, and what passes through it, goes by policies: one of a low number comes before others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from natprobe.facts import Passage
from natprobe.model import Allow, family
from natprobe.render._dialects.opening import Forwarding, Opening
from natprobe.render._outline import Copy
from natprobe.wording import say

_ZONE = re.compile(r"(?:filter_)?(?:IN|FWD[IO]?)_([0-9A-Za-z_-]+?)(?:_(?:pre|log|deny|allow|post))?")
_CHANGE = "sudo firewall-cmd --permanent"
_RELOAD = "sudo firewall-cmd --reload"


def allow(asked: Opening) -> tuple[Copy, ...]:
    """In the default zone, or in a policy of its own."""
    if asked.way == "in":
        return _copy(f"{_CHANGE} --add-port={port}/{asked.proto}" for port in asked.ports)
    name = _policy(asked)
    policy = f"{_CHANGE} --policy={name}"
    ingress = "HOST" if asked.way == "out" else "ANY"
    made = [f"{_CHANGE} --new-policy={name}", f"{policy} --add-ingress-zone={ingress}"]
    made += [f"{policy} --add-egress-zone=ANY", f"{policy} --set-priority=-100"]
    return _copy([*made, *(f"{policy} {each}" for each in _rules(asked))])


def _policy(asked: Opening) -> str:
    """Of each opening another one: its name may have 17 letters."""
    first = asked.ports[0].partition("-")[0]
    return f"{'from' if asked.own else asked.way}-{asked.proto}-{first}"


def _rules(asked: Opening) -> list[str]:
    if asked.own:
        return [f"--add-source-port={port}/{asked.proto}" for port in asked.ports]
    if not asked.addresses:
        return [f"--add-port={port}/{asked.proto}" for port in asked.ports]
    return [
        f"--add-rich-rule='rule family=ipv{family(address)} destination address={address}"
        f" port port={port} protocol={asked.proto} accept'"
        for address in asked.addresses
        for port in asked.ports
    ]


def forward(asked: Forwarding) -> tuple[Copy, ...]:
    """In the zone of the interface that the internet is at."""
    if ":" in asked.inside:
        return ()
    zone = say("# of the interface to the internet; where its zone is not the default one, with --zone=")
    lines = [
        f"{_CHANGE} --add-forward-port=port={outer}:proto={asked.proto}:toport={inner}:toaddr={asked.inside}"
        for outer, inner in asked.ports
    ]
    return _copy([zone, *lines])


def in_force(fix: Allow, shut: Sequence[Passage]) -> tuple[Copy, ...]:
    """In the zone whose chain it is, else in the default one."""
    found = _ZONE.fullmatch(shut[0].chain.split()[-1])
    zone = f" --zone={found[1]}" if found else ""
    return _copy(f"{_CHANGE}{zone} --add-port={port}/{fix.proto}" for port in fix.ports)


def _copy(lines: Iterable[str]) -> tuple[Copy, ...]:
    return (Copy(label="firewalld", lines=(*lines, _RELOAD)),)
