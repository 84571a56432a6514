"""libconfig's syntax (Janus's .jcfg): groups, arrays, lists and strings, with lines. Written for reading only.

By the grammar of libconfig's manual ("Configuration Files"). After something that is no setting the rest of the line is
left out, and reading goes on with the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from natprobe.servers.files import DEPTH_MAX, Entry, Parsed

TOKENS_MAX = 100_000
_TOKEN = re.compile(
    r"""(?P<gap>[ \t\r\f]+|\#[^\n]*|//[^\n]*|/\*.*?(?:\*/|\Z))
      | (?P<line>\n)
      | (?P<include>@include[ \t]*"[^"\n]*")
      | (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<open>"(?:[^"\\]|\\.)*\\?\Z)
      | (?P<word>[A-Za-z*][-A-Za-z0-9_*]*)
      | (?P<number>[-+]?[0-9][-+.0-9A-Za-z]*)
      | (?P<mark>[{}()\[\]=:;,])
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}
_ENDS = {"{": "}", "(": ")", "[": "]"}


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def parse(text: str) -> Parsed:
    """Every setting by the groups that it stands in; of an array or list each element is an entry with the same key."""
    reader = _Reader(text)
    reader.group((), "")
    return Parsed(entries=reader.entries, broken_at=reader.broken_at)


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for count, found in enumerate(_TOKEN.finditer(text)):
        kind = str(found.lastgroup)
        if count >= TOKENS_MAX:
            yield _Token("other", "", line)
            return
        if kind not in ("gap", "line"):
            yield _Token(kind, found[0], line)
        line += found[0].count("\n")


class _Reader:
    def __init__(self, text: str) -> None:
        self.entries: list[Entry] = []
        self.broken_at: int | None = None
        self._tokens = _tokens(text)
        self._next = next(self._tokens, None)

    def _take(self) -> _Token | None:
        taken, self._next = self._next, next(self._tokens, None)
        return taken

    def _at(self, text: str) -> bool:
        return self._next is not None and self._next.kind == "mark" and self._next.text in text

    def _broken(self, token: _Token) -> None:
        """The rest of that line is left out."""
        self.broken_at = self.broken_at or token.line
        while self._next is not None and self._next.line == token.line and not self._at("}"):
            self._take()

    def group(self, section: tuple[str, ...], end: str) -> None:
        """Settings until the end of the group."""
        while (token := self._take()) is not None:
            if token.kind == "mark" and token.text in (";", ","):
                continue
            if token.text == end and token.kind == "mark":
                return
            if token.kind == "include":
                self.entries.append(Entry(line=token.line, section=section, key="@include", value=_string(token.text)))
            elif token.kind == "word" and self._at("=:"):
                self._take()
                self._value(token, section)
            else:
                self._broken(token)
        if end:
            self.broken_at = self.broken_at or (self.entries[-1].line if self.entries else 1)

    def _value(self, name: _Token, section: tuple[str, ...]) -> None:
        token = self._take()
        if token is None or token.kind in ("other", "open", "include"):
            self._broken(token or name)
        elif token.kind != "mark":
            self._scalar(token, name, section)
        elif token.text not in _ENDS or len(section) >= DEPTH_MAX:
            self._broken(token)
        elif token.text == "{":
            self.group((*section, name.text), "}")
        else:
            self._elements(name, section, _ENDS[token.text])

    def _scalar(self, token: _Token, name: _Token, section: tuple[str, ...]) -> None:
        """Strings that stand beside each other are one."""
        value = _string(token.text) if token.kind == "string" else token.text
        while token.kind == "string" and self._next is not None and self._next.kind == "string":
            value += _string(self._next.text)
            self._take()
        self.entries.append(Entry(line=name.line, section=section, key=name.text, value=value))

    def _elements(self, name: _Token, section: tuple[str, ...], end: str) -> None:
        """Groups in a list are told apart by their place."""
        place = -1
        while (token := self._take()) is not None and not (token.kind == "mark" and token.text == end):
            if token.kind == "mark" and token.text == ",":
                continue
            place += 1
            if token.kind == "mark" and token.text == "{" and len(section) < DEPTH_MAX:
                self.group((*section, f"{name.text}[{place}]"), "}")
            elif token.kind in ("string", "word", "number"):
                self._scalar(token, name._replace(line=token.line), section)
            else:
                self._broken(token)


def _string(text: str) -> str:
    """What stands between the quotation marks, escapes resolved."""
    inner = text[text.index('"') + 1 : -1]
    return _ESCAPED.sub(lambda found: _character(found[1]), inner)


def _character(escape: str) -> str:
    return chr(int(escape[1:], 16)) if len(escape) == 3 else _ESCAPES.get(escape, escape)
