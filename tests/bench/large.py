"""A report as large as they come: 2,000 observations and 100 findings, of real facts over many endpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from natprobe.codec import Saved, dump, load, merge
from natprobe.diagnose import diagnose
from natprobe.model import Observation, Report
from tests.made import SOURCE, numbered
from tests.made_server import SERVER, file, setting

REPORTS = Path(__file__).parents[1] / "reports"
OBSERVATIONS, FINDINGS = 2000, 100
# Clients' reports of one target, each of which is repeated with other addresses until there are enough.
_CLIENTS = ("jitsi-company-docker", "jitsi-only-web-out", "jitsi-only-web-out-relayed")
# What there is one of in each report.
_ONCE = ("Run", "Probed")


@cache
def large() -> Report:
    """Three clients' and a server's vantage, judged."""
    server = _server()
    left = OBSERVATIONS - len(server.observations)
    shares = [left // len(_CLIENTS) + (number < left % len(_CLIENTS)) for number in range(len(_CLIENTS))]
    clients = [(name, _client(name, share)) for name, share in zip(_CLIENTS, shares, strict=True)]
    whole = merge([*clients, ("server", server)])
    return diagnose(whole.target, whole.observations, whole.sources)


def pasted() -> str:
    """The same as JSON."""
    return dump(large())


def _client(name: str, count: int) -> Saved:
    """The report with its facts over and over, as if the target had that many addresses."""
    plain = json.loads((REPORTS / f"{name}.json").read_text())
    own: list[dict[str, Any]] = plain["observations"]
    repeated = (each for turn in range(1, count) for each in _elsewhere(own, turn))
    every = [*own, *(next(repeated) for _ in range(count - len(own)))]
    for number, each in enumerate(every, 1):
        each["id"] = number
    return load(json.dumps(plain | {"observations": every}))


def _elsewhere(observations: list[dict[str, Any]], turn: int) -> Iterator[dict[str, Any]]:
    text = json.dumps([each for each in observations if each["kind"] not in _ONCE])
    moved = text.replace("203.0.113.", f"203.{turn // 256}.{turn % 256}.")
    yield from json.loads(moved)


def _server() -> Saved:
    """An nginx that leads Jitsi's WebSocket on in many places, and in none as it must."""
    found: list[Observation] = [file("nginx", lines=1000)]
    for number in range(1, FINDINGS - 4):
        path, section = f"/room{number}/xmpp-websocket", f"http server line {number}"
        found.append(setting("nginx", "location", path, number, section=section))
        found.append(setting("nginx", "proxy_pass", "http://a", number, section=f"{section} location {path}"))
    server = msgspec.structs.replace(SOURCE, vantage="server")
    return Saved(SERVER, (server,), tuple(numbered(*found)))
