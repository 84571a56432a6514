"""One table: each figure, its median and best run, the bar, and how much of it the median takes up."""

from __future__ import annotations

import os
import platform

from tests.bench.figures import Figure, everything

HEADS = ("figure", "runs", "median", "best", "bar", "of the bar")


def row(figure: Figure) -> tuple[str, ...]:
    bar = "" if figure.bar is None else shown(figure.bar, figure.unit)
    part = f"{figure.median / figure.bar:.0%}" if figure.bar else ""
    return (
        figure.name,
        str(len(figure.values)),
        shown(figure.median, figure.unit),
        shown(figure.best, figure.unit),
        bar,
        part,
    )


def shown(value: float, unit: str) -> str:
    """`x` is times what it is measured beside: the interpreter's own start, another tool."""
    if unit == "s" and value < 0.1:
        return f"{value * 1000:.1f} ms"
    return f"{value:.0f} {unit}".strip() if unit in ("MB", "") else f"{value:.2f} {unit}"


def line(cells: tuple[str, ...]) -> str:
    name, *rest = cells
    return f"| {name:<40} | " + " | ".join(f"{cell:>10}" for cell in rest) + " |"


def main() -> None:
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
    print(line(HEADS))
    print(f"|{'-' * 42}|" + "|".join(f"{'-' * 11}:" for _ in HEADS[1:]) + "|")
    for figure in everything():
        print(line(row(figure)), flush=True)


if __name__ == "__main__":
    main()
