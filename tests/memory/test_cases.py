"""The catalogue of failures in memory: every case that wants this ring, as it stands and with its fix applied."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

from natprobe.cli.access import access
from natprobe.cli.app import app
from natprobe.cli.check import bitrate
from natprobe.codec import dump
from natprobe.context import Options
from natprobe.diagnose import diagnose
from natprobe.model import Family, Report
from natprobe.target import parse, stun_server, turn_server
from tests import access as tell
from tests.case import Case, Expect, cases, load, pasted, repaired
from tests.expect import differences, told
from tests.gates import exit_code
from tests.lab.build import Lab, build
from tests.lab.check import ended

BOTH_SERVERS = ("--stun", "stun:stun1.example.test", "--stun", "stun:stun2.example.test")
FAMILIES: dict[tuple[bool, bool], tuple[Family, ...]] = {(True, False): (4,), (False, True): (6,)}
PATHS = [path for path in cases("memory") if isinstance(path, Path)]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_case_is_found(path: Path, in_case: Callable[[Path], Report]) -> None:
    case = load(path)
    as_expected(case, case.expect, typed(case, build(case)), in_case(path))


@pytest.mark.parametrize("path", [path for path in PATHS if load(path).fixed], ids=lambda path: path.stem)
def test_its_fix_fixes_it(path: Path) -> None:
    case = load(path)
    assert case.fixed is not None
    mended = repaired(case)
    lab = build(mended)
    as_expected(mended, case.fixed, asked := typed(mended, lab), checked(lab, asked))


def as_expected(case: Case, expect: Expect, asked: dict[str, Any], report: Report) -> None:
    code = exit_code(report, asked["fail_on"], asked["require"])
    plain = json.loads(dump(report))
    wrong = differences(expect, plain, code)
    assert not wrong, "\n".join([case.title, *wrong, told(plain)])


@cache
def command() -> Any:
    """`check`, as typer reads it; that took a quarter of a case's time."""
    return typer.main.get_command(app).get_command(None, "check")  # type: ignore[attr-defined]  # app is a group


def typed(case: Case, lab: Lab) -> dict[str, Any]:
    """The case's command line, read as `natprobe check` reads it."""
    target = pasted(case, lab.peer_target)
    servers = () if "--stun" in case.options else BOTH_SERVERS
    with tempfile.TemporaryDirectory() as folder:
        given = tell.options(case, Path(folder))
        asked = dict(command().make_context("check", [target, *servers, *given, *case.options]).params)
        password, secret = (asked[f"turn_{each}_file"] for each in ("password", "secret"))
        asked["access"] = access(asked["turn_username"], password and Path(password), secret and Path(secret), {})
    return asked


def checked(lab: Lab, asked: dict[str, Any]) -> Report:
    """What `natprobe check` does, in the lab's network and time."""
    link = parse(asked["target"], asked["kind"])
    session = ended(lab, link, options(asked, lab), access=asked["access"])
    return diagnose(link.target, session.observations, [session.source])


def options(asked: dict[str, Any], lab: Lab) -> Options:
    words = asked["stun"]
    return Options(
        timeout=asked["timeout"],
        idle=asked["idle"],
        bitrate=bitrate(asked["bitrate"]),
        compare=asked["compare"],
        packets=asked["packets"],
        trace=asked["trace"],
        audit_relay=asked["audit_relay"],
        shallow=asked["shallow"],
        deep=asked["deep"],
        hold=asked["hold"],
        sessions=asked["sessions"],
        families=FAMILIES.get((asked["v4"], asked["v6"]), (4, 6)),
        sources=tuple(asked["source"] or ()),
        only=tuple(asked["only"] or ()),
        skip=tuple(asked["skip"] or ()),
        stun=() if words == ["none"] else tuple(stun_server(word) for word in words),
        turn=tuple(turn_server(word) for word in asked["turn"] or ()),
        turn_access=asked["access"].kind,
        insecure=asked["insecure"],
        ca_pem=lab.ca_pem,
    )
