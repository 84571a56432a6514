"""A page of ours as a strict reader sees it: every element closed in its turn, every id once."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import NamedTuple

VOID = ("meta", "br")


class Element(NamedTuple):
    """An element where it opens, and those around it by name."""

    name: str
    attributes: dict[str, str]
    around: tuple[str, ...]


class Read(HTMLParser):
    """Raises AssertionError at what only a forgiving browser takes."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self._open: list[str] = []
        assert page.startswith("<!DOCTYPE html>\n")
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        assert len(named) == len(attrs), f"an attribute twice: {tag} {attrs}"
        self.elements.append(Element(tag, named, tuple(self._open)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Within SVG only."""
        self.handle_starttag(tag, attrs)
        assert "svg" in self._open
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((tuple(self._open), data))

    def named(self, *names: str) -> list[Element]:
        return [each for each in self.elements if each.name in names]

    def with_attribute(self, name: str) -> list[str]:
        return [each.attributes[name] for each in self.elements if name in each.attributes]

    def words(self) -> str:
        """All that is read, without what style and script are made of."""
        shown = [text for around, text in self.texts if not {"script", "style"} & set(around)]
        return " ".join(" ".join(shown).split())

    def inside(self, name: str) -> list[str]:
        """The texts of the elements of this name."""
        return [text for around, text in self.texts if around and around[-1] == name]
