"""What mail, chat and pages do to a report that is pasted into them, undone. Pure.

Each mending has its own sign, and text without that sign stays as it is. Nothing here knows what a report is: whoever
reads decides which of the versions is one.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise, product
from typing import Any, NamedTuple

# Where a line was broken inside a string and nobody knows whether a space stood there: a code point that is no
# character and never will be (Unicode 23.7).
BREAK = "\ufdd0"
# How many broken places of one observation are tried each by itself.
_BREAKS_MAX = 4
# Lines shorter than this are not wrapped by anybody.
_WIDTH_MIN = 40

_SPACES = dict.fromkeys(map(ord, "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"), " ")  # fmt: skip  # noqa: E501
_ENDS = dict.fromkeys(map(ord, "\v\f\u0085\u2028\u2029"), "\n")
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
_ODD = {**_SPACES, **_ENDS, **_INVISIBLE, ord(BREAK): "\ufffd"}
# What word processors and chats make of " and of '.
_DOUBLE, _SINGLE = '"“”„‟«»＂', "'‘’‚‛‹›"
# Where a line ends within a word: behind a hyphen (UAX 14), before what begins none.
_WITHIN = re.compile(rf"[^ ][-/>\[]{BREAK}|{BREAK}[.:/>\]-]\w")
# What no space stands in: digests, and where to go.
_SOLID = re.compile(r"[0-9A-Fa-f:]{32,}|(?:[a-z+=]{1,30}://|(?:stun|turn)s?:)[^ ]*")
_STRING = re.compile(r'"((?:[^"\\]++|\\.)*+)("?)', re.DOTALL)


# Outlook makes URL<URL> of an address, chats make <URL> (RFC 3986 appendix C) or <URL|words>.
_DOUBLED = re.compile(r"(https?://[^\"<>\s]{1,2000})<\1/?>")
_ANGLED = re.compile(r"<(https?://[^\"<>|\s]{1,2000})(?:\|[^\"<>\n]{0,2000})?>")


class Version(NamedTuple):
    """The text with some damage undone; `mended` names it."""

    text: str
    mended: tuple[str, ...] = ()


class _Mending(NamedTuple):
    """`undo` gives back the very same text where its sign is not there."""

    words: str
    undo: Callable[[str], str]


def versions(text: str) -> Iterator[Version]:
    """The text, then with one kind of damage undone, then with several. It begins with the report's line."""
    seen = set()
    for steps in _ORDERS:
        version = Version(text)
        for step in steps:
            undone = step.undo(version.text)
            if undone == version.text:
                break
            version = Version(undone, (*version.mended, step.words))
        if len(version.mended) == len(steps) and version.text not in seen:
            seen.add(version.text)
            yield version


def repaired(text: str, quotes: str = "") -> str:
    """With JSON's own white space between strings, and BREAK where a string was broken into lines.

    `quotes`: the characters that stand for quotation marks here, one of `quoting`; empty: only JSON's own does.
    """
    pattern = _typographic(quotes) if quotes else _STRING
    odd = _between(text, pattern)
    parts, end = [], 0
    for found in pattern.finditer(text):
        parts += [text[end : found.start()].translate(_ODD), _string(found, quotes, odd)]
        end = found.end()
    return "".join([*parts, text[end:].translate(_ODD)])


def unlinked(value: Any) -> Any:
    """A JSON value whose strings have no links in them."""
    if isinstance(value, dict):
        return {name: unlinked(each) for name, each in value.items()}
    if isinstance(value, list):
        return [unlinked(each) for each in value]
    return _ANGLED.sub(r"\1", _DOUBLED.sub(r"\1", value)) if isinstance(value, str) and "<http" in value else value


def quoting(text: str) -> list[str]:
    """The sets of quotation marks that this text may have in the place of JSON's."""
    return [each for each in (_DOUBLE, _SINGLE) if any(mark in text for mark in each[1:])]


def visible(text: str) -> str:
    """Without characters that nobody sees."""
    return text if text.isascii() else text.translate(_INVISIBLE)


def joined(value: Any) -> Iterator[Any]:
    """A JSON value whose broken strings are whole again: as is likely, else by as many spaces as fit."""
    text = json.dumps(value, ensure_ascii=False)
    parts = text.split(BREAK)
    words = _in_words(text)
    likely = tuple(
        "" if not spaced or _WITHIN.search(f"{a[-2:]}{BREAK}{b[:2]}") else " "
        for (a, b), spaced in zip(pairwise(parts), words, strict=True)
    )
    ways = [likely, (" ",) * len(likely)]
    if len(likely) <= _BREAKS_MAX:
        ways += sorted(product((" ", ""), repeat=len(likely)), key=lambda way: way.count(""))
    ways.append(("",) * len(likely))
    for way in dict.fromkeys(ways):
        yield json.loads("".join(part + glue for part, glue in zip(parts, (*way, ""), strict=True)))


def _in_words(text: str) -> Iterator[bool]:
    """Of each BREAK, whether a space may have stood there."""
    for found in _STRING.finditer(text):
        yield from [not _SOLID.fullmatch(found[1].replace(BREAK, ""))] * found[1].count(BREAK)


def _between(text: str, pattern: re.Pattern[str]) -> bool:
    """Whether odd spaces stand where JSON has its own: then those inside strings came the same way."""
    if text.isascii():
        return False
    return pattern.sub("", text).translate({**_SPACES, **_INVISIBLE}) != pattern.sub("", text)


def _string(found: re.Match[str], quotes: str, odd: bool) -> str:
    """One string as JSON has it; one that never ends stays open, so that nobody takes it for whole."""
    body = found[1]
    if quotes:
        body = re.sub(rf'\\[{quotes}]|\\.|"', lambda each: '\\"' if each[0][-1] in quotes else each[0], body)
        body = body.rstrip(" \u00a0\u202f") if found[2] == "»" else body
    if "\n" in body or not body.isascii():
        body = _one_line(body.translate(_ODD) if odd else body.replace(BREAK, "\ufffd"))
    return f'"{body}"' if found[2] else f'"{body}'


def _typographic(quotes: str) -> re.Pattern[str]:
    """A string between any two of these; one that nothing of JSON's follows is a part of it."""
    ends = r"(?=[\s\u200b\ufeff]{0,8}(?:[,:\]}]|$))"
    # Nothing behind it can fail, so that it never goes back; possessive ones in a group are wrong in Python 3.11.2.
    body = rf"(?:[^{quotes}\\]+|\\.|[{quotes}](?!{ends[3:-1]}))*"
    return re.compile(rf"(?:«[ \u00a0\u202f]?|[{quotes}])({body})([{quotes}]?)", re.DOTALL)


def _one_line(body: str) -> str:
    """Where a space stood at the end of a line (format=flowed, RFC 3676) or at the beginning of the next, it is one;
    more of them indent the line.
    """
    whole, *rest = body.split("\n")
    parts = [whole]
    for line in rest:
        spaced = parts[-1][-1:] == " " or (line[:1] == " " and line[:2] != "  ")
        parts[-1] = parts[-1].rstrip(" ")
        parts += [" " if spaced else BREAK, line.lstrip(" ")]
    return "".join(parts)


def _soft_breaks(text: str) -> str:
    """Quoted-printable (RFC 2045 section 6.7)."""
    if not re.search("=(?:\n|22|3D)", text) or "\n" not in text:
        return text
    return re.sub("(?:=[0-9A-F]{2})++", _octets, text.replace("=\n", ""))


def _octets(found: re.Match[str]) -> str:
    octets = bytes.fromhex(found[0].replace("=", ""))
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("cp1252", "replace")


def _entities(text: str) -> str:
    """Where quotation marks are entities, every & and < that stands there is markup."""
    if not re.search("&(?:amp;)?(?:quot|#34|#x22);", text):
        return text
    bare = re.sub("<[A-Za-z/!][^<>]{0,2000}>", lambda tag: "\n" if tag[0][1:3].lower() == "br" else "", text)
    once = html.unescape(bare)
    return html.unescape(once) if "&quot;" in once else once


def _unquoted(text: str) -> str:
    """As many marks at each line as stand before the report's first, and a blank where it has one: what follows them
    may be a > or a blank of its own.
    """
    if found := re.match("(?:[ \t]?[>|]){1,50}", text):
        marks = len(found[0].replace(" ", "").replace("\t", ""))
        blank = "[ \t]?" if text[found.end() : found.end() + 1] in (" ", "\t") else ""
        return re.sub(f"(?m)^(?:[ \t]?[>|]){{1,{marks}}}{blank}", "", text)
    if re.match("[ \t]{0,8}[*+•‣◦-][ \t]", text):
        return re.sub("(?m)^[ \t]{0,8}[*+•‣◦-][ \t]", "", text)
    return text


def _unwrapped(text: str) -> str:
    """Without the ends of lines that are all of one length: they were cut there, wherever that was."""
    lines = text.split("\n")
    lengths = Counter(len(line) for line in lines if len(line) >= _WIDTH_MIN)
    width = max(lengths, key=lambda each: (lengths[each], each), default=0)
    if lengths[width] < 2 or 3 * lengths[width] < lengths.total():
        return text
    quote = found[0] if (found := re.match("[ \t]?[>|]", text)) else "\n"
    ends = [len(line) != width or after.startswith(quote) for line, after in pairwise((*lines, ""))]
    return "".join(line + "\n" if ended else line for line, ended in zip(lines, ends, strict=True))


_PRINTABLE = _Mending("quoted-printable", _soft_breaks)
_MARKUP = _Mending("HTML entities", _entities)
_QUOTE = _Mending("quote marks", _unquoted)
_WRAP = _Mending("wrapped lines", _unwrapped)
# What came last is undone first: a mail's transport, a page's source, then marks and wrapping, either of which may have
# come before the other.
_ORDERS = [
    (*outer, *inner)
    for inner in ((), (_QUOTE,), (_WRAP,), (_QUOTE, _WRAP), (_WRAP, _QUOTE))
    for outer in ((), (_PRINTABLE,), (_MARKUP,), (_PRINTABLE, _MARKUP))
]
