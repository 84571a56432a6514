"""What follows from the facts of `natprobe inspect`: no way for media, and a verdict about this host alone. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from natprobe.facts import BindTry, Facts, Probed
from natprobe.model import PATHS, Finding, Observation, Path, Severity, Stages, Unknown, Verdict, VerdictStatus, clip
from natprobe.reasons import sentence
from natprobe.rules import Rule

# What is looked at on the server alone, and how its probes ended: the rules that read none of it have nothing to judge.
_KINDS: tuple[type[Observation], ...] = (BindTry, Probed)

_SUMMARIES: dict[str, str] = {
    "good": "{host} is fit for what was asked",
    "broken": "{host} is not fit for what was asked: {cause}",
    "unknown": "Could not tell whether {host} is fit for what was asked: {reason}",
}


def concerns(rule: Rule) -> bool:
    """Whether this rule can be judged on the server."""
    return any(kind in _KINDS for kind in rule.module.READS)


def paths() -> tuple[Path, ...]:
    """Media flows between a client and the server: from the server itself none was tried."""
    return tuple(Path(name=name, status="unknown", reason="asked-on-the-server") for name in PATHS)


def verdict(facts: Facts, findings: Sequence[Finding], unknown: Sequence[Unknown]) -> Verdict:
    """Broken with an error, unknown where something needed could not be told, otherwise good."""
    errors = [each.message for each in findings if each.severity is Severity.ERROR]
    unsure = [sentence(each.reason) for each in unknown]
    unsure += [f"{each.probe} did not end well" for each in facts.of(Probed) if each.status in ("cut", "crashed")]
    word: VerdictStatus = "broken" if errors else "unknown" if unsure else "good"
    words = {"host": facts.target.host, "cause": next(iter(errors), ""), "reason": next(iter(unsure), "")}
    return Verdict(status=word, media=None, summary=clip(_SUMMARIES[word].format_map(words)), stages=Stages())
