"""One try of a way, and what the tries of a way come to. Pure."""

from __future__ import annotations

from natprobe.derive import FULL_SIZE, OWN, SILENT_CONNECTIONS, SILENT_TRIES
from natprobe.facts import IceCheck, ids
from natprobe.model import Attempt, Failure, Path, family, split


def settled(name: str, attempts: list[Attempt]) -> Path:
    """The path with the status of the attempt that a browser would settle on: the nominated one, else an open one, the
    quickest first.
    """
    best = min(attempts, key=lambda each: (_rank(each), each.rtt_ms is None, each.rtt_ms or 0.0))
    return Path(
        name=name,
        status=best.status,
        proof=best.proof,
        reason=best.reason,
        rtt_ms=best.rtt_ms,
        loss=best.loss,
        attempts=tuple(attempts),
    )


# What fails behind a relay that works.
_DEEPER = ("large-packets-lost", "tls-certificate", "tls-intercepted")
# What fails on the pair that ICE nominated, which is the only one that gets so far.
_NOMINATED = ("dtls-filtered", "another-certificate", "path-died")


def _rank(attempt: Attempt) -> int:
    """Where ICE passes a browser stays, even if what is deeper then fails: that outweighs what is not known, and on the
    pair that it nominated (RFC 8445 section 8.1.1) pairs on which nothing deeper was tried.
    """
    if attempt.status == "open":
        return 0 if attempt.proof == "media" else 2
    if attempt.status == "blocked":
        deeper = attempt.proof == "relay" and attempt.reason in _DEEPER
        passed = attempt.proof in ("ice", "media") or deeper
        nominated = attempt.proof == "media" or attempt.reason in _NOMINATED
        return 1 if nominated else 3 if passed else 5
    return {"unknown": 4, "not-offered": 6}[attempt.status]


def attempt(endpoint: str, local: str | None, checks: list[IceCheck]) -> Attempt:
    """One candidate from one local address: the small checks decide whether, the full-size ones whether it's enough.
    An answer in full size got there in full size, whatever became of the others.
    """
    small = [each for each in checks if each.size < FULL_SIZE]
    full = [each for each in checks if each.size >= FULL_SIZE and not each.both_ways]
    back = [each for each in checks if each.both_ways]
    passed = any(each.verified and each.failure is None for each in checks)
    large = any(each.verified and each.failure is None for each in [*full, *back]) if full else None
    status, reason = _status(passed, large, full, small or checks)
    down = _down(back) if large else None
    if down is False and status == "open":
        status, reason = "blocked", "large-packets-lost"
    rtts = [each.rtt_ms for each in checks if each.rtt_ms is not None and each.verified]
    return Attempt(
        endpoint=endpoint,
        family=family(split(endpoint)[0]),
        local=local,
        status=status,  # type: ignore[arg-type]  # a word of Status
        proof="ice" if passed else None,
        reason=reason,
        rtt_ms=min(rtts) if rtts else None,
        via=checks[0].via,
        server=f"{endpoint} {checks[0].transport}" if checks[0].via else None,
        pair="advertised" if passed else None,
        large_up=large if passed else None,
        large_down=down,
        evidence=ids(checks),
    )


def _down(back: list[IceCheck]) -> bool | None:
    """Whether answers in full size come back, where checks in full size get there."""
    if any(each.verified and each.failure is None for each in back):
        return True
    return False if sum(each.tries for each in back if each.failure is Failure.TIMEOUT) >= SILENT_TRIES else None


def _status(passed: bool, large: bool | None, full: list[IceCheck], small: list[IceCheck]) -> tuple[str, str | None]:
    if passed and large is not False:
        return "open", None
    if passed:
        lost = sum(each.tries for each in full) >= SILENT_TRIES
        return ("blocked", "large-packets-lost") if lost else ("unknown", "large-packets-unsure")
    failure = small[0].failure
    if failure in (Failure.UNAUTHORIZED, Failure.ERROR_RESPONSE):
        return "blocked", "check-refused"
    if failure in (Failure.TIMEOUT, Failure.TOO_BIG):
        wanted = SILENT_TRIES if small[0].transport == "udp" else SILENT_CONNECTIONS
        enough = sum(each.tries for each in [*small, *full]) >= wanted
        return ("blocked", "silence") if enough else ("unknown", "timeout")
    ours = failure in OWN and failure not in (Failure.PERMISSION_DENIED, Failure.NO_ROUTE)
    return ("unknown" if ours or failure is None else "blocked"), str(failure or "not-tried")
