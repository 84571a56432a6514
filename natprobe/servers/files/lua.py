"""Prosody's configuration: Lua that nobody runs. tree-sitter reads it, also around a mistake; constants are folded.

What is set belongs to the `VirtualHost` or `Component` that was named last, as in Prosody. What is computed (a
function's answer, an environment variable) has COMPUTED as its value. What stands in `if` or in a function is left out.
"""

from __future__ import annotations

import contextlib
import re
from functools import cache
from typing import TYPE_CHECKING

from natprobe.servers.files import COMPUTED, DEPTH_MAX, ENTRIES_MAX, Entry, Parsed

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

TEXT_MAX = 1 << 18
# Where strings or mistakes follow each other, each step may read to the end of the file and back: so that is counted.
# The file that comes with Prosody takes 17 steps and 27 pieces; what is cut off here takes a quarter of a second.
STEPS_MAX, PIECES_MAX, _PIECE = 8000, 20_000, 512
NODES_MAX = 60_000
EMPTY = "{}"
_HOSTS = ("VirtualHost", "Host", "Component")
_ESCAPED = re.compile(rb"\\(x[0-9A-Fa-f]{2}|[0-9]{1,3}|z\s*|\r?\n|.)", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


def parse(text: str) -> Parsed:
    """Every assignment outside functions, and of a table every field. An empty table has the value `{}`."""
    source = text.encode(errors="replace")
    cut = source[:TEXT_MAX]
    tree = _parsed(cut)
    if tree is None:
        return Parsed(broken_at=1)
    reader = _Reader()
    reader.run(tree.root_node)
    broken = reader.broken_at or (cut.count(b"\n") + 1 if cut != source else None)
    return Parsed(entries=reader.entries, broken_at=broken)


@cache
def _parser() -> Parser:
    import tree_sitter
    import tree_sitter_lua

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_lua.language()))


def _parsed(source: bytes) -> Tree | None:
    """None: it takes too long, which no configuration does."""
    steps = pieces = 0

    def enough(_offset: int, _in_error: bool) -> bool:
        nonlocal steps
        steps += 1
        return steps > STEPS_MAX or pieces > PIECES_MAX

    def piece(offset: int, _point: object) -> bytes:
        nonlocal pieces
        pieces += 1
        return source[offset : offset + _PIECE] if pieces <= PIECES_MAX else b""

    with contextlib.suppress(ValueError):
        tree = _parser().parse(piece, progress_callback=enough)
        if pieces <= PIECES_MAX:
            return tree
    _parser().reset()
    return None


class _Reader:
    """`names`: what was set to a constant before, locals among it."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.broken_at: int | None = None
        self._names: dict[str, str] = {}
        self._section: tuple[str, ...] = ()
        self._left = NODES_MAX

    def run(self, root: Node) -> None:
        """In order, by a stack of what is still to come: a file may nest as deep as it is long."""
        stack = [root]
        while stack and self._spend():
            node = stack.pop()
            if node.type == "ERROR" or node.is_missing:
                self.broken_at = self.broken_at or _line(node)
            if node.type in ("chunk", "ERROR", "do_statement", "block"):
                stack += reversed(node.named_children)
            elif node.type == "function_call":
                self._call(node)
            elif node.type == "variable_declaration":
                self._assign(node, local=True)
            elif node.type == "assignment_statement":
                self._assign(node, local=False)

    def _spend(self) -> bool:
        self._left -= 1
        return self._left > 0 and len(self.entries) < ENTRIES_MAX

    def _call(self, node: Node) -> None:
        """`Component "name" "module"` is a call of what a call gave back."""
        words: list[Node] = []
        while node.type == "function_call" and len(words) < DEPTH_MAX:
            called, *rest = node.named_children or [node]
            words[:0] = rest[0].named_children if rest and rest[0].type == "arguments" else []
            node = called
        name = _text(node)
        values = [self._value(each) for each in words]
        if name in _HOSTS and values:
            self._section = (f"{name} {values[0]}",)
            self._keep(_line(node), (), name, values[0])
            if values[1:]:
                self._keep(_line(node), self._section, "component_module", values[1])
        elif name == "Include" and values:
            self._keep(_line(node), (), name, values[0])

    def _assign(self, node: Node, *, local: bool) -> None:
        statement = next((each for each in node.named_children if each.type == "assignment_statement"), node)
        names, values = _parts(statement, "variable_list"), _parts(statement, "expression_list")
        if wrong := [each for each in statement.children if each.type == "ERROR"]:
            self.broken_at = self.broken_at or _line(wrong[0])
            names = _swallowed(wrong[-1])
        for name, value in zip(names, values, strict=False):
            if name.type != "identifier":
                continue
            if value.type != "table_constructor":
                self._names[_text(name)] = self._value(value)
            if not local:
                self._set(_line(name), self._section, _text(name), value)

    def _set(self, line: int, section: tuple[str, ...], key: str, value: Node) -> None:
        if not self._spend():
            return
        if value.type != "table_constructor":
            self._keep(line, section, key, self._value(value))
        elif len(section) < DEPTH_MAX:
            self._fields(line, section, key, value)

    def _fields(self, line: int, section: tuple[str, ...], key: str, table: Node) -> None:
        fields = [each for each in table.named_children if each.type == "field"]
        if not fields:
            self._keep(line, section, key, EMPTY)
        for place, field in enumerate(fields):
            parts = [each for each in field.named_children if each.type != "comment"]
            if len(parts) == 2:
                name = _text(parts[0]) if field.children[0].type == "identifier" else self._value(parts[0])
                self._set(_line(field), (*section, key), name, parts[1])
            elif len(parts) == 1 and parts[0].type == "table_constructor":
                self._inner(section, f"{key}[{place}]", parts[0])
            elif len(parts) == 1:
                self._set(_line(field), section, key, parts[0])

    def _inner(self, section: tuple[str, ...], name: str, table: Node) -> None:
        """A table in a list: its fields stand in `name[0]`; plain values in it are that very key's."""
        if not self._spend() or len(section) >= DEPTH_MAX:
            return
        self._fields(_line(table), section, name, table)

    def _keep(self, line: int, section: tuple[str, ...], key: str, value: str) -> None:
        if self._spend():
            self.entries.append(Entry(line, section, key, value))

    def _value(self, node: Node, depth: int = 0) -> str:
        """A constant as text; COMPUTED where it is none."""
        if node.type == "string":
            return _string(node)
        if node.type in ("number", "true", "false", "nil"):
            return _text(node)
        if node.type == "identifier":
            return self._names.get(_text(node), COMPUTED)
        inner = node.named_children
        if depth < DEPTH_MAX and node.type == "parenthesized_expression" and len(inner) == 1:
            return self._value(inner[0], depth + 1)
        if depth < DEPTH_MAX and node.type == "binary_expression" and len(inner) == 2:
            return self._joined(node, depth)
        return COMPUTED

    def _joined(self, node: Node, depth: int) -> str:
        left, right = (self._value(each, depth + 1) for each in node.named_children)
        joins = node.children[1].type == ".." and COMPUTED not in (left, right)
        return left + right if joins and len(left) + len(right) < TEXT_MAX else COMPUTED


def _parts(statement: Node, kind: str) -> list[Node]:
    return [each for part in statement.named_children if part.type == kind for each in part.named_children]


def _swallowed(wrong: Node) -> list[Node]:
    """Behind `a =` without a value, the next line's `b = 1` gives the value: it is b's then, and not a's."""
    inner = wrong.children
    return [inner[-2]] if len(inner) > 1 and inner[-1].type == "=" else []


def _line(node: Node) -> int:
    return int(node.start_point[0]) + 1


def _text(node: Node) -> str:
    return (node.text or b"").decode(errors="replace")


def _string(node: Node) -> str:
    """Between its quotation marks or long brackets, escapes resolved (Lua 5.4 manual, section 3.1)."""
    content = next((each.text or b"" for each in node.named_children if each.type == "string_content"), b"")
    if node.children and node.children[0].type in ('"', "'"):
        content = _ESCAPED.sub(lambda found: _character(found[1]), content)
    return content.decode(errors="replace")


def _character(escape: bytes) -> bytes:
    if escape.isdigit():
        return bytes([int(escape) % 256])
    if escape[:1] == b"x" and len(escape) == 3:
        return bytes([int(escape[1:], 16)])
    return b"" if escape[:1] == b"z" else _ESCAPES.get(escape, escape)
