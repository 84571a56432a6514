"""What many words are put together with: how long it took, how often it was tried, which way it went, lists.

English and other languages have these in other places of a sentence, so that each is a whole one around the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

from natprobe.model import Text
from natprobe.wording import say


def timed(what: str, value: float | None) -> str:
    """`… in 12.3 ms`; as it is where that was not measured."""
    return what if value is None else say("{what} in {ms:.1f} ms", what=what, ms=value)


def by(what: str, proxy: Text | None) -> str:
    """`… by proxy http://proxy:3128`; as it is where it went straight."""
    return what if proxy is None else say("{what} by proxy {proxy}", what=what, proxy=proxy)


def tries(count: int) -> str:
    """`9 tries`; what was never sent says so."""
    if count == 0:
        return say("not sent")
    return say("1 try") if count == 1 else say("{count} tries", count=count)


def clauses(first: str, *more: str | None) -> str:
    """Those that are there, one after the other: `…, …`."""
    there = [each for each in more if each]
    return reduce(lambda told, each: say("{clauses}, {clause}", clauses=told, clause=each), there, first)


def listed(items: Iterable[str]) -> str:
    """`a, b, c`."""
    told = [each for each in items if each]
    if not told:
        return ""
    return reduce(lambda all_, each: say("{items}, {item}", items=all_, item=each), told)


def states(told: Iterable[str]) -> str:
    """`a; b`: whole statements."""
    words = list(told)
    return reduce(lambda all_, each: say("{states}; {state}", states=all_, state=each), words) if words else ""


def both(items: Iterable[str]) -> str:
    """`a and b and c`: of a few."""
    told = list(items)
    if not told:
        return ""
    return reduce(lambda all_, each: say("{items} and {item}", items=all_, item=each), told)


def named(items: Iterable[str]) -> str:
    """`a, b and c`."""
    *most, last = items
    return say("{items} and {item}", items=listed(most), item=last) if most else last


def first_of(items: Sequence[str], most: int) -> str:
    """`a, b and 7 more`."""
    shown, more = listed(items[:most]), len(items) - most
    return say("{items} and {count} more", items=shown, count=more) if more > 0 else shown


def explained(what: str, words: str) -> str:
    """`what: words`; what alone where there are none."""
    return say("{what}: {words}", what=what, words=words) if words else what


def bracketed(what: str, words: str) -> str:
    """`what (words)`; what alone where there are none."""
    return say("{what} ({words})", what=what, words=words) if words else what


def icmp(kind: Text | None, router: Text | None) -> str:
    """The error that a router or the server sent; nothing where none came."""
    return say("ICMP {icmp} from {router}", icmp=kind, router=router) if kind else ""


def through(what: str, relayed: Text | None) -> str:
    """`… through relay 192.0.2.1:49152`; as it is where it went directly."""
    return say("{what} through relay {relayed}", what=what, relayed=relayed) if relayed else what


def jitter(value: float | None) -> str:
    """`jitter 1.2 ms`; nothing where it was not measured."""
    return "" if value is None else say("jitter {ms:.1f} ms", ms=value)
