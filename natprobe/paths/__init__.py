"""The ten ways that media can go, judged from one vantage's facts. Pure.

What nobody tried is `unknown` with a reason, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import msgspec

from natprobe.derive.advertised import within_reach
from natprobe.derive.associations import by_luck, deepened
from natprobe.derive.bridge import only_relays
from natprobe.derive.proxies import tunnels, via_to_media
from natprobe.derive.side_by_side import measured
from natprobe.facts import Facts, IceCheck, ids, server_kind
from natprobe.model import PATHS, Attempt, Kind, Path, split
from natprobe.paths.attempts import attempt, settled
from natprobe.paths.relayed import relayed, why_refused
from natprobe.paths.untried import BROWSER_USES_PROXY, PROXY, untried

__all__ = ["paths", "settled", "worst"]


def paths(facts: Facts) -> tuple[Path, ...]:
    """All ten, in their order."""
    kind = server_kind(facts)
    return tuple(
        _tried(facts, kind, name) or relayed(facts, kind, name) or untried(facts, kind, name) for name in PATHS
    )


_TRANSPORTS = {"direct-udp": ("udp",), "direct-tcp": ("tcp", "ssltcp"), "direct-tcp-proxy": ("tcp", "ssltcp")}


def _tried(facts: Facts, kind: Kind, name: str) -> Path | None:
    """What is not advertised counts for nothing: no browser would try it."""
    over, led = _TRANSPORTS.get(name, ()), name.endswith(PROXY)
    checks = facts.of(IceCheck, lambda each: each.transport in over and each.advertised and each.server is None)
    checks = [each for each in checks if (each.via is not None) is led]
    if not checks:
        return None
    key = lambda each: (each.endpoint, split(each.local)[0] if each.local else "")  # noqa: E731
    grouped = groupby(sorted(checks, key=key), key=key)
    attempts = [deepened(facts, attempt(endpoint, local or None, list(group))) for (endpoint, local), group in grouped]
    attempts = [_by_proxys_word(facts, each) for each in attempts] if led else attempts
    attempts += by_luck(facts) if name == "direct-udp" else []
    attempts = [measured(facts, each) for each in attempts]
    found = _of_session(facts, name, attempts) if kind != "natprobe" else settled(name, attempts)
    if kind == "jitsi" and only_relays(facts):
        return msgspec.structs.replace(found, usable=False, reason=found.reason or "only-relays")
    if name == "direct-tcp" and all(via_to_media(facts, each.endpoint) for each in attempts):
        return msgspec.structs.replace(found, usable=False, reason=found.reason or BROWSER_USES_PROXY)
    return found


def _by_proxys_word(facts: Facts, way: Attempt) -> Attempt:
    """Where the proxy gave no tunnel, that is why, and not what became of a check that was never sent."""
    place = (way.via, *split(way.endpoint))
    said = [each for each in tunnels(facts, "port") if (each.via, each.host, each.port) == place and each.failure]
    if way.status != "blocked" or not said:
        return way
    return msgspec.structs.replace(way, reason=why_refused(facts, said[0]), evidence=(*way.evidence, *ids(said)))


def _of_session(facts: Facts, name: str, attempts: list[Attempt]) -> Path:
    """A browser tries every candidate and goes on: what is not within reach, such as the server's inner addresses, is
    missed only where nothing else is offered.
    """
    near = {each.endpoint for each in within_reach(facts)}
    decide = [each for each in attempts if each.endpoint in near or each.proof or name != "direct-udp"]
    found = settled(name, decide or attempts)
    if not decide and found.status == "blocked":
        found = msgspec.structs.replace(found, reason="no-reachable-candidate")
    return msgspec.structs.replace(found, attempts=tuple(attempts))


def worst(several: Iterable[tuple[Path, ...]]) -> tuple[Path, ...]:
    """The paths of several vantages as one: each as bad as the vantage where it is worst, with all attempts."""
    order = {"blocked": 0, "unknown": 1, "not-offered": 2, "open": 3}
    merged = []
    for same in zip(*several, strict=True):
        bad = min(same, key=lambda each: order[each.status])
        attempts = tuple(attempt for each in same for attempt in each.attempts)
        merged.append(msgspec.structs.replace(bad, attempts=attempts))
    return tuple(merged)
