"""Fixes put together: for the versions that are there, equal ones once, and none that contradicts another. Pure.

Of two that contradict each other that of the graver finding is kept, which is the one that comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from natprobe.derive import docker
from natprobe.derive.versions import older
from natprobe.facts import Facts, JanusInfo, Program
from natprobe.model import Count, Data, Finding, Fix, Forward, Set, Text

# Whose version decides which setting of a system is known: Jitsi's parts are counted by the release.
_PROGRAMS = {"jitsi-videobridge2": "jitsi-meet"}


class Merged(Data, frozen=True, kw_only=True):
    """A fix with the codes of all findings that it mends, the gravest first, and what they rest on."""

    codes: tuple[Text, ...]
    fix: Fix
    evidence: tuple[Count, ...]


def merged(findings: Iterable[Finding]) -> tuple[Merged, ...]:
    """Equal fixes once, in the order of the findings. What one says beside (why, what comes after, the exact line)
    stands for both.
    """
    found: list[Merged] = []
    places: dict[tuple[object, ...], list[int]] = {}
    for finding in findings:
        for fix in finding.fixes:
            known = places.setdefault(_identity(fix), [])
            at = next((each for each in known if _alike(found[each].fix, fix)), None)
            if at is None:
                known.append(len(found))
                found.append(Merged(codes=(finding.code,), fix=fix, evidence=finding.evidence))
            else:
                found[at] = _both(found[at], finding, fix)
    return tuple(found)


def _identity(fix: Fix) -> tuple[object, ...]:
    """Without words about it, and the place of a line."""
    if isinstance(fix, Set):
        return _place(fix), fix.op == "remove", fix.value, fix.since, fix.until, fix.audience
    return type(fix), msgspec.structs.replace(fix, why="", after="")


def _place(fix: Set) -> tuple[str, str, str]:
    """By the file's bare name: a client does not know where it lies."""
    return fix.file.rpartition("/")[2], fix.section, fix.key


def _alike(one: Fix, other: Fix) -> bool:
    """Two settings may stand in different files of a name, and at different lines of one."""
    return not (isinstance(one, Set) and isinstance(other, Set)) or (_one_file(one, other) and _one_line(one, other))


def _one_file(one: Set, other: Set) -> bool:
    return one.file == other.file or "/" not in one.file or "/" not in other.file


def _one_line(one: Set, other: Set) -> bool:
    return one.line == other.line or one.line is None or other.line is None


def _both(known: Merged, finding: Finding, fix: Fix) -> Merged:
    exact = isinstance(fix, Set) and isinstance(known.fix, Set) and known.fix.line is None and fix.line is not None
    kept, other = (fix, known.fix) if exact else (known.fix, fix)
    return Merged(
        codes=tuple(dict.fromkeys((*known.codes, finding.code))),
        fix=msgspec.structs.replace(kept, why=kept.why or other.why, after=kept.after or other.after),
        evidence=tuple(sorted({*known.evidence, *finding.evidence})),
    )


# --- what is left out


def settled(findings: Sequence[Finding], vantages: Iterable[Facts]) -> tuple[Finding, ...]:
    """The findings, which come the gravest first, without fixes for other versions than those that are there, and
    without those that contradict one of a graver finding.
    """
    versions = _versions(vantages)
    kept: dict[tuple[str, ...], list[tuple[Finding, Set | Forward]]] = {}
    return tuple(_without(each, tuple(_agreeing(each, _fitting(each.fixes, versions), kept))) for each in findings)


def _without(finding: Finding, fixes: tuple[Fix, ...]) -> Finding:
    return finding if fixes == finding.fixes else msgspec.structs.replace(finding, fixes=fixes)


def _agreeing(
    finding: Finding, fixes: Iterable[Fix], kept: dict[tuple[str, ...], list[tuple[Finding, Set | Forward]]]
) -> Iterator[Fix]:
    for fix in fixes:
        if not isinstance(fix, (Set, Forward)):
            yield fix
            continue
        others = kept.setdefault(_subject(fix), [])
        if not any(_elsewhere(finding, before) and _contradict(fix, other) for before, other in others):
            others.append((finding, fix))
            yield fix


def _subject(fix: Set | Forward) -> tuple[str, ...]:
    """What two of them have to be about to contradict each other."""
    return _place(fix) if isinstance(fix, Set) else (fix.proto, fix.outside)


def _elsewhere(one: Finding, other: Finding) -> bool:
    """What one finding says, it says with care. Two of a code may be about two relays, whose files are called alike."""
    return one is not other and (one.code != other.code or one.args.get("host") == other.args.get("host"))


def _contradict(one: Fix, other: Fix) -> bool:
    if isinstance(one, Forward) and isinstance(other, Forward):
        return one.inside != other.inside
    if not (isinstance(one, Set) and isinstance(other, Set)) or not _one_file(one, other) or _apart(one, other):
        return False
    ops = {one.op, other.op}
    if ops == {"add", "remove"}:
        return one.line is None or other.line is None
    return _one_line(one, other) and (ops == {"set", "remove"} or (ops == {"set"} and one.value != other.value))


def _apart(one: Set, other: Set) -> bool:
    """No version knows both."""
    return any(a.until and b.since and older(b.since, a.until) is not True for a, b in ((one, other), (other, one)))


# --- versions


def _versions(vantages: Iterable[Facts]) -> dict[str, str]:
    """By program in small letters; none where two of them are there."""
    found: dict[str, set[str]] = {}
    for name, version in (told for facts in vantages for told in _told(facts)):
        found.setdefault(name, set()).add(version)
    return {name: versions.pop() for name, versions in found.items() if len(versions) == 1}


def _told(facts: Facts) -> Iterator[tuple[str, str]]:
    images = [docker.version(facts, each) for each in docker.deployments(facts)]
    yield from ((docker.NAME, each) for each in images if each)
    yield from ((each.name.lower(), each.version) for each in facts.of(Program))
    yield from (("janus", each.version_string) for each in facts.of(JanusInfo) if each.version_string)


def _fitting(fixes: tuple[Fix, ...], versions: dict[str, str]) -> tuple[Fix, ...]:
    """What another version needs goes, as long as its system is left with something."""
    outside = [each for each in fixes if isinstance(each, Set) and not _fits(each, versions)]
    left = {each.system for each in fixes if isinstance(each, Set) and each not in outside}
    return tuple(each for each in fixes if each not in outside or (isinstance(each, Set) and each.system not in left))


def _fits(fix: Set, versions: dict[str, str]) -> bool:
    installed = versions.get(_PROGRAMS.get(fix.system, fix.system.lower()), "")
    too_old = fix.since and older(installed, fix.since) is True
    too_new = fix.until and older(installed, fix.until) is False
    return not (too_old or too_new)
