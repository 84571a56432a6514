"""SARIF as natprobe writes it, as JSON Schema: the standard's words and types (OASIS SARIF 2.1.0, sections 3.13 to
3.58) for the objects that are used, and nothing beside them. What is valid here was valid by the standard's own
sarif-schema-2.1.0.json (errata 01) too, for every report of the tests.
"""

from __future__ import annotations

from typing import Any

import jsonschema

_WORDS = {"type": "string", "minLength": 1, "pattern": r"^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f]*$"}
_LINE = {"type": "integer", "minimum": 1}
_NUMBER = {"type": "integer", "minimum": 0}
_LEVEL = {"enum": ["error", "warning", "note"]}
_TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
# RFC 3986 section 4.1: of a URI with a scheme only `file`, and no colon in a relative one's first segment.
_URI = {
    "type": "string",
    "pattern": r"^(file:///?)?([A-Za-z0-9._~!$&'()*+,;=@-]|%[0-9A-F]{2}|/)+$",
}


def _object(required: str = "", /, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


def _list(item: dict[str, Any], least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": least}


_TEXT = _object("text", text=_WORDS)
_MARKED = _object("text", text=_WORDS, markdown=_WORDS)
_ARTIFACT = _object("uri", uri=_URI, uriBaseId={"const": "%SRCROOT%"})
_REGION = _object("startLine", startLine=_LINE, startColumn=_LINE, endLine=_LINE, endColumn=_LINE)
_LOCATION = _object(
    "physicalLocation",
    physicalLocation=_object("artifactLocation region", artifactLocation=_ARTIFACT, region=_REGION),
    logicalLocations=_list(
        _object("name fullyQualifiedName kind", name=_WORDS, fullyQualifiedName=_WORDS, kind=_WORDS)
    ),
)
_REPLACEMENT = _object("deletedRegion", deletedRegion=_REGION, insertedContent=_TEXT)
_CHANGE = _object(
    "artifactLocation replacements", artifactLocation=_ARTIFACT, replacements=_list(_REPLACEMENT, least=1)
)
_RESULT = _object(
    "ruleId ruleIndex level message locations partialFingerprints",
    ruleId=_WORDS,
    ruleIndex=_NUMBER,
    level=_LEVEL,
    message=_TEXT,
    locations={"type": "array", "items": _LOCATION, "minItems": 1, "maxItems": 1},
    partialFingerprints=_object(
        "primaryLocationLineHash",
        primaryLocationLineHash={"type": "string", "pattern": r"^[0-9a-f]{32}:[1-9][0-9]*$"},
    ),
    suppressions=_list(
        _object(
            "kind status justification",
            kind={"const": "external"},
            status={"const": "accepted"},
            justification={"type": "string"},
        )
    ),
    fixes={
        "type": "array",
        "items": _object("artifactChanges", artifactChanges=_list(_CHANGE, least=1)),
        "maxItems": 1,
    },
    properties=_object("synthetic", cause=_WORDS, where=_WORDS, synthetic={"type": "boolean"}),
)
_RULE = _object(
    "id",
    id=_WORDS,
    name={"type": "string", "pattern": r"^([A-Z][a-z0-9]*)+$"},
    shortDescription=_TEXT,
    fullDescription=_TEXT,
    help=_MARKED,
    defaultConfiguration=_object("level", level=_LEVEL),
    properties={
        "type": "object",
        "properties": {
            "tags": {"type": "array", "items": _WORDS, "uniqueItems": True},
            "problem.severity": {"enum": ["error", "warning", "recommendation"]},
        },
        "additionalProperties": False,
    },
)
_INVOCATION = _object(
    "executionSuccessful startTimeUtc toolExecutionNotifications",
    executionSuccessful={"type": "boolean"},
    exitCode={"enum": [0, 1, 3]},
    startTimeUtc=_TIME,
    endTimeUtc=_TIME,
    toolExecutionNotifications=_list(_object("level message", level=_LEVEL, message=_TEXT)),
    properties=_object("verdict summary", verdict=_WORDS, summary=_WORDS),
)
_DRIVER = _object("name version rules", name={"const": "natprobe"}, version=_WORDS, rules=_list(_RULE))
_RUN = _object(
    "tool automationDetails invocations results columnKind",
    tool=_object("driver", driver=_DRIVER),
    automationDetails=_object("id", id={"type": "string", "pattern": r"^natprobe/[^/]+/$"}),
    invocations=_list(_INVOCATION, least=1),
    results=_list(_RESULT),
    columnKind={"const": "unicodeCodePoints"},
)
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_object(
        "$schema version runs",
        **{
            "$schema": {"type": "string"},
            "version": {"const": "2.1.0"},
            "runs": {"type": "array", "items": _RUN, "minItems": 1, "maxItems": 1},
        },
    ),
}
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def checked(log: dict[str, Any]) -> dict[str, Any]:
    """The one run in it. Raises jsonschema's error, or AssertionError where a number points at something else."""
    VALIDATOR.validate(log)
    run: dict[str, Any] = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert len({each["id"] for each in rules}) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    prints = [each["partialFingerprints"]["primaryLocationLineHash"] for each in run["results"]]
    assert len(set(prints)) == len(prints)
    return run
