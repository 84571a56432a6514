"""Programs of the system get no passwords of ours in their environment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from natprobe.host import desktop, leases


@pytest.mark.parametrize(("name", "ask"), [("gsettings", desktop._listed), ("nmcli", leases._nmcli)])
def test_they_get_the_session_and_no_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, ask: Callable[[], str]
) -> None:
    program = tmp_path / name
    program.write_text("#!/bin/sh\n/usr/bin/env\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/bus")
    for each in ("NATPROBE_PROXY_PASSWORD", "https_proxy", "ALL_PROXY", "SOCKS_SERVER", "auto_proxy"):
        monkeypatch.setenv(each, "AbCdEfGhIj")
    said = ask()
    assert "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/bus" in said
    assert "AbCdEfGhIj" not in said
