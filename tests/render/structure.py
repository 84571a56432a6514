"""What a program sees of a format's output beside the words: reports that differ in words alone have the same.

Of a page or a ticket that is which elements there are, not how many: long words leave less room.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

from markdown_it import MarkdownIt

from tests.render import exposition, sarif
from tests.render.commands import commands

Structure = list[Any]


def of(name: str, text: str) -> Structure:
    """Of this format's output. Raises what its reader raises."""
    return _READERS[name](text)


def _text(text: str) -> Structure:
    """Nothing but words: how many lines they take is theirs."""
    return []


def _json(text: str) -> Structure:
    return _keys(json.loads(text))


def _keys(value: Any) -> Structure:
    """Names at their depth; those that came from outside are no names of ours."""
    if isinstance(value, dict):
        return [(name if re.fullmatch(r"[\w$.-]+", name) else "?", _keys(each)) for name, each in value.items()]
    if isinstance(value, list):
        return [_keys(each) for each in value]
    return [type(value).__name__]


def _junit(text: str) -> Structure:
    top = ElementTree.fromstring(text.encode())
    return [(each.tag, sorted(each.attrib), each.get("classname")) for each in top.iter()]


def _sarif(text: str) -> Structure:
    log = json.loads(text)
    sarif.checked(log)
    return _keys(log)


def _github(text: str) -> Structure:
    assert text.count("\n") == len(commands(text))
    return [(each.name, sorted(each.properties)) for each in commands(text)]


def _line(text: str) -> Structure:
    assert text.count("\n") == 1
    assert text.count("|") == 1
    return [each.partition("=")[0] for each in text.partition("|")[2].split()]


def _prometheus(text: str) -> Structure:
    return [(each.name, [name for name, _ in each.labels], each.value) for each in exposition.read(text)]


# --- pages


class _Page(HTMLParser):
    """Every tag with its attributes' names, and the values that a browser acts on."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: set[Any] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = [(name, re.sub(r"\d+", "0", value or "") if name in _ACTING else "") for name, value in attrs]
        self.found.add((tag, tuple(told)))

    def handle_endtag(self, tag: str) -> None:
        self.found.add(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data[:80]}")

    def handle_decl(self, decl: str) -> None:
        assert decl == "DOCTYPE html"

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"a processing instruction: {data[:80]}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data[:80]}")


_ACTING = ("href", "src", "id", "class", "type", "http-equiv", "content", "role", "rel", "data-copy")


def _html(text: str) -> Structure:
    page = _Page()
    page.feed(text)
    page.close()
    return sorted(page.found - _QUOTED, key=repr)


# What quote marks in hostile words may make, and nothing else.
_QUOTED = {("code", ()), "/code"}


# --- tickets

# As GitHub and GitLab have it, but for links in plain words, which are looked for by themselves.
_MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_TAGS = re.compile(r"<details><summary>[\w ,()]+</summary>|</details>")
# What becomes a link, a person or an issue in plain words (GFM section 6.9, GitHub's and GitLab's own).
_AUTOLINK = re.compile(r"(?:https?|ftp|mailto|xmpp)://?\w|www\.\w|(?<![\w`])@\w|(?<![\w&])#\d|GH-\d|\w@\w+\.\w")


def _markdown(text: str) -> Structure:
    return sorted({found for each in _MARKDOWN.parse(text) for found in _token(each)} - {("code_inline", "code", "")})


def _token(token: Any) -> set[tuple[str, str, str]]:
    """No element but those that fold, no link, no picture, nothing that becomes a link by itself."""
    if token.type in ("html_block", "html_inline"):
        assert not _TAGS.sub("", token.content).strip(), token.content[:200]
    if token.type == "text":
        assert not _AUTOLINK.search(token.content), token.content[:200]
    assert not token.attrs.keys() - {"start", "style"}, token.attrs
    inside = {found for each in token.children or () for found in _token(each)}
    return {(token.type, token.tag, token.info if token.type == "fence" else ""), *inside}


_READERS: dict[str, Callable[[str], Structure]] = {
    "github": _github,
    "html": _html,
    "json": _json,
    "junit": _junit,
    "line": _line,
    "markdown": _markdown,
    "prometheus": _prometheus,
    "sarif": _sarif,
    "text": _text,
}
