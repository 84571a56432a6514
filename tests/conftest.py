"""What was left out is said at the end, in red. Here, since pytest-xdist's controller loads no conftest below this."""

from __future__ import annotations

import pytest

from tests.netns.kernel import tunless
from tests.netns.ring import reason


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if count := sum(each.nodeid.startswith("tests/netns/") for each in skipped):
        terminalreporter.section("tests/netns NOT RUN", red=True)
        terminalreporter.line(f"{count} tests with real kernels and servers were left out: {reason() or tunless()}")
