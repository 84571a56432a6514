"""Reports out of what people paste: a file, a mail, a chat, a page, with several of them in it or a part of one. Pure.

Whatever is whole is read as it stands. Only where a report's beginning is seen and no JSON is read from there on, the
text is mended (`mending.py`), the least first; what then still breaks off is read as far as it goes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Any, NamedTuple

from natprobe.mending import BREAK, Version, quoting, repaired, unlinked, versions
from natprobe.model import clip

# Far more than any run writes (a large report has 2,000 observations, about 1 MB).
TEXT_MAX = 16 << 20
# Of one damaged report, which is tried in many ways.
_MENDED_MAX = 4 << 20
# Of one report, and how many reports one text may hold.
OBSERVATIONS_MAX = 50_000
REPORTS_MAX = 50
# How many opening braces of a pasted text are tried as the beginning of a report, and how much is read for it in all.
_TRIES_MAX = 200
_READ_MAX = 3 * TEXT_MAX
# Lists and objects within each other; a report of ours has seven.
_DEPTH_MAX = 50
# What a report says of itself at its beginning, whatever happened to the marks between.
_MARK = re.compile(r"schema[^{}]{1,40}?natprobe-report/")
# An observation.
_BODY = re.compile(r'"kind": ?"[A-Z]\w{1,40}", ?"id"')
_HEADLESS = 'the beginning of the report is missing: it starts with {"schema": …}'
_TOO_DEEP = "the JSON is nested too deeply to be a report"


class BadReport(ValueError):
    """Not a report that this version reads."""


class Pasted(NamedTuple):
    """What says that it is a report. `mended`: what was undone for it; `broken`: strings in it hold BREAK;
    `torn`: it breaks off after some of its observations.
    """

    plain: dict[str, Any]
    mended: tuple[str, ...] = ()
    broken: bool = False
    torn: bool = False


class _Whole(NamedTuple):
    """JSON that was read as it stands, and where."""

    plain: dict[str, Any]
    start: int
    end: int


def decoded(data: bytes) -> str:
    """A file's text, in whatever encoding a helpdesk's tools left it in."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16", "replace")
    elif b"\0" in data[:2]:  # {" in UTF-16 without a byte order mark
        text = data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le", "replace")
    else:
        text = _single_bytes(data)
    return text.replace("\r\n", "\n")


def _single_bytes(data: bytes) -> str:
    """UTF-8, unless more of what is beyond ASCII is wrong in it than right."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("utf-8-sig", "replace")
    wrong = text.count("\ufffd")
    right = len(text) - wrong - sum(map(str.isascii, text)) if wrong < 10_000 else 0
    return text if right >= wrong else data.decode("cp1252", "replace")


def pasted(text: str) -> list[Pasted]:
    """Every report in this text, in its order. Raises BadReport where there is none."""
    if len(text) > TEXT_MAX:
        raise BadReport(f"the text is longer than {TEXT_MAX >> 20} MiB")
    text = text.lstrip("\ufeff").strip()
    if not text:
        raise BadReport("there is nothing in it")
    whole, problem = _wholes(text)
    found = [(each.start, Pasted(each.plain)) for each in whole]
    for start, piece in _damaged(text, whole):
        mended = _mended(piece)
        if mended is not None:
            found.append((start, mended))
    if not found:
        raise BadReport(_HEADLESS if _BODY.search(text) and not _MARK.search(text) else problem)
    if len(found) > REPORTS_MAX:
        raise BadReport(f"there are {len(found)} reports in it; at most {REPORTS_MAX} are merged")
    return [_without_links(each) for _, each in sorted(found, key=lambda each: each[0])]


def _without_links(found: Pasted) -> Pasted:
    """Whole JSON may have them, too: no address of ours has a < in it."""
    if not _linked(found.plain):
        return found
    try:
        bare = unlinked(shallow(found.plain))
    except BadReport:  # told where it is read
        return found
    return found if _linked(bare) else found._replace(plain=bare, mended=(*found.mended, "links"))


def _linked(plain: dict[str, Any]) -> bool:
    observations = plain.get("observations")
    told = (
        [each.get("url") for each in observations if isinstance(each, dict)] if isinstance(observations, list) else []
    )
    return any(isinstance(each, str) and "<http" in each for each in told)


# --- as it stands


def _wholes(text: str) -> tuple[list[_Whole], str]:
    """Every JSON object with a schema, and what was wrong with the longest that is none."""
    found: list[_Whole] = []
    problem, longest, read, past = "there is no JSON in it", 0, 0, 0
    for start in _starts(text):
        if start < past:
            continue
        try:
            plain, end = _DECODER.raw_decode(text, start)
            words = "the JSON in it is no natprobe report: it has no schema"
        except RecursionError:
            raise BadReport(_TOO_DEEP) from None
        except ValueError as exc:
            plain, end = None, getattr(exc, "pos", len(text))
            words = f"the JSON breaks off or is wrong: {exc}"
        if isinstance(plain, dict) and "schema" in plain:
            found.append(_Whole(plain, start, past := end))
        elif end - start > longest:  # that was the report, had it been one
            problem, longest = words, end - start
        read += end - start
        if read > _READ_MAX:
            break
    return found, problem


def _starts(text: str) -> list[int]:
    """Where a report may begin: where its first word follows, and at the first braces."""
    likely = _some(re.compile(r'\{(?=\s{0,99}"schema")'), text)
    return sorted({*likely, *_some(re.compile(r"\{"), text)})


def _some(pattern: re.Pattern[str], text: str) -> Iterator[int]:
    for number, match in enumerate(pattern.finditer(text)):
        if number >= _TRIES_MAX:
            return
        yield match.start()


# --- damaged


def _damaged(text: str, whole: list[_Whole]) -> Iterator[tuple[int, str]]:
    """From each beginning of a report that was not read to the next one, with the whole line that it begins on."""
    edges = [0, *(edge for each in whole for edge in (each.start, each.end)), len(text)]
    for low, high in zip(edges[::2], edges[1::2], strict=True):
        marks = [match.start() for match in _MARK.finditer(text, low, high)][:REPORTS_MAX]
        begins = [_beginning(text, low, mark) for mark in marks]
        for begin, end in pairwise([*begins, high]):
            if end > begin:
                yield begin, text[begin:end]


def _beginning(text: str, low: int, mark: int) -> int:
    brace = text.rfind("{", low, mark)
    return max(low, text.rfind("\n", low, mark if brace < 0 else brace) + 1)


def _mended(piece: str) -> Pasted | None:
    """The report in the mended piece: whole where the mildest mending makes it so, else as much as can be read."""
    if len(piece) > _MENDED_MAX:
        return None
    piece = re.sub("\r\n?", "\n", piece)
    best: Pasted | None = None
    for version in _attempts(piece):
        found = _as_far_as_it_goes(version)
        if found is not None and not found.torn:
            return found
        if found is not None and (best is None or _length(found) > _length(best)):
            best = found
    return best


def _attempts(piece: str) -> Iterator[Version]:
    """Each version as it stands, then with its strings repaired, then with other quotation marks; no text twice."""
    every = list(versions(piece))
    seen = set()
    for version in chain(every, _repairs(every, ""), *(_repairs(every, marks) for marks in quoting(piece))):
        if version.text not in seen:
            seen.add(version.text)
            yield version


def _repairs(every: list[Version], marks: str) -> Iterator[Version]:
    """With these quotation marks; first those versions that leave nothing to guess."""
    found = []
    for text, mended in every:
        words = (*mended, "quotation marks") if marks else mended or ("line breaks or spaces",)
        found.append(Version(repaired(text, marks), words))
    yield from sorted(found, key=lambda each: BREAK in each.text)


def _length(found: Pasted) -> int:
    return len(found.plain["observations"])


def _as_far_as_it_goes(version: Version) -> Pasted | None:
    """The object in it, field by field and observation by observation; None: it breaks off before the first one."""
    start = version.text.find("{")
    try:
        plain, torn = _fields(version.text, start)
    except RecursionError:
        raise BadReport(_TOO_DEEP) from None
    except ValueError:  # a number that is none was not made by any damage
        return None
    if "schema" not in plain or not isinstance(plain.get("observations"), list) or not plain["observations"]:
        return None
    return Pasted(plain, version.mended, BREAK in version.text, torn)


def _fields(text: str, start: int) -> tuple[dict[str, Any], bool]:
    """An object's fields, and whether it breaks off before the end of its observations: what follows is computed."""
    plain: dict[str, Any] = {}
    at = _past(text, start, "{")
    while at is not None:
        try:
            name, at = _DECODER.raw_decode(text, _skipped(text, at))
            at = _past(text, at, ":")
            if at is None or not isinstance(name, str):
                break
            if name == "observations" and (first := _past(text, at, "[")) is not None:
                plain[name], at = _elements(text, first)
                if at is None:
                    return plain, True
            else:
                plain[name], at = _DECODER.raw_decode(text, _skipped(text, at))
        except json.JSONDecodeError:
            break
        at = _past(text, at, ",")
    return plain, "observations" not in plain


def _elements(text: str, at: int) -> tuple[list[Any], int | None]:
    """A list's elements that are whole, and the place behind the list; None: it breaks off."""
    elements: list[Any] = []
    end, following = _past(text, at, "]"), at
    while end is None and len(elements) < OBSERVATIONS_MAX:
        try:
            value, at = _DECODER.raw_decode(text, _skipped(text, following))
        except json.JSONDecodeError:
            return elements, None
        elements.append(value)
        end, comma = _past(text, at, "]"), _past(text, at, ",")
        if end is None and comma is None:
            return elements, None
        following = comma or at
    return elements, end


def _past(text: str, at: int, sign: str) -> int | None:
    """The place behind this sign, where it is what comes next."""
    at = _skipped(text, at)
    return at + 1 if text.startswith(sign, at) else None


def _skipped(text: str, at: int) -> int:
    found = _WHITE.match(text, at)
    return found.end() if found else at


_WHITE = re.compile(r"[ \t\n\r]*+")


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no JSON number")


def _finite(word: str) -> float:
    number = float(word)
    return number if math.isfinite(number) else _refuse(clip(word, 40))


def _natural(word: str) -> int:
    """An integer that can still be reckoned with: beyond 308 digits it is no float."""
    return int(word) if len(word) <= 100 else int(_refuse(clip(word, 40)))


_DECODER = json.JSONDecoder(parse_float=_finite, parse_int=_natural, parse_constant=_refuse)


def shallow(found: dict[str, Any]) -> dict[str, Any]:
    """It again, if it is not nested so deeply that writing it back would break. Raises BadReport."""
    level: list[Any] = [found]
    for _ in range(_DEPTH_MAX):
        inner = [each for thing in level for each in (thing.values() if isinstance(thing, dict) else thing)]
        level = [each for each in inner if isinstance(each, (dict, list))]
        if not level:
            return found
    raise BadReport(_TOO_DEEP)
