"""Words for Markdown: whatever could be read as markup or made a link stands as code, and the rest is plain. Pure.

A backslash is not enough: e-mail addresses, @names, #numbers, keys of other trackers and digests are looked for by
GitHub, GitLab and Jira in the text that Markdown has become, though not in code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from natprobe.render._tame import tame
from natprobe.wire.text import clean

_WORDS_MAX = 4000
# What is quoted is code; else words without blanks, in ASCII. A bar would end the cell of a table.
_PARTS = re.compile(
    r"(?<!`)`(?P<quoted>[^`|]+)`(?!`)|(?P<ticks>`+)|(?P<bar>\|)|(?P<word>[!-_a-{}~]+)|(?P<rest>[^!-~]+)"
)
# Brackets and marks of sentences stay outside of code.
_BEFORE, _AFTER = "'\"(", ".,;:!?)'\""
# Letters, digits and marks that mean nothing to Markdown within a line.
_PLAIN = re.compile(r"[0-9A-Za-z(),.;:'\"/+%?!-]*")
_NUMBER = re.compile(r"[0-9]+([.,:][0-9]+)?%?")
_LINKED = re.compile(
    r"[0-9A-Za-z]\.[0-9A-Za-z]"  # a name: www.example.com, and its address
    r"|(?i:www\.)"  # the same where what follows is not ASCII
    r"|//|:[0-9A-Za-z_+-]+:|![0-9]|%\w"  # https://…, :smile:, !12 and %name of GitLab
    r"|^[A-Za-z]+[0-9]*-[0-9]+|^[0-9a-f]{7,}$"  # KEY-12, digests of commits
)
# What makes a list or a rule where it stands first on a line.
_FIRST = re.compile(r"(?P<bullets>[-+]+)(?= |$)|(?P<number>[0-9]+)(?P<mark>[.)])(?= |$)")


class _Piece(NamedTuple):
    """A part of a line; `code`: it stands as code."""

    text: str
    code: bool = False


def plain(words: str) -> str:
    """One line; what it says is what is read, and nothing in it can be clicked on or is markup."""
    shown = " ".join((words if words.isprintable() else clean(words, _WORDS_MAX)).split())
    pieces = [piece for found in _PARTS.finditer(shown) for piece in _pieces(found)]
    line = _joined(code(each.text) if each.code else each.text for each in _together(pieces))
    return _FIRST.sub(_harmless, line, count=1) if _FIRST.match(line) else line


def code(words: str) -> str:
    """As code; the fence is longer than what is in it (CommonMark, section 6.1). A bar stands outside."""
    pieces = [each for each in re.split(r"(\|)", " ".join(words.split())) if each.strip()]
    return _joined("&#124;" if each == "|" else _code(each.strip()) for each in pieces)


def fenced(lines: str, kind: str = "") -> str:
    """A block of lines as they stand, in a fence that nothing in it ends."""
    fence = "`" * max(3, _longest(lines) + 1)
    return f"{fence}{kind}\n{lines}\n{fence}"


def _code(words: str) -> str:
    fence = "`" * (_longest(words) + 1)
    room = " " if words.startswith("`") or words.endswith("`") else ""
    return f"{fence}{room}{tame(words)}{room}{fence}"


def _longest(words: str) -> int:
    """How many backticks stand together."""
    return max(map(len, re.findall("`+", words)), default=0)


def _joined(parts: Iterable[str]) -> str:
    """Two fences that touch would be one."""
    found = ""
    for each in parts:
        found += " " + each if found.endswith("`") and each.startswith("`") else each
    return found


def _together(pieces: Iterable[_Piece]) -> list[_Piece]:
    """Code, a blank and code is code."""
    found: list[_Piece] = []
    for each in pieces:
        if each.code and len(found) > 1 and found[-1].text == " " and found[-2].code:
            found[-2:] = [_Piece(f"{found[-2].text} {each.text}", code=True)]
        elif each.text:
            found.append(each)
    return found


def _pieces(found: re.Match[str]) -> Iterator[_Piece]:
    if found["quoted"] or found["ticks"]:
        yield _Piece(found["quoted"] or found["ticks"], code=True)
    elif found["word"]:
        yield from _word(found["word"], after=found.string[found.end() : found.end() + 1])
    else:
        yield _Piece("&#124;" if found["bar"] else found["rest"])


def _word(word: str, after: str) -> Iterator[_Piece]:
    """Marks of the sentence stay outside of code. `after`: the character that follows."""
    inner = word.lstrip(_BEFORE)
    core = inner.rstrip(_AFTER)
    if _PLAIN.fullmatch(word) and (
        _NUMBER.fullmatch(core) or not (_LINKED.search(core) or _LINKED.search(word + after))
    ):
        yield _Piece(word)
        return
    yield _Piece(word[: len(word) - len(inner)])
    yield _Piece(core, code=True)
    yield _Piece(inner[len(core) :])


def _harmless(found: re.Match[str]) -> str:
    return f"\\{found['bullets']}" if found["bullets"] else f"{found['number']}\\{found['mark']}"
