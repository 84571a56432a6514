"""What a gate demands of the ways for media: that they are open, and how well they carry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from natprobe.facts import PathBurst, RelayBurst
from natprobe.model import Attempt, Observation, Path, Report, Status, clip
from natprobe.policy import Demands, Limit, Require, Wanted, path_of, wanted
from natprobe.reasons import sentence
from natprobe.render._manner import Held
from natprobe.wording import mark, phrase

# The observations by their ids.
Seen = Mapping[int, Observation]

_PROOFS = ("media", "ice", "relay")


class _Fate(NamedTuple):
    """Of what was wanted. `where`: the attempts that decide, in a word, of several."""

    status: Status
    reason: str | None
    where: str = ""


def required(report: Report, demands: Demands) -> Iterator[Held]:
    """Those of the policy, then those of the options; each once."""
    of_policy = demands.policy.require if demands.policy else ()
    asked = {(path_of(each), isinstance(each, Require) and each.every): "policy" for each in of_policy}
    options = {(word, False): "option" for word in demands.require}
    for (word, every), by in (options | asked).items():
        yield _required(report, word, every, by)


_BY = {
    "policy": mark("{path} is {status}, and the policy requires it"),
    "option": mark("{path} is {status}, and --require asks for it"),
}
_BY_REASON = {
    "policy": mark("{path} is {status} ({reason}), and the policy requires it"),
    "option": mark("{path} is {status} ({reason}), and --require asks for it"),
}


def _required(report: Report, word: str, every: bool, by: str) -> Held:
    want = wanted(word)
    fate = _everywhere(report, want) if every else _anywhere(report, want)
    whole = phrase("{path} by {where}", path=word, where=fate.where) if fate.where else word
    words = {"path": whole, "status": fate.status, "reason": sentence(fate.reason)}
    why = phrase((_BY_REASON if fate.reason else _BY)[by], **words)
    fine = fate.status == "open"
    return Held(
        demand=phrase("{path} is open, whichever way it is tried", path=word)
        if every
        else phrase("{path} is open", path=word),
        status="kept" if fine else "unknown" if fate.status == "unknown" else "broken",
        why="" if fine else clip(why),
        ways=(want.path,),
    )


def _anywhere(report: Report, want: Wanted) -> _Fate:
    """Any attempt suffices."""
    path = _path(report, want.path)
    attempts = _fitting(report, path, want)
    if _open(attempts):
        return _Fate("open", None)
    if want.family is None and _of_target(report, path, want):
        return _Fate(path.status, path.reason)
    return _fate(path, attempts)


def _everywhere(report: Report, want: Wanted) -> _Fate:
    """By every relay or media server, family and local address that there was; of the addresses that a server offers,
    inner ones too, one suffices.
    """
    path = _path(report, want.path)
    groups: dict[tuple[str | None, int, str | None], list[Attempt]] = {}
    for each in _fitting(report, path, want):
        groups.setdefault((each.server, each.family, each.local), []).append(each)
    fates = [_fate(path, group)._replace(where=_where(group[0])) for group in groups.values() if not _open(group)]
    broken = [each for each in fates if each.status != "unknown"]
    return next(iter(broken or fates), _Fate("open", None) if groups else _fate(path, []))


def _where(attempt: Attempt) -> str:
    far = attempt.server or attempt.endpoint
    return phrase("{local} to {server}", local=attempt.local, server=far) if attempt.local else far


def _fate(path: Path, attempts: Sequence[Attempt]) -> _Fate:
    """Of attempts of which none is open; of none at all, what is known of the path."""
    for word in ("unknown", "blocked", "not-offered"):
        if (same := next((each for each in attempts if each.status == word), None)) is not None:
            return _Fate(same.status, same.reason)
    if path.status == "not-offered":
        return _Fate("not-offered", path.reason)
    return _Fate("unknown", (path.reason if path.status == "unknown" else None) or "not-tried")


def _open(attempts: Sequence[Attempt]) -> list[Attempt]:
    return [each for each in attempts if each.status == "open"]


def _path(report: Report, name: str) -> Path:
    return next(each for each in report.paths if each.name == name)


def _of_target(report: Report, path: Path, want: Wanted) -> bool:
    """Whether no other host is meant than the target's media server; a relay has a name of its own."""
    named = want.host is not None and _plain(want.host) == _plain(report.target.host)
    return want.host is None or (named and not path.name.startswith("turn-"))


def _fitting(report: Report, path: Path, want: Wanted) -> list[Attempt]:
    whole = _of_target(report, path, want)
    return [
        each
        for each in path.attempts
        if want.family in (None, each.family) and (whole or _plain(want.host or "") in _hosts(each))
    ]


def _plain(host: str) -> str:
    return host.lower().rstrip(".").strip("[]")


def _hosts(attempt: Attempt) -> set[str]:
    """What the server is called, and the address that media goes to: with its port, and without."""
    words = [attempt.endpoint, *(attempt.server or "").split()]
    return {_plain(each) for word in words for each in (word, re.sub(r":\d+$", "", word))}


_FIGURES = {
    "rtt_ms": (
        mark("the round trip by {path} is at most {most:g} ms"),
        mark("the round trip by {path} is {value:.1f} ms, and the policy allows {most:g} ms"),
        mark("the round trip by {path} was not measured, and the policy allows {most:g} ms"),
        mark("{value:.1f} ms were measured"),
    ),
    "jitter_ms": (
        mark("the jitter by {path} is at most {most:g} ms"),
        mark("the jitter by {path} is {value:.1f} ms, and the policy allows {most:g} ms"),
        mark("the jitter by {path} was not measured, and the policy allows {most:g} ms"),
        mark("{value:.1f} ms were measured"),
    ),
    "loss": (
        mark("at most {most:g} % are lost by {path}"),
        mark("{value:.1f} % are lost by {path}, and the policy allows {most:g} %"),
        mark("what is lost by {path} was not measured, and the policy allows {most:g} %"),
        mark("{value:.1f} % were lost"),
    ),
}


def limited(report: Report, limits: Sequence[Limit]) -> Iterator[Held]:
    """What was measured at most; what was not measured is unknown."""
    seen = {each.id: each for each in report.observations} if limits else {}
    for limit in limits:
        name = limit.path or report.verdict.media
        chosen = _chosen(report, wanted(name), seen) if name else []
        for figure in _FIGURES:
            if (most := getattr(limit, figure)) is not None:
                yield _limited(name, figure, most, [_READ[figure](each, seen) for each in chosen])


def _limited(name: str | None, figure: str, most: float, told: Sequence[float | None]) -> Held:
    value, scale = max((each for each in told if each is not None), default=None), 100 if figure == "loss" else 1
    demand, broken, unknown, fine = _FIGURES[figure]
    path = name or phrase("the path that a browser ends on")
    words = {"path": path, "most": most * scale, "value": (value or 0.0) * scale}
    held = value is not None and value <= most
    return Held(
        demand=phrase(demand, **words),
        status="kept" if held else "unknown" if value is None else "broken",
        why=phrase(unknown if value is None else fine if held else broken, **words),
        ways=(wanted(name).path,) if name else (),
    )


def _chosen(report: Report, want: Wanted, seen: Seen) -> list[Attempt]:
    """Of each vantage the open attempt that media goes by: the deepest proof, then the shortest round trip."""
    path = _path(report, want.path)
    best: dict[int, Attempt] = {}
    for each in sorted(_open(_fitting(report, path, want)), key=_depth):
        first = seen.get(next(iter(each.evidence), -1))
        best.setdefault(first.source if first else 0, each)
    return list(best.values())


def _depth(attempt: Attempt) -> tuple[int, float]:
    rtt = attempt.rtt_ms if attempt.rtt_ms is not None else float("inf")
    return _PROOFS.index(attempt.proof) if attempt.proof else len(_PROOFS), rtt


def _jitter(attempt: Attempt, seen: Seen) -> float | None:
    """Of the trains of packets that went this way."""
    trains = [each for number in attempt.evidence if isinstance(each := seen.get(number), (PathBurst, RelayBurst))]
    return max((each.jitter_ms for each in trains if each.failure is None and each.jitter_ms is not None), default=None)


_READ: dict[str, Callable[[Attempt, Seen], float | None]] = {
    "rtt_ms": lambda attempt, _: attempt.rtt_ms,
    "jitter_ms": _jitter,
    "loss": lambda attempt, _: attempt.loss,
}
