"""What the tests of the formats for programs share."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from natprobe.codec import load
from natprobe.diagnose import diagnose
from natprobe.model import Finding, Report, Severity, Where
from natprobe.render import renderer
from natprobe.render._manner import Gate, Manner
from tests.render import exposition

REPORTS = Path(__file__).parents[1] / "reports"
KEPT = sorted(path.stem for path in REPORTS.glob("*.json"))
FINDING = Finding(
    code="NP203",
    cause="turn-unreachable",
    severity=Severity.WARNING,
    where=Where.TURN,
    message="The relay does not answer",
    evidence=(),
)


@cache
def kept(name: str) -> Report:
    """The report of old of this name, judged today."""
    saved = load((REPORTS / f"{name}.json").read_text())
    return diagnose(saved.target, saved.observations, saved.sources)


def rendered(name: str, report: Report, gate: Gate | None = None) -> str:
    return renderer(name).render(report, Manner(gate=gate))


def values(report: Report, gate: Gate | None = None) -> dict[str, float]:
    """`name label label …` -> value."""
    found = exposition.read(rendered("prometheus", report, gate))
    assert {dict(each.labels)["target"] for each in found} == {report.target.host}
    words = [(each, [value for name, value in each.labels if name != "target"]) for each in found]
    return {" ".join([each.name, *labels]): each.value for each, labels in words}
