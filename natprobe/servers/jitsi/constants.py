"""Values of a script's constants, and the few operators and methods that configurations put them together with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# A scalar, a list, or an object by its keys; null and undefined are None.
Value = Any

STRING_MAX = 1000
PARTS_MAX = 100
# Larger numbers are not exact in a script (ECMA-262 section 21.1.2.6).
NUMBER_MAX = 1 << 53


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


# What is no constant.
UNKNOWN = _Unknown()


def truth(value: Value) -> bool | None:
    """ECMA-262 section 7.1.2: objects, also empty ones, are true."""
    return None if value is UNKNOWN else isinstance(value, (dict, list)) or bool(value)


def bounded(value: Value) -> Value:
    """What is longer than anything that we look for is as good as unknown."""
    if type(value) is int:
        return value if abs(value) <= NUMBER_MAX else UNKNOWN
    limits: dict[type, int] = {str: STRING_MAX, list: PARTS_MAX}
    limit = limits.get(type(value))
    return value if limit is None or len(value) <= limit else UNKNOWN


def plain(value: Value) -> str | None:
    """As it stands in a sum with a string."""
    return value if isinstance(value, str) else str(value) if type(value) is int else None


def added(left: Value, right: Value) -> Value:
    """`left + right`, of two whole numbers or of what has a string among it."""
    if type(left) is int and type(right) is int:
        return bounded(left + right)
    words = [plain(left), plain(right)]
    return UNKNOWN if None in words else bounded("".join(map(str, words)))


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": "", "\r\n": ""}


def escaped(word: str) -> str:
    """What stands behind a backslash (ECMA-262 section 12.9.4)."""
    if word[:1] in ("x", "u") and len(word) > 1:
        try:
            return chr(int(word[1:].strip("{}"), 16))
        except (ValueError, OverflowError):
            return ""
    return _ESCAPES.get(word, word)


def well_formed(text: str) -> str:
    """Halves of a surrogate pair joined, U+FFFD for one that is alone: as it leaves a browser (WebIDL USVString)."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _substring(text: str, begin: int, end: int | None = None) -> str:
    """Its ends in either order (ECMA-262 section 22.1.3.25)."""
    ends = sorted(min(max(each, 0), len(text)) for each in (begin, len(text) if end is None else end))
    return text[ends[0] : ends[1]]


def _substr(text: str, begin: int, length: int | None = None) -> str:
    rest = text[max(begin, -len(text)) :]
    return rest if length is None else rest[: max(length, 0)]


def _joined(parts: list[Value], between: str = ",") -> Value:
    return between.join(parts) if all(isinstance(each, str) for each in parts) else UNKNOWN


def _less(left: Value, right: Value) -> Value:
    return bounded(left - right) if type(left) is int and type(right) is int else UNKNOWN


CHOOSES: dict[str, Callable[[Value], bool | None]] = {
    "||": truth,
    "&&": lambda value: None if value is UNKNOWN else not truth(value),
    "??": lambda value: None if value is UNKNOWN else value is not None,
}
OPERATORS: dict[str, Callable[[Value, Value], Value]] = {
    "===": lambda left, right: left == right,
    "==": lambda left, right: left == right,
    "!==": lambda left, right: left != right,
    "!=": lambda left, right: left != right,
    "-": _less,
}
# What is called on it, and the types of what is given: those that configurations are written with.
_SPAN = ((int,), (int, int))
METHODS: dict[tuple[type, str], tuple[tuple[tuple[type, ...], ...], Callable[..., Value]]] = {
    (str, "substr"): (_SPAN, _substr),
    (str, "substring"): (_SPAN, _substring),
    (str, "slice"): (_SPAN, lambda text, begin, end=None: text[begin:end]),
    (str, "split"): (((str,),), lambda text, at: text.split(at) if at else list(text)),
    (str, "toLowerCase"): (((),), str.lower),
    (str, "toUpperCase"): (((),), str.upper),
    (str, "trim"): (((),), str.strip),
    (str, "replace"): (((str, str),), lambda text, old, new: text.replace(old, new, 1)),
    (str, "startsWith"): (((str,),), str.startswith),
    (str, "endsWith"): (((str,),), str.endswith),
    (str, "includes"): (((str,),), lambda text, part: part in text),
    (list, "join"): (((), (str,)), _joined),
    (dict, "hasOwnProperty"): (((str,),), lambda held, key: key in held),
}
