"""Reports that are no reports: changed in their JSON, in their bytes, and by what pasting does to them. By a seed."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from tests.damages import WHOLE

REAL = {path.stem: path.read_text() for path in sorted((Path(__file__).parent / "reports").glob("*.json"))}
# Mostly those that are quick to judge; all the same now and then a large one.
_SMALL = ("peer-healthy", "udp-blocked", "web-broken")
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 10**30, 0.5, 1e300, "", "x", "\ud800", "0.0.0.0", "::", "1.2.3.4:5", "[::1]:0", "fe80::1%x",
    "2026-11-21T08:00:00Z", "timeout", "tls-certificate", "udp", "tcp", "target", "literal", "complete", [], {}, [[]],
    4, 6, 401, 65535, "crashed", "cut", "natprobe", "https", "http://[", "meet.example.test", "wrong-sender", "Run",
    "the report breaks off here", "{0}{x}", "::error::x", "\x1b[31m", "a" * 2000, "\u202e", "natprobe-report/1", '"',
)  # fmt: skip
_SIGNS = (
    '"', "{", "}", "[", "]", ",", ":", "\\", "\n", "\0", "é", "“", "\u200b", "=\n", "&quot;", "> ", "1e999", "NaN", "-",
    "\ufeff", "[…]",
)  # fmt: skip


def spots(thing: Any) -> list[tuple[Any, Any]]:
    """Every container with a key in it."""
    keys: list[Any] = list(thing) if isinstance(thing, dict) else list(range(len(thing)))
    inner = [spot for key in keys if isinstance(thing[key], (dict, list)) for spot in spots(thing[key])]
    return [(thing, key) for key in keys] + inner


def mutated(name: str, chance: random.Random, changes: int) -> str:
    """A real one with so many values changed, dropped or put elsewhere."""
    return changed(json.loads(REAL[name]), chance, changes)


def changed(report: dict[str, Any], chance: random.Random, changes: int) -> str:
    """In what it rests on."""
    for _ in range(changes):
        part = chance.choice(("observations", "observations", "observations", "sources", "target"))
        thing, key = chance.choice(spots({part: report.get(part, [])}))
        what = chance.random()
        if what < 0.15:
            del thing[key]
        elif what < 0.4:
            other = chance.choice(spots(report))
            thing[key] = json.loads(json.dumps(other[0][other[1]]))
        else:
            thing[key] = copy.deepcopy(chance.choice(VALUES))  # a later change may reach into it
    return json.dumps(report, ensure_ascii=chance.random() < 0.5)


def _tree(text: str, name: str, chance: random.Random) -> str:
    return changed(json.loads(_slim(name)), chance, chance.randint(1, 4))


def _signs(text: str, name: str, chance: random.Random) -> str:
    """Signs put in, or in the place of others."""
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(text))
        text = text[:at] + chance.choice(_SIGNS) + text[at + chance.choice((0, 0, 1, 5, 200)) :]
    return text


def _parts(text: str, name: str, chance: random.Random) -> str:
    """A part of it left out, doubled, or put in front."""
    one, two = sorted(chance.choices(range(len(text)), k=2))
    parts = (text[:one], text[:two], text[one:], text[:one] + text[two:], text[:two] + text[one:], text[one:two] + text)
    return chance.choice(parts)


def _pasted(text: str, name: str, chance: random.Random) -> str:
    for damage in chance.sample(list(WHOLE.values()), chance.randint(1, 2)):
        text = damage(text)
    return text


def _pasted_and_cut(text: str, name: str, chance: random.Random) -> str:
    return _pasted(text, name, chance)[: chance.randrange(1, len(text))]


def _several(text: str, name: str, chance: random.Random) -> str:
    other = _slim(chance.choice(_SMALL))
    return chance.choice(
        (text + other, other + text, text + text[: len(text) // 2], _pasted(text, name, chance) + other)
    )


_WAYS: tuple[Callable[[str, str, random.Random], str], ...] = (
    _tree, _tree, _signs, _parts, _pasted, _pasted_and_cut, _several,
)  # fmt: skip


@cache
def _slim(name: str) -> str:
    """A third of what it rests on, laid out as reports are: quick to damage and to read."""
    report = json.loads(REAL[name])
    rows = ",\n  ".join(json.dumps(each, ensure_ascii=False) for each in report["observations"][::3])
    head = ",\n ".join(f"{json.dumps(part)}: {json.dumps(report[part])}" for part in _HEAD)
    return f'{{\n {head},\n "observations": [\n  {rows}\n ],\n "paths": []\n}}\n'


_HEAD = ("schema", "natprobe", "started", "duration", "target", "sources")


def hostile(seed: int) -> bytes:
    """The bytes of a file: always the same for the same number."""
    chance = random.Random(seed)
    name = chance.choice(_SMALL if chance.random() < 0.9 else sorted(REAL))
    text = _slim(name)
    for way in chance.choices(_WAYS, k=chance.choice((1, 1, 1, 2))):
        text = way(text or "{", name, chance)
    return _bytes(text, chance)


def _bytes(text: str, chance: random.Random) -> bytes:
    data = text.encode(chance.choice(("utf-8", "utf-8", "utf-8", "utf-16", "cp1252")), "replace")
    if chance.random() < 0.2:
        wrong = bytearray(data)
        for _ in range(chance.randint(1, 8)):
            wrong[chance.randrange(len(wrong))] = chance.randrange(256)
        data = bytes(wrong)
    return data
