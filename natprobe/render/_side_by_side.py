"""The ways to the media server beside each other, as --compare measured them: a table for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from natprobe.facts import PathBurst
from natprobe.model import Attempt, Path, Report
from natprobe.render._wrapping import columns, padded
from natprobe.wording import mark, say

_WORKS = {"open": mark("yes"), "blocked": mark("no")}
_HEAD = (mark("way"), mark("works"), mark("round trip"), mark("lost"), mark("jitter"), "")
_WIDTHS, _WORDS = (16, 7, 10, 5, 9, 0), 2
_TAKEN = mark("a browser takes it")
_LATE = mark("Over TCP and TLS nothing is lost for good: what came too late counts as lost.")


def side_by_side(report: Report) -> list[str]:
    """Its lines, of each vantage; none where nobody measured. A way that does not work stands there without figures."""
    bursts = [each for each in report.observations if isinstance(each, PathBurst)]
    told: list[str] = []
    for source in dict.fromkeys(each.source for each in bursts):
        own = {each.id: each for each in bursts if each.source == source}
        told += [say("Vantage {number}:", number=source + 1)] if len(report.sources) > 1 else []
        told += [_how(own.values()), _row(*map(say, _HEAD)), *_rows(report, own)]
    streams = any(each.leg in ("tcp", "tls") or each.transport != "udp" for each in bursts)
    return [*told, say(_LATE)] if streams else told


def _how(bursts: Iterable[PathBurst]) -> str:
    most = max(bursts, key=lambda each: each.sent)
    return say(
        "{sent} ICE checks by each way, {interval:g} ms apart, each with the wire to itself:",
        sent=most.sent,
        interval=most.interval_ms,
    )


def _rows(report: Report, bursts: dict[int, PathBurst]) -> Iterator[str]:
    """A train belongs to the ways whose evidence it is; two relays of one way are told apart by a line below."""
    shown = {path.name: list(_of_path(path, bursts)) for path in report.paths}
    source = next(each.source for each in bursts.values())
    mine = {each.id for each in report.observations if each.source == source}
    for path in report.paths:
        settled = next((burst for burst, way in shown[path.name] if _settled(path, way)), None)
        for burst, way in shown[path.name]:
            taken = burst is settled and path.name == report.verdict.media
            yield _row(path.name, _works(way.status), *_figures(burst), say(_TAKEN) if taken else "")
            if len(shown[path.name]) > 1:
                yield "  " + say("by {server}", server=way.server or way.endpoint)
        tried = [] if shown[path.name] else [each.status for each in path.attempts if mine & set(each.evidence)]
        if tried:
            status = path.status if path.status in tried else tried[0]
            yield _row(path.name, _works(status), "-", "-", "-", "")


def _of_path(path: Path, bursts: dict[int, PathBurst]) -> Iterator[tuple[PathBurst, Attempt]]:
    """Each train once, with the attempt that got furthest on its way."""
    for number, burst in bursts.items():
        ways = [each for each in path.attempts if number in each.evidence]
        if ways:
            yield burst, max(ways, key=lambda each: (each.status == "open", each.proof == "media"))


def _settled(path: Path, way: Attempt) -> bool:
    return (way.status, way.proof, way.rtt_ms) == (path.status, path.proof, path.rtt_ms)


def _figures(burst: PathBurst) -> tuple[str, str, str]:
    lost = f"{1 - burst.arrived / burst.sent:.0%}".replace("%", " %") if burst.sent else "-"
    return _ms(burst.rtt_median_ms), lost, _ms(burst.jitter_ms)


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"


def _works(status: str) -> str:
    return say(_WORKS.get(status, mark("unknown")))


def _row(*cells: str) -> str:
    """Words to the left, figures to the right."""
    row = [
        padded(cell, width) if number < _WORDS else " " * (width - columns(cell)) + cell
        for number, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True))
    ]
    return "  ".join(row).rstrip()
