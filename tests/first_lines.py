"""What natprobe says first in each case: tests/render/first_lines.toml, to be read by people. Written anew by
`python -m tests.first_lines`, and for the kernel's networks (minutes, as root) by `python -m tests.first_lines kernel`.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.case import cases, load

TABLE = Path(__file__).parent / "render" / "first_lines.toml"
# What differs from run to run: ports drawn by chance, days and times, the names of authorities made for the tests.
_CHANCE = re.compile(r"(?<=Testing CA #)[\w-]+|\d+(?:\.\d+)*")


def told() -> dict[str, dict[str, str]]:
    """Ring -> case -> the summary that was read and found good."""
    return tomllib.loads(TABLE.read_text())


def pattern(line: str) -> str:
    """The same without what differs from run to run."""
    return _CHANCE.sub("#", line)


def alone(ring: str) -> list[Path]:
    """The cases of this ring; of the kernel's those that memory has not."""
    elsewhere = () if ring == "memory" else cases("memory")
    return [path for path in cases(ring) if isinstance(path, Path) and path not in elsewhere]


def _memory(path: Path) -> str:
    from tests.memory.reports import reported

    return reported(load(path)).verdict.summary


def _kernel(path: Path) -> str:
    from tests.netns.test_cases import checked

    case = load(path)
    summary: str = checked(case)[0]["verdict"]["summary"]
    return summary


def written(table: Mapping[str, Mapping[str, str]]) -> str:
    """The file. What only chance would change stays as it stands."""
    return "\n".join(_part(ring, lines) for ring, lines in table.items())


def _part(ring: str, lines: Mapping[str, str]) -> str:
    rows = (f"{name} = {json.dumps(line, ensure_ascii=False)}\n" for name, line in sorted(lines.items()))
    return f"[{ring}]\n{''.join(rows)}"


def _renewed(ring: str, before: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    tell = _memory if ring == "memory" else _kernel
    for path in alone(ring):
        now, old = tell(path), before.get(path.stem, "")
        yield path.stem, old if pattern(old) == pattern(now) else now


if __name__ == "__main__":
    table = told() if TABLE.exists() else {"memory": {}, "kernel": {}}
    for ring in sys.argv[1:] or ["memory"]:
        table[ring] = dict(_renewed(ring, table[ring]))
    TABLE.write_text(written(table))
