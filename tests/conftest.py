"""What was left out is said at the end, in red. Here, since pytest-xdist's controller loads no conftest below this."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from natprobe.model import Report

# Where natprobe looks what a browser of this session is set to (host/proxies.py).
_SETTINGS = ("xdg_current_desktop", "desktop_session", "socks_server", "socks_version")


# How fast a busy machine is decides no test.
settings.register_profile("natprobe", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("natprobe")


def pytest_configure(config: pytest.Config) -> None:
    """What the machine's settings say of proxies and of languages is no part of any test, nor of the commands that
    tests start.
    """
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.lower() in _SETTINGS:
            del os.environ[name]
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        os.environ.pop(name, None)
    os.environ["LANG"] = "C.UTF-8"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ring three, which mostly waits, spread among the others, file by file: so that no process waits while another
    one does, or computes while another one does. The last of the others are thousands that take no time.
    """
    waiting = [each for each in items if each.nodeid.startswith("tests/netns/")]
    computing = [each for each in items if not each.nodeid.startswith("tests/netns/")]
    items[:] = [
        each for _, part in sorted([*_parts(waiting, 0.7), *_parts(computing, 1.0)], key=itemgetter(0)) for each in part
    ]


def _parts(items: list[pytest.Item], share: float) -> list[tuple[float, list[pytest.Item]]]:
    """Each file's, whose fixtures it shares, with where in this share of the whole they begin. The cases share none:
    one by one.
    """
    found: list[tuple[float, list[pytest.Item]]] = []
    for number, item in enumerate(items):
        alone = item.path.name == "test_cases.py"
        if not found or alone or found[-1][1][-1].path != item.path:
            found.append((share * number / len(items), []))
        found[-1][1].append(item)
    return found


@pytest.fixture(scope="session")
def in_case(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Report]:
    """The memory ring's report of the case in a file."""
    from tests.memory.reports import shared

    own = tmp_path_factory.getbasetemp()
    return partial(shared, folder=own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if again := terminalreporter.stats.get("rerun", []):
        terminalreporter.section("tests/netns: FAILED ONCE, run again", yellow=True)
        for each in again:
            told = [line for line in str(each.longrepr).splitlines() if line.startswith("E ")]
            terminalreporter.line(f"{each.nodeid}: {' '.join(told[:1])}")
    skipped = terminalreporter.stats.get("skipped", [])
    left_out = [each for each in skipped if each.nodeid.startswith("tests/netns/")]
    if left_out:
        why = sorted({str(each.longrepr[2]).removeprefix("Skipped: ") for each in left_out})
        terminalreporter.section("tests/netns NOT RUN", red=True)
        terminalreporter.line(f"{len(left_out)} tests with real kernels and servers were left out: {'; '.join(why)}")
