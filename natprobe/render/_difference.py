"""What `natprobe diff` prints: the answer first, then what changed. The words alone carry the meaning."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from natprobe.differing import Answer, Difference, FindingChange, PathChange, Side, ValueChange
from natprobe.model import VerdictStatus
from natprobe.render._figures import listed
from natprobe.render._spoken import ended, spoken, tidy, why
from natprobe.render._telling import RANKS, VERDICTS
from natprobe.render._ways import STATES
from natprobe.render._wrapping import columns, padded, wrapped
from natprobe.wording import bare, mark, say

_WIDTH = 80
_BY_VERDICT: dict[Answer, str] = {
    "fixed": mark("Fixed: {sentence}"),
    "better": mark("Better: {sentence}"),
    "told": mark("It can be told now: {sentence}"),
    "worse": mark("Worse: {sentence}"),
    "untold": mark("It can be told no longer: {sentence}"),
    "changed": mark("Changed: {sentence}"),
    "same": mark("Nothing that matters changed: {sentence}"),
}
_CHANGES = {
    "new": mark("new"),
    "gone": mark("gone"),
    "untold": mark("not known any more"),
    "graver": mark("graver"),
    "milder": mark("milder"),
    "other": mark("other words"),
}
_VALUES = {
    "addresses": mark("Addresses of {of}: {old} -> {new}"),
    "advertised": mark("Addresses for media, advertised over {of}: {old} -> {new}"),
    "version": mark("Version of {of}: {old} -> {new}"),
    "certificate-until": mark("Certificate of {of} is valid until: {old} -> {new}"),
    "certificate-issuer": mark("Certificate of {of} was issued by: {old} -> {new}"),
}


def as_json(difference: Difference) -> str:
    """Schema natprobe-diff/1."""
    plain: dict[str, Any] = msgspec.to_builtins(difference, enc_hook=bare)
    return json.dumps(plain, indent=1) + "\n"


def as_text(difference: Difference) -> str:
    """At most 80 columns where words allow."""
    found = [*_head(difference)]
    for title, rows in (
        (say("What is wrong"), [row for each in difference.findings for row in _finding(each)]),
        (say("Ways for media"), [row for each in difference.paths for row in _path(each)]),
        (say("Questions"), list(_questions(difference))),
        (say("What the servers say of themselves"), [row for each in difference.servers for row in _value(each)]),
        (say("What was asked for"), [row for each in difference.options for row in _option(each)]),
    ):
        found += ["", title, *rows] if rows else []
    return "\n".join(found) + "\n"


def _head(found: Difference) -> Iterator[str]:
    yield from wrapped(ended(_answer(found)), _WIDTH)
    if not found.same_target:
        words = say("The reports are about different targets: {old} and {new}.", old=found.old.host, new=found.new.host)
        yield from wrapped(words, _WIDTH)
    yield ""
    labels = say("before"), say("now")
    width = max(map(columns, labels)) + 2
    for label, side in zip(labels, (found.old, found.new), strict=True):
        yield from _row(_side(side), padded(label, width))


def _side(side: Side) -> str:
    words = say(
        "{status}, {host} at {started}, natprobe {version}",
        status=say(VERDICTS[side.verdict.status]),
        host=tidy(side.host),
        started=side.started,
        version=tidy(side.natprobe),
    )
    return say("{words}; the report breaks off", words=words) if side.torn else words


def _answer(found: Difference) -> str:
    """By the verdict where that changed, else by what weighs most."""
    old, new = found.old.verdict.status, found.new.verdict.status
    if old != new or found.answer == "same":
        return say(_BY_VERDICT[found.answer], sentence=spoken(found.new.verdict.summary).rstrip("."))
    if found.answer == "changed":
        return _mixed(found, new)
    kinds = ("new", "graver") if found.answer == "worse" else ("gone", "milder")
    first = next(each for each in found.findings if each.change in kinds)
    return say(_BY_VERDICT[found.answer], sentence=spoken(first.message).rstrip("."))


def _mixed(found: Difference, status: VerdictStatus) -> str:
    came = sum(each.change in ("new", "graver") for each in found.findings)
    went = sum(each.change in ("gone", "milder") for each in found.findings)
    said = say(VERDICTS[status])
    if came or went:
        return say("Changed: the verdict is still {status}, with {came} new and {went} gone", status=said, came=came, went=went)  # fmt: skip  # noqa: E501
    return say("Changed: the verdict is still {status}, and something beside it is not as it was", status=said)


def _finding(each: FindingChange) -> Iterator[str]:
    change, rank = say(_CHANGES[each.change]), say(RANKS[each.severity])
    if each.was not in (None, each.severity) and each.was is not None:
        rank = say("{new}, was {old}", new=rank, old=say(RANKS[each.was]))
    yield from _row(
        say("{change}: {code} {cause} ({rank})", change=change, code=each.code, cause=each.cause, rank=rank)
    )
    yield from _row(ended(spoken(each.message)), "    ")
    if each.old_message:
        yield from _row(say("before: {words}", words=ended(spoken(each.old_message))), "    ")


def _path(each: PathChange) -> Iterator[str]:
    clauses = [say("{old} -> {new}", old=say(STATES[each.old]), new=say(STATES[each.new]))]
    clauses = clauses if each.old != each.new else []
    if each.old_rtt_ms is not None and each.new_rtt_ms is not None:
        clauses.append(say("round trip {old:.0f} -> {new:.0f} ms", old=each.old_rtt_ms, new=each.new_rtt_ms))
    if each.old_loss is not None and each.new_loss is not None:
        clauses.append(say("loss {old:.0%} -> {new:.0%}", old=each.old_loss, new=each.new_loss))
    yield from _row(f"{padded(each.name, 18)} {', '.join(clauses)}")


def _questions(found: Difference) -> Iterator[str]:
    for each in found.unknown:
        if each.change == "open":
            yield from _row(say("open now: {code}, {why}", code=each.code, why=why(each.reason)))
        else:
            yield from _row(say("answered now: {code}", code=each.code))


def _value(each: ValueChange) -> Iterator[str]:
    yield from _row(say(_VALUES[each.name], of=tidy(each.of), old=_several(each.old), new=_several(each.new)))


def _option(each: ValueChange) -> Iterator[str]:
    yield from _row(f"{each.name}: {_several(each.old)} -> {_several(each.new)}")


def _several(values: Sequence[str]) -> str:
    return listed(tidy(each) for each in values) or say("none")


def _row(words: str, indent: str = "  ") -> Iterator[str]:
    """What stands under another row is not moved in further; what has a label, as far as that."""
    if indent == "  ":
        return wrapped(words, _WIDTH, indent, "    ")
    first = indent if indent.isspace() else f"  {indent}"
    return wrapped(words, _WIDTH, first, " " * columns(first))
