"""What follows from the facts of `natprobe inspect`: no way for media, and a verdict about this host alone. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from natprobe.facts import (
    TORN,
    Arrived,
    BindTry,
    CertificateFile,
    ConfigFile,
    Expected,
    Facts,
    Listening,
    OwnExchange,
    PacketFilter,
    Passage,
    PortTry,
    Probed,
    Program,
    Published,
    Setting,
    Sockets,
    Watched,
)
from natprobe.model import (
    PATHS,
    Finding,
    Observation,
    Path,
    Severity,
    Stages,
    Unknown,
    Verdict,
    VerdictStatus,
    clip,
    split,
)
from natprobe.reasons import sentence
from natprobe.rules import Rule
from natprobe.torn import is_torn
from natprobe.wording import mark, phrase

# What is looked at on the server alone, and how its probes ended: the rules that read none of it have nothing to judge.
_KINDS: tuple[type[Observation], ...] = (
    BindTry,
    Sockets,
    Listening,
    Published,
    Expected,
    PortTry,
    OwnExchange,
    ConfigFile,
    Setting,
    CertificateFile,
    Program,
    PacketFilter,
    Passage,
    Probed,
)

_SERVED: dict[VerdictStatus, str] = {
    "good": mark("Packets arrive at {host}: {what}"),
    "unknown": mark("Nothing arrived at {host} in {seconds:.0f} s, at {what}"),
}
_SUMMARIES: dict[str, str] = {
    "good": mark("No fault was found on {host}"),
    "good-but": mark("{host} should work; found beside that: {cause}"),
    "broken": mark("{host} has a fault: {cause}"),
    "unknown": mark("Could not tell whether {host} has a fault: {reason}"),
    "unknown-but": mark("Could not tell whether {host} has a fault that stops it ({reason}), but found: {cause}"),
}


def concerns(rule: Rule) -> bool:
    """Whether this rule can be judged on the server."""
    return any(kind in _KINDS for kind in rule.module.READS)


def paths() -> tuple[Path, ...]:
    """Media flows between a client and the server: from the server itself none was tried."""
    return tuple(Path(name=name, status="unknown", reason="asked-on-the-server") for name in PATHS)


def verdict(facts: Facts, findings: Sequence[Finding], unknown: Sequence[Unknown]) -> Verdict:
    """Broken with an error, unknown where something needed could not be told, otherwise good."""
    if watched := facts.ok(Watched):
        return _served(facts, watched)
    errors = [each.message for each in findings if each.severity is Severity.ERROR]
    unsure = [sentence(each.reason) for each in unknown]
    unsure += [
        phrase("{probe} did not end well", probe=each.probe)
        for each in facts.of(Probed)
        if each.status in ("cut", "crashed") and each.detail != TORN
    ]
    unsure += [sentence("report-cut")] if is_torn(facts) else []
    unsure += [] if _asked(facts) else [sentence("nothing-to-compare")]
    word: VerdictStatus = "broken" if errors else "unknown" if unsure else "good"
    milder = [each.message for each in findings if each.severity is Severity.WARNING]
    words = {"host": facts.target.host, "cause": next(iter(errors or milder), ""), "reason": next(iter(unsure), "")}
    key = f"{word}-but" if milder and not errors else word
    return Verdict(status=word, media=None, summary=clip(phrase(_SUMMARIES[key], **words)), stages=Stages())


def _asked(facts: Facts) -> bool:
    """Whether there was anything to be fit for."""
    return any(facts.of(kind) for kind in (BindTry, Expected, Setting))


def _served(facts: Facts, watched: Sequence[Watched]) -> Verdict:
    """Of `natprobe serve`: whether anything came. What came to one port says nothing of another."""
    came = dict.fromkeys(f"{each.proto.upper()} {split(each.local)[1]}" for each in facts.ok(Arrived))
    ports = dict.fromkeys(f"{each.proto.upper()} {each.port}" for each in watched)
    word: VerdictStatus = "good" if came else "unknown"
    words = {"host": facts.target.host, "what": ", ".join(came or ports), "seconds": watched[0].seconds}
    return Verdict(status=word, media=None, summary=clip(phrase(_SERVED[word], **words)), stages=Stages())
