"""Constants out of a script (ECMA-262), without running it: what `var`, `=` and `if` at its top level say of them.

tree-sitter reads the script, also around a syntax error. What is no constant is UNKNOWN; calls, loops and functions are
never followed. Parsing and walking are counted and end at a bound; where a script is slow beyond that, by the clock.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from natprobe.servers.jitsi.constants import (
    CHOOSES,
    METHODS,
    OPERATORS,
    STRING_MAX,
    UNKNOWN,
    Value,
    added,
    bounded,
    escaped,
    plain,
    truth,
    well_formed,
)

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

Names = dict[str, Value]

TEXT_MAX = 1 << 20
# tree-sitter reports every hundred steps, which cost more each where it recovers from errors. A real config.js of
# 60 kB takes a hundred or so and 5 ms; scripts of 1 MiB were made that take ten seconds (measured). Nothing else runs
# meanwhile, so that checks of other servers would lose their time.
PARSE_MAX, ERROR_COST, PARSE_SECONDS = 4000, 8, 0.25
NODES_MAX = 30_000
DEPTH_MAX = 40
_CHUNK = 1 << 16
# The global object by its names (ECMA-262 section 19.1, and browsers').
_GLOBAL = ("window", "self", "globalThis", "this", "document")
_FUNCTIONS = ("function_declaration", "function_expression", "arrow_function", "class_declaration", "method_definition")


class Unreadable(ValueError):
    """Not a script that can be read within the bounds; its one sentence says why."""


class Script:
    """What a script's top level sets. `names`: its variables; `error_line`: the first line that doesn't parse."""

    def __init__(self, text: str, given: Mapping[str, Value], now: Callable[[], float]) -> None:
        """Raises Unreadable. `given` are names that are there before; `now` is a clock's seconds."""
        self._source = text.encode(errors="replace")
        if len(self._source) > TEXT_MAX:
            raise Unreadable(f"it is longer than {TEXT_MAX >> 20} MiB")
        self._left = NODES_MAX
        self.names: Names = dict(given)
        root = parsed(self._source, now).root_node
        self.error_line = self._first_error(root) if root.has_error else None
        self._run(root)

    def _first_error(self, root: Node) -> int:
        node = root
        while (inner := next((each for each in node.children if each.has_error), None)) is not None:
            self._spend()
            node = inner
        return int(node.start_point[0]) + 1

    # --- statements

    def _run(self, root: Node) -> None:
        """In order, by a stack of what is still to come: a script may nest as deep as it is long."""
        stack = [root]
        while stack:
            node = stack.pop()
            self._spend()
            if node.type in ("program", "statement_block", "ERROR"):
                stack += reversed(node.children)
            elif node.type == "if_statement":
                stack += self._branch(node)
            elif node.type == "expression_statement":
                stack += reversed(node.named_children)
            elif node.type in ("variable_declaration", "lexical_declaration"):
                self._declare(node)
            elif node.type == "sequence_expression":
                stack += reversed(node.named_children)
            elif node.type in ("assignment_expression", "augmented_assignment_expression", "unary_expression"):
                self.value(node)
            elif node.type.endswith(("_statement", "binary_expression", "ternary_expression")):
                self._doubt(node)

    def _branch(self, node: Node) -> list[Node]:
        """The one that is taken; where that is not known, whatever both of them set is unknown."""
        taken, other = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
        known = truth(self._field(node, "condition", 0))
        if known is None:
            self._doubt(node)
            return []
        chosen = taken if known else other
        return [] if chosen is None else list(reversed(chosen.children)) if chosen is other else [chosen]

    def _declare(self, node: Node) -> None:
        for each in node.named_children:
            name, value = each.child_by_field_name("name"), each.child_by_field_name("value")
            if each.type == "variable_declarator" and name is not None and name.type == "identifier":
                self.names[self._text(name)] = None if value is None else self.value(value)

    def _doubt(self, root: Node) -> None:
        """Whatever is assigned in there may be or not; an object made in case that it is missing changes nothing."""
        stack = [root]
        while stack:
            node = stack.pop()
            self._spend()
            if node.type in ("assignment_expression", "augmented_assignment_expression"):
                left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
                if left is not None and right is not None and (right.type != "object" or right.named_child_count):
                    self._assign(left, UNKNOWN, 0)
            if node.type not in _FUNCTIONS:
                stack += node.children

    # --- what is assigned to

    def _assign(self, target: Node, value: Value, depth: int) -> None:
        if target.type == "identifier":
            self.names[self._text(target)] = value
        elif (key := self._key(target, depth)) is not None and (inner := target.child_by_field_name("object")):
            holder = self._object_at(inner, depth + 1)
            if holder is not None:
                holder[key] = value

    def _object_at(self, node: Node, depth: int) -> Names | None:
        """The object that stands there, made where none is known."""
        self._spend()
        if depth > DEPTH_MAX:
            return None
        word = self._text(node)
        if node.type in ("identifier", "this"):
            holder, key = self.names, word
            if word in _GLOBAL:
                return holder
        else:
            found, inner = self._key(node, depth), node.child_by_field_name("object")
            above = self._object_at(inner, depth + 1) if inner is not None and found is not None else None
            if above is None or found is None:
                return None
            holder, key = above, found
        if not isinstance(holder.get(key), dict):
            holder[key] = {}
        return holder[key]  # type: ignore[no-any-return]  # it is one

    def _key(self, node: Node, depth: int) -> str | None:
        """What `a.key` and `a['key']` name."""
        if node.type == "member_expression" and (name := node.child_by_field_name("property")) is not None:
            return self._text(name)
        if node.type == "subscript_expression":
            index = self._field(node, "index", depth)
            return plain(index) if isinstance(index, (str, int)) and not isinstance(index, bool) else None
        return None

    # --- expressions

    def value(self, node: Node, depth: int = 0) -> Value:
        """What it comes to, or UNKNOWN. An assignment in it is done."""
        self._spend()
        make = _EXPRESSIONS.get(node.type)
        broken = node.type != "object" and any(each.type == "ERROR" or each.is_missing for each in node.children)
        return UNKNOWN if make is None or depth > DEPTH_MAX or broken else make(self, node, depth + 1)

    def _field(self, node: Node, name: str, depth: int) -> Value:
        inner = node.child_by_field_name(name)
        return UNKNOWN if inner is None else self.value(inner, depth)

    def name(self, node: Node, _depth: int) -> Value:
        """A variable; what nobody declared is unknown."""
        word = self._text(node)
        return self.names if word in _GLOBAL else None if word == "undefined" else self.names.get(word, UNKNOWN)

    def literal(self, node: Node, _depth: int) -> Value:
        """`true`, `false`, `null` and numbers."""
        return self._number(node) if node.type == "number" else {"true": True, "false": False}.get(node.type)

    def _number(self, node: Node) -> Value:
        text = self._text(node)[:20]
        try:
            return int(text, 0) if text.isalnum() else float(text)
        except ValueError:
            return UNKNOWN

    def string(self, node: Node, depth: int) -> Value:
        """A string or a template, put together."""
        parts: list[str] = []
        for each in node.children:
            self._spend()
            part: Value = ""
            if each.type == "string_fragment":
                part = self._text(each)
            elif each.type == "escape_sequence":
                part = escaped(self._text(each)[1:])
            elif each.type == "template_substitution":
                part = plain(self.value(each.named_children[0], depth)) if each.named_child_count == 1 else None
            if part is None:
                return UNKNOWN
            parts.append(part)
        return bounded(well_formed("".join(parts)))

    def array(self, node: Node, depth: int) -> Value:
        """A list of what its elements come to."""
        return bounded([self.value(each, depth) for each in node.named_children if each.type != "comment"])

    def object(self, node: Node, depth: int) -> Value:
        """Its keys; a later one of the same name counts, and what doesn't parse is left out."""
        made: Names = {}
        for each in node.named_children:
            self._spend()
            if each.type == "pair" and (name := each.child_by_field_name("key")) is not None:
                key = self._pair_key(name, depth)
                broken = any(inner.type == "ERROR" for inner in each.children)
                if key is not None:
                    made[key] = UNKNOWN if broken else self._field(each, "value", depth)
            elif each.type == "shorthand_property_identifier":
                made[self._text(each)] = self.name(each, depth)
            elif each.type == "spread_element" and isinstance(more := self.value(each.named_children[0], depth), dict):
                self._spend(len(more))
                made |= more
        return made

    def _pair_key(self, node: Node, depth: int) -> str | None:
        if node.type == "property_identifier":
            return self._text(node)
        inner = node.named_children[0] if node.type == "computed_property_name" and node.named_children else node
        return plain(self.value(inner, depth))

    def inner(self, node: Node, depth: int) -> Value:
        """What stands in parentheses."""
        return self.value(node.named_children[0], depth) if node.named_child_count == 1 else UNKNOWN

    def member(self, node: Node, depth: int) -> Value:
        """A property, or the length of a string or list."""
        holder, key = self._field(node, "object", depth), self._key(node, depth)
        if isinstance(holder, (str, list)) and key == "length":
            return len(holder)
        if isinstance(holder, list) and key is not None and key.isdecimal() and len(key) < 5:
            return holder[int(key)] if int(key) < len(holder) else None
        missing = UNKNOWN if holder is self.names else None
        return holder.get(key, missing) if isinstance(holder, dict) and key is not None else UNKNOWN

    def call(self, node: Node, depth: int) -> Value:
        """One of the few methods that are known, of a value that is known."""
        function, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if function is None or given is None or function.type != "member_expression":
            return UNKNOWN
        holder, method = self._field(function, "object", depth), self._key(function, depth)
        values = [self.value(each, depth) for each in given.named_children if each.type != "comment"]
        known = METHODS.get((type(holder), method or ""))
        if known is None or tuple(map(type, values)) not in known[0]:
            return UNKNOWN
        return bounded(known[1](holder, *values))

    def binary(self, node: Node, depth: int) -> Value:
        """Sums are taken apart along their left side, which may be long."""
        if self._operator(node) == "+":
            return self._sum(node, depth)
        left, operator = self._field(node, "left", depth), self._operator(node)
        if operator in CHOOSES:
            stays = CHOOSES[operator](left)
            return UNKNOWN if stays is None else left if stays else self._field(node, "right", depth)
        right = self._field(node, "right", depth)
        known = OPERATORS.get(operator)
        scalar = all(each is None or isinstance(each, (str, int, float)) for each in (left, right))
        return known(left, right) if known is not None and scalar else UNKNOWN

    def _sum(self, node: Node, depth: int) -> Value:
        terms: list[Node] = []
        inner: Node | None = node
        while inner is not None and inner.type == "binary_expression" and self._operator(inner) == "+":
            self._spend()
            if (right := inner.child_by_field_name("right")) is not None:
                terms.append(right)
            inner = inner.child_by_field_name("left")
        total = UNKNOWN if inner is None else self.value(inner, depth)
        for each in reversed(terms):
            total = added(total, self.value(each, depth))
        return total

    def ternary(self, node: Node, depth: int) -> Value:
        """Where the condition is known."""
        known = truth(self._field(node, "condition", depth))
        return UNKNOWN if known is None else self._field(node, "consequence" if known else "alternative", depth)

    def unary(self, node: Node, depth: int) -> Value:
        """`!`, `-`, and `delete`, which is done."""
        operator, inner = self._operator(node), node.child_by_field_name("argument")
        if operator == "delete" and inner is not None:
            self._assign(inner, None, depth)
            return True
        value: Value = UNKNOWN if inner is None else self.value(inner, depth)
        known = truth(value)
        if operator == "!" and known is not None:
            return not known
        return -value if operator == "-" and isinstance(value, (int, float)) else UNKNOWN

    def assignment(self, node: Node, depth: int) -> Value:
        """What is assigned is what it comes to."""
        value = self._field(node, "right", depth)
        if node.type == "augmented_assignment_expression":
            value = added(self._field(node, "left", depth), value) if self._operator(node) == "+=" else UNKNOWN
        if (left := node.child_by_field_name("left")) is not None:
            self._assign(left, value, depth)
        return value

    def _operator(self, node: Node) -> str:
        found = node.child_by_field_name("operator")
        return "" if found is None else self._text(found)

    def _text(self, node: Node) -> str:
        return self._source[node.start_byte : node.end_byte][: 4 * STRING_MAX + 4].decode(errors="replace")

    def _spend(self, steps: int = 1) -> None:
        self._left -= steps
        if self._left < 0:
            raise Unreadable("there is too much in it")


_EXPRESSIONS: dict[str, Callable[[Script, Any, int], Value]] = {
    "identifier": Script.name,
    "this": Script.name,
    "undefined": Script.name,
    "true": Script.literal,
    "false": Script.literal,
    "null": Script.literal,
    "number": Script.literal,
    "string": Script.string,
    "template_string": Script.string,
    "array": Script.array,
    "object": Script.object,
    "parenthesized_expression": Script.inner,
    "member_expression": Script.member,
    "subscript_expression": Script.member,
    "call_expression": Script.call,
    "binary_expression": Script.binary,
    "ternary_expression": Script.ternary,
    "unary_expression": Script.unary,
    "assignment_expression": Script.assignment,
    "augmented_assignment_expression": Script.assignment,
}


@cache
def _parser() -> Parser:
    import tree_sitter
    import tree_sitter_javascript

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_javascript.language()))


def load() -> None:
    """Loads the grammar, which takes some hundredths of a second, at a moment when nobody is timing anything."""
    _parser()


def parsed(source: bytes, now: Callable[[], float]) -> Tree:
    """The script's tree. Raises Unreadable where it takes too many steps, or too long by this clock (seconds)."""
    spent, end = 0, now() + PARSE_SECONDS

    def enough(_offset: int, in_error: bool) -> bool:
        nonlocal spent
        spent += ERROR_COST if in_error else 1
        return spent > PARSE_MAX or now() > end

    def chunk(offset: int, _point: object) -> bytes:
        """One step may read to the end of the file and back: when the time is over, it ends here."""
        return b"" if now() > end else source[offset : offset + _CHUNK]

    with contextlib.suppress(ValueError):
        tree = _parser().parse(chunk, progress_callback=enough)
        if now() <= end:
            return tree
    _parser().reset()
    raise Unreadable("it is no script that could be read in a reasonable time")
