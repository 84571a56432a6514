"""nginx's configuration, by crossplane's tokens: every directive with its line and the blocks that it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from natprobe.servers.files import DEPTH_MAX, Entry, Parsed, count_lines

# The tokeniser takes a second for 1 MiB, and a site's file has some thousand bytes.
TEXT_MAX = 1 << 18
TOKENS_MAX = 100_000


class _Token(NamedTuple):
    text: str
    line: int
    quoted: bool


def parse(text: str) -> Parsed:
    """A block is an entry of its own, before what is in it; its name in `section` is its directive with its arguments.

    Blocks without a name are told apart by their line: `server line 12`. Values are the arguments, joined by one space.
    """
    entries: list[Entry] = []
    section: list[str] = []
    words: list[_Token] = []
    for token in _tokens(text):
        if token.quoted or token.text not in ("{", "}", ";"):
            words.append(token)
        elif token.text == "}":
            if words or not section:
                return Parsed(entries=entries, broken_at=token.line)
            section.pop()
        elif not words or (token.text == "{" and len(section) >= DEPTH_MAX):
            return Parsed(entries=entries, broken_at=token.line)
        else:
            entries.append(_entry(words, section))
            section += [_block(words)] if token.text == "{" else []
            words = []
    left = (
        words[0].line
        if words
        else count_lines(text[:TEXT_MAX])
        if len(text) > TEXT_MAX
        else count_lines(text)
        if section
        else None
    )
    return Parsed(entries=entries, broken_at=left)


def _tokens(text: str) -> Iterator[_Token]:
    """Without comments. The tokeniser is one of crossplane's inner functions: the public one opens files itself."""
    from itertools import islice

    from crossplane.lexer import _lex_file_object

    # A newline at the end: without one the last comment and word would be dropped.
    for word, line, quoted in islice(_lex_file_object([text[:TEXT_MAX], "\n"]), TOKENS_MAX):
        if quoted or not word.startswith("#"):
            yield _Token(word, line, quoted)


def _entry(words: list[_Token], section: list[str]) -> Entry:
    """Of `proxy_set_header Upgrade x` the header is part of the key, in small letters; other headers may be secret."""
    held = 2 if words[0].text == "proxy_set_header" and len(words) > 1 else 1
    key = " ".join(each.text if place == 0 else each.text.lower() for place, each in enumerate(words[:held]))
    value = " ".join(each.text for each in words[held:])
    return Entry(line=words[0].line, section=tuple(section), key=key, value=value)


def _block(words: list[_Token]) -> str:
    """`location /xmpp-websocket`; a server has no name and gets its line, as has `if`, which may compare a token."""
    directive = words[0].text
    if directive == "if" or (directive == "server" and len(words) == 1):
        return f"{directive} line {words[0].line}"
    return " ".join(each.text for each in words)
