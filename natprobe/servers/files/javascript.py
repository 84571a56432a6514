"""Jitsi Meet's config.js with lines: the literals in its `config` object, and in what is assigned to parts of it.

What the settings come to when a browser runs it is servers/jitsi/config_js.py's; here it matters where they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING

from natprobe.servers.files import DEPTH_MAX, ENTRIES_MAX, Entry, Parsed

if TYPE_CHECKING:
    from tree_sitter import Node

# Three times what real ones have.
_TEXT_MAX = 1 << 18
# Parsing ends by a clock, and here is none: each time that it is asked counts as so many seconds. A real file of 83 kB
# asks it 1,100 times (measured); of what was made to be slow, 2,500 times take a second or two.
_TICK = 0.0001
_NAME = "config"


def parse(text: str) -> Parsed:
    """Nothing of a script that takes too long to read."""
    from natprobe.servers.jitsi.javascript import Unreadable, parsed

    try:
        root = parsed(text[:_TEXT_MAX].encode("utf-8", "replace"), _clock()).root_node
    except Unreadable:
        return Parsed((), 1)
    entries: list[Entry] = []
    for statement in root.children:
        for section, node in _given(statement):
            for entry in _entries(section, node, 0):
                if len(entries) < ENTRIES_MAX:
                    entries.append(entry)
    return Parsed(entries, _first_error(root))


def _clock() -> Callable[[], float]:
    ticks = count()
    return lambda: next(ticks) * _TICK


def _given(statement: Node) -> Iterator[tuple[tuple[str, ...], Node]]:
    """What is declared or assigned, by the path in `config`."""
    for each in statement.named_children:
        name, value = ("name", "value") if each.type == "variable_declarator" else ("left", "right")
        left, right = each.child_by_field_name(name), each.child_by_field_name(value)
        if left is None or right is None or each.type not in ("variable_declarator", "assignment_expression"):
            continue
        path = _text(left).split(".")
        if path[0] == _NAME:
            yield tuple(path[1:]), right


def _entries(path: tuple[str, ...], node: Node, depth: int) -> Iterator[Entry]:
    if depth > DEPTH_MAX:
        return
    if node.type == "object":
        for pair in node.named_children:
            key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
            if key is not None and value is not None:
                yield from _entries((*path, _text(key).strip("'\"")[:100]), value, depth + 1)
    elif node.type == "array" and path:
        for number, each in enumerate(node.named_children):
            inner = (*path[:-1], f"{path[-1]}[{number}]") if each.type == "object" else path
            yield from _entries(inner, each, depth + 1)
    elif path and node.type in ("string", "true", "false", "number", "null"):
        written = _text(node)[1:-1] if node.type == "string" else _text(node)
        yield Entry(node.start_point[0] + 1, path[:-1], path[-1], written)


def _text(node: Node) -> str:
    return (node.text or b"")[:2000].decode("utf-8", "replace")


def _first_error(root: Node) -> int | None:
    node = root
    while (inner := next((each for each in node.children if each.has_error), None)) is not None:
        node = inner
    return node.start_point[0] + 1 if root.has_error else None
