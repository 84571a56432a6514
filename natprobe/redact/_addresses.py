"""Stand-ins for addresses: of the same class, and as close to each other as the originals are. Pure.

Prefix-preserving, as Crypto-PAn is: a bit is turned or not by a keyed function of the bits before it, so that two
addresses share exactly as many leading bits as before, and every network of any size stays one. HMAC-SHA256 is the
function: whoever lacks the key cannot try out the 2^32 addresses. No bit is turned that leads to a block that means
something by itself, such as 192.168.0.0/16 and a container's pool.
"""

from __future__ import annotations

import hmac
import ipaddress
from functools import cache
from typing import NamedTuple

from natprobe.addresses import blocks

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# What is the same everywhere, and nobody's: it stays.
_KEPT = tuple(
    map(
        ipaddress.ip_network,
        ("0.0.0.0/8", "127.0.0.0/8", "192.0.0.0/29", "224.0.0.0/3", "::/127", "ff00::/8"),
    )
)
# Solicited-node multicast (RFC 4291 section 2.7.1) has the end of an address in it.
_SOLICITED = ipaddress.IPv6Network("ff02::1:ff00:0/104")
# Global unicast; link-local addresses as machines have them; Teredo (RFC 4380).
_MORE_BLOCKS = ("2000::/3", "fe80::/64", "2001::/32")


class _Embedding(NamedTuple):
    """IPv6 addresses that carry one of IPv4, from this byte on."""

    network: ipaddress.IPv6Network
    at: int


_EMBEDDING = (
    _Embedding(ipaddress.IPv6Network("::ffff:0:0/96"), 12),  # IPv4-mapped, RFC 4291 section 2.5.5.2
    _Embedding(ipaddress.IPv6Network("64:ff9b::/96"), 12),  # NAT64, RFC 6052
    _Embedding(ipaddress.IPv6Network("64:ff9b:1::/48"), 12),  # NAT64 of one's own, RFC 8215
    _Embedding(ipaddress.IPv6Network("2002::/16"), 2),  # 6to4, RFC 3056
)


class Addresses:
    """The stand-in of each address under one key; the same in every report that this key makes."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._turns: dict[tuple[int, bytes], bytes] = {}
        self._known: dict[Ip, Ip] = {}

    def of(self, address: Ip) -> Ip:
        """What stands in for it."""
        found = self._known.get(address)
        if found is None:
            found = self._known[address] = self._stand_in(address)
        return found

    def of_network(self, address: Ip, prefix: int) -> Ip:
        """What stands in for an address with its network's length: of a network's own address the new one's own."""
        network = _network(address, prefix)
        found = self.of(address)
        return _network(found, prefix).network_address if network.network_address == address else found

    def _stand_in(self, address: Ip) -> Ip:
        if any(address.version == each.version and address in each for each in _KEPT) and address not in _SOLICITED:
            return address
        embedding = next((each for each in _EMBEDDING if address in each.network), None)
        if embedding is None:
            return type(address)(self._turned(address.packed))
        return self._around(address.packed, embedding.at)

    def _around(self, raw: bytes, at: int) -> ipaddress.IPv6Address:
        """The IPv4 address in it is the same one that it is alone."""
        inner = self.of(ipaddress.IPv4Address(raw[at : at + 4])).packed
        return ipaddress.IPv6Address(raw[:at] + inner + self._turned(raw)[at + 4 :])

    def _turned(self, raw: bytes) -> bytes:
        return bytes(self._octet(len(raw), raw[:at], octet) for at, octet in enumerate(raw))

    def _octet(self, size: int, before: bytes, octet: int) -> int:
        """One digest has a bit for each of the 255 places that an octet's bits may stand at below these before it."""
        turns, straight = self._digest(size, before), _straight(size).get(before, frozenset())
        place, mask = 1, 0
        for bit in range(7, -1, -1):
            if place not in straight and turns[place >> 3] >> (place & 7) & 1:
                mask |= 1 << bit
            place = place << 1 | (octet >> bit & 1)
        return octet ^ mask

    def _digest(self, size: int, before: bytes) -> bytes:
        found = self._turns.get((size, before))
        if found is None:
            found = hmac.digest(self._key, b"address\0%d\0%b" % (size, before), "sha256")
            self._turns[size, before] = found
        return found


def _network(address: Ip, prefix: int) -> Network:
    return ipaddress.ip_network(f"{address}/{prefix}", strict=False)


@cache
def _straight(size: int) -> dict[bytes, frozenset[int]]:
    """Where no bit is turned, since a block lies below: by the octets before, the places in the next one."""
    more = (*map(ipaddress.ip_network, _MORE_BLOCKS), _SOLICITED, *(each.network for each in _EMBEDDING))
    found: dict[bytes, set[int]] = {}
    for block in (*blocks(), *_KEPT, *more):
        raw = block.network_address.packed
        if len(raw) == size:
            for depth in range(block.prefixlen):
                at, bits = divmod(depth, 8)
                found.setdefault(raw[:at], set()).add(1 << bits | raw[at] >> (8 - bits))
    return {before: frozenset(places) for before, places in found.items()}
