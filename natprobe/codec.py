"""Reports to JSON and back: strict, each observation on its own, foreign parts carried whole. Pure.

Only BadReport leaves `load`, whatever was pasted; its sentence says what is wrong and where.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from natprobe.facts import KINDS, TORN, Known, Probed
from natprobe.mending import joined, visible
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
from natprobe.pasted import OBSERVATIONS_MAX, Pasted, pasted, shallow
from natprobe.pasted import BadReport as BadReport
from natprobe.wording import bare

T = TypeVar("T")


class Saved(NamedTuple):
    """What a report rests on; everything else in it is computed again."""

    target: Target
    sources: tuple[Source, ...]
    observations: tuple[Observation, ...]

    @property
    def torn(self) -> bool:
        """Whether it is only the first part of a report."""
        return any(isinstance(each, Probed) and each.detail == TORN for each in self.observations)


class Found(NamedTuple):
    """A report out of a text, and what was undone to read it."""

    saved: Saved
    mended: tuple[str, ...] = ()


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
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isascii() else _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_SURROGATE = re.compile("[\ud800-\udfff]")


def _plain(observation: Observation) -> dict[str, Any]:
    if isinstance(observation, Foreign):
        return {**observation.raw, "id": observation.id, "source": observation.source}
    fields: dict[str, Any] = msgspec.to_builtins(observation, enc_hook=bare)
    carried: dict[str, Any] = fields.pop("carried")
    return fields | carried


def load(text: str) -> Saved:
    """The first report in this text, which may stand in a mail or chat. Raises BadReport."""
    return load_all(text)[0].saved


def load_all(text: str) -> tuple[Found, ...]:
    """Every report in this text, each once: one that is a part of another is left out. Raises BadReport."""
    try:
        found = [Found(_saved(each), each.mended) for each in pasted(text)]
    except BadReport:
        if (bare := visible(text)) == text:
            raise
        found = [Found(_saved(each), each.mended) for each in pasted(bare)]
    kept: list[Found] = []
    for each in sorted(found, key=lambda each: each.saved.torn):
        if not any(_within(each.saved, other.saved) for other in kept):
            kept.append(each)
    return tuple(each for each in found if any(each is one for one in kept))


def _within(saved: Saved, other: Saved) -> bool:
    """Whether this is the other report, or the first part of it."""
    own = saved.observations[: len(saved.observations) - _added(saved)]
    same = other.observations[: len(own)] == own and (saved.torn or len(own) == len(other.observations))
    return same and (saved.target, saved.sources) == (other.target, other.sources)


def _added(saved: Saved) -> int:
    return sum(isinstance(each, Probed) and each.detail == TORN for each in saved.observations)


def _saved(found: Pasted) -> Saved:
    """Raises BadReport."""
    plain = found.plain
    if plain.get("schema") != SCHEMA:
        said = clip(ascii(plain.get("schema")), 60)
        raise BadReport(f"the schema is {said}; this natprobe reads {SCHEMA!r}")
    whole = _rejoined if found.broken else _as_it_is
    target = whole(plain.get("target"), lambda each: _converted(each, Target, "target"))
    sources = whole(plain.get("sources"), lambda each: _converted(each, tuple[Source, ...], "sources"))
    if not sources:
        raise BadReport("sources is empty: a report has at least one vantage")
    observations = _observations(plain.get("observations"), len(sources), whole)
    return Saved(target, sources, (*observations, *_ends(observations, len(sources))) if found.torn else observations)


def _ends(observations: Sequence[Observation], sources: int) -> Iterator[Probed]:
    """In the place of what was torn off: of the vantage that breaks off, and of those that are missing altogether."""
    last = observations[-1]
    open_ended = "" if isinstance(last, Probed) else last.probe
    highest = max(each.id for each in observations)
    for number, source in enumerate(range(last.source, sources), 1):
        probe = open_ended if source == last.source else ""
        yield Probed(id=highest + number, source=source, probe=probe, at=last.at, status="cut", detail=TORN)


def _as_it_is(value: Any, read: Callable[[Any], T]) -> T:
    return read(value)


def _rejoined(value: Any, read: Callable[[Any], T]) -> T:
    """What comes of it when its broken lines are joined in the way that fits best. Raises BadReport."""
    problem, newer = BadReport("a line is broken"), None
    for number, each in enumerate(joined(value)):
        try:
            made = read(each)
        except BadReport as exc:
            problem = problem if number else exc
            continue
        if not isinstance(made, Foreign):
            return made
        newer = newer or made
    if newer is None:
        raise problem
    return newer


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


_Reader = Callable[[Any, Callable[[Any], Observation]], Observation]


def _observations(plain: object, sources: int, whole: _Reader) -> tuple[Observation, ...]:
    if not isinstance(plain, list):
        raise BadReport("observations is not a list")
    if len(plain) > OBSERVATIONS_MAX:
        raise BadReport(f"it has {len(plain)} observations; at most {OBSERVATIONS_MAX} are read")
    found = [
        whole(each, lambda one, number=number: _observation(one, f"observations[{number}]"))  # type: ignore[misc]
        for number, each in enumerate(plain)
    ]
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
    try:
        found = msgspec.convert(_with_carried(plain, kind), kind)
        _check_addresses(found, path)
        return found
    except _UNFIT:
        return _unfit(plain, kind, path)


def _unfit(plain: dict[str, Any], kind: type[Observation], path: str) -> Foreign:
    """By the first fault in the order of names, in which it is written again. Raises BadReport."""
    try:
        msgspec.convert(_with_carried(dict(sorted(plain.items())), kind), kind)
    except _UNFIT as exc:
        if not str(exc).startswith("Invalid enum value"):
            raise BadReport(_where(exc, path)) from None
    return _foreign(plain, path)  # a word that a newer version added


def _with_carried(plain: dict[str, Any], kind: type[Observation]) -> dict[str, Any]:
    """What this version doesn't know apart. Raises BadReport."""
    if plain.keys() <= _names(kind):
        return plain
    carried = {name: each for name, each in plain.items() if name not in _names(kind) and name != "carried"}
    return {**plain, "carried": _ordered(shallow(carried))}


@cache
def _names(kind: type[Observation]) -> frozenset[str]:
    return frozenset({*kind.__struct_fields__, "kind"} - {"carried"})


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


@lru_cache(maxsize=4096)
def _is_real(text: str, is_endpoint: bool) -> bool:
    address, port = split(text) if is_endpoint else (text, 0)
    try:
        ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return port < 65536


def _foreign(plain: dict[str, Any], path: str) -> Foreign:
    raw = {"kind": plain.get("kind")} | _ordered(shallow(plain))
    head = {"id": plain.get("id"), "source": plain.get("source"), "raw": raw}
    return _converted(head, Foreign, path)


def _ordered(value: Any) -> Any:
    """JSON's objects have no order of their own: what is handed on has always the same."""
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    return [_ordered(each) for each in value] if isinstance(value, list) else value


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
