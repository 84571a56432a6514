"""How often the responder answers: token buckets one for each source and one for all. No I/O."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

# More sources than a test will have; beyond it the one that was quiet for longest is forgotten.
SOURCES_MAX = 4096


class Rate(NamedTuple):
    """So many a second in the long run, and so many at once."""

    per_second: float
    burst: float


# One ICE agent sends a check every 50 ms (RFC 8445 section 14.2) and several clients may share an address.
EACH = Rate(50, 100)
# Answers that RESPONSE-PORT sends to a port that did not ask; RFC 5780 section 4.6 needs a handful.
ELSEWHERE = Rate(2, 10)
# All sources together, since source addresses can be forged.
TOGETHER = Rate(2000, 4000)
# Whoever has signed a request with the token, for its signed ones alone: 20 Mbit/s of full-size checks (--bitrate).
HOLDER = Rate(2500, 500)
# So many of these endpoints are known at once.
_HOLDERS_MAX = 32


class Limiter:
    """A token bucket for each key."""

    def __init__(self, rate: Rate, keys_max: int = SOURCES_MAX) -> None:
        self._rate, self._keys_max = rate, keys_max
        self._levels: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._levels)

    def knows(self, key: str) -> bool:
        """Whether it has a bucket already."""
        return key in self._levels

    def know(self, key: str) -> None:
        """Gives it a bucket, a full one, if it has none."""
        if key not in self._levels:
            self._keep(key, (self._rate.burst, 0.0))

    def allow(self, key: str, now: float) -> bool:
        """Takes a token if there is one. The table stays in order of use: its first key is the quietest."""
        level, at = self._levels.pop(key, (self._rate.burst, now))
        level = min(self._rate.burst, level + (now - at) * self._rate.per_second)
        self._keep(key, (level - 1 if level >= 1 else level, now))
        return level >= 1

    def _keep(self, key: str, level: tuple[float, float]) -> None:
        self._levels[key] = level
        if len(self._levels) > self._keys_max:
            del self._levels[next(iter(self._levels))]


class Limits:
    """The limits of a responder: three for anybody, and one for endpoints that have shown that they have the token."""

    def __init__(
        self, each: Rate = EACH, elsewhere: Rate = ELSEWHERE, together: Rate = TOGETHER, holder: Rate = HOLDER
    ) -> None:
        self._each, self._elsewhere, self._together = Limiter(each), Limiter(elsewhere), Limiter(together, 1)
        self._holders = Limiter(holder, _HOLDERS_MAX)

    def holds(self, endpoint: tuple[str, int]) -> None:
        """A request from there was signed with the token."""
        self._holders.know(_named(endpoint))

    def allow_holder(self, endpoint: tuple[str, int], now: float) -> bool:
        """Whether a request from there may be read beyond the usual limit, to be answered only where it is signed."""
        return self._holders.knows(_named(endpoint)) and self._holders.allow(_named(endpoint), now)

    def allow(self, address: str, now: float) -> bool:
        """Whether a request from this address may be read. One over its own limit costs others nothing."""
        return self._each.allow(_holder(address), now) and self._together.allow("", now)

    def allow_elsewhere(self, address: str, now: float) -> bool:
        """Whether an answer may go to another port of this address."""
        return self._elsewhere.allow(_holder(address), now)


def _named(endpoint: tuple[str, int]) -> str:
    return f"{endpoint[0]} {endpoint[1]}"


def _holder(address: str) -> str:
    """What one party holds: an IPv4 address, or an IPv6 /64 (RFC 6177: nobody gets less)."""
    if ":" not in address:
        return address
    return ipaddress.IPv6Address(address.partition("%")[0]).packed[:8].hex()
