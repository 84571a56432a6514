"""Which peers a turnserver.conf lets users reach: `denied-peer-ip` and `allowed-peer-ip`. Pure."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from natprobe.derive.inner import INNER, Door
from natprobe.derive.turnserver import Relay
from natprobe.derive.versions import older
from natprobe.facts import Setting
from natprobe.model import Address

_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
# What a relay for guests has to shut wherever it stands: private networks and the cloud's metadata service. Providers'
# inner addresses are seldom within reach, and IPv6 only of a relay that has it.
_NEEDED = ("10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254")
_NEEDED_6 = ("fd00::1",)


class Range(NamedTuple):
    """Of one line, both ends within."""

    low: _Ip
    high: _Ip
    said: Setting

    def has(self, address: Address) -> bool:
        """Whether it covers the address."""
        found = ipaddress.ip_address(address.partition("%")[0])
        return found.version == self.low.version and int(self.low) <= int(found) <= int(self.high)


def ranges(relay: Relay, key: str) -> list[Range]:
    """`A-B`, or one address; coturn takes no other form."""
    found = []
    for said in relay.all(key):
        low, _, high = said.value.partition("-")
        try:
            ends = ipaddress.ip_address(low.strip()), ipaddress.ip_address((high or low).strip())
        except ValueError:
            continue
        if ends[0].version == ends[1].version:
            found.append(Range(*ends, said))
    return found


def denied(relay: Relay, address: Address) -> Range | None:
    """The line that shuts this peer out; None: none does, or `allowed-peer-ip` counts before it."""
    if any(each.has(address) for each in ranges(relay, "allowed-peer-ip")):
        return None
    return next((each for each in ranges(relay, "denied-peer-ip") if each.has(address)), None)


def doors(relay: Relay, version: str) -> dict[Address, Door]:
    """What stands open that should not. `version`: coturn's, empty where it can't be told."""
    shut = ranges(relay, "denied-peer-ip")
    needed = (*_NEEDED, *(_NEEDED_6 if _has_ipv6(relay) else ()))
    return {
        address: INNER[address]
        for address in needed
        if not any(each.has(address) for each in shut) and not _shut_by_itself(INNER[address], version)
    }


def _shut_by_itself(door: Door, version: str) -> bool:
    return bool(door.until) and older(version, door.until) is False


def _has_ipv6(relay: Relay) -> bool:
    return any(":" in each.value for key in ("relay-ip", "listening-ip") for each in relay.all(key))
