"""Keeps the catalogues of other languages: what is said is looked up in the code, what was translated is kept, what is
said no longer goes. Run: python -m tests.catalogues (add --left for what has no translation yet)
"""

from __future__ import annotations

import ast
import io
import string
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from natprobe.causes import CAUSES
from natprobe.pages import words
from natprobe.reasons import REASONS
from natprobe.rules import rules

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "natprobe"
CATALOGUES = PACKAGE / "locale" / "zh" / "LC_MESSAGES"

# Calls whose first argument is said, and those that take what is said by these names.
_SAID = ("say", "phrase", "mark")
_NAMED = {
    "Found": ("message",),
    "Do": ("text", "why", "after"),
    "Set": ("why", "after"),
    "Allow": ("at", "why", "after"),
    "Forward": ("at", "why", "after"),
    "CouldNotTell": ("ask",),
}
# The same by place.
_PLACED = {"alternative": 1}

Told = dict[str, set[str]]


class _Calm(Catalog):
    """A head without dates and names of tools: the same words make the same bytes."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Project-Id-Version", "natprobe"),
            ("Language", "zh"),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
        ]

    @mime_headers.setter
    def mime_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Those of a file that is read are the same."""


@cache
def said() -> Told:
    """What reports say, and the files that say it."""
    told: Told = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for template in _in_code(ast.parse(path.read_text())):
            told.setdefault(template, set()).add(path.relative_to(ROOT).as_posix())
    for name, table in (("reasons", REASONS.values()), ("causes", (each.meaning for each in CAUSES.values()))):
        for template in table:
            told.setdefault(template, set()).add(f"natprobe/{name}.py")
    return told


@cache
def explained() -> Told:
    """What rules' pages say beside that, and the rules."""
    told: Told = {}
    already = said()
    for rule in rules():
        name = rule.module.__name__.rpartition(".")[2]
        for template in words(rule.cause):
            told.setdefault(template, set()).add(f"natprobe/rules/{name}.py")
    return {template: where for template, where in told.items() if template not in already}


def _in_code(tree: ast.AST) -> Iterator[str]:
    for call in (each for each in ast.walk(tree) if isinstance(each, ast.Call)):
        name = ast.unparse(call.func).rpartition(".")[2]
        places = call.args[:1] if name in _SAID else call.args[_PLACED[name] :][:1] if name in _PLACED else []
        named = [each.value for each in call.keywords if each.arg in _NAMED.get(name, ())]
        for node in (*places, *named):
            yield from _literals(node)


def _literals(node: ast.expr) -> Iterator[str]:
    """Its text; of a choice both."""
    if isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and any(map(str.isalpha, node.value)):
        yield node.value


def read(name: str) -> Catalog:
    """The catalogue of that name, empty where there is none yet."""
    path = CATALOGUES / f"{name}.po"
    if not path.exists():
        return _Calm(locale="zh")
    return read_po(io.BytesIO(path.read_bytes()), locale="zh")


def renewed(name: str, told: Told) -> Catalog:
    """The same with all of these templates and no others; what was translated is kept."""
    old, new = (
        read(name),
        _Calm(locale="zh", charset="utf-8", header_comment="# Chinese words of natprobe.", fuzzy=False),
    )
    for template in sorted(told):
        known = old.get(template)
        where = [(path, 0) for path in sorted(told[template])]
        new.add(template, str(known.string) if known else "", locations=where)
    return new


def written(catalogue: Catalog) -> tuple[bytes, bytes]:
    """The text for people and the bytes for gettext."""
    text, code = io.BytesIO(), io.BytesIO()
    write_po(text, catalogue, width=116, sort_output=True, include_lineno=False, ignore_obsolete=True)
    write_mo(code, catalogue)
    return text.getvalue(), code.getvalue()


def places(template: str) -> list[str]:
    """What is to be filled in, sorted: name, conversion and format. Of text that is no template, nothing."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:
        return []
    return sorted(f"{name}!{how}:{form}" for _, name, form, how in parts if name is not None)


ALL = {"natprobe": said, "pages": explained}


def left(name: str) -> list[str]:
    """What has no translation."""
    known = read(name)
    return [each for each in sorted(ALL[name]()) if not (found := known.get(each)) or not found.string]


def main() -> None:
    for name, told in ALL.items():
        text, code = written(renewed(name, told()))
        CATALOGUES.mkdir(parents=True, exist_ok=True)
        (CATALOGUES / f"{name}.po").write_bytes(text)
        (CATALOGUES / f"{name}.mo").write_bytes(code)
        missing = left(name)
        sys.stdout.write(f"{name}: {len(told())} templates, {len(missing)} without translation\n")
        if "--left" in sys.argv:
            sys.stdout.write("".join(f"  {each!r}\n" for each in missing))


if __name__ == "__main__":
    main()
