"""Reports to JSON and back: strict, each observation on its own, foreign parts carried whole. Pure.

Only BadReport leaves `load`, whatever was pasted; its sentence says what is wrong and where.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from natprobe.facts import KINDS, Known
from natprobe.model import SCHEMA, Foreign, Observation, Report, Source, Target, clip

# Far more than any run writes (a large report has 2,000 observations, about 1 MB).
TEXT_MAX = 16 << 20
OBSERVATIONS_MAX = 50_000
# How many opening braces of a pasted text are tried as the beginning of a report.
_TRIES_MAX = 200


class BadReport(ValueError):
    """Not a report that this version reads."""


class Saved(NamedTuple):
    """What a report rests on; everything else in it is computed again."""

    target: Target
    sources: tuple[Source, ...]
    observations: tuple[Observation, ...]


def dump(report: Report) -> str:
    """The report as JSON, in the contract's order of fields."""
    plain: dict[str, Any] = msgspec.to_builtins(report)
    plain["observations"] = [_plain(each) for each in report.observations]
    rows = [f" {json.dumps(name)}: {_laid_out(value)}" for name, value in plain.items()]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _laid_out(value: Any) -> str:
    """A line for each element of a list: short enough to paste, and one changed observation is one changed line."""
    if not isinstance(value, list) or not value:
        return json.dumps(value, ensure_ascii=False)
    return "[\n  " + ",\n  ".join(json.dumps(each, ensure_ascii=False) for each in value) + "\n ]"


def _plain(observation: Observation) -> dict[str, Any]:
    if isinstance(observation, Foreign):
        return {**observation.raw, "id": observation.id, "source": observation.source}
    fields: dict[str, Any] = msgspec.to_builtins(observation)
    carried: dict[str, Any] = fields.pop("carried")
    return fields | carried


def load(text: str) -> Saved:
    """The report in this text, which may stand in a mail or chat. Raises BadReport."""
    plain = _find(text)
    if plain.get("schema") != SCHEMA:
        said = clip(ascii(plain.get("schema")), 60)
        raise BadReport(f"the schema is {said}; this natprobe reads {SCHEMA!r}")
    try:
        target = msgspec.convert(plain.get("target"), Target)
        sources = msgspec.convert(plain.get("sources"), tuple[Source, ...])
    except msgspec.ValidationError as exc:
        raise BadReport(_where(exc, "target or sources")) from None
    if not sources:
        raise BadReport("sources is empty: a report has at least one vantage")
    return Saved(target, sources, _observations(plain.get("observations"), len(sources)))


def merge(reports: Sequence[tuple[str, Saved]]) -> Saved:
    """Several vantages of one target as one report; labels, where given, name them. Raises BadReport."""
    first = reports[0][1].target
    sources: list[Source] = []
    observations: list[Observation] = []
    for label, saved in reports:
        if (saved.target.host, saved.target.port) != (first.host, first.port):
            raise BadReport(f"these reports are about different targets: {first.host} and {saved.target.host}")
        offset = len(sources)
        sources += [msgspec.structs.replace(each, label=label or each.label) for each in saved.sources]
        observations += [msgspec.structs.replace(each, source=each.source + offset) for each in saved.observations]
    numbered = [msgspec.structs.replace(each, id=number) for number, each in enumerate(observations, 1)]
    return Saved(first, tuple(sources), tuple(numbered))


def _find(text: str) -> dict[str, Any]:
    """The JSON object that is a report: the whole text, or the first in it that has a schema."""
    if len(text) > TEXT_MAX:
        raise BadReport(f"the text is longer than {TEXT_MAX >> 20} MiB")
    text = text.lstrip("\ufeff").strip()
    if not text:
        raise BadReport("there is nothing in it")
    problem = ""
    for start in _starts(text):
        try:
            found, _ = json.JSONDecoder(parse_constant=_refuse).raw_decode(text, start)
        except RecursionError:
            raise BadReport("the JSON is nested too deeply to be a report") from None
        except ValueError as exc:
            problem = problem or f"the JSON breaks off or is wrong: {exc}"
            continue
        if isinstance(found, dict) and "schema" in found:
            return dict(found)
        problem = "the JSON in it is no natprobe report: it has no schema"
    raise BadReport(problem or "there is no JSON in it")


def _starts(text: str) -> Iterator[int]:
    for number, match in enumerate(re.finditer(r"\{", text)):
        if number >= _TRIES_MAX:
            return
        yield match.start()


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no JSON number")


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
    kind = KINDS.get(str(plain.get("kind")))
    if kind is None:
        return _foreign(plain, path)
    carried = {name: value for name, value in plain.items() if name not in (*kind.__struct_fields__, "kind")}
    try:
        return msgspec.convert({**plain, "carried": carried}, kind)
    except msgspec.ValidationError as exc:
        if str(exc).startswith("Invalid enum value"):  # a word that a newer version added
            return _foreign(plain, path)
        raise BadReport(_where(exc, path)) from None


def _foreign(plain: dict[str, Any], path: str) -> Foreign:
    try:
        head = {"id": plain.get("id"), "source": plain.get("source"), "raw": plain}
        return msgspec.convert(head, Foreign)
    except msgspec.ValidationError as exc:
        raise BadReport(_where(exc, path)) from None


def _where(exc: msgspec.ValidationError, path: str) -> str:
    """Msgspec's own sentence, which names types and places and quotes no value, with the place in the whole report."""
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
    newer = {
        "type": "object",
        "description": "An observation of a kind that a newer version knows.",
        "properties": {"kind": {"type": "string", "not": {"enum": sorted(KINDS)}}},
        "required": ["kind", "id", "source"],
    }
    known = [{"$ref": f"#/$defs/{name}"} for name in KINDS]
    parts["Report"]["properties"]["observations"] = {"type": "array", "items": {"anyOf": [*known, newer]}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **top, "$defs": parts}
