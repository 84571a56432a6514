"""The ring needs root, Linux and real servers; where they are missing it says so, once and clearly (tests/conftest.py).

NATPROBE_REQUIRE_NETNS=1 (CI) turns the skip into a failure; NATPROBE_NO_NETNS=1 leaves the ring out.
"""

from __future__ import annotations

import os

import pytest

from tests.netns import kernel
from tests.netns.ring import reason


@pytest.fixture(scope="session", autouse=True)
def ring() -> None:
    if not reason():
        kernel.sweep()
    elif os.environ.get("NATPROBE_REQUIRE_NETNS"):
        pytest.fail(f"NATPROBE_REQUIRE_NETNS is set, but {reason()}")
    else:
        pytest.skip(f"tests/netns needs namespaces and servers: {reason()}")
