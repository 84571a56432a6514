"""One file per format: `render(report, manner) -> str`. The module's name is its `--format`."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Protocol

from natprobe.model import Report
from natprobe.render._manner import PLAINLY, Manner


class Renderer(Protocol):
    """What a format's module has."""

    __doc__: str | None

    def render(self, report: Report, manner: Manner = PLAINLY) -> str:
        """The report as text of this format."""


def formats() -> list[str]:
    """The names of the formats there are."""
    return sorted(each.name for each in pkgutil.iter_modules(__path__) if not each.name.startswith("_"))


def renderer(name: str) -> Renderer:
    """The module of this format, imported only now."""
    return import_module(f"{__name__}.{name}")  # type: ignore[no-any-return,unused-ignore]
