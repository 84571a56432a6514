"""What is going on, on stderr while probes run: a live line per probe on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from natprobe.cli.errors import say
from natprobe.cli.output import colourful
from natprobe.facts import Probed
from natprobe.model import Observation


class Progress:
    """A watcher for run.Session. Use as a context manager, so that the terminal is left as it was."""

    def __init__(self, names: tuple[str, ...], *, quiet: bool, no_color: bool) -> None:
        self._names, self._quiet = names, quiet
        self._seen = dict.fromkeys(names, 0)
        self._ended: dict[str, str] = {}
        self._live: Any = None
        self._terminal = not quiet and colourful(sys.stderr, no_color)

    def __enter__(self) -> Progress:
        if self._terminal:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(self._table(), console=Console(stderr=True), transient=True, refresh_per_second=8)
            self._live.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, name: str, observation: Observation) -> None:
        """A fact has come."""
        if name not in self._seen:
            return
        self._seen[name] += 1
        if isinstance(observation, Probed):
            self._ended[name] = observation.status
            if not self._quiet and self._live is None:
                why = f" ({observation.detail})" if observation.detail else ""
                say(f"natprobe: {name} {observation.status}{why}\n")
        if self._live is not None:
            self._live.update(self._table())

    def _table(self) -> Any:
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        for name in self._names:
            state = self._ended.get(name) or ("running" if self._seen[name] else "waiting")
            table.add_row(name, state, f"{self._seen[name]} facts" if self._seen[name] else "")
        return table
