"""A value for every field of every kind of observation, made from its type, for tests of codecs and renderers."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import inspect

K = TypeVar("K", bound=msgspec.Struct)

_BY_TITLE = {
    "Address": "192.0.2.7",
    "Endpoint": "[2001:db8::1]:5",
    "HostName": "meet.example.test",
    "Text": "words",
}
_SKIPPED = ("carried", "raw", "failure")


def filled(kind: type[K], **fixed: Any) -> K:
    """An object of this kind with every field set, but for `fixed` and the failure."""
    return _filled(kind, _BY_TITLE, fixed)


def filled_with(kind: type[K], text: str, **fixed: Any) -> K:
    """The same with this text in every field that may hold any text."""
    return _filled(kind, _BY_TITLE | {"Text": text}, fixed)


def _filled(kind: type[K], words: dict[str, str], fixed: dict[str, Any]) -> K:
    found = inspect.type_info(kind)
    assert isinstance(found, inspect.StructType)
    fields = {each.name: each.type for each in found.fields if each.name not in (*fixed, *_SKIPPED)}
    return kind(**{name: 0 if name == "source" else _value(hint, words) for name, hint in fields.items()} | fixed)


def _value(hint: inspect.Type, words: dict[str, str]) -> Any:
    match hint:
        case inspect.Metadata(type=inner, extra_json_schema=extra):
            return words.get((extra or {}).get("title", "")) or _value(inner, words)
        case inspect.UnionType(types=types):
            return _value(types[0], words)
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.EnumType(cls=cls):
            return next(iter(cls))
        case inspect.VarTupleType(item_type=item):
            return (_value(item, words), _value(item, words))
        case inspect.StructType(cls=cls):
            return _filled(cls, words, {})
        case inspect.StrType():
            return "2026-11-21T08:00:00Z"
        case inspect.BoolType():
            return True
        case inspect.IntType():
            return 7
        case inspect.FloatType():
            return 0.5
    raise NotImplementedError(hint)
