"""What the text report chooses to show, how it names it, and that everybody can read it."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import msgspec
import pytest

from natprobe.causes import BY_CODE
from natprobe.codec import load as loaded
from natprobe.diagnose import diagnose
from natprobe.facts import IceCheck, IdleMapping, OtherPayload, Stray
from natprobe.model import Failure, Report
from natprobe.render._manner import PLAINLY, Gate, Held, Manner
from natprobe.render._telling import EVIDENCE_MAX, outline
from natprobe.render._words import seen
from natprobe.render.text import WIDTH, WIDTH_MAX, WIDTH_MIN, lines, render
from natprobe.wording import speaking
from tests.case import CASES, load
from tests.cli.command import REPORTS, on_a_terminal
from tests.made import LOCAL, OUTSIDE, STUN1
from tests.show import shown

SAVED = sorted(REPORTS.glob("*.json"))
BROKEN = REPORTS / "jitsi-only-web-out.json"


def judged(path: Path) -> Report:
    saved = loaded(path.read_text())
    return diagnose(saved.target, saved.observations, saved.sources)


def words(report: Report, manner: Manner = PLAINLY, width: int = WIDTH) -> str:
    """All of it in one line."""
    return " ".join(" ".join(line.text for line in lines(report, manner, width)).split())


def bare(text: str) -> str:
    """As a screen reader that says no signs would read it."""
    return " ".join(re.sub(r"[^\w\s]", " ", text).split())


def test_what_decided_is_shown_among_much_evidence() -> None:
    """The router's one word stands behind sixteen answers of STUN servers."""
    printed = shown(load(CASES / "carrier-router-tells.toml")).partition("with the fix")[0]
    assert "router 192.168.1.1 says that its outside address is 100.64.0.7" in printed
    assert printed.count("seen #") == EVIDENCE_MAX


def test_what_never_left_was_not_sent() -> None:
    check = IceCheck(endpoint=STUN1, transport="udp", size=0, tries=0, failure=Failure.ADDRESS_NOT_LOCAL)
    assert seen(check) == f"ICE check over UDP to {STUN1}, not sent: address-not-local"


def test_an_idle_mapping_that_lives_says_so() -> None:
    idle = IdleMapping(server=STUN1, local=LOCAL, mapped=OUTSIDE, idle=15, by="response-port", tries=1)
    assert (
        seen(idle) == f"mapping {OUTSIDE} of {LOCAL} after 15 idle seconds still there, asked by response-port, 1 try"
    )


def test_words_for_other_payloads_and_for_one_stray() -> None:
    other = OtherPayload(server=STUN1, local=LOCAL, payload="classic-stun", tries=6, answers=6)
    assert seen(other) == f"STUN without the magic cookie to {STUN1}, 6 of 6 tries answered"
    stray = Stray(local=LOCAL, sender=STUN1, fault="altered", count=1)
    assert seen(stray).startswith("1 stray datagram from ")


# --- everything is in it, in words


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_the_answer_comes_first(path: Path) -> None:
    report = judged(path)
    assert words(report).startswith(" ".join(report.verdict.summary.split()) + ". ")
    assert lines(report)[0].style == report.verdict.status


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_every_finding_fix_and_question_is_in_it(path: Path) -> None:
    report, told = judged(path), words(judged(path))
    for finding in report.findings:
        head = f"{finding.severity.upper()} {finding.code} {finding.cause}, "
        assert f"{head}" in told
        assert " ".join(finding.message.rstrip(".?").split()) in told.partition(head)[2]
        assert all(other.code in told.partition(head)[2] for other in finding.alternatives)
    for unknown in report.unknown:
        assert f"{unknown.code} {BY_CODE[unknown.code].name}: " in told
    for todo in outline(report).todo:
        assert todo.title in told.partition("Findings")[2]
        for codes, advice in todo.advice:
            assert f"- {', '.join(codes)}: {' '.join(advice.words.split())}" in told.partition(todo.title)[2]
            assert set(codes) <= {finding.code for finding in report.findings}
            assert all(f"        {line}" in render(report).split("\n") for each in advice.copy for line in each.lines)


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_findings_come_by_importance_and_fixes_by_who_can_do_them(path: Path) -> None:
    order = ("ERROR", "WARNING", "NOTE")
    ranks = [line.text.split()[0] for line in lines(judged(path)) if line.style in ("error", "warning", "note")]
    assert [each for each in ranks if each in order] == sorted(
        (each for each in ranks if each in order), key=order.index
    )
    audiences = [each.audience for each in outline(judged(path)).todo]
    assert audiences == sorted(set(audiences), key=("user", "network", "server").index)


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_statuses_are_words_without_any_sign(path: Path) -> None:
    """No arrow, cross or colour says what words don't."""
    report = judged(path)
    told = bare(words(report))
    for way in outline(report).ways:
        assert f"{bare(way.state)} {' '.join(bare(name) for name in way.names)} " in f"{told} "
        assert bare(way.words) in told
        broken = way.status == "blocked" and len(way.legs) > 1
        assert not broken or re.search("breaks at|comes as far as|where it breaks", way.words)
    assert f"Verdict {report.verdict.status} " in told


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
@pytest.mark.parametrize("width", [WIDTH_MIN, WIDTH, WIDTH_MAX])
def test_no_line_is_too_long_but_what_is_copied(path: Path, width: int) -> None:
    for line in lines(judged(path), Manner(verbose=True), width):
        longest = max(map(len, line.text.split()), default=0)
        assert len(line.text) <= width or line.copied or longest > width - 20, line.text
        assert line.text == line.text.rstrip()


@pytest.mark.parametrize(("asked", "got"), [(10, WIDTH_MIN), (60, 60), (97, 97), (500, WIDTH_MAX)])
def test_as_wide_as_the_terminal_within_reason(asked: int, got: int) -> None:
    assert lines(judged(BROKEN), width=asked) == lines(judged(BROKEN), width=got)


def test_all_is_ascii() -> None:
    """Where it is English and nothing else came from outside."""
    for path in SAVED:
        assert render(judged(path), Manner(verbose=True)).isascii()


def test_exchanges_with_v_alone() -> None:
    report = judged(BROKEN)
    assert "Everything that was seen" not in words(report)
    told = words(report, Manner(verbose=True)).partition("Everything that was seen")[2]
    assert all(f"#{each.id} {each.at:.3f}s " in told for each in report.observations)


def test_the_gate_says_what_was_demanded_and_what_became_of_it() -> None:
    held = (
        Held(demand="direct-udp is open", status="broken", why="it is blocked"),
        Held(demand="no error", status="kept"),
        Held(demand="no udp-blocked", status="waived", why="until 2027-01-01"),
    )
    told = words(judged(BROKEN), Manner(gate=Gate(code=1, held=held, asked=True)))
    assert told.endswith(
        "Gate broken: direct-udp is open (it is blocked) kept: no error waived: no udp-blocked (until 2027-01-01)"
        " Exit code 1."
    )
    assert "Gate" not in words(judged(BROKEN), Manner(gate=Gate(code=1, held=held)))  # nobody asked


def test_equal_fixes_stand_once_with_all_that_they_mend() -> None:
    report = judged(BROKEN)
    first = report.findings[0]
    twin = msgspec.structs.replace(report, findings=(first, msgspec.structs.replace(first, code="NP102")))
    for todo in outline(twin).todo:
        assert all(set(codes) == {first.code, "NP102"} for codes, _ in todo.advice)
    assert sum(len(each.advice) for each in outline(twin).todo) == len(first.fixes)


# --- languages


def test_what_stands_in_two_columns_each_is_wrapped_so() -> None:
    """Every sentence as long in Chinese signs as in letters."""

    def translate(template: str) -> str:
        parts = re.split(r"(\{[^{}]*\})", template)
        return "".join(
            part if part.startswith("{") else "".join("文" if c.isalpha() else c for c in part) for part in parts
        )

    with speaking(translate):
        told = lines(judged(BROKEN))
    assert "文" in told[0].text
    for line in told:
        wide = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line.text)
        assert wide <= WIDTH or line.copied or max(map(len, re.split(r"[文\s]", line.text))) > WIDTH - 20, line.text


# --- terminals


@pytest.mark.parametrize(("columns", "width"), [(40, WIDTH_MIN), (72, 72), (200, WIDTH_MAX), (0, WIDTH)])
@pytest.mark.parametrize("env", [{"TERM": "xterm"}, {"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_on_a_terminal_it_is_as_wide_as_that(columns: int, width: int, env: dict[str, str]) -> None:
    printed = on_a_terminal("diagnose", str(BROKEN), "--fail-on", "never", columns=columns, **env).decode()
    assert ("\x1b[" in printed) is (env == {"TERM": "xterm"})
    plain = re.sub(r"\x1b\[[0-9;]*m", "", printed).replace("\r\n", "\n")
    report = plain.partition("\nGate\n")[0].split("\n")
    assert report[:-1] == [line.text for line in lines(judged(BROKEN), width=width)]
