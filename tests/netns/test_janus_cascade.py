"""A cascade with --apply: who may make rooms, and that nothing is left of them, ended or interrupted."""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec

from tests import access
from tests.case import CASES, load
from tests.netns.janus_rooms import HEAD
from tests.netns.lab import Lab, lab
from tests.netns.test_janus_left import told
from tests.netns.test_jitsi_left import ended

LOG = "cascade.log"
# Private rooms are listed for whoever has the key.
LIST = f"""{HEAD}
print(json.dumps(asked(request="list", admin_key="{access.SECRET}")["list"]))
ask(f"/{{session}}", janus="destroy")
"""


def test_rooms_are_made_with_the_key_and_removed() -> None:
    case = load(CASES / "janus-cascade-not-forwarded.toml")
    cascade = msgspec.structs.replace(case.cascade, key="right", forwards="10000-10099")
    case = msgspec.structs.replace(case, cascade=cascade, target="janus+https://meet.example.test/janus")
    with lab(case) as built:
        before = len(rooms(built))
        asked, flows = checked(built, *access.options(case, built.network.folder))
        assert [each["failure"] for each in asked] == [None] * len(asked)
        assert [(each["by"], each["sent"], each["arrived"]) for each in flows] == [
            ("target", 40, 40),
            ("here", 40, 40),
        ]
        assert len(rooms(built)) == before
        wrong = msgspec.structs.replace(case, cascade=msgspec.structs.replace(cascade, key="wrong"))
        asked, flows = checked(built, *access.options(wrong, built.network.folder))
        assert [(each["request"], each["error_code"]) for each in asked] == [("create", 433)]
        assert flows == []
        for moment in (0.05, 0.3, 0.8):
            ended(built, moment, LOG, *access.options(case, built.network.folder))
            assert len(rooms(built)) == before, f"interrupted after {moment} s"
        made, gone = told(built, LOG)
        assert made == gone


def checked(built: Lab, *options: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The requests, and what was sent."""
    words = ("--only", "cascade", "--stun", "none", "--json", "--ca-file", str(built.root), *options)
    report = json.loads(built.client.natprobe("check", built.target, *words).stdout)
    seen = report["observations"]
    return [e for e in seen if e["kind"] == "CascadeRequest"], [e for e in seen if e["kind"] == "CascadeFlow"]


def rooms(built: Lab) -> list[Any]:
    return list(json.loads(built.network["cascade"].run([sys.executable, "-c", LIST]).stdout))
