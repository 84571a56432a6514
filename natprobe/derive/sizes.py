"""How large packets may be: what vanished for its size alone, and what was measured of it. Pure."""

from __future__ import annotations

from typing import NamedTuple

from natprobe.derive import FULL_SIZE, SILENT_TRIES, media_checks
from natprobe.facts import Facts, IceCheck, PathSize, TlsHello
from natprobe.model import Endpoint, Failure, Family, family, split

# Of IP and UDP, in bytes (RFC 791, RFC 8200, RFC 768).
HEADERS: dict[Family, int] = {4: 28, 6: 48}
# How far apart sizes may be that are told as one number, in bytes.
_CLOSE = 32
# What a Send indication adds on the way to a relay, in bytes (RFC 8656 section 11.2; over IPv6's peers 12 more).
IN_SEND = 36
# Of each kind of handshake, so that a lost segment is no size.
_TWICE = 2
# A check without padding is about 100 bytes.
SMALL = 300


def vanished(check: IceCheck) -> bool:
    """Whether nothing came back to a check, often enough to be no loss; a small one beside it has to say why."""
    return check.failure in (Failure.TIMEOUT, Failure.TOO_BIG) and check.tries >= SILENT_TRIES


def needed(endpoint: Endpoint) -> int:
    """How large an IP packet has to be for WebRTC's full size, with the headers of IP and UDP."""
    return FULL_SIZE + HEADERS[family(split(endpoint)[0])]


def measured(facts: Facts, endpoint: Endpoint, local: Endpoint | None) -> PathSize | None:
    """What was found of the way from that address of ours to this endpoint."""
    here = split(local)[0] if local else None
    same = facts.of(PathSize, lambda each: each.endpoint == endpoint and each.local is not None)
    return next((each for each in same if each.local and split(each.local)[0] == here), None)


def close(passed: int | None, lost: int | None) -> int | None:
    """The largest size that passes, where what is lost is not much larger: with loss and on slow ways the two may stay
    far apart.
    """
    return passed if passed is not None and lost is not None and lost - passed <= _CLOSE else None


def lost_by_size(facts: Facts, endpoint: Endpoint, local: Endpoint | None) -> bool:
    """Whether small checks from that address of ours to this endpoint were answered, and full-size ones never."""
    here = split(local)[0] if local else None
    same = [each for each in media_checks(facts) if each.endpoint == endpoint and each.local is not None]
    same = [each for each in same if here in (None, split(each.local or "")[0])]
    small = {each.flow for each in same if each.size < SMALL and each.verified and each.failure is None}
    return any(each.size >= SMALL and each.flow in small and vanished(each) for each in same)


class TlsHeld(NamedTuple):
    """Handshakes that get through in small segments only: what hung, and what passed, the largest segment last."""

    hung: list[TlsHello]
    passed: list[TlsHello]

    @property
    def segment(self) -> int:
        """The largest that passed."""
        return self.passed[-1].segment or 0


def tls_held(facts: Facts) -> list[TlsHeld]:
    """Those of each address and size of hello: in usual segments never an answer, in small ones always, at the same
    time. A server that hangs does so whatever the segments.
    """
    found = []
    for key in dict.fromkeys(map(_kind, facts.of(TlsHello))):
        same = facts.of(TlsHello, lambda each, key=key: _kind(each) == key)  # type: ignore[misc]  # mypy: default
        usual = [each for each in same if each.segment is None]
        least = min((each.segment for each in same if each.segment is not None), default=None)
        small = [each for each in same if each.segment == least and least is not None]
        hung = len(usual) >= _TWICE and all(each.failure is Failure.TIMEOUT for each in usual)
        if hung and len(small) >= _TWICE and all(map(_answered, small)):
            passed = [each for each in same if each.segment is not None and _answered(each)]
            found.append(TlsHeld(usual, sorted(passed, key=lambda each: each.segment or 0)))
    return found


def page_held(facts: Facts) -> bool:
    """Whether the page's own handshakes hang for their size."""
    return any(not each.large for held in tls_held(facts) for each in held.hung)


def _kind(hello: TlsHello) -> tuple[Endpoint, bool]:
    return hello.endpoint, hello.large


def _answered(hello: TlsHello) -> bool:
    """Whatever the server said, it came."""
    return hello.failure in (None, Failure.TLS_ALERT, Failure.TLS_OTHER)
