"""Reports to JSON and back: strict, each observation on its own, foreign parts carried whole. Pure.

Only BadReport leaves `load`, whatever was pasted; its sentence says what is wrong and where.
"""

from __future__ import annotations

import ipaddress
import json
import math
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from natprobe.facts import KINDS, Known
from natprobe.model import (
    SCHEMA,
    Address,
    Endpoint,
    Foreign,
    Observation,
    Report,
    Source,
    Target,
    clip,
    split,
)
from natprobe.wording import bare

# Far more than any run writes (a large report has 2,000 observations, about 1 MB).
TEXT_MAX = 16 << 20
OBSERVATIONS_MAX = 50_000
# How many opening braces of a pasted text are tried as the beginning of a report, and how much is read for it in all.
_TRIES_MAX = 200
_READ_MAX = 3 * TEXT_MAX
# Lists and objects within each other; a report of ours has seven.
_DEPTH_MAX = 50


T = TypeVar("T")


class BadReport(ValueError):
    """Not a report that this version reads."""


class Saved(NamedTuple):
    """What a report rests on; everything else in it is computed again."""

    target: Target
    sources: tuple[Source, ...]
    observations: tuple[Observation, ...]


def dump(report: Report) -> str:
    """The report as JSON, in the contract's order of fields."""
    plain: dict[str, Any] = msgspec.to_builtins(report, enc_hook=bare)
    plain["observations"] = [_plain(each) for each in report.observations]
    rows = [f" {json.dumps(name)}: {_laid_out(value)}" for name, value in plain.items()]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _laid_out(value: Any) -> str:
    """A line for each element of a list: short enough to paste, and one changed observation is one changed line."""
    if not isinstance(value, list) or not value:
        return _json(value)
    return "[\n  " + ",\n  ".join(map(_json, value)) + "\n ]"


def _json(value: Any) -> str:
    """Readable; half a surrogate pair, which JSON may carry and UTF-8 may not, stays the escape that it was."""
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


_SURROGATE = re.compile("[\ud800-\udfff]")


def _plain(observation: Observation) -> dict[str, Any]:
    if isinstance(observation, Foreign):
        return {**observation.raw, "id": observation.id, "source": observation.source}
    fields: dict[str, Any] = msgspec.to_builtins(observation, enc_hook=bare)
    carried: dict[str, Any] = fields.pop("carried")
    return fields | carried


def load(text: str) -> Saved:
    """The report in this text, which may stand in a mail or chat. Raises BadReport."""
    plain = _find(text)
    if plain.get("schema") != SCHEMA:
        said = clip(ascii(plain.get("schema")), 60)
        raise BadReport(f"the schema is {said}; this natprobe reads {SCHEMA!r}")
    target = _converted(plain.get("target"), Target, "target")
    sources = _converted(plain.get("sources"), tuple[Source, ...], "sources")
    if not sources:
        raise BadReport("sources is empty: a report has at least one vantage")
    return Saved(target, sources, _observations(plain.get("observations"), len(sources)))


def merge(reports: Sequence[tuple[str, Saved]]) -> Saved:
    """Several vantages as one report, clients first; labels, where given, name them. Raises BadReport.

    Clients' reports have to be about one target. What `inspect` and `serve` wrote on the server joins them by whatever
    name the server has for itself.
    """
    ordered = sorted(reports, key=lambda each: not _of_client(each[1]))
    first = ordered[0][1].target
    sources: list[Source] = []
    observations: list[Observation] = []
    for label, saved in ordered:
        if _of_client(saved) and (saved.target.host, saved.target.port) != (first.host, first.port):
            raise BadReport(f"these reports are about different targets: {first.host} and {saved.target.host}")
        offset = len(sources)
        sources += [msgspec.structs.replace(each, label=label or each.label) for each in saved.sources]
        observations += [msgspec.structs.replace(each, source=each.source + offset) for each in saved.observations]
    numbered = [msgspec.structs.replace(each, id=number) for number, each in enumerate(observations, 1)]
    return Saved(first, tuple(sources), tuple(numbered))


def _of_client(saved: Saved) -> bool:
    """Whether a check is in it, so that its target is what clients ask for."""
    return any(each.vantage == "client" for each in saved.sources)


def _find(text: str) -> dict[str, Any]:
    """The JSON object that is a report: the whole text, or the first in it that has a schema."""
    if len(text) > TEXT_MAX:
        raise BadReport(f"the text is longer than {TEXT_MAX >> 20} MiB")
    text = text.lstrip("\ufeff").strip()
    if not text:
        raise BadReport("there is nothing in it")
    problem, longest, read = "there is no JSON in it", 0, 0
    for start in _starts(text):
        try:
            found, end = _DECODER.raw_decode(text, start)
            words = "the JSON in it is no natprobe report: it has no schema"
        except RecursionError:
            raise BadReport(_TOO_DEEP) from None
        except ValueError as exc:
            found, end = None, getattr(exc, "pos", len(text))
            words = f"the JSON breaks off or is wrong: {exc}"
        if isinstance(found, dict) and "schema" in found:
            return _shallow(found)
        if end - start > longest:  # that was the report, had it been one
            problem, longest = words, end - start
        read += end - start
        if read > _READ_MAX:
            break
    raise BadReport(problem)


def _starts(text: str) -> Iterator[int]:
    for number, match in enumerate(re.finditer(r"\{", text)):
        if number >= _TRIES_MAX:
            return
        yield match.start()


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no JSON number")


def _finite(word: str) -> float:
    number = float(word)
    return number if math.isfinite(number) else _refuse(clip(word, 40))


def _whole(word: str) -> int:
    """An integer that can still be reckoned with: beyond 308 digits it is no float."""
    return int(word) if len(word) <= 100 else int(_refuse(clip(word, 40)))


_DECODER = json.JSONDecoder(parse_float=_finite, parse_int=_whole, parse_constant=_refuse)


_TOO_DEEP = "the JSON is nested too deeply to be a report"


def _shallow(found: dict[str, Any]) -> dict[str, Any]:
    """It again, if it is not nested so deeply that writing it back would break. Raises BadReport."""
    level: list[Any] = [found]
    for _ in range(_DEPTH_MAX):
        inner = [each for thing in level for each in (thing.values() if isinstance(thing, dict) else thing)]
        level = [each for each in inner if isinstance(each, (dict, list))]
        if not level:
            return found
    raise BadReport(_TOO_DEEP)


def _observations(plain: object, sources: int) -> tuple[Observation, ...]:
    if not isinstance(plain, list):
        raise BadReport("observations is not a list")
    if len(plain) > OBSERVATIONS_MAX:
        raise BadReport(f"it has {len(plain)} observations; at most {OBSERVATIONS_MAX} are read")
    found = [_observation(each, f"observations[{number}]") for number, each in enumerate(plain)]
    numbers = [each.id for each in found]
    if len(set(numbers)) != len(numbers):
        raise BadReport("two observations have the same id")
    if any(each.source >= sources for each in found):
        raise BadReport("an observation points to a source that is not there")
    return tuple(found)


def _observation(plain: object, path: str) -> Observation:
    if not isinstance(plain, dict):
        raise BadReport(f"{path} is not an object")
    word = plain.get("kind")
    if not isinstance(word, str):
        raise BadReport(f"{path}.kind: Expected `str`")
    kind = KINDS.get(word)
    if kind is None:
        return _foreign(plain, path)
    carried = {name: value for name, value in plain.items() if name not in (*kind.__struct_fields__, "kind")}
    try:
        found = msgspec.convert({**plain, "carried": carried}, kind)
        _check_addresses(found, path)
        return found
    except _UNFIT as exc:
        if str(exc).startswith("Invalid enum value"):  # a word that a newer version added
            return _foreign(plain, path)
        raise BadReport(_where(exc, path)) from None


def _check_addresses(found: Observation, path: str) -> None:
    """What has an address's form and is none (999.1.1.1, port 99999) would break whoever reckons with it."""
    for name, is_endpoint in _address_fields(type(found)):
        value = getattr(found, name)
        for each in value if isinstance(value, tuple) else (value,):
            if each is not None and not _is_real(each, is_endpoint):
                raise BadReport(f"{path}.{name}: {each!a} is not an {'endpoint' if is_endpoint else 'address'}")


@cache
def _address_fields(kind: type[Observation]) -> tuple[tuple[str, bool], ...]:
    """The fields that hold addresses, and whether these are endpoints."""
    hints = get_type_hints(kind, include_extras=True)
    leaves = [(name, leaf) for name, hint in hints.items() for leaf in _leaves(hint)]
    return tuple((name, leaf == Endpoint) for name, leaf in leaves if leaf in (Address, Endpoint))


def _leaves(hint: Any) -> Iterator[Any]:
    if get_origin(hint) is Annotated or not get_args(hint):
        yield hint
    else:
        for inner in get_args(hint):
            yield from _leaves(inner)


def _is_real(text: str, is_endpoint: bool) -> bool:
    address, port = split(text) if is_endpoint else (text, 0)
    try:
        ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return port < 65536


def _foreign(plain: dict[str, Any], path: str) -> Foreign:
    head = {"id": plain.get("id"), "source": plain.get("source"), "raw": plain}
    return _converted(head, Foreign, path)


def _converted(plain: object, kind: type[T], path: str) -> T:
    try:
        return msgspec.convert(plain, kind)
    except _UNFIT as exc:
        raise BadReport(_where(exc, path)) from None


# Half a surrogate pair where a word is looked up makes a UnicodeEncodeError.
_UNFIT = (msgspec.ValidationError, UnicodeEncodeError)


def _where(exc: Exception, path: str) -> str:
    """Msgspec's own sentence, which names types and places and quotes no value, with the place in the whole report."""
    if isinstance(exc, UnicodeEncodeError):
        return f"{path}: half a character stands where a word should"
    words, _, place = str(exc).partition(" - at `$")
    return clip(f"{path}{place.rstrip('`')}: {words}", 300)


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the report. An observation of an unknown kind is allowed, a known one must be right."""
    (top,), parts = msgspec.json.schema_components([Report], ref_template="#/$defs/{name}")
    (_,), kinds = msgspec.json.schema_components([Known], ref_template="#/$defs/{name}")
    parts |= kinds
    for name in KINDS:
        parts[name]["properties"].pop("carried")
    parts.pop("Foreign", None)
    parts.pop("Observation", None)
    known = [{"$ref": f"#/$defs/{name}"} for name in KINDS]
    observation = {"anyOf": [*known, {"$ref": "#/$defs/Newer"}]}
    parts["Newer"] = _newer(parts)
    parts["Report"]["properties"]["observations"] = {"type": "array", "items": observation}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **top, "$defs": parts}


def _newer(parts: dict[str, Any]) -> dict[str, Any]:
    """What `load` takes for Foreign: an unknown kind, or an unknown word in a known kind's field of words."""
    unknown_kind = {"properties": {"kind": {"type": "string", "not": {"enum": sorted(KINDS)}}}}
    unknown_words = [
        {"properties": {"kind": {"const": kind}, name: other}, "required": [name]}
        for kind in KINDS
        for name, spec in parts[kind]["properties"].items()
        if name != "kind" and (other := _other_words(spec, parts)) is not None
    ]
    return {
        "type": "object",
        "description": "An observation of a kind, or with a word, that a newer version knows.",
        "required": ["kind", "id", "source"],
        "anyOf": [unknown_kind, *unknown_words],
    }


def _other_words(spec: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any] | None:
    """What a field of words may hold besides its words; None for a field that isn't one."""
    if "$ref" in spec:
        return _other_words(parts[spec["$ref"].rpartition("/")[2]], parts)
    if spec.get("type") == "array":
        inner = _other_words(spec.get("items", {}), parts)
        return inner and {"type": "array", "contains": inner}
    if "anyOf" in spec:
        return next((found for each in spec["anyOf"] if (found := _other_words(each, parts))), None)
    if "enum" not in spec:
        return None
    return {"type": "integer" if isinstance(spec["enum"][0], int) else "string", "not": {"enum": spec["enum"]}}
