"""Which cases the kernel ring runs always, which only with `tests/run --long`, and which networks are one."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from tests.case import Case, cases, load, repaired
from tests.expect import implied

FILES = [path for path in cases("kernel") if isinstance(path, Path)]


def sampled() -> set[Path]:
    """Those of every run: all that memory has not; of the others the first that expects what it expects of its target,
    and the networks that fixes lead to. The rest has `tests/run --long`.
    """
    found: dict[object, Path] = {}
    for path in FILES:
        case = load(path)
        found.setdefault(_kind(case) if "memory" in case.rings else path, path)
    chosen = set(found.values())
    return chosen.union(mended for path in chosen if (mended := held_elsewhere(load(path))) is not None)


def _kind(case: Case) -> object:
    """Where nothing is wrong, healthy networks differ in the ways that are open."""
    expect = case.expect
    ways = () if expect.causes else sorted(expect.paths.items())
    return case.target.partition(".")[0], expect.verdict, *sorted(expect.causes), str(ways)


@cache
def networks() -> dict[bytes, Path]:
    """Each network by all that is built and asked there."""
    return {conditions(load(path)): path for path in FILES}


def conditions(case: Case) -> bytes:
    said = {"title", "expect", "fix", "fixed", "rings"}
    return msgspec.json.encode(
        {name: content for name, content in msgspec.structs.asdict(case).items() if name not in said}
    )


def held_elsewhere(case: Case) -> Path | None:
    """The case whose network the mended one is, and of which no less is expected: that one is run anyway."""
    other = networks().get(conditions(repaired(case)))
    return other if other and case.fixed and implied(case.fixed, load(other).expect) else None
