"""HOCON (the Typesafe library's configuration format), as jvb.conf and jicofo.conf are written.

Objects and dotted keys come to one name: `ice4j.harvest.mapping.stun.addresses`. What stands in a list's objects has
that list for its section, `ice4j.harvest.mapping.static-mappings[0]`, and a name of its own below. A substitution
(`${x}`) is left as it is written; `key += value` counts as one more of a list. An unquoted value with a character that
the library refuses there is told as broken, and read all the same.
"""

from __future__ import annotations

import re
from bisect import bisect_left

from natprobe.servers.files import DEPTH_MAX, ENTRIES_MAX, Entry, Parsed

# Blanks of Unicode count, also U+FEFF; `#` and `//` begin a remark.
_SPACES, _SPACE = re.compile(r"[\s\ufeff,]+"), re.compile(r"\s+")
_REMARK = re.compile(r"(?:#|//)[^\n]*")
_QUOTED_KEY = re.compile(r'[^\S\n]*"((?:[^"\\\n]|\\.)*)"[^\S\n]*')
_KEY = re.compile(r'[^"=:{}\[\],+#/\n.]{1,200}')
_SEPARATOR = re.compile(r"\s*(?:\+=|=|:|(?=\{))")
_INCLUDE = re.compile(r'include\s+(?:[a-z]+\(\s*)*"([^"\n]{1,500})"[ \t)]*')
_TRIPLE = re.compile(r'"""(.*?)"""+', re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_SUBSTITUTION = re.compile(r"\$\{[^}\n]*\}")
_BARE = re.compile(r'(?:[^\n,{}\[\]"#/$]|/(?!/)|\$(?!\{))+')
_REFUSED = re.compile(r"[$:=+`^?!@*&\\]")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def parse(text: str) -> Parsed:
    """The text's object, with or without its braces."""
    reader = _Reader(text)
    reader.everything()
    return Parsed(reader.entries, reader.broken_at)


class _TooMuch(Exception):
    """More, or deeper, than any real file."""


class _Reader:
    def __init__(self, text: str) -> None:
        self.entries: list[Entry] = []
        self.broken_at: int | None = None
        self._text, self._at = text, 0
        self._ends = [found.start() for found in re.finditer("\n", text)]

    def everything(self) -> None:
        """Reads on behind a brace too many, as far as there is something."""
        try:
            self._gap()
            if self._next("{"):
                self._object((), "", 1)
                self._gap()
                if self._at < len(self._text):
                    self._broken()
            while self._at < len(self._text):
                self._object((), "", 0)
        except _TooMuch:
            self._broken()

    def _object(self, section: tuple[str, ...], prefix: str, depth: int) -> None:
        """Up to its brace; `depth` 0: to the end of the text, where a brace is one too many."""
        if depth > DEPTH_MAX:
            raise _TooMuch
        while True:
            self._gap()
            if self._at >= len(self._text):
                if depth:
                    self._broken()
                return
            if self._next("}"):
                if depth:
                    return
                self._broken()
            elif (found := _INCLUDE.match(self._text, self._at)) is not None:
                self._add(section, "include", found[1], self._line())
                self._at = found.end()
            else:
                self._field(section, prefix, depth)

    def _field(self, section: tuple[str, ...], prefix: str, depth: int) -> None:
        began = self._at
        name = self._key(prefix)
        found = _SEPARATOR.match(self._text, self._at) if name is not None else None
        if name is None or found is None:
            self._at = began
            self._skip_line()
            return
        self._at = found.end()
        self._value(section, name, depth)

    def _key(self, prefix: str) -> str | None:
        parts = [prefix] if prefix else []
        while found := _QUOTED_KEY.match(self._text, self._at) or _KEY.match(self._text, self._at):
            parts.append(_plain(found[1]) if found.re is _QUOTED_KEY else found[0].strip())
            self._at = found.end()
            if not self._next("."):
                return ".".join(parts)[:500]
        return None

    def _value(self, section: tuple[str, ...], name: str, depth: int) -> None:
        """A value may be made of several beside each other, objects too; it ends with its line."""
        self._skip(_SPACE)
        words: list[str] = []
        written, line = False, self._line()
        while not self._ends_value():
            if self._next("{"):
                self._object(section, name, depth + 1)
            elif self._next("["):
                self._list(section, name, depth + 1)
            else:
                written = written or not self._text[self._at].isspace()
                words.append(self._word())
        if written:
            self._add(section, name, "".join(words).strip(), line)

    def _ends_value(self) -> bool:
        rest = self._text[self._at : self._at + 2]
        return not rest or rest[0] in "\n,}]#" or rest == "//"

    def _list(self, section: tuple[str, ...], name: str, depth: int) -> None:
        """Its objects have a section each; what else is in it is an entry each, and of an empty one there is `[]`."""
        if depth > DEPTH_MAX:
            raise _TooMuch
        line, count = self._line(), 0
        while True:
            self._gap()
            if self._at >= len(self._text) or self._text[self._at] == "}":
                self._broken()
                return
            if self._next("]"):
                if not count:
                    self._add(section, name, "[]", line)
                return
            if self._next("{"):
                self._object((*section, f"{name}[{count}]"), "", depth + 1)
            else:
                self._value(section, name, depth + 1)
            count += 1

    def _word(self) -> str:
        """One piece of a value: quoted, a substitution, or bare."""
        for pattern in (_TRIPLE, _QUOTED):
            if (found := pattern.match(self._text, self._at)) is not None:
                self._at = found.end()
                return found[1] if pattern is _TRIPLE else _plain(found[1])
        if (found := _SUBSTITUTION.match(self._text, self._at) or _BARE.match(self._text, self._at)) is None:
            self._broken()
            self._at += 1
            return ""
        if not found[0].startswith("${") and _REFUSED.search(found[0]):
            self._broken()
        self._at = found.end()
        return found[0]

    def _add(self, section: tuple[str, ...], key: str, value: str, line: int) -> None:
        if len(self.entries) >= ENTRIES_MAX:
            raise _TooMuch
        self.entries.append(Entry(line, section, key, value))

    def _next(self, mark: str) -> bool:
        """Takes it, if it is what comes next."""
        if not self._text.startswith(mark, self._at):
            return False
        self._at += len(mark)
        return True

    def _gap(self) -> None:
        while self._skip(_SPACES) or self._skip(_REMARK):
            pass

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        found = pattern.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return found is not None and found.end() > found.start()

    def _skip_line(self) -> None:
        """What is no field; a brace or bracket in it is no sign of one."""
        self._broken()
        end = self._text.find("\n", self._at)
        self._at = end + 1 if end >= 0 else len(self._text)

    def _line(self, at: int | None = None) -> int:
        return bisect_left(self._ends, self._at if at is None else at) + 1

    def _broken(self) -> None:
        self.broken_at = self.broken_at or self._line()


def _plain(quoted: str) -> str:
    return _ESCAPE.sub(_escaped, quoted) if "\\" in quoted else quoted


def _escaped(found: re.Match[str]) -> str:
    word = found[1]
    return chr(int(word[1:], 16)) if len(word) == 5 else _LETTERS.get(word, word)
