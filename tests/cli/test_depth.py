"""--shallow, --deep, --hold, --sessions, --compare: what they take, what goes together, what a run makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.cli.check import Asked, understood
from natprobe.cli.entrance import Entrance
from natprobe.cli.errors import UsageError


def options(**more: Any) -> Any:
    return understood(Asked(target="meet.test", **more))[1]


def test_nothing_of_it_unless_asked_for() -> None:
    assert (options().shallow, options().deep, options().hold, options().sessions) == (False, False, 0.0, 1)


@pytest.mark.parametrize(
    "given",
    [
        {"shallow": True},
        {"deep": True, "hold": 5.0},
        {"compare": True, "shallow": True},
        {"hold": 300.0},
        {"sessions": 8},
        {"compare": True, "packets": 1000},
    ],
)
def test_what_is_taken(given: dict[str, Any]) -> None:
    seen = options(**given)
    assert {name: getattr(seen, name) for name in given} == given


@pytest.mark.parametrize("hold", [4.9, 300.1, -1.0, float("nan"), float("inf")])
def test_a_hold_is_bounded(hold: float) -> None:
    with pytest.raises(UsageError, match="--hold wants 0 or seconds from 5 to 300"):
        options(hold=hold)


@pytest.mark.parametrize("packets", [19, 0, -1, 1001])
def test_packets_are_bounded(packets: int) -> None:
    with pytest.raises(UsageError, match="--packets wants a number from 20 to 1000"):
        options(compare=True, packets=packets)


@pytest.mark.parametrize("sessions", [0, -1, 9])
def test_sessions_are_few(sessions: int) -> None:
    with pytest.raises(UsageError, match="--sessions wants a number from 1 to 8"):
        options(sessions=sessions)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"shallow": True, "deep": True}, "--shallow accepts no session, and --deep needs one"),
        ({"shallow": True, "hold": 9.0}, "--shallow accepts no session, and --hold needs one"),
        ({"deep": True, "entrance": Entrance(join=False)}, "--no-join leads to no session, and --deep needs one"),
        ({"compare": True, "entrance": Entrance(join=False)}, "--no-join leads to no session, and --compare needs one"),
        ({"hold": 9.0, "bitrate": "2.5M"}, "--hold goes without --bitrate"),
        ({"sessions": 2, "entrance": Entrance(join=False)}, "--sessions goes with neither"),
        ({"sessions": 2, "entrance": Entrance(room="standup")}, "--sessions goes with neither"),
    ],
)
def test_what_does_not_go_together(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        options(**given)
