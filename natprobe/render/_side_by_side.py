"""The ways to the media server beside each other, as --compare measured them: a table for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from natprobe.facts import PathBurst
from natprobe.model import Attempt, Path, Report

_WORKS = {"open": "yes", "blocked": "no"}
_HEAD = ("way", "works", "round trip", "lost", "jitter", "")
_TAKEN = "a browser takes it"
_LATE = "Over TCP and TLS nothing is lost for good: what came too late counts as lost."


def side_by_side(report: Report) -> list[str]:
    """Its lines, of each vantage; none where nobody measured. A way that does not work stands there without figures."""
    bursts = [each for each in report.observations if isinstance(each, PathBurst)]
    told: list[str] = []
    for source in dict.fromkeys(each.source for each in bursts):
        own = {each.id: each for each in bursts if each.source == source}
        told += [f"Vantage {source + 1}:"] if len(report.sources) > 1 else []
        told += [_how(own.values()), _row(*_HEAD), *_rows(report, own)]
    streams = any(each.leg in ("tcp", "tls") or each.transport != "udp" for each in bursts)
    return [*told, _LATE] if streams else told


def _how(bursts: Iterable[PathBurst]) -> str:
    most = max(bursts, key=lambda each: each.sent)
    return f"{most.sent} ICE checks by each way, {most.interval_ms:g} ms apart, each with the wire to itself:"


def _rows(report: Report, bursts: dict[int, PathBurst]) -> Iterator[str]:
    """A train belongs to the ways whose evidence it is; two relays of one way are told apart by a line below."""
    shown = {path.name: list(_of_path(path, bursts)) for path in report.paths}
    source = next(each.source for each in bursts.values())
    mine = {each.id for each in report.observations if each.source == source}
    for path in report.paths:
        settled = next((burst for burst, way in shown[path.name] if _settled(path, way)), None)
        for burst, way in shown[path.name]:
            taken = burst is settled and path.name == report.verdict.media
            yield _row(path.name, _WORKS.get(way.status, "unknown"), *_figures(burst), _TAKEN if taken else "")
            if len(shown[path.name]) > 1:
                yield f"  by {way.server or way.endpoint}"
        tried = [] if shown[path.name] else [each.status for each in path.attempts if mine & set(each.evidence)]
        if tried:
            status = path.status if path.status in tried else tried[0]
            yield _row(path.name, _WORKS.get(status, "unknown"), "-", "-", "-", "")


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


def _row(way: str, works: str, rtt: str, lost: str, jitter: str, taken: str) -> str:
    return f"{way:<16}  {works:<7}  {rtt:>10}  {lost:>5}  {jitter:>9}  {taken}".rstrip()
