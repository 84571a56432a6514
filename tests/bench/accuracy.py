"""Who is right where, and how long each takes: natprobe and other NAT tools in the same networks, one after the other.

`python -m tests.bench.accuracy [PYTHON]` prints the table that docs/accuracy.md keeps; PYTHON is that of an environment
with pystun3 and aiostun. stun-client and coturn's tools are Debian's. What is not there is left out.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from natprobe.derive.behaviour import Behaviour
from tests.bench.tools import ADDRESS, ANY, BOTH, DEPENDENT, Told, Tool, tools
from tests.case import Case, Expect, Network
from tests.netns import addresses as at
from tests.netns.lab import Lab, lab
from tests.netns.topology import PUBLIC

# A tool that hangs has said nothing.
PATIENCE = 40.0
LOSSY_RUNS = 10


class Row(NamedTuple):
    """A network and the truth about it. `port` is the STUN server's: another one ignores CHANGE-REQUEST."""

    name: str
    network: Network
    truth: Told
    runs: int = 1
    port: int = at.STUN_PORT


class Score(NamedTuple):
    """Of so many runs: all that was said was right, something was false, nothing was said of the NAT at all."""

    right: int
    wrong: int
    silent: int
    seconds: float
    said: Told


def rows() -> list[Row]:
    """The nine pairs, no NAT, a server that ignores CHANGE-REQUEST, loss."""
    pairs = [(mapping, filtering) for mapping in (ANY, ADDRESS, BOTH) for filtering in (ANY, ADDRESS, BOTH)]
    nats = [Row(f"{_short(m)} / {_short(f)}", Network(mapping=m, filtering=f), Told(True, m, f)) for m, f in pairs]
    free = [
        Row(f"no NAT / {_short(f)}", Network(mapping="none", filtering=f), Told(False, ANY, f)) for f in (ANY, BOTH)
    ]
    ignoring = Row(
        "EI / APD, CHANGE-REQUEST ignored", Network(filtering=BOTH), Told(True, ANY, BOTH), port=at.IGNORING_PORT
    )
    lossy = [
        Row(
            f"{_short(m)} / {_short(f)}, 15 % loss each way",
            Network(mapping=m, filtering=f, loss=0.15),
            Told(True, m, f),
            LOSSY_RUNS,
        )
        for m, f in ((ANY, ANY), (ANY, BOTH), (BOTH, BOTH))
    ]
    blocked = Row("UDP dropped", Network(udp="drop"), Told())
    return [*nats, *free, ignoring, blocked, *lossy]


_SHORT: dict[str, str] = {ANY: "EI", ADDRESS: "AD", BOTH: "APD"}


def _short(behaviour: Behaviour) -> str:
    return _SHORT[behaviour]


def judged(truth: Told, said: Told) -> str:
    """`wrong` where anything said is false; what isn't said is not held against anybody, but saying nothing is."""
    pairs = [(wanted, told) for wanted, told in zip(truth, said, strict=True) if told is not None]
    if any(not _agrees(wanted, told) for wanted, told in pairs):
        return "wrong"
    return "right" if said.mapping is not None or said == truth else "silent"


def _agrees(wanted: object, told: object) -> bool:
    return wanted == told or (told == DEPENDENT and wanted in (ADDRESS, BOTH))


def score(built: Lab, tool: Tool, row: Row) -> Score:
    """So many runs of one tool in one network; the seconds are the median run's."""
    words: list[str] = []
    times: list[float] = []
    said = Told()
    for _ in range(row.runs):
        began = time.monotonic()
        said = _said(built, tool)
        times.append(time.monotonic() - began)
        words.append(judged(row.truth, said))
    counts = {each: words.count(each) for each in ("right", "wrong", "silent")}
    return Score(**counts, seconds=statistics.median(times), said=said)


def _said(built: Lab, tool: Tool) -> Told:
    try:
        return tool.read(built.client.run(tool.argv, timeout=PATIENCE, check=False).stdout)
    except subprocess.TimeoutExpired:
        return Told()


def _local(row: Row) -> str:
    return PUBLIC.client if row.network.mapping == "none" else at.LAN_CLIENT


@contextmanager
def network(row: Row) -> Iterator[Lab]:
    """The network, with a server on stun1 that ignores CHANGE-REQUEST beside the real one."""
    with lab(Case(title=row.name, expect=Expect(verdict="good", exit=0), network=row.network)) as built:
        host = built.network["stun1"]
        argv = ["python3", "-m", "tests.netns.ignoring", at.STUN1, str(at.IGNORING_PORT), at.STUN1_OTHER]
        host.start(argv, log="ignoring.log").listens(udp=[at.IGNORING_PORT])
        yield built


def cell(result: Score, runs: int) -> str:
    """What a reader wants: right, wrong with what was said, or silent; and how long it took."""
    took = f"{result.seconds:.1f} s"
    if runs > 1:
        return f"{result.right} right, {result.wrong} wrong, {result.silent} silent, {took}"
    if result.wrong:
        parts = [_SHORT.get(each, each) for each in result.said[1:] if each]
        nat = {True: "NAT ", False: "no NAT ", None: ""}[result.said.nat]
        return f"**wrong** ({nat}{' / '.join(parts)}), {took}"
    return f"{'right' if result.right else 'silent'}, {took}"


def main() -> None:
    python = Path(sys.argv[1]).absolute() if sys.argv[1:] else None
    names = [tool.name for tool in tools(python=python)]
    print(f"| mapping / filtering | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    for row in rows():
        with network(row) as built:
            cells = [cell(score(built, tool, row), row.runs) for tool in tools(row.port, python, _local(row))]
        print(f"| {row.name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
