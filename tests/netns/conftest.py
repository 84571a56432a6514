"""The ring needs root, Linux and real servers; where they are missing it says so, once and clearly (tests/conftest.py).

NATPROBE_REQUIRE_NETNS=1 (CI) turns the skip into a failure; NATPROBE_NO_NETNS=1 leaves the ring out.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.netns import kernel
from tests.netns.ring import reason

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What fails here is run once more, and fails if it fails again; the summary names what did not the second time
    (tests/conftest.py). Clients, servers and routers share the machine: where it stands still for a fifth of a second,
    packets are lost in earnest. Not the long bars: what they count may not be wrong once.
    """
    for each in items:
        if HERE in each.path.parents and each.get_closest_marker("long") is None:
            each.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session", autouse=True)
def ring() -> None:
    if not reason():
        kernel.sweep()
    elif os.environ.get("NATPROBE_REQUIRE_NETNS"):
        pytest.fail(f"NATPROBE_REQUIRE_NETNS is set, but {reason()}")
    else:
        pytest.skip(f"tests/netns needs namespaces and servers: {reason()}")
