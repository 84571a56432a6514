"""The shell around the probes: whatever a probe does, its end is a fact and the others go on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from natprobe import run as shell
from natprobe.context import ROOM, Context, Keep, Options
from natprobe.facts import Connected, Facts, IceEnded, IdleMapping, PathHeld, Probed, Resolved, Run, SignallingIdle
from natprobe.model import Observation
from natprobe.run import Session
from natprobe.target import parse
from tests.lab.build import Lab
from tests.lab.check import session
from tests.lab.client import lab_of
from tests.probes.seen import of

FACT = Resolved(name="a", family=4, by="system", addresses=("192.0.2.1",))


def probe(*steps: Any, requires: tuple[type[Observation], ...] = (), timeout: float = 5.0) -> SimpleNamespace:
    """Facts are yielded, numbers are slept, exceptions are raised."""

    async def work(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
        for step in steps:
            if isinstance(step, BaseException):
                raise step
            if isinstance(step, (int, float)):
                await asyncio.sleep(step)
            else:
                yield step

    return SimpleNamespace(REQUIRES=requires, TAKES=(), YIELDS=(Resolved,), TIMEOUT=timeout, probe=work)


def ran(monkeypatch: pytest.MonkeyPatch, probes: dict[str, Any], **options: Any) -> dict[str, tuple[str, str]]:
    """How each ended, by name."""
    monkeypatch.setattr(shell, "load_probe", probes.__getitem__)
    found = session(lab_of(), probes=list(probes), **options)
    assert [each.id for each in found.observations] == list(range(1, len(found.observations) + 1))
    assert isinstance(found.observations[0], Run)
    return {each.probe: (each.status, each.detail) for each in of(found.observations, Probed)}


def test_every_way_of_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = ran(
        monkeypatch,
        {
            "interfaces": probe(ZeroDivisionError("a secret")),
            "names": probe(FACT, 1, FACT),
            "web": probe(FACT, 99, FACT),
            "peer": probe(requires=(Connected,)),
            "mapping": probe(requires=(Resolved,)),
            "reach": probe(TimeoutError()),
        },
        skip=("tcp",),
    )
    assert ends["names"] == ends["mapping"] == ("complete", "")
    assert ends["web"] == ("cut", "its own time limit, after 5.0 s")
    assert ends["peer"] == ("skipped", "no Connected")
    assert ends["interfaces"][0] == "crashed"
    assert "ZeroDivisionError at tests.test_run:" in ends["interfaces"][1]
    assert "secret" not in repr(ends)
    assert ends["reach"][0] == "cut"


def test_the_whole_run_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = {
        "names": probe(3, FACT),
        "web": probe(9, FACT, requires=(Resolved,)),
        "reach": probe(1, requires=(Resolved,)),
    }
    ends = ran(monkeypatch, slow, timeout=4.0)
    assert ends == {
        "names": ("complete", ""),
        "web": ("cut", "the run's time limit, after 1.0 s"),
        "reach": ("cut", "the run's time limit, after 0.0 s"),
    }


def test_a_hold_comes_on_top_of_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the one that stays, and for who waits for it; nobody else has longer."""
    stays, waits, other = probe(FACT, 30, FACT), probe(FACT), probe(FACT, 30, FACT, timeout=99.0)
    stays.YIELDS, waits.TAKES = (PathHeld,), (PathHeld,)
    probes = {"names": stays, "web": waits, "peer": other}
    ends = ran(monkeypatch, probes, timeout=2.0, hold=30.0)
    assert [ends[each][0] for each in probes] == ["complete", "complete", "cut"]
    assert ran(monkeypatch, probes, timeout=2.0)["names"][0] == "cut"


@pytest.mark.parametrize("kind", [IdleMapping, SignallingIdle])
def test_what_is_left_idle_comes_on_top_of_the_bound(monkeypatch: pytest.MonkeyPatch, kind: type[Observation]) -> None:
    waits = probe(30, timeout=99)
    waits.YIELDS = (kind,)
    assert ran(monkeypatch, {"standing": waits}, timeout=8, idle=29)["standing"][0] == "complete"
    assert ran(monkeypatch, {"standing": waits}, timeout=8, idle=20)["standing"][0] == "cut"
    assert ran(monkeypatch, {"standing": waits})["standing"] == ("skipped", "not asked for: --idle")


def test_shallow_leaves_out_who_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    accepts = probe(FACT)
    accepts.YIELDS = (IceEnded,)
    probes = {"names": accepts}
    assert ran(monkeypatch, probes, shallow=True)["names"] == ("skipped", "not asked for: --shallow")
    assert ran(monkeypatch, probes)["names"][0] == "complete"


def test_what_was_not_asked_for_is_said_to_be_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    probes = {"names": probe(FACT), "web": probe(FACT)}
    assert ran(monkeypatch, probes, only=("web",)) == {"names": ("skipped", "not asked for"), "web": ("complete", "")}
    assert ran(monkeypatch, probes, skip=("web",)) == {"names": ("complete", ""), "web": ("skipped", "not asked for")}


def in_(lab: Lab, keep: Keep) -> Context:
    """A run's, with this in the drawer."""
    target, chance = parse("meet.example.test").target, random.Random(0)
    return Context(
        target=target, options=Options(), net=lab.client, host=lab.client, random=chance, unix_time=0.0, keep=keep
    )


@pytest.mark.parametrize("seconds", [None, 0.0, 0.05])
def test_what_may_keep_everybody_waiting_is_called_while_goodbyes_are_answered(
    seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell, "load_probe", {"names": probe(FACT)}.__getitem__)
    keep, lab, said = Keep(), lab_of(), list[str]()

    async def goodbye() -> None:
        said.append("goodbye")
        await asyncio.sleep(seconds or 0)
        said.append("answer")

    if seconds is not None:
        keep.put("alive", SimpleNamespace(aclose=goodbye))
    lab.clock.run(Session(in_(lab, keep), parting=lambda: said.append("parting")).go(["names"]))
    expected = {None: [], 0.0: ["goodbye", "answer"], 0.05: ["goodbye", "parting", "answer"]}
    assert said == expected[seconds]


@pytest.mark.parametrize("room", ["", "standup"])
def test_that_a_room_was_named_is_said_and_its_name_is_not(room: str) -> None:
    keep = Keep()
    if room:
        keep.put(ROOM, room)
    (fact,) = of(Session(in_(lab_of(), keep)).observations, Run)
    assert fact.room is bool(room)
    assert "standup" not in repr(fact)


def test_an_interrupt_leaves_every_probe_with_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    probes = {"names": probe(FACT, 3), "web": probe(FACT, 9), "reach": probe(FACT, requires=(Resolved,))}
    monkeypatch.setattr(shell, "load_probe", probes.__getitem__)
    lab = lab_of()
    kept: list[Session] = []

    def keeping(*words: Any) -> Session:
        kept.append(Session(*words))
        return kept[0]

    monkeypatch.setattr("tests.lab.check.Session", keeping)
    real = lab.clock.run

    async def interrupted(work: Any) -> None:
        task = asyncio.ensure_future(work)
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    vars(lab.clock)["run"] = lambda work: real(interrupted(work))
    session(lab, probes=list(probes))
    assert {each.probe: each.status for each in of(kept[0].observations, Probed)} == dict.fromkeys(probes, "cut")
    assert len(of(kept[0].observations, Resolved)) == 2
