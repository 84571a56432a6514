"""A relay's inner addresses: which are asked for, and which it would let its users reach. Pure."""

from __future__ import annotations

from typing import NamedTuple

from natprobe.facts import Allocation, Facts, Permission
from natprobe.model import Address, split
from natprobe.wording import phrase


class Door(NamedTuple):
    """What an inner address stands for: its range as coturn writes ranges, and what may be found there. `until`: the
    version of coturn that denies it by itself from then on.
    """

    denied: str
    what: str
    until: str = ""


# One address of each range (RFC 1122 section 3.2.1.3, RFC 3927, RFC 1918, RFC 6598, RFC 4291, RFC 4193). Clouds answer
# at 169.254.169.254 with the machine's own credentials.
INNER: dict[Address, Door] = {
    "127.0.0.1": Door("127.0.0.0-127.255.255.255", phrase("the relay itself")),
    "169.254.169.254": Door("169.254.0.0-169.254.255.255", phrase("the cloud's metadata service"), "4.13.1"),
    "10.0.0.1": Door("10.0.0.0-10.255.255.255", phrase("private networks")),
    "172.16.0.1": Door("172.16.0.0-172.31.255.255", phrase("private networks")),
    "192.168.0.1": Door("192.168.0.0-192.168.255.255", phrase("private networks")),
    "100.64.0.1": Door("100.64.0.0-100.127.255.255", phrase("the provider's inside")),
    "::1": Door("::1", phrase("the relay itself")),
    "fd00::1": Door("fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", phrase("private networks"), "4.13.1"),
}


def audited(facts: Facts) -> dict[tuple[int, str], list[Permission]]:
    """What each relay said to --audit-relay, by vantage and host."""
    hosts = {(each.source, each.flow): each.host for each in facts.of(Allocation)}
    found: dict[tuple[int, str], list[Permission]] = {}
    for each in facts.of(Permission, lambda each: each.purpose == "audit"):
        host = hosts.get((each.source, each.flow), split(each.server)[0])
        found.setdefault((each.source, host), []).append(each)
    return found


def door(permission: Permission) -> Address:
    """The inner address that it is about."""
    return split(permission.peer)[0]
