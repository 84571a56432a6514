"""The formats that programs read: valid by their grammars; annotations, and the one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import xmlschema

from natprobe.cli.output import plan
from natprobe.model import Report
from natprobe.render._manner import Gate, Held
from tests.case import cases
from tests.render import exposition, sarif
from tests.render.commands import Command, commands
from tests.render.machine import FINDING, KEPT, kept, rendered

MADE = [path for path in cases("memory") if isinstance(path, Path)]
XSD = xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd")))


@pytest.mark.parametrize(
    ("name", "format"),
    [("a.xml", "junit"), ("a.SARIF", "sarif"), ("a.prom", "prometheus"), ("a.md", "markdown"), ("a.htm", "html")],
)
def test_a_files_ending_names_its_format(name: str, format: str, tmp_path: Path) -> None:
    assert plan(None, [tmp_path / name], False).files == ((format, tmp_path / name),)


def valid(report: Report, gate: Gate | None = None) -> None:
    """In every such format."""
    XSD.validate(rendered("junit", report, gate))
    sarif.checked(json.loads(rendered("sarif", report, gate)))
    exposition.read(rendered("prometheus", report, gate))
    github = rendered("github", report, gate)
    found = commands(github)
    assert {each.name for each in found} <= {"error", "warning", "notice"}
    assert len(found) == github.count("\n")
    assert rendered("line", report, gate).count("\n") == 1


@pytest.mark.parametrize("name", KEPT)
def test_reports_of_old_are_valid_in_all_of_them(name: str) -> None:
    valid(kept(name))


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.stem)
def test_reports_of_the_cases_are_valid_in_all_of_them(path: Path, in_case: Callable[[Path], Report]) -> None:
    valid(in_case(path))


# --- GitHub


def test_annotations_name_file_and_line() -> None:
    finding = msgspec.structs.replace(FINDING, file="deploy/a,b:c.env", line=7, message="50 % is lost")
    report = msgspec.structs.replace(kept("peer-healthy"), findings=(finding,))
    text = rendered("github", report)
    assert "file=deploy/a%2Cb%3Ac.env,line=7::50 %25 is lost" in text
    assert commands(text)[1] == Command(
        "warning",
        {"title": "NP203 turn-unreachable", "file": "deploy/a,b:c.env", "line": "7"},
        "50 % is lost",
    )


def test_the_gate_sets_the_level_of_annotations() -> None:
    report = msgspec.structs.replace(kept("peer-healthy"), findings=(FINDING, FINDING, FINDING))
    held = (
        Held(demand="nothing from warning on", status="broken", findings=(0,)),
        Held(demand="NP203", status="waived", why="until June", findings=(1,)),
        Held(demand="turn-tls is open", status="broken", why="it is blocked"),
        Held(demand="p2p is open", status="unknown", why="not tried"),
    )
    found = commands(rendered("github", report, Gate(code=1, held=held)))
    assert [each.name for each in found] == ["error", "error", "warning", "error", "notice", "warning"]
    assert found[1].words == "turn-tls is open\nit is blocked"
    assert "waived: until June" in found[4].words


def test_what_could_not_be_told_is_a_warning() -> None:
    held = (Held(demand="NP101 is not found", status="unknown", why="NP102 may be NP101", findings=(0,)),)
    report = msgspec.structs.replace(kept("peer-healthy"), findings=(FINDING,))
    found = commands(rendered("github", report, Gate(code=3, held=held)))
    assert [(each.name, each.properties["title"]) for each in found] == [
        ("warning", "natprobe: meet.example.test good"),
        ("warning", "natprobe gate"),
        ("warning", "NP203 turn-unreachable"),
    ]


# --- one line


def test_the_line_has_its_fields_in_order() -> None:
    assert rendered("line", kept("peer-healthy")) == (
        "natprobe good meet.example.test direct-udp=open direct-tcp=open turn-udp=not-offered turn-tcp=not-offered"
        " turn-tls=not-offered turn-dtls=not-offered direct-tcp-proxy=not-offered turn-tcp-proxy=not-offered"
        " turn-tls-proxy=not-offered -: Media will flow between here and meet.example.test, directly over UDP"
        " | time=0.090s direct-udp=30.0ms direct-tcp=30.0ms\n"
    )


def test_the_line_of_a_server_has_no_ways() -> None:
    words = rendered("line", kept("relay-refuses-everybody"))
    assert words.startswith("natprobe broken turn NP206,NP515,NP217,NP518: turn has a fault: ")


def test_a_bar_in_words_begins_no_figures() -> None:
    report = kept("peer-healthy")
    verdict = msgspec.structs.replace(report.verdict, summary="a | b=1;2")
    words = rendered("line", msgspec.structs.replace(report, verdict=verdict))
    assert words.count("|") == 1
    assert "a / b=1;2 | time=" in words
