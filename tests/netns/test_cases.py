"""Every case of the kernel ring: build the network, run `natprobe check` on its client, compare."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import access
from tests.case import Case, Expect, cases, load, repaired
from tests.expect import differences, told
from tests.netns.lab import lab

STUN = ("--stun", "stun:stun1.example.test", "--stun", "stun:stun2.example.test")
FILES = [path for path in cases("kernel") if isinstance(path, Path)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = load(path)
    holds(case, case.expect)
    if case.fixed:
        holds(repaired(case), case.fixed)


def holds(case: Case, expect: Expect) -> None:
    with lab(case) as built:
        stun = () if "--stun" in case.options else STUN
        given = access.options(case, built.network.folder)
        options = [*stun, *given, "--json", "--ca-file", str(built.root), *case.options]
        done = built.client.natprobe("check", built.target, *options)
    if not done.stdout:
        pytest.fail(f"exit {done.returncode}, no report\n{done.stderr}", pytrace=False)
    report = json.loads(done.stdout)
    if wrong := differences(expect, report, done.returncode):
        pytest.fail("\n".join([case.title, *wrong, told(report), done.stderr]), pytrace=False)
