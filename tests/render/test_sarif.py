"""SARIF: places, fingerprints that stay, and changes that are exact."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from natprobe.model import Finding, Report, Set
from natprobe.render._manner import Gate, Held
from tests.made_server import file, inspected, setting
from tests.render import sarif
from tests.render.machine import FINDING, kept, rendered


def run_of(report: Report, gate: Gate | None = None) -> dict[str, Any]:
    return sarif.checked(json.loads(rendered("sarif", report, gate)))


def test_a_finding_in_a_file_is_at_its_line() -> None:
    """Blanks and umlauts are escaped (RFC 3986); what natprobe was given relative stays so."""
    places = {"/etc/a b/ü.conf": "file:///etc/a%20b/%C3%BC.conf", "deploy/.env": "deploy/.env"}
    for path, uri in places.items():
        finding = msgspec.structs.replace(FINDING, file=path, line=7)
        result = run_of(msgspec.structs.replace(kept("peer-healthy"), findings=(finding,)))["results"][0]
        physical = result["locations"][0]["physicalLocation"]
        assert physical["artifactLocation"]["uri"] == uri
        assert ("uriBaseId" in physical["artifactLocation"]) == (not path.startswith("/"))
        assert physical["region"] == {"startLine": 7}
        assert result["properties"]["synthetic"] is False


def test_a_finding_in_the_network_has_a_place_too() -> None:
    result = run_of(kept("udp-blocked"))["results"][0]
    location = result["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "natprobe/meet.example.test"
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "meet.example.test/local-network"
    assert result["properties"]["synthetic"] is True


def test_fingerprints_stay_when_figures_and_lines_change() -> None:
    report = kept("peer-healthy")
    before = msgspec.structs.replace(FINDING, file="/etc/x", line=3, message="7 days")
    after = msgspec.structs.replace(before, line=9, message="6 days", evidence=(1,))
    other = msgspec.structs.replace(before, file="/etc/y")

    def prints(*findings: Finding) -> list[str]:
        results = run_of(msgspec.structs.replace(report, findings=findings))["results"]
        return [each["partialFingerprints"]["primaryLocationLineHash"] for each in results]

    assert prints(before) == prints(after)
    assert prints(before) != prints(other)
    assert len({*prints(before, before, other)}) == 3


def test_the_run_ends_with_the_gates_code() -> None:
    report = kept("web-broken")
    held = (
        Held(demand="turn-tls is open", status="broken", why="it is blocked", ways=("turn-tls",)),
        Held(demand="no error", status="waived", why="until June", findings=(0,)),
    )
    run = run_of(report, Gate(code=1, held=held))
    assert run["invocations"][0]["exitCode"] == 1
    assert "exitCode" not in run_of(report)["invocations"][0]
    assert run["results"][0]["suppressions"][0]["justification"] == "until June"
    assert run["results"][-1]["ruleId"] == "gate"
    assert run["results"][-1]["message"]["text"] == "turn-tls is open\nit is blocked"


def test_words_with_braces_and_brackets_are_neither_places_nor_links() -> None:
    finding = msgspec.structs.replace(FINDING, message="see [this](https://evil.example/) and {0} at [2001:db8::1]:5")
    report = msgspec.structs.replace(kept("peer-healthy"), findings=(finding,))
    text = run_of(report)["results"][0]["message"]["text"]
    assert text.splitlines()[0] == "see [this] (https://evil.example/) and {{0}} at [2001:db8::1]:5"


def fix(op: str, line: int | None, text: str = "", path: str = "/etc/turnserver.conf") -> Set:
    return Set(system="coturn", file=path, op=op, key="k", line=line, text=text, audience="server")  # type: ignore[arg-type]


def changes(*fixes: Set, **more: Any) -> Any:
    """What of them stands in the file of ten lines as changes."""
    observations = (file("coturn", lines=10, **more), setting("coturn", "lt-cred-mech", line=4, secret=1))
    report = msgspec.structs.replace(
        inspected(*observations), findings=(msgspec.structs.replace(FINDING, fixes=fixes),)
    )
    found = run_of(report)["results"][0].get("fixes")
    return found and [
        (each["deletedRegion"], each.get("insertedContent", {}).get("text"))
        for change in found[0]["artifactChanges"]
        for each in change["replacements"]
    ]


def test_exact_fixes_are_changes_of_lines() -> None:
    assert changes(fix("set", 10, "realm=x")) == [({"startLine": 10}, "realm=x")]
    behind = {"startLine": 10, "startColumn": 1, "endLine": 10, "endColumn": 1}
    assert changes(fix("add", 9, "realm=x")) == [(behind, "realm=x\n")]
    gone = {"startLine": 3, "startColumn": 1, "endLine": 4, "endColumn": 1}
    assert changes(fix("remove", 3), fix("set", 5, "b")) == [(gone, None), ({"startLine": 5}, "b")]


@pytest.mark.parametrize(
    "fixes",
    [
        [fix("set", None, "a")],
        [fix("set", 11, "a")],
        [fix("add", 10, "a")],  # the last line may have no end
        [fix("remove", 10)],
        [fix("set", 3)],
        [fix("set", 3, "a=YOUR-NAME")],
        [fix("set", 3, "a\nb")],
        [fix("set", 4, "a")],  # holds a secret
        [fix("set", 3, "a", "/etc/other")],
        [fix("set", 3, "a"), fix("set", None, "b")],
        [fix("set", 3, "a"), fix("add", 3, "b")],
        [],
    ],
)
def test_what_is_not_exact_is_told_in_words_alone(fixes: list[Set]) -> None:
    assert changes(*fixes) is None


def test_a_file_where_blanks_have_a_meaning_or_that_is_written_anew_is_left_alone() -> None:
    assert changes(fix("set", 3, "a"), form="yaml") is None
    assert changes(fix("set", 3, "a"), generated=True) is None
    assert changes(fix("set", 3, "a"), failure="limit") is None
