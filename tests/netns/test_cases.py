"""Every case of the kernel ring: build the network, run `natprobe check` on its client, compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from natprobe.model import Fix, Set
from natprobe.render._fixing import copies
from natprobe.servers.squid import FILE
from tests import access
from tests.case import Case, Expect, load, repaired
from tests.expect import differences, told
from tests.first_lines import pattern
from tests.first_lines import told as told_first
from tests.netns.chosen import FILES, held_elsewhere, sampled
from tests.netns.lab import lab

STUN = ("--stun", "stun:stun1.example.test", "--stun", "stun:stun2.example.test")
USUAL = sampled()
ALL = [pytest.param(path, id=path.stem, marks=() if path in USUAL else pytest.mark.long) for path in FILES]


@pytest.mark.parametrize("path", ALL)
def test_case(path: Path) -> None:
    case = load(path)
    report = holds(case, case.expect)
    first = told_first()["kernel"].get(path.stem)  # of what memory has as well, it is looked at there
    assert first is None or pattern(report["verdict"]["summary"]) == pattern(first)
    assert set(written(case)) <= set(advised(report)), "the fix of squid.conf is not the report's"
    if case.fixed and held_elsewhere(case) is None:
        holds(repaired(case), case.fixed)


def written(case: Case) -> tuple[str, ...]:
    """Lines of squid.conf that mend it."""
    return repaired(case).proxy.lines


def advised(report: dict[str, Any]) -> list[str]:
    """Those that the report has."""
    fixes = [msgspec.convert(fix, Fix) for finding in report["findings"] for fix in finding["fixes"]]
    copied = [line for fix in fixes for each in copies(fix) if each.label == FILE for line in each.lines]
    return [*copied, *(fix.key for fix in fixes if isinstance(fix, Set) and fix.system == "squid")]


def holds(case: Case, expect: Expect) -> dict[str, Any]:
    """The report that is as it should be."""
    report, code, stderr = checked(case)
    if wrong := differences(expect, report, code):
        pytest.fail("\n".join([case.title, *wrong, told(report), stderr]), pytrace=False)
    return report


def checked(case: Case) -> tuple[dict[str, Any], int, str]:
    """The report of a network built for it, the exit code and what was said beside."""
    with lab(case) as built:
        stun = () if "--stun" in case.options else STUN
        given = access.options(case, built.network.folder)
        # What raw sockets see decides no verdict (test_raw.py): scapy's time for each of a hundred networks is saved.
        options = [*stun, *given, "--skip", "raw", "--json", "--ca-file", str(built.root), *case.options]
        done = built.client.natprobe("check", built.target, *options, env=access.environment(case))
    if not done.stdout:
        pytest.fail(f"exit {done.returncode}, no report\n{done.stderr}", pytrace=False)
    return json.loads(done.stdout), done.returncode, done.stderr
