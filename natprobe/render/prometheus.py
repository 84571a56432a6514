"""Prometheus' text format 0.0.4, for the node exporter's textfile collector: verdict, ways, findings, certificates.

Seconds, ratios and times since 1970 throughout. Every sample names its target, so that files of several stand side by
side; none has a time of its own, which that collector refuses.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple, get_args

from natprobe.facts import Certificate, Probed
from natprobe.model import Report, Severity, Stages, VerdictStatus
from natprobe.render._decided import gate
from natprobe.render._manner import PLAINLY, Manner
from natprobe.render._tame import told
from natprobe.render._times import seconds

# A forecast about other clients.
_FORECAST = "p2p"


class _Sample(NamedTuple):
    """A value and its labels, without the target's."""

    value: float
    labels: tuple[tuple[str, str], ...] = ()


class _Metric(NamedTuple):
    """A gauge and what it says."""

    name: str
    help: str
    samples: Iterable[_Sample]


def render(report: Report, manner: Manner = PLAINLY) -> str:
    """Metrics in this order, their samples in the report's."""
    return "".join(line for metric in _metrics(report, manner) for line in _lines(report, metric))


def _metrics(report: Report, manner: Manner) -> Iterator[_Metric]:
    code = gate(report, manner).code
    yield _Metric("success", "Whether the gate lets this report pass (exit code 0).", [_Sample(float(code == 0))])
    yield _Metric("exit_code", "The exit code: 0 passed, 1 failed, 3 could not tell.", [_Sample(code)])
    yield _Metric("verdict", "1 for the verdict's status, 0 for the others.", _verdict(report))
    yield _Metric("stage_ok", "Whether this step before media worked; absent where it is unknown.", _stages(report))
    yield from _ways(report)
    yield _Metric("findings", "How many findings are of this severity.", _severities(report))
    yield _Metric("finding", "How many findings have this cause.", _findings(report))
    yield _Metric(
        "unknown_questions", "How many questions the evidence does not decide.", [_Sample(len(report.unknown))]
    )
    yield _Metric("certificate_expiry_timestamp_seconds", "When the certificate shown there ends.", _expiries(report))
    yield from _run(report)


def _verdict(report: Report) -> Iterator[_Sample]:
    for word in get_args(VerdictStatus):
        yield _Sample(float(report.verdict.status == word), (("status", word),))


def _stages(report: Report) -> Iterator[_Sample]:
    for name in Stages.__struct_fields__:
        status = getattr(report.verdict.stages, name)
        if status != "unknown":
            yield _Sample(float(status == "ok"), (("stage", name),))


def _ways(report: Report) -> Iterator[_Metric]:
    ways = [(each, (("path", each.name),)) for each in report.paths if each.name != _FORECAST]
    opened = [_Sample(float(each.status == "open"), label) for each, label in ways if each.status != "unknown"]
    yield _Metric("path_open", "Whether media passes this way; absent where it is unknown.", opened)
    known = [_Sample(float(each.status != "unknown"), label) for each, label in ways]
    yield _Metric("path_known", "Whether it could be told that media passes this way or does not.", known)
    used = [_Sample(float(each.name == report.verdict.media), label) for each, label in ways]
    yield _Metric("path_chosen", "Whether a browser would settle on this way.", used)
    trips = [_Sample(each.rtt_ms / 1000, label) for each, label in ways if each.rtt_ms is not None]
    yield _Metric("path_rtt_seconds", "Round trip by this way.", trips)
    lost = [_Sample(each.loss, label) for each, label in ways if each.loss is not None]
    yield _Metric("path_loss_ratio", "Share of packets lost by this way.", lost)


def _severities(report: Report) -> Iterator[_Sample]:
    counts = Counter(each.severity for each in report.findings)
    for severity in Severity:
        yield _Sample(counts[severity], (("severity", severity),))


def _findings(report: Report) -> Iterator[_Sample]:
    counts = Counter((each.code, each.cause, str(each.severity)) for each in report.findings)
    for words, number in counts.items():
        yield _Sample(number, tuple(zip(("code", "cause", "severity"), words, strict=True)))


def _expiries(report: Report) -> Iterator[_Sample]:
    """Where several vantages were shown several, the one that ends first."""
    first: dict[tuple[tuple[str, str], ...], float] = {}
    for each in report.observations:
        ends = seconds(each.not_after) if isinstance(each, Certificate) and each.failure is None else None
        if isinstance(each, Certificate) and ends is not None:
            place = (("endpoint", each.endpoint), ("name", each.name), ("transport", str(each.transport)))
            first[place] = min(ends, first.get(place, math.inf))
    return (_Sample(ends, place) for place, ends in first.items())


def _run(report: Report) -> Iterator[_Metric]:
    """Vantages are counted from 1, as in the other formats."""
    vantages = [(each, (("vantage", str(n)),)) for n, each in enumerate(report.sources, 1)]
    ended: dict[tuple[tuple[str, str], ...], float] = {}
    for each in report.observations:
        if isinstance(each, Probed):
            ended[("probe", each.probe), ("vantage", str(each.source + 1))] = each.at
    samples = [_Sample(at, labels) for labels, at in ended.items()]
    yield _Metric("probe_end_seconds", "From the run's start to this probe's end; probes run side by side.", samples)
    lasted = [_Sample(each.duration, label) for each, label in vantages]
    yield _Metric("run_duration_seconds", "How long the run took.", lasted)
    begun = [(seconds(each.started), label) for each, label in vantages]
    started = [_Sample(at, label) for at, label in begun if at is not None]
    yield _Metric("run_start_timestamp_seconds", "When the run began.", started)
    version = _Sample(1, (("version", report.natprobe),))
    yield _Metric("build_info", "The version of natprobe that judged the report.", [version])


def _lines(report: Report, metric: _Metric) -> Iterator[str]:
    """A metric without samples is not named either."""
    name = f"natprobe_{metric.name}"
    samples = {_labelled(report, each): each.value for each in metric.samples if math.isfinite(each.value)}
    if not samples:
        return
    yield f"# HELP {name} {metric.help}\n# TYPE {name} gauge\n"
    yield from (f"{name}{labels} {_number(value)}\n" for labels, value in samples.items())


def _labelled(report: Report, sample: _Sample) -> str:
    named = (("target", report.target.host), *sample.labels)
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in named) + "}"


def _escaped(value: str) -> str:
    return told(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(round(float(value), 9))
