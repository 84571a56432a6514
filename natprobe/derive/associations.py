"""What a full session with the media server adds to what the checks alone say: DTLS, and pairs that nobody advertised.

One session is made per run, on the pair that a browser would end on, with --deep one for each kind of path; other
attempts keep what their checks prove.
"""

from __future__ import annotations

import msgspec

from natprobe.derive import CONSENT_SECONDS, FULL_SIZE, SILENT_TRIES
from natprobe.facts import Allocation, Facts, IceCheck, IceEnded, MediaEcho, MediaHandshake, PathHeld, ids
from natprobe.model import Attempt, Failure, family, split


def deepened(facts: Facts, attempt: Attempt, relay: Allocation | None = None) -> Attempt:
    """The attempt with what DTLS on its very pair showed."""
    on_it = [each for each in facts.of(MediaHandshake) if _same(each, attempt, relay)]
    if not on_it or attempt.proof != "ice":
        return attempt
    handshake = on_it[-1]
    evidence = tuple(sorted({*attempt.evidence, *ids(on_it)}))
    attempt = msgspec.structs.replace(attempt, evidence=evidence)
    if filtered(handshake):
        return msgspec.structs.replace(attempt, status="blocked", reason="dtls-filtered")
    if handshake.failure is Failure.TLS_CERTIFICATE:
        return msgspec.structs.replace(attempt, status="blocked", reason="another-certificate")
    # Where full-size packets are lost, DTLS stood all the same: its packets are smaller.
    unsure = attempt.reason == "large-packets-unsure" and large_down(facts, handshake.session)
    stood = attempt.status == "open" or attempt.reason == "large-packets-lost" or unsure
    if handshake.failure is not None or not stood:
        return attempt
    echoed = _echoed(facts, msgspec.structs.replace(attempt, proof="media"), handshake.session)
    return _held(facts, echoed, relay)


def _echoed(facts: Facts, attempt: Attempt, session: str) -> Attempt:
    """Where a plugin sends media back, whether full-size packets pass from there to here too. What came back got there,
    however a padded check fared.
    """
    down = large_down(facts, session)
    echoes = facts.of(MediaEcho, lambda each: each.session == session)
    evidence = tuple(sorted({*attempt.evidence, *ids(echoes)}))
    attempt = msgspec.structs.replace(attempt, large_down=down, evidence=evidence)
    if down:
        return msgspec.structs.replace(attempt, status="open", reason=None, large_up=True)
    lost = down is False and attempt.large_up
    return msgspec.structs.replace(attempt, status="blocked", reason="large-packets-lost") if lost else attempt


def large_down(facts: Facts, session: str) -> bool | None:
    """Whether full-size media came back. False: never, often enough to be no loss, while small packets of it did; a
    plugin that sends nothing back tells nothing.
    """
    echoes = facts.of(MediaEcho, lambda each: each.session == session)
    large = [each for each in echoes if each.size >= FULL_SIZE]
    if any(each.received for each in large):
        return True
    small = any(each.received for each in echoes if each.size < FULL_SIZE)
    return False if small and sum(each.sent for each in large) >= SILENT_TRIES else None


def _held(facts: Facts, attempt: Attempt, relay: Allocation | None) -> Attempt:
    """With --hold: media's path, or one that died under it."""
    held = [each for each in facts.of(PathHeld) if _same(each, attempt, relay)]
    if not held:
        return attempt
    evidence = tuple(sorted({*attempt.evidence, *ids(held)}))
    attempt = msgspec.structs.replace(attempt, evidence=evidence)
    dead = lost(held[-1])
    return msgspec.structs.replace(attempt, status="blocked", reason="path-died") if dead else attempt


def lost(held: PathHeld) -> bool:
    """Whether it is known that the path is gone: refused, or silent through nine tries or more, until consent expired
    (RFC 7675) or while packets of a new flow pass to the same place and back.
    """
    if held.failure is Failure.ERROR_RESPONSE:
        return True
    enough = held.tries >= SILENT_TRIES and (bool(held.control) or held.silent >= CONSENT_SECONDS)
    return held.failure is Failure.TIMEOUT and enough


def filtered(handshake: MediaHandshake) -> bool:
    """Nothing at all came of it, often enough to be no loss, while ICE checks on the same pair were answered."""
    mute = handshake.failure is Failure.TIMEOUT and not handshake.heard
    return mute and bool(handshake.control) and handshake.tries >= SILENT_TRIES


def by_luck(facts: Facts) -> list[Attempt]:
    """Direct pairs that ICE settled on though the server advertises another address: in a browser they work too."""
    found = []
    for ended in facts.ok(
        IceEnded, lambda each: each.pair == "peer-reflexive" and each.leg is None and each.via is None
    ):
        if ended.endpoint is None or ended.local is None:
            continue
        checks = facts.of(IceCheck, lambda each, at=ended.endpoint: each.endpoint == at and not each.advertised)  # type: ignore[misc]
        rtts = [each.rtt_ms for each in checks if each.rtt_ms is not None and each.verified]
        attempt = Attempt(
            endpoint=ended.endpoint,
            family=family(split(ended.endpoint)[0]),
            local=split(ended.local)[0],
            status="open",
            proof="ice",
            rtt_ms=min(rtts, default=None),
            pair="peer-reflexive",
            evidence=ids(ended, checks),
        )
        found.append(deepened(facts, attempt))
    return found


def _same(seen: MediaHandshake | PathHeld, attempt: Attempt, relay: Allocation | None) -> bool:
    if seen.endpoint != attempt.endpoint:
        return False
    if relay is not None:
        return (seen.server, seen.leg, seen.relayed) == (relay.server, relay.transport, relay.relayed)
    here = split(seen.local)[0] if seen.local else None
    return seen.leg is None and seen.via == attempt.via and attempt.local in (None, here)
