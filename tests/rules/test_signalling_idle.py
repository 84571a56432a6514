"""NP417: what follows from signalling that was left alone, and from the empty tunnel beside it."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.facts import IdleTunnel, SignallingIdle
from natprobe.model import Failure, Observation, Severity, Where
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell
from tests.made import HOST, WEB, found, judged, report
from tests.made_jitsi import JITSI, PASSES, SOCKET, jitsi
from tests.made_proxy import AT, PROXY

CAUSE = "signalling-cut-when-idle"
BOSH = f"https://{HOST}/http-bind"
CUT = Failure.CLOSED


def left(lasted: float | None, failure: Failure | None = CUT, **more: Any) -> SignallingIdle:
    """Left alone for half a minute."""
    fields: dict[str, Any] = {"url": SOCKET, "transport": "websocket", "endpoint": f"{WEB}:443", "idle": 30.0} | more
    return SignallingIdle(lasted=lasted, failure=failure, **fields)


def led(lasted: float | None, failure: Failure | None = CUT, **more: Any) -> SignallingIdle:
    return left(lasted, failure, endpoint=AT, via=PROXY, **more)


def empty(lasted: float | None, failure: Failure | None = CUT, via: str = PROXY) -> IdleTunnel:
    return IdleTunnel(via=via, endpoint=AT, host=HOST, port=443, idle=30.0, lasted=lasted, failure=failure)


def test_without_idle_nothing_is_said() -> None:
    assert judged(CAUSE, *jitsi(*PASSES)) is NOT_APPLICABLE


@pytest.mark.parametrize("each", [left(30.0, None, rtt_ms=12.0), left(20.0), left(60.0, idle=90.0), led(25.0)])
def test_what_outlives_the_clients_own_silence_harms_nobody(each: SignallingIdle) -> None:
    assert judged(CAUSE, each) is CLEAR


def test_what_never_stood_tells_nothing() -> None:
    assert judged(CAUSE, left(None)) == CouldNotTell(reason="not-signed-in-again", ask="check again with --idle")


@pytest.mark.parametrize(
    ("each", "severity"),
    [
        (left(3.0), Severity.WARNING),
        (left(11.9), Severity.WARNING),
        (left(12.0), Severity.NOTE),
        (left(19.9), Severity.NOTE),
        (left(3.0, Failure.HTTP_STATUS, url=BOSH, transport="bosh"), Severity.WARNING),
        (left(4.0, Failure.HTTP_STATUS, url=BOSH, transport="bosh"), Severity.NOTE),
    ],
)
def test_how_soon_matters(each: SignallingIdle, severity: Severity) -> None:
    only = found(CAUSE, each)
    assert (only.severity, only.where) == (severity, Where.SERVER_EDGE)
    assert each.url in only.message.format_map(only.args)


@pytest.mark.parametrize(
    ("seen", "place"),
    [
        ([left(3.0)], Where.SERVER_EDGE),
        ([left(3.0, Failure.RESET)], Where.UNKNOWN),
        ([left(10.0, Failure.TIMEOUT, idle=10.0)], Where.UNKNOWN),
        ([led(3.0), empty(3.4)], Where.PROXY),
        ([led(3.0), empty(1.2)], Where.PROXY),
        ([led(3.0, Failure.RESET), empty(4.9, Failure.RESET)], Where.PROXY),
        ([led(3.0), empty(30.0, None)], Where.SERVER_EDGE),
        ([led(3.0), empty(10.0)], Where.SERVER_EDGE),
        # Squid looks at its timers now and then: what still stood a moment later says nothing.
        ([led(3.0, idle=4.0), empty(4.0, None)], Where.UNKNOWN),
        ([led(9.0), empty(3.0)], Where.UNKNOWN),
        ([led(3.0), empty(None)], Where.UNKNOWN),
        ([led(3.0)], Where.UNKNOWN),
        ([led(3.0), empty(3.0, via="http://other.example.test:3128")], Where.UNKNOWN),
        # A status came through TLS, be the tunnel as it may.
        ([led(3.0, Failure.HTTP_STATUS, url=BOSH, transport="bosh"), empty(3.0)], Where.SERVER_EDGE),
    ],
)
def test_who_cuts(seen: list[Observation], place: Where) -> None:
    assert found(CAUSE, *seen).where is place


def advice(*seen: Observation) -> dict[str, str]:
    """Whose it is, by the setting or the first words."""
    return {getattr(each, "key", "") or each.text[:24]: each.audience for each in found(CAUSE, *seen).fixes}  # type: ignore[union-attr]


def test_each_is_told_to_whom_it_concerns() -> None:
    front = advice(left(3.0))
    assert front == {"proxy_read_timeout": "server", "Look for one more in fro": "server"}
    assert advice(led(3.0), empty(30.0, None)) == front
    proxy = advice(led(3.0), empty(3.0))
    assert list(proxy) == [f"Let the proxy {PROXY}"[:24], "read_timeout 15 minutes"]
    assert set(proxy.values()) == {"network"}
    assert front.items() | proxy.items() < advice(led(3.0)).items()
    assert "read_timeout 15 minutes" not in advice(left(3.0, Failure.RESET))


def test_a_socks_proxy_has_no_squid_conf() -> None:
    socks = "socks5://proxy.example.test:1080"
    seen = (left(3.0, via=socks, endpoint=AT), empty(3.0, via=socks))
    assert list(advice(*seen)) == [f"Let the proxy {socks}"[:24]]


def test_media_and_the_verdict_stay_as_they_are() -> None:
    made = report(*jitsi(*PASSES, left(3.0)), target=JITSI)
    assert (made.verdict.status, [each.cause for each in made.findings]) == ("good", [CAUSE])
