"""As many settings as a report may have are judged in a time that grows with their number, not with its square."""

from __future__ import annotations

from typing import Literal

import pytest

from natprobe.derive import websocket_locations
from natprobe.derive.configured import settings
from natprobe.derive.listening import Standing
from natprobe.facts import Facts, Setting, Sockets
from natprobe.model import Observation
from tests.made_server import inspected, setting

COUNT = 60


def test_nginx_is_looked_through_once_for_all_locations(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def counted(facts: Facts, system: Literal["nginx"], *keys: str) -> list[Setting]:
        nonlocal asked
        asked += 1
        return settings(facts, system, *keys)

    monkeypatch.setattr(websocket_locations, "settings", counted)
    found: list[Observation] = []
    for number in range(COUNT):
        path, section = f"/xmpp-websocket{number}", "http server line 1"
        found.append(setting("nginx", "location", path, number, section=section))
        found.append(setting("nginx", "proxy_pass", "http://a", number, section=f"{section} location {path}"))
    report = inspected(*found)
    assert sum(each.code == "NP406" for each in report.findings) == COUNT
    assert 0 < asked <= 4


def test_ports_are_not_compared_each_with_each(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0

    def equal(self: Standing, other: object) -> bool:
        nonlocal compared
        compared += 1
        return self is other

    monkeypatch.setattr(Standing, "__eq__", equal)
    monkeypatch.setattr(Standing, "__hash__", object.__hash__, raising=False)
    listens = [
        setting("nginx", "listen", f"192.0.2.1:{port}", port, section=f"server line {port}") for port in range(1, COUNT)
    ]
    report = inspected(Sockets(listening=0), *listens)
    assert any(each.code == "NP501" for each in report.findings)
    assert compared < 4 * COUNT
