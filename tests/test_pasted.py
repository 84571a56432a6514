"""Reports as they are pasted: whole after whatever mail and chat did to them, judged as far as they go where cut."""

from __future__ import annotations

import json
import random
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natprobe import pasted as reading
from natprobe.codec import BadReport, Saved, dump, load, load_all
from natprobe.diagnose import diagnose
from natprobe.facts import TORN, Probed
from natprobe.model import Report
from natprobe.pasted import decoded
from natprobe.render import renderer
from tests.cli.command import natprobe
from tests.damages import ENCODED, MORE, WHOLE, Damage, anywhere, at_spaces, indented, printable, quoted, typographic

REAL = {path.stem: path.read_text() for path in sorted((Path(__file__).parent / "reports").glob("*.json"))}
SMALL, OTHER = REAL["peer-healthy"], REAL["udp-blocked"]


def judged(saved: Saved) -> Report:
    return diagnose(saved.target, saved.observations, saved.sources)


def observation_ends(text: str) -> list[int]:
    """Behind each line of an observation."""
    ends, at = [], text.index('"observations"')
    while (at := text.find("\n  {", at + 1)) >= 0 and at < text.index('\n "paths"'):
        ends.append(text.index("\n", at + 1))
    return ends


# --- whole


@pytest.mark.parametrize("damage", (WHOLE | MORE).values(), ids=WHOLE | MORE)
@pytest.mark.parametrize("name", REAL)
def test_what_was_pasted_is_what_was_sent(name: str, damage: Damage) -> None:
    (found,) = load_all(damage(REAL[name]))
    assert found.saved == load(REAL[name])


@pytest.mark.parametrize("encode", ENCODED.values(), ids=ENCODED)
def test_whatever_encoding_it_was_saved_in(encode: Damage) -> None:
    assert load(decoded(encode(SMALL))) == load(SMALL)  # type: ignore[arg-type]  # bytes, here


def test_what_no_encoding_explains_is_replaced_and_the_rest_read() -> None:
    name = SMALL.replace("Name or service not known", "Nom inconnu – désolé", 1)
    assert "désolé" in str(load(decoded(name.encode("cp1252"))).observations)
    cut_in_a_letter = name.encode()[: name.encode().index("é".encode()) + 1]
    assert "\ufffd" in decoded(cut_in_a_letter)


def test_what_was_undone_is_named() -> None:
    assert load_all(SMALL)[0].mended == ()
    assert load_all(f"Hi\n\n{SMALL}\nbye")[0].mended == ()
    assert load_all(quoted(SMALL))[0].mended == ("quote marks",)
    assert load_all(quoted(anywhere(SMALL, 72)))[0].mended == ("quote marks", "wrapped lines")
    assert load_all(printable(SMALL))[0].mended == ("quoted-printable",)
    assert load_all(typographic(SMALL))[0].mended == ("quotation marks",)


WORDS = st.text(alphabet="ab \u00a0\u200b\ufeff“”«>|=&;\n\t\\\"'‘-/{}[],:é\ufdd0\u2028", max_size=30)


@settings(max_examples=300, deadline=None)
@given(WORDS, st.sampled_from(["", "&quot;", "natprobe-report/1", "=3D", "> ", "“schema”"]))
def test_a_report_without_damage_is_read_to_the_letter(words: str, more: str) -> None:
    """Whatever stands in its strings: signs of damage too."""
    plain = json.loads(SMALL)
    plain["observations"][5]["detail"] = words + more
    for text in (json.dumps(plain), json.dumps(plain, ensure_ascii=False), json.dumps(plain, indent=2)):
        (found,) = load_all(text)
        assert found.saved.observations[5].detail == words + more
        assert found.mended == ()


def test_the_broken_line_is_joined_by_what_makes_sense_of_it() -> None:
    plain = json.loads(SMALL)
    plain["observations"][6]["detail"] = "it said no to us"
    text = json.dumps(plain)
    for here, there in (
        ("it said no", "it said\nno"),
        ('"nxdomain"', '"nx\ndomain"'),
        ("192.168.1.2", "192.168\n.1.2"),
        ('"host": "meet.example.test"', '"host": "meet.example\n.test"'),
        ("2026-11-21T06:11:57Z", "2026-11-\n21T06:11:57Z"),
    ):
        assert load(text.replace(here, there)) == load(text), there
    both = text.replace("it said no", "it said\nno").replace('"failure": "nxdomain"', '"failure": "nxdo\nmain"', 1)
    assert load(both) == load(text)


# --- several


def test_several_reports_each_come_once_and_in_order() -> None:
    between = "\n\nand the other one:\n\n"
    for text in (
        SMALL + OTHER,
        SMALL + between + OTHER,
        quoted(SMALL) + between + OTHER,
        SMALL + between + at_spaces(quoted(OTHER)),
        quoted(at_spaces(SMALL)) + between + typographic(OTHER),
        SMALL + between + OTHER + between + quoted(quoted(SMALL)),
        SMALL + between + OTHER + between + SMALL[: len(SMALL) // 2],
        SMALL[: len(SMALL) // 2] + between + SMALL + between + OTHER,
    ):
        assert [each.saved for each in load_all(text)] == [load(SMALL), load(OTHER)]
        assert load(text) == load(SMALL)


def test_too_many_reports_are_refused() -> None:
    small = json.loads(SMALL)
    small["observations"] = small["observations"][:1]
    with pytest.raises(BadReport, match="51 reports"):
        load_all("\n".join(json.dumps(small | {"duration": number}) for number in range(51)))


def test_a_report_in_anothers_answer_is_found() -> None:
    assert load(json.dumps({"ticket": 7, "attachment": json.loads(SMALL)})) == load(SMALL)
    assert load("{" * 300 + "\n" + SMALL) == load(SMALL)


# --- torn


@pytest.mark.parametrize("damage", [WHOLE[each] for each in ("as it is", "quoted", "wrapped at 72", "smart quotes")])
def test_what_is_cut_off_is_read_as_far_as_it_goes(damage: Damage) -> None:
    """At each tenth observation, and in its middle."""
    text = damage(SMALL)
    whole = load(SMALL)
    last = 0
    for end in range(len(text) // 6, len(text), 997):
        saved = load(text[:end])
        seen = [each for each in saved.observations if not isinstance(each, Probed) or each.detail != TORN]
        assert seen == list(whole.observations[: len(seen)])
        assert last <= len(seen)
        assert saved.torn is (len(seen) < len(whole.observations)) or len(seen) == len(whole.observations)
        last = len(seen)
    assert last == len(whole.observations)


@pytest.mark.parametrize("name", REAL)
def test_of_a_part_nothing_is_claimed_that_the_whole_refutes(name: str) -> None:
    whole = judged(load(REAL[name]))
    for end in observation_ends(REAL[name])[:-1:17]:
        saved = load(REAL[name][:end])
        report = judged(saved)
        assert saved.torn
        assert report.verdict.status in {"unknown", "broken"}
        assert report.verdict.status in {"unknown", whole.verdict.status}
        for part, all_told in zip(report.paths, whole.paths, strict=True):
            assert part.status in {"unknown", all_told.status}
        assert ("NP903", "report-cut") in {(each.code, each.reason) for each in report.unknown}
        assert load(dump(report)) == saved


def test_without_the_last_words_nothing_is_missing() -> None:
    assert load(SMALL[:-3]) == load(SMALL)
    assert load(SMALL[: SMALL.index('"paths"') + 30]) == load(SMALL)


def test_after_a_gap_nothing_is_read() -> None:
    ends = observation_ends(SMALL)
    for gap in ("[…]", "\n[...]\n", "… 20 more lines …"):
        saved = load(SMALL[: ends[9] - 20] + gap + SMALL[ends[20] + 1 :])
        assert [each.id for each in saved.observations[:-1]] == list(range(1, 10))
        assert saved.torn


def test_of_several_vantages_the_missing_ones_are_said_to_be() -> None:
    text = REAL["silent-media-port"]
    saved = load(text[: observation_ends(text)[5]])
    assert [each.source for each in saved.observations if isinstance(each, Probed) and each.detail == TORN] == [0, 1, 2]
    assert judged(saved).verdict.status == "unknown"


def test_a_foreign_end_is_not_torn_off_twice() -> None:
    """What was read of a part and written is a report like any other."""
    torn = load(SMALL[: observation_ends(SMALL)[8]])
    again = load(dump(judged(torn))[:-200])
    assert again == torn


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SMALL[500:], "the beginning of the report is missing"),
        (quoted(SMALL[500:]), "the beginning of the report is missing"),
        (SMALL[:300], "breaks off"),
        (SMALL[: SMALL.index('"observations"') + 16], "breaks off"),
        ('{"schema": "natprobe-report/1", "observations": [{"kind": "Run"', "breaks off"),
        ('{"schema": "natprobe-report/1", "observations": [{"kind": "Run"}, {', "target"),
        ("> {“schema”: “natprobe-report/1”", "breaks off"),
    ],
    ids=range(7),
)
def test_what_is_too_little_is_refused(text: str, words: str) -> None:
    with pytest.raises(BadReport, match=words):
        load(text)


# --- hostile

MARK = '"schema": "natprobe-report/1'
HOSTILE = {
    "braces": "{" * (1 << 20),
    "beginnings": ("{" + MARK + '", ') * 60_000,
    "marks": "schema natprobe-report/ " * 60_000,
    "far marks": ("schema" + " " * 39) * 30_000,
    "quotes": ">" * (1 << 20),
    "quoted beginnings": ("> " * 50 + "{" + MARK + "\n") * 8_000,
    "spaces": "{" + MARK + " " * (1 << 20),
    "open strings": "{" + MARK + '", "observations": [' + '"' * (1 << 20),
    "smart quotes": "{“schema”: “natprobe-report/1”, " + "“ " * (1 << 19),
    "smart and spaces": "{“schema”: “natprobe-report/1”, “" + ("”" + " " * 200) * 5000,
    "backslashes": "{" + MARK + '", "a": "' + "\\" * (1 << 20),
    "lines": "{" + MARK + '", "a": "' + "\n" * (1 << 20),
    "spaced lines": "{" + MARK + '", "a": "' + " \n" * (1 << 19),
    "soft breaks": "{" + MARK + '", "a": "' + "=\n" * (1 << 19),
    "octets": "{" + MARK + '=3D", "a": "' + "=C3" * (1 << 18) + "=\n",
    "entities": "{&quot;schema&quot;: &quot;natprobe-report/1" + "&amp;" * (1 << 17) + "<a" * (1 << 17),
    "observations": "{" + MARK + '", "observations": [' + "{}," * (1 << 18),
    "deep": "{" + MARK + '", "observations": [' + "[" * (1 << 20),
    "invisible": "{" + MARK + "\u200b" * (1 << 20),
    "broken lines": "{" + MARK + '", "observations": [' + '{"a": "b\nc"},' * (1 << 16),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_refused_in_time_that_grows_with_them(text: str) -> None:
    """Four times as much takes about four times the processor's time."""
    spent = []
    for part in (text[: len(text) // 4], text):
        began = time.process_time()
        with pytest.raises(BadReport):
            load_all(part)
        spent.append(time.process_time() - began)
    assert spent[1] < max(1.0, 10 * spent[0]), spent


def test_a_damaged_text_beyond_all_measure_is_not_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_MENDED_MAX", 1000)
    with pytest.raises(BadReport, match="breaks off"):
        load(SMALL[:5000])


def test_damage_upon_damage() -> None:
    """A report of the same vantage, or one sentence."""
    chance = random.Random(7)
    damages = list(WHOLE.values())
    for _ in range(40):
        text = SMALL
        for damage in chance.sample(damages, 2):
            text = damage(text)
        with suppress(BadReport):
            (found,) = load_all(text)
            assert (found.saved.target, found.saved.sources) == (load(SMALL).target, load(SMALL).sources)


# --- our own pages, and the command


@pytest.mark.parametrize("damage", [WHOLE[each] for each in ("as it is", "in a mail", "lines of Windows")])
@pytest.mark.parametrize("form", ["html", "markdown"])
@pytest.mark.parametrize("name", ["peer-healthy", "proxy-relay-443"])
def test_a_page_of_ours_carries_the_report(name: str, form: str, damage: Damage) -> None:
    page = renderer(form).render(judged(load(REAL[name])))
    (found,) = load_all(damage(page))
    assert found == (load(REAL[name]), ())


def test_a_quoted_ticket_carries_it_too() -> None:
    page = renderer("markdown").render(judged(load(SMALL)))
    assert load_all(at_spaces(quoted(page)))[0].saved == load(SMALL)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (SMALL.encode(), b""),
        (quoted(SMALL).encode(), b"natprobe: -: the text was damaged on its way, and read without its quote marks\n"),
        ((SMALL + OTHER).encode("utf-16"), b"natprobe: -: 2 reports are in it, and each is a vantage of its own\n"),
        (SMALL[:6000].encode(), b"natprobe: -: the report breaks off 0.0 s into the run: what is missing"
         b" cannot be judged\n"),
    ],
    ids=["whole", "quoted", "two", "part"],
)  # fmt: skip
def test_what_a_reader_has_to_know_is_on_stderr(data: bytes, said: bytes) -> None:
    done = natprobe("diagnose", "-", "--fail-on", "never", stdin=data)
    assert (done.returncode, done.stderr) == (0, said)
    assert natprobe("diagnose", "-", "-q", "--fail-on", "never", stdin=data).stderr == b""


def test_several_of_one_label_are_numbered() -> None:
    done = natprobe("diagnose", "home=-", "--json", stdin=(SMALL + OTHER).encode())
    assert [each["label"] for each in json.loads(done.stdout)["sources"]] == ["home 1", "home 2"]


@pytest.mark.parametrize("width", [60, 78])
@pytest.mark.parametrize("name", REAL)
def test_no_space_comes_into_what_has_none(name: str, width: int) -> None:
    """Digests and addresses are compared; with a space in them the judging would be another one."""
    (found,) = load_all(indented(REAL[name], width))
    assert judged(found.saved).verdict == judged(load(REAL[name])).verdict
    for each, same in zip(found.saved.observations, load(REAL[name]).observations, strict=True):
        for field in ("digest", "sha256", "url", "location", "failure"):
            assert getattr(each, field, None) == getattr(same, field, None)
