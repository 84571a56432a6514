"""Ranges of addresses and ports, and whom of the internet they take in."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

Range = tuple[int, int]

PORT_MAX = 65535
# Strangers, spread over what is given out: a rule that takes in all of them is for everybody, one that takes in none
# is for some addresses only.
_FIRST_BYTES = (2, 24, 46, 62, 77, 84, 93, 109, 141, 158, 176, 188, 202, 217)
_STRANGERS_4 = tuple((first << 24) + 0x2D431D for first in _FIRST_BYTES)
_STRANGERS_6 = tuple((first << 96) + 0xD431D for first in (0x20012D40, 0x2400CB40, 0x26001F40, 0x28041A40, 0x2A02D140))
# RFC 1122, RFC 1918, RFC 3927, RFC 6598 and multicast; RFC 4193, RFC 4291: nobody comes from there over the internet.
_INNER_4 = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
_NEAR_4 = ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", *_INNER_4)
_NEAR_6 = ("::/3", "8000::/1", "4000::/2")


def network(text: str) -> Range:
    """An address, or one with the length of a prefix or a mask. Raises ValueError."""
    word, slash, length = text.partition("/")
    bits, number = (128, int(ipaddress.IPv6Address(word))) if ":" in word else (32, int(ipaddress.IPv4Address(word)))
    if not slash:
        return number, number
    if not length.isdecimal() or int(length) > bits:
        found = ipaddress.ip_network(text, strict=False)
        return int(found.network_address), int(found.broadcast_address)
    rest = (1 << (bits - int(length))) - 1
    return number & ~rest, number | rest


def words(found: Sequence[Range], version: int, most: int = 3) -> str:
    """The networks, as people write them, a few of them."""
    shown = [each for one in found[: most + 1] for each in _networks(one, version)]
    left = len(shown) - most + max(len(found) - most - 1, 0)
    return ", ".join(shown[:most]) + (f" and {left} more" if left > 0 else "")


def _networks(one: Range, version: int) -> list[str]:
    kind = ipaddress.IPv6Address if version == 6 else ipaddress.IPv4Address
    try:
        found = [str(each) for each in ipaddress.summarize_address_range(kind(one[0]), kind(one[1]))]
    except (ValueError, TypeError):
        return ["?"]
    return [each.removesuffix("/32" if version == 4 else "/128") for each in found[:8]]


def covers(found: Iterable[Range], number: int) -> bool:
    """Whether one of them has this number."""
    return any(low <= number <= high for low, high in found)


@lru_cache(maxsize=20_000)
def public_share(found: tuple[Range, ...], version: int) -> int:
    """Whom of the strangers on the internet they take in: 0 nobody, 1 some addresses, 2 practically everybody."""
    strangers = _STRANGERS_6 if version == 6 else _STRANGERS_4
    if len(found) < 200 and all(covers(found, each) for each in strangers):
        return 2
    if len(found) >= 200:
        ordered = sorted(found)
        if all(_in_sorted(ordered, each) for each in strangers):
            return 2
    return 1 if any(_public(each, version) for each in found) else 0


def _in_sorted(ordered: Sequence[Range], number: int) -> bool:
    from bisect import bisect_right

    place = bisect_right(ordered, (number, 1 << 129)) - 1
    return place >= 0 and ordered[place][0] <= number <= ordered[place][1]


def _public(one: Range, version: int) -> bool:
    low, high = one
    if version == 4 and low >= 224 << 24:
        return False
    return not any(near[0] <= low and high <= near[1] for near in _near(version))


@lru_cache(maxsize=2)
def _near(version: int) -> tuple[Range, ...]:
    return tuple(map(network, _NEAR_6 if version == 6 else _NEAR_4))
