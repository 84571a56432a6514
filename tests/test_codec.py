"""Reports to JSON and back, and everything else that may stand in a file or be pasted."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natprobe import pasted
from natprobe.codec import BadReport, Saved, dump, load, merge, schema
from natprobe.diagnose import diagnose
from natprobe.facts import KINDS, Known
from natprobe.model import Foreign, Observation, Report
from natprobe.render._manner import Manner
from natprobe.render.text import lines
from tests.fuzzing import REAL, mutated
from tests.samples import filled
from tests.schema import PLAIN, VALIDATOR, faults

TEXT = REAL["web-broken"]
Plain = dict[str, Any]


def plain(name: str = "web-broken") -> Plain:
    return json.loads(REAL[name])  # type: ignore[no-any-return]


def judged(saved: Saved) -> Report:
    return diagnose(saved.target, saved.observations, saved.sources)


def with_observation(**fields: Any) -> str:
    """A real report with one more observation."""
    report = plain()
    report["observations"].append({"id": 9999, "source": 0} | fields)
    return json.dumps(report)


def nested(value: str) -> str:
    """With an observation of a newer version that holds this."""
    newer = '{"kind": "New", "id": 9999, "source": 0, "x": ' + value + "}"
    return TEXT.replace('"observations": [', f'"observations": [{newer},')


def refused(text: str) -> str:
    with pytest.raises(BadReport) as caught:
        load(text)
    said = str(caught.value)
    assert 5 < len(said) <= 400
    assert "\n" not in said
    return said


# --- there and back


@pytest.mark.parametrize("kind", get_args(Known))
def test_every_kind_comes_back(kind: type[Observation]) -> None:
    saved = load(TEXT)
    full = filled(kind, id=9999)
    report = msgspec.structs.replace(judged(saved), observations=(*saved.observations, full))
    text = dump(report)
    assert load(text).observations == report.observations
    assert json.loads(text)["observations"][-1]["kind"] == kind.__name__
    VALIDATOR.validate(json.loads(text))


@pytest.mark.parametrize("name", REAL)
def test_dumping_what_was_loaded_changes_nothing(name: str) -> None:
    once = dump(judged(load(REAL[name])))
    assert dump(judged(load(once))) == once
    VALIDATOR.validate(json.loads(once))


def test_fields_stand_in_the_contracts_order() -> None:
    names = ["schema", "natprobe", "started", "duration", "target", "sources", "observations", "paths", "findings"]
    assert list(json.loads(dump(judged(load(TEXT))))) == [*names, "unknown", "verdict"]


@pytest.mark.parametrize(
    "wrap",
    [
        "{}",
        "\ufeff{}",
        "\n\n  {}\n\n",
        "Hi,\nhere is the report you asked for:\n\n{}\n\n-- \nAnna",
        "```json\n{}\n```",
        "~~~\n{}\n~~~\nsent from my phone",
        "config {{bosh: 1}} was like so {{}}\n{}",
        'first {{"a": 1}} then {{ a broken one\n{}',
        "{}{}",
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_pasted_text(wrap: str, newline: str) -> None:
    text = wrap.format(TEXT, TEXT).replace("\n", newline)
    assert load(text) == load(TEXT)


# --- what is no report


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nothing in it"),
        (" \r\n\t", "nothing in it"),
        ("\ufeff", "nothing in it"),
        ("hello", "no JSON"),
        ("[1, 2]", "no JSON"),
        ("{", "breaks off"),
        (TEXT[: TEXT.index('"observations"')], "breaks off"),
        ("x" + TEXT[:90], "breaks off"),
        ("{}", "no schema"),
        ('{"schema": "natprobe-report/2"}', "'natprobe-report/2'; this natprobe reads 'natprobe-report/1'"),
        ('{"schema": null}', "schema is None"),
        ('{"schema": "' + "x" * 1000 + '"}', "schema is 'xxx"),
        ('{"schema": "\\u001b[31m"}', "x1b"),
        ('{"schema": {"schema": "natprobe-report/1"}}', "schema is {"),
        ('{"schema": "natprobe-report/1"}', "target"),
        (TEXT.replace('"duration": 3.13', '"duration": NaN'), "NaN"),
        (TEXT.replace('"duration": 3.13', '"duration": -Infinity'), "Infinity"),
        (TEXT.replace('"duration": 3.13', '"duration": 1e999'), "1e999"),
        (TEXT.replace('"duration": 3.13', '"duration": ' + "9" * 5000), "999… is no JSON number"),
        ('{"a":' * 10_000, "nested too deeply"),
        ("[" * 10_000 + '{"schema": 1}', "schema is 1"),
        (nested("[" * 60 + "]" * 60), "nested too deeply"),
        (nested('{"x": ' * 900 + "1" + "}" * 900), "nested too deeply"),
    ],
    ids=range(23),
)
def test_no_report(text: str, words: str) -> None:
    assert words in refused(text)


def test_too_long_is_not_even_looked_at() -> None:
    assert "longer than 16 MiB" in refused(" " * (50 << 20))


def test_a_text_full_of_beginnings_takes_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the braces would be read to the end of the text."""
    monkeypatch.setattr(pasted, "_READ_MAX", 1 << 20)
    read, decode = 0, pasted._DECODER.raw_decode

    def counting(text: str, start: int) -> Any:
        nonlocal read
        read += len(text) - start
        return decode(text, start)

    monkeypatch.setattr(pasted._DECODER, "raw_decode", counting)
    refused('{"a":' * 150 + "[" + "1," * (1 << 19))
    assert read < 4 << 20


def test_too_many_observations() -> None:
    report = plain()
    report["observations"] = [{}] * (pasted.OBSERVATIONS_MAX + 1)
    assert "50001 observations" in refused(json.dumps(report))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r.update(target=None), "target"),
        (lambda r: r["target"].update(host="a b"), "target.host"),
        (lambda r: r["target"].update(port=70000), "target.port"),
        (lambda r: r["target"].update(port=True), "target.port"),
        (lambda r: r["target"].update(kind="skype"), "target.kind"),
        (lambda r: r["target"].pop("input"), "target: Object missing required field `input`"),
        (lambda r: r.update(sources=[]), "at least one vantage"),
        (lambda r: r.update(sources={}), "sources: Expected"),
        (lambda r: r["sources"][0].update(started="yesterday"), "started"),
        (lambda r: r["sources"][0].update(duration=-1), "duration"),
        (lambda r: r.update(observations=None), "observations is not a list"),
        (lambda r: r.update(observations={}), "observations is not a list"),
        (lambda r: r["observations"].insert(3, 7), "observations[3] is not an object"),
        (lambda r: r["observations"][4].update(kind=7), "observations[4].kind"),
        (lambda r: r["observations"][4].update(kind=["Run"]), "observations[4].kind"),
        (lambda r: r["observations"][4].pop("kind"), "observations[4].kind"),
        (lambda r: r["observations"][4].update(id=5000, source=1), "source that is not there"),
        (lambda r: r["observations"][4].update(source=-1), "observations[4].source"),
        (lambda r: r["observations"][4].update(id=1), "the same id"),
        (lambda r: r["observations"][4].update(id=1.5), "observations[4].id"),
        (lambda r: r["observations"][4].update(id=10**400), "no JSON number"),
        (lambda r: r["observations"][4].update(failure=7), "observations[4].failure"),
        (lambda r: r["observations"][4].update(detail="x" * 2001), "observations[4].detail"),
        (lambda r: r["observations"][0].update(families=4), "observations[0].families"),
        (lambda r: r["observations"][0].pop("version"), "observations[0]: Object missing required field `version`"),
        (lambda r: r["observations"][1].update(address="999.1.1.1"), "observations[1].address: '999.1.1.1'"),
        (lambda r: r["observations"][1].update(address="::1::"), "observations[1].address"),
        (lambda r: r["observations"][1].update(address="127.0.0.1\n"), "observations[1].address"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(change: Callable[[Plain], object], words: str) -> None:
    report = plain()
    change(report)
    assert words in refused(json.dumps(report))


@pytest.mark.parametrize("endpoint", ["1.2.3.4:99999", "1.2.3:4", "[::g]:1", "[1::2::3]:4", "[1:2]:3", "host:1", ""])
def test_endpoints_that_are_none(endpoint: str) -> None:
    assert "endpoint" in refused(with_observation(kind="Connected", endpoint=endpoint))


WRONG: dict[type, object] = {str: 7, int: "7", float: "x", bool: 1, list: 7, tuple: 7}


@pytest.mark.parametrize("kind", get_args(Known))
def test_a_wrong_type_in_any_field_is_refused_by_its_name(kind: type[Observation]) -> None:
    good = json.loads(msgspec.json.encode(filled(kind, id=9999)))
    good.pop("carried")
    load(with_observation(**good))
    for name, value in good.items():
        if name != "failure":
            said = refused(with_observation(**good | {name: WRONG[type(value)]}))
            assert name in said, said


# --- what a newer version wrote


NEWER: list[Plain] = [
    {"kind": "Teleported", "id": 9999, "source": 0, "ways": [1, {"a": None}]},
    {"kind": "Connected", "id": 9999, "source": 0, "endpoint": "1.2.3.4:5", "failure": "quantum"},
    {"kind": "Probed", "id": 9999, "source": 0, "probe": "web", "status": "paused"},
    {"kind": "HttpReply", "id": 9999, "source": 0, "url": "x", "endpoint": "1.2.3.4:5", "says": ["jitsi", "matrix"]},
    {"kind": "DefaultRoute", "id": 9999, "source": 0, "family": 8},
    {"kind": "Stray", "id": 9999, "source": 0, "local": "1.2.3.4:5", "sender": "1.2.3.4:6", "fault": "rude"},
]


@pytest.mark.parametrize("newer", NEWER, ids=lambda each: each["kind"])
def test_what_is_newer_is_carried_and_not_judged(newer: Plain) -> None:
    before = judged(load(TEXT))
    saved = load(with_observation(**newer))
    assert isinstance(saved.observations[-1], Foreign)
    report = judged(saved)
    assert (report.findings, report.paths, report.verdict) == (before.findings, before.paths, before.verdict)
    again = json.loads(dump(report))
    assert again["observations"][-1] == newer
    VALIDATOR.validate(again)


def test_a_new_field_of_a_known_kind_stays_where_it_was() -> None:
    newer = {"kind": "Connected", "endpoint": "1.2.3.4:5", "colour": {"r": 1, "g": [None, "\u202e"]}}
    saved = load(with_observation(**newer))
    assert saved.observations[-1].carried == {"colour": newer["colour"]}
    again = json.loads(dump(judged(saved)))
    assert again["observations"][-1].items() >= newer.items()
    VALIDATOR.validate(again)


@pytest.mark.parametrize("half", ["\ud800", "a\udfffb", "\udc00\ud800"])
def test_half_a_surrogate_pair_survives(half: str) -> None:
    newer = {"kind": "Connected", "endpoint": "1.2.3.4:5", "detail": half, "new": {half: half}}
    report = judged(load(with_observation(**newer)))
    text = dump(report)
    text.encode()  # what no file could hold
    assert json.loads(text)["observations"][-1].items() >= newer.items()


def test_merging_numbers_anew_and_points_to_its_sources() -> None:
    one, two = load(REAL["peer-healthy"]), load(REAL["udp-blocked"])
    merged = merge([("office", one), ("", two)])
    assert [each.label for each in merged.sources] == ["office", ""]
    assert [each.id for each in merged.observations] == list(range(1, len(merged.observations) + 1))
    assert {each.source for each in merged.observations} == {0, 1}
    report = judged(merged)
    assert dump(judged(load(dump(report)))) == dump(report)
    with pytest.raises(BadReport, match="different targets"):
        merge([("", one), ("", load(TEXT.replace('"host": "meet.example.test"', '"host": "other.test"')))])


# --- mutations


def survives(text: str) -> None:
    """BadReport, or a report that can be judged, written and read again."""
    try:
        saved = load(text)
    except BadReport:
        return
    report = judged(saved)
    once = dump(report)
    once.encode()
    assert lines(report, Manner(verbose=True))
    assert load(once) == saved


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(REAL)), st.randoms(use_true_random=False), st.integers(1, 4))
def test_a_mutated_report_is_one_or_none(name: str, chance: random.Random, changes: int) -> None:
    survives(mutated(name, chance, changes))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(TEXT)), st.integers(0, 40), st.text(max_size=8))
def test_a_mangled_text_is_a_report_or_none(start: int, length: int, middle: str) -> None:
    survives(TEXT[:start] + middle + TEXT[start + length :])


@settings(max_examples=300, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_json_is_a_report_or_none(value: Any) -> None:
    survives(json.dumps({"schema": "natprobe-report/1", "target": value, "sources": value, "observations": value}))


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", range(100))
def test_a_million_mutations(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(10_000):
        name = chance.choice(sorted(REAL))
        survives(mutated(name, chance, chance.randint(1, 4)))


# --- the schema


def test_the_schema_is_one_and_refuses_what_is_wrong() -> None:
    PLAIN.check_schema(schema())
    PLAIN(schema()).validate(plain())
    assert {"Foreign", "Observation"}.isdisjoint(schema()["$defs"])
    assert set(KINDS) <= set(schema()["$defs"])
    for change in ({"kind": "Connected"}, {"kind": "Stray", "id": "x"}, {"id": 3}, {"kind": 7, "id": 1, "source": 0}):
        report = plain() | {"observations": [change]}
        assert not VALIDATOR.is_valid(report), change
        assert faults(report), change
    assert faults(plain()) == []
