"""Whatever is pasted: reports that can be judged and told, or one clear sentence. `tests/run --long`: 100,000."""

from __future__ import annotations

import time

import pytest

from natprobe.codec import BadReport, Found, Saved, dump, load, load_all
from natprobe.diagnose import diagnose
from natprobe.differing import compare
from natprobe.pasted import decoded
from natprobe.render._difference import as_text
from natprobe.render._manner import Manner
from natprobe.render.text import render
from tests.fuzzing import hostile

# Of the processor, for one report: it is pasted by a person who waits.
SECONDS = 1.0


def read(seed: int) -> tuple[Found, ...]:
    try:
        return load_all(decoded(hostile(seed)))
    except BadReport as exc:
        said = str(exc)
    assert 5 < len(said) <= 400, (seed, said)
    assert said.isprintable(), (seed, said)
    return ()


def survives(seed: int) -> None:
    """Read, judged, written and read again; told and compared now and then, which takes longest."""
    for found in read(seed):
        saved: Saved = found.saved
        report = diagnose(saved.target, saved.observations, saved.sources)
        once = dump(report)
        once.encode()
        assert load(once) == saved, seed
        if seed % 70 == 0:
            assert render(report, Manner(verbose=True))
            assert as_text(compare(report, report)).startswith("Nothing that matters changed")


@pytest.mark.parametrize("part", range(4))
def test_two_thousand_hostile_reports(part: int) -> None:
    for seed in range(500 * part, 500 * part + 500):
        if seed % 10:
            read(seed)
        else:
            survives(seed)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(100))
def test_a_hundred_thousand_hostile_reports(part: int) -> None:
    for seed in range(10_000 + 1000 * part, 10_000 + 1000 * part + 1000):
        began = time.process_time()
        survives(seed)
        assert time.process_time() - began < SECONDS, seed


@pytest.mark.parametrize("seed", [25688, 30204, 26690])
def test_what_broke_once(seed: int) -> None:
    """An unknown word beside a wrong type, in whatever order they stand; half a character in a mail."""
    survives(seed)
