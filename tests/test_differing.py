"""What changed from one report to a later one: `natprobe diff`."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from natprobe.codec import load
from natprobe.diagnose import diagnose
from natprobe.differing import Difference, compare
from natprobe.facts import Candidate, Certificate, Resolved, Run
from natprobe.model import Report, Severity
from natprobe.render._difference import as_json, as_text
from tests.cli.command import REPORTS, natprobe

NAMES = sorted(path.stem for path in REPORTS.glob("*.json"))
HEALTHY, BLOCKED = str(REPORTS / "peer-healthy.json"), str(REPORTS / "udp-blocked.json")


def report(name: str, cut: float = 1.0) -> Report:
    text = (REPORTS / f"{name}.json").read_text()
    saved = load(text[: int(len(text) * cut)])
    return diagnose(saved.target, saved.observations, saved.sources)


def changed(old: str, new: str) -> Difference:
    return compare(report(old), report(new))


def first(difference: Difference) -> str:
    return as_text(difference).split(":")[0]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_differs_from_itself(name: str) -> None:
    found = changed(name, name)
    assert (found.answer, found.worse, found.new_worst) == ("same", False, None)
    assert (found.findings, found.paths, found.unknown, found.servers, found.options) == ((), (), (), (), ())
    assert first(found) == "Nothing that matters changed"


@pytest.mark.parametrize("new", NAMES)
@pytest.mark.parametrize("old", NAMES)
def test_forth_and_back_are_opposites(old: str, new: str) -> None:
    forth, back = changed(old, new), changed(new, old)
    assert [(each.name, each.old, each.new) for each in forth.paths] == [
        (each.name, each.new, each.old) for each in back.paths
    ]
    assert not (forth.worse and back.worse)
    assert {each.code for each in forth.findings if each.change == "new"} == {
        each.code for each in back.findings if each.change in ("gone", "untold")
    }
    for text in (as_text(forth), as_text(back)):
        assert all(len(line) <= 80 or " " not in line.strip() for line in text.splitlines())


def test_what_got_fixed_is_said_first() -> None:
    found = changed("jitsi-only-web-out", "jitsi-only-web-out-relayed")
    assert (found.answer, found.worse, found.new_worst) == ("fixed", False, None)
    assert as_text(found).startswith("Fixed: Media will flow between here and meet.example.test, but only by a relay")
    assert {(each.change, each.cause) for each in found.findings} >= {("gone", "turn-not-offered"), ("milder", "udp-blocked")}  # fmt: skip  # noqa: E501
    assert ("turn-tls", "not-offered", "open") in {(each.name, each.old, each.new) for each in found.paths}


def test_what_got_worse_is_said_first() -> None:
    found = changed("peer-healthy", "udp-blocked")
    assert (found.answer, found.worse, found.new_worst) == ("worse", True, Severity.WARNING)
    assert as_text(found).startswith("Worse: Media will flow between here and meet.example.test, but only by TCP")
    assert "direct-udp" in as_text(found)


def test_a_part_fixes_nothing() -> None:
    """What is not in the part may be there all the same."""
    found = compare(report("udp-blocked"), report("peer-healthy", 0.2))
    assert found.answer == "untold"
    assert found.new.torn
    assert {each.change for each in found.findings} == {"untold"}
    assert "breaks off" in as_text(found)


def with_(base: Report, **fields: object) -> Report:
    return msgspec.structs.replace(base, **fields)


def test_round_trips_and_losses_of_every_day_are_no_change() -> None:
    base = report("peer-healthy")
    direct = base.paths[0]
    for rtt, loss, counts in ((30, 0.0, 0), (45, 0.1, 0), (49, 0.0, 0), (51, 0.0, 1), (30, 0.11, 1), (400, 0.9, 1)):
        old = with_(base, paths=(msgspec.structs.replace(direct, rtt_ms=30.0, loss=0.0), *base.paths[1:]))
        new = with_(base, paths=(msgspec.structs.replace(direct, rtt_ms=float(rtt), loss=loss), *base.paths[1:]))
        found = compare(old, new)
        assert len(found.paths) == counts, (rtt, loss)
        assert found.answer == "same"
        assert ("round trip 30 -> 400 ms, loss 0% -> 90%" in as_text(found)) is (rtt == 400)


def altered(kind: type, **fields: object) -> Report:
    """A healthy report in which each observation of this kind has these fields."""
    base = report("web-broken")
    seen = tuple(msgspec.structs.replace(e, **fields) if type(e) is kind else e for e in base.observations)
    return with_(base, observations=seen)


def test_what_servers_say_of_themselves() -> None:
    base = report("web-broken")
    found = compare(base, altered(Certificate, not_after="2027-01-01T00:00:00Z", issuer="CN=Other"))
    assert [each.name for each in found.servers] == ["certificate-until", "certificate-issuer"]
    assert "is valid until: 2026-11-20T" in as_text(found)
    found = compare(base, altered(Resolved, addresses=("192.0.2.99",), failure=None))
    assert found.servers[0].name == "addresses"
    assert found.servers[0].new == ("192.0.2.99",)
    base = report("jitsi-only-web-out")
    moved = tuple(
        msgspec.structs.replace(each, endpoint="192.0.2.7:10000") if isinstance(each, Candidate) else each
        for each in base.observations
    )
    assert "advertised" in {each.name for each in compare(base, with_(base, observations=moved)).servers}


def test_other_options_and_other_targets_are_told() -> None:
    base = report("web-broken")
    found = compare(base, altered(Run, idle=30.0, families=(4,)))
    assert [(each.name, each.old, each.new) for each in found.options] == [
        ("families", ("4", "6"), ("4",)),
        ("idle", ("0.0",), ("30.0",)),
    ]
    assert "idle: 0.0 -> 30.0" in as_text(found)
    other = with_(base, target=msgspec.structs.replace(base.target, host="other.example"))
    assert not compare(base, other).same_target
    assert "different targets: meet.example.test and other.example" in as_text(compare(base, other))


def test_a_finding_beside_the_same_verdict() -> None:
    base = report("udp-blocked")
    bare = with_(base, findings=())
    assert first(compare(base, bare)) == "Fixed"
    assert first(compare(bare, base)) == "Worse"
    graver = with_(base, findings=(msgspec.structs.replace(base.findings[0], severity=Severity.ERROR),))
    assert compare(base, graver).new_worst is Severity.ERROR
    assert compare(graver, base).answer == "better"
    other = with_(base, findings=(msgspec.structs.replace(base.findings[0], code="NP402", message="Other."),))
    assert first(compare(base, other)) == "Changed"


def test_the_terminal_gets_nothing_that_it_would_act_on() -> None:
    base = report("udp-blocked")
    wicked = msgspec.structs.replace(base.findings[0], message="\x1b[31m{0}\nNP999", cause="a\x07b")
    text = as_text(compare(with_(base, findings=()), with_(base, findings=(wicked,))))
    assert "\x1b" not in text
    assert "{0}" in text


# --- the command


def test_its_schema_and_its_files(tmp_path: Path) -> None:
    out = tmp_path / "d.json"
    done = natprobe("diff", BLOCKED, HEALTHY, "-f", "json", "-o", str(out))
    assert (done.returncode, done.stdout) == (0, b"")
    plain = json.loads(out.read_text())
    assert (plain["schema"], plain["answer"]) == ("natprobe-diff/1", "better")
    assert msgspec.convert(plain, Difference) == changed("udp-blocked", "peer-healthy")
    assert json.loads(as_json(changed("udp-blocked", "peer-healthy"))) == plain


@pytest.mark.parametrize(
    ("old", "new", "more", "code"),
    [
        (BLOCKED, HEALTHY, ("--fail-on", "note"), 0),
        (HEALTHY, BLOCKED, (), 0),
        (HEALTHY, BLOCKED, ("--fail-on", "never"), 0),
        (HEALTHY, BLOCKED, ("--fail-on", "error"), 1),
        (HEALTHY, HEALTHY, ("--fail-on", "note"), 0),
        (HEALTHY, BLOCKED, ("--fail-on", "sometimes"), 2),
        (HEALTHY, BLOCKED, ("-f", "html"), 2),
        (HEALTHY, "/nonexistent", (), 2),
        ("-", "-", (), 2),
    ],
)
def test_its_exit_codes(old: str, new: str, more: tuple[str, ...], code: int) -> None:
    done = natprobe("diff", old, new, *more)
    assert done.returncode == code
    assert (b"\n" in done.stderr) is (code == 2)


def test_it_reads_what_was_pasted() -> None:
    pasted = "".join(f"> {line}\n" for line in Path(BLOCKED).read_text().splitlines())
    done = natprobe("diff", "-", HEALTHY, stdin=pasted.encode())
    assert done.stdout.startswith(b"Better: Media will flow")
    assert b"quote marks" in done.stderr
