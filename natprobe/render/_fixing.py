"""A fix in words, in the language spoken; and, where they can be written for certain, the lines to copy. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from natprobe.model import Allow, Do, Fix, Forward, Observation, Set
from natprobe.render import _dialects, _settings
from natprobe.render._figures import clauses, named
from natprobe.render._outline import Copy
from natprobe.render._spoken import place, spoken, tidy
from natprobe.wording import mark, say


def words(fix: Fix) -> str:
    """One sentence without its full stop."""
    match fix:
        case Allow():
            return tidy(_allow(fix))
        case Forward():
            return tidy(_forward(fix))
        case Set():
            return tidy(_set(fix))
        case Do():
            return spoken(fix.text)


def copies(
    fix: Fix,
    evidence: Sequence[Observation] = (),
    dialects: Sequence[str] = (),
    known: Sequence[Observation] = (),
) -> tuple[Copy, ...]:
    """`evidence`: what it rests on, which may say by which program a firewall is managed; `known`: all that was seen.
    `dialects`: of which firewalls; empty: of the one that is there.
    """
    if isinstance(fix, Set):
        found = _settings.lines(fix)
    else:
        found = () if isinstance(fix, Do) else _dialects.lines(fix, evidence, dialects, known)
    return tuple(Copy(label=tidy(each.label), lines=tuple(map(_whole, each.lines))) for each in found)


def _whole(line: str) -> str:
    """With its indentation."""
    return line[: len(line) - len(line.lstrip())].expandtabs(4) + tidy(line.strip())


# --- firewalls and routers

_IN = {
    True: mark("Allow {proto} port {ports} in to {to} at {at}"),
    False: mark("Allow {proto} ports {ports} in to {to} at {at}"),
}
_OUT = {
    True: mark("Allow {proto} port {ports} out to {to}, and the answers back in, at {at}"),
    False: mark("Allow {proto} ports {ports} out to {to}, and the answers back in, at {at}"),
}
_OWN = {
    True: mark("Allow {proto} from port {ports} of {sender} out to any, at {at}"),
    False: mark("Allow {proto} from ports {ports} of {sender} out to any, at {at}"),
}


def _allow(fix: Allow) -> str:
    """Ports that are told in words are several. What leaves for anybody leaves from ports of one's own."""
    own = fix.direction == "out" and fix.to == "any" and fix.from_ != "any"
    one = fix.ports[0][:1].isdigit() and len(fix.ports) == 1
    template = (_IN if fix.direction == "in" else _OWN if own else _OUT)[one]
    return say(
        template,
        proto=fix.proto.upper(),
        ports=named(map(spoken, fix.ports)),
        to=fix.to,
        sender=fix.from_,
        at=spoken(fix.at) or say("the firewall"),
    )


def _forward(fix: Forward) -> str:
    parts = {"proto": fix.proto.upper(), "outside": fix.outside, "inside": fix.inside}
    if fix.at:
        return say("Forward {proto} {outside} to {inside} at {at}", **parts, at=spoken(fix.at))
    return say("Forward {proto} {outside} to {inside}", **parts)


# --- settings

_CHANGES = {
    ("set", True): mark("{place}, set {key} to {value}"),
    ("set", False): mark("{place}, set {key}"),
    ("add", True): mark("{place}, add {key} as {value}"),
    ("add", False): mark("{place}, add {key}"),
    ("remove", True): mark("{place}, remove {key}"),
    ("remove", False): mark("{place}, remove {key}"),
}
_BLOCK = mark("{place}, add this block: {key}")


def _set(fix: Set) -> str:
    """Flags have no value, and a block stands below; what holds for some versions only says so."""
    block = fix.value.startswith("{") and any(len(each.lines) > 1 for each in _settings.lines(fix))
    template = _BLOCK if block else _CHANGES[fix.op, bool(fix.value)]
    change = say(template, place=_place(fix), key=fix.key, value=fix.value)
    versions = _versions(fix)
    return say("{change} ({versions})", change=change, versions=versions) if versions else change


def _place(fix: Set) -> str:
    parts = [say("In {file}", file=fix.file)]
    if fix.line:
        where = mark("after line {line}") if fix.op == "add" else mark("in line {line}")
        parts.append(say(where, line=fix.line))
    return clauses(*parts, place(fix.section))


def _versions(fix: Set) -> str:
    """Whose a file is that is called like many others."""
    if fix.since and fix.until:
        return say("{system} from {since} on and before {until}", system=fix.system, since=fix.since, until=fix.until)
    if fix.since:
        return say("{system} from {since} on", system=fix.system, since=fix.since)
    if fix.until:
        return say("{system} before {until}", system=fix.system, until=fix.until)
    return fix.system if "/" not in fix.file and fix.file.startswith(".") else ""
