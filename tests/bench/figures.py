"""What is measured, and the bar of each figure."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from natprobe.derive import udp_works
from natprobe.derive.behaviour import mapping_varies
from tests.bench import child
from tests.case import Case, Expect, Network, Peer
from tests.memory.test_mapping_loss import RUNS as LOSS_RUNS
from tests.memory.test_mapping_loss import observed
from tests.netns.lab import Lab, lab
from tests.netns.ring import reason

TREE = Path(__file__).parents[2]
# What starts natprobe, as pip writes it since 26.0, and as it did before: with a whole module for a suffix.
SCRIPT = "import sys\nfrom natprobe.cli import main\nsys.argv[0] = sys.argv[0].removesuffix('.exe')\nsys.exit(main())\n"
OLD_SCRIPT = "import re\n" + SCRIPT
STUN = ("--stun", "stun:stun1.example.test", "--stun", "stun:stun2.example.test")
BLACK_HOLE = Network(udp="drop", tcp="drop")
STARTS, CHECKS, WAITS = 25, 15, 3
ANSWERS = (0, 1, 3)  # well, findings, could not be told: every other exit code is no check


class Run(NamedTuple):
    """One run of a command."""

    seconds: float
    megabytes: float
    code: int


@dataclass(frozen=True)
class Figure:
    """A row of the table. `values` are one for each run, in `unit`; `against` the medians' and minima's divisor."""

    name: str
    values: tuple[float, ...]
    unit: str
    bar: float | None = None
    against: tuple[float, ...] | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values) / (statistics.median(self.against) if self.against else 1)

    @property
    def best(self) -> float:
        """The run that was disturbed least."""
        return min(self.values) / (min(self.against) if self.against else 1)


def everything() -> Iterator[Figure]:
    """Every figure, as it is measured; those of the lab only where it can be built."""
    yield from starts()
    yield from reports()
    if not reason():
        yield from healthy()
        yield from black_holes()
        yield from relays()
        yield from meetings()
    yield from loss()


def starts() -> Iterator[Figure]:
    """Interpreter, version, help and demo in turn, so that a busy minute falls on all of them."""
    python = [sys.executable, "-c"]
    commands = {
        "pass": [*python, "pass"],
        "version": [*python, SCRIPT, "--version"],
        "old version": [*python, OLD_SCRIPT, "--version"],
        "help": [*python, SCRIPT, "--help"],
        "demo": [*python, SCRIPT, "demo"],
    }
    measured(commands, 1)  # bytecode is written, files are cached
    runs = measured(commands, STARTS)
    nothing = seconds(runs["pass"])
    yield _times("python -c pass", runs["pass"])
    yield Figure("natprobe --version", seconds(runs["version"]), "x", 1.5, nothing)
    yield Figure("the same, installed by pip before 26", seconds(runs["old version"]), "x", against=nothing)
    yield Figure("natprobe --help", seconds(runs["help"]), "x", 8.0, nothing)
    yield _times("natprobe demo", runs["demo"], 3.0)


def reports() -> Iterator[Figure]:
    """What is done with them once they are there."""
    from tests.bench.reports import figures

    yield from figures()


def healthy() -> Iterator[Figure]:
    """Round trips in the lab take no time worth adding."""
    with lab(case("peer")) as built:
        yield _times("check of a healthy peer", checks(built, CHECKS), 0.6)
    with lab(case("meet.example.test")) as built:
        runs = checks(built, CHECKS)
    yield _times("check of a healthy web front", runs, 0.6)
    yield Figure("peak memory of that check", tuple(each.megabytes for each in runs), "MB", 100.0)


def black_holes() -> Iterator[Figure]:
    """The name resolves; nothing else answers, neither the target nor the other STUN servers."""
    for target, words in (("peer", "a silent peer"), ("meet.example.test", "a silent web front")):
        with lab(case(target, BLACK_HOLE)) as built:
            yield _times(f"check of {words}", checks(built, WAITS), 5.0)
            yield _times(f"check of {words}, --timeout 2", checks(built, WAITS, "--timeout", "2"), 2.3)


def relays() -> Iterator[Figure]:
    """Beside coturn's own client."""
    from tests.bench.relays import figures

    yield from figures()


def meetings() -> Iterator[Figure]:
    """Jitsi."""
    from tests.bench.meetings import figures

    yield from figures()


def loss() -> Iterator[Figure]:
    """Packet loss may leave the mapping unknown, never wrong."""
    wrong, unsure = [], []
    for seed in range(LOSS_RUNS):
        varies, facts = observed(seed)
        told = mapping_varies(facts)
        wrong.append(told not in (varies, None) or udp_works(facts) is False)
        unsure.append(told is None)
    yield Figure(f"wrong at 20 % loss, of {LOSS_RUNS}", (float(sum(wrong)),), "", 0.0)
    yield Figure(f"unsure at 20 % loss, of {LOSS_RUNS}", (float(sum(unsure)),), "")


def case(target: str, network: Network = Network()) -> Case:  # noqa: B008  # frozen
    expect = Expect(verdict="good", exit=0)
    return Case(title="a bar", expect=expect, target=target, network=network, peer=Peer(runs=target == "peer"))


def checks(built: Lab, rounds: int, *options: str) -> list[Run]:
    """`natprobe check` on the lab's client."""
    argv = [sys.executable, "-m", "natprobe", "check", built.target, *STUN, "--ca-file", str(built.root), *options]
    return measured({"check": argv}, rounds, built)["check"]


def measured(commands: dict[str, list[str]], rounds: int, built: Lab | None = None) -> dict[str, list[Run]]:
    """Every command in every round; on the lab's client where there is one."""
    argv = [sys.executable, child.__file__, str(rounds)]
    whole = built.client.inside(argv) if built else argv
    done = subprocess.run(whole, input=json.dumps(commands), capture_output=True, text=True, check=True, cwd=TREE)
    runs = {name: [Run(*each) for each in told] for name, told in json.loads(done.stdout).items()}
    good = ANSWERS if built else (0,)
    faults = {name for name, each in runs.items() if any(run.code not in good for run in each)}
    assert not faults, f"no measurement: {', '.join(faults)} failed"
    return runs


def seconds(runs: list[Run]) -> tuple[float, ...]:
    return tuple(each.seconds for each in runs)


def _times(name: str, runs: list[Run], bar: float | None = None) -> Figure:
    return Figure(name, seconds(runs), "s", bar)
