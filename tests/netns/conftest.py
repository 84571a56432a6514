"""The ring needs root, Linux and real servers; where they are missing it says so, once and clearly.

NATPROBE_REQUIRE_NETNS=1 (CI) turns the skip into a failure; NATPROBE_NO_NETNS=1 leaves the ring out.
"""

from __future__ import annotations

import functools
import os

import pytest

from tests.netns import kernel, servers


@functools.cache
def reason() -> str:
    """Why this ring can't run here, or nothing."""
    if os.environ.get("NATPROBE_NO_NETNS"):
        return "NATPROBE_NO_NETNS is set"
    return kernel.missing(servers.TOOLS)


@pytest.fixture(scope="session", autouse=True)
def ring() -> None:
    if not reason():
        kernel.sweep()
    elif os.environ.get("NATPROBE_REQUIRE_NETNS"):
        pytest.fail(f"NATPROBE_REQUIRE_NETNS is set, but {reason()}")
    else:
        pytest.skip(f"tests/netns needs namespaces and servers: {reason()}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if reason():
        terminalreporter.section("tests/netns NOT RUN", red=True)
        terminalreporter.line(f"The ring of real kernels and servers was left out: {reason()}")
