"""Connections that are made before config.js has named signalling: what they save, and that they cost nothing."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any, NamedTuple

import pytest

from natprobe.asking.together import NEXT_SECONDS
from natprobe.context import Keep
from natprobe.facts import JitsiConfig, SignIn
from natprobe.model import Failure, Observation
from natprobe.net.api import Stream
from tests.case import Web
from tests.lab.build import Lab
from tests.lab.certificates import server_context
from tests.lab.client import RTT, lab_of
from tests.lab.web import ServerTls
from tests.netns import addresses as at
from tests.probes.seen import Talk, hangs, of, seen, shuts

PROBES = ("interfaces", "names", "config", "signalling")
HERE = f"wss://{at.TARGET}/xmpp-websocket"
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
# Our own part in virtual time, in which only waiting lasts.
LITTLE = 0.012


class Front:
    """A page over TLS with a config.js, and signalling that says 403. `odd`: what meets a connection by its number.

    `asked`: over each connection, in their order.
    """

    def __init__(self, config: str | None, odd: dict[int, Talk], slow: float = 0.0) -> None:
        self.asked: list[list[str]] = []
        self._config, self._odd, self._slow = config, odd, slow
        self._context = server_context("valid", at.TARGET)

    async def __call__(self, stream: Stream) -> None:
        odd, asked = self._odd.get(len(self.asked)), list[str]()
        self.asked.append(asked)
        with contextlib.suppress(OSError, ssl.SSLError):
            await (odd(stream) if odd is not None else self._serve(ServerTls(stream, self._context), asked))

    async def _serve(self, tls: ServerTls, asked: list[str]) -> None:
        await tls.handshake()
        while data := await tls.read():
            asked.append(data.split(b" ")[1].decode().partition("?")[0])
            await tls.write(FORBIDDEN if asked[-1] != "/config.js" else await self._file())

    async def _file(self) -> bytes:
        await asyncio.sleep(self._slow)
        if self._config is None:
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(self._config) + self._config.encode()


class Visited(NamedTuple):
    """What was seen; what was asked over each connection; how many are left open."""

    found: list[Observation]
    asked: list[list[str]]
    left: int

    @property
    def config(self) -> JitsiConfig:
        (only,) = of(self.found, JitsiConfig)
        return only

    @property
    def plain(self) -> SignIn:
        """The participant's who asks for nothing besides."""
        return min(of(self.found, SignIn), key=lambda each: each.at)


def visited(
    websocket: str | None = HERE,
    odd: dict[int, Talk] | None = None,
    slow: float = 0.0,
    labs: list[Lab] | None = None,
    **options: Any,
) -> Visited:
    """config.js names `websocket`; None: there is no config.js. `labs` gets the one that is built."""
    lab = lab_of(web=Web(state="plain"))
    if labs is not None:
        labs.append(lab)
    config = None if websocket is None else f"var config = {{ hosts: {{ domain: 'a' }}, websocket: '{websocket}' }};"
    front = Front(config, odd or {}, slow)
    lab.servers["web"].listen(443, front)
    found = seen(lab, at.TARGET, PROBES, stun=(), **options)
    return Visited(found, front.asked, len(lab.client._streams))


def test_the_upgrade_is_answered_one_round_trip_after_config_js() -> None:
    """TCP and TLS stand by then: made anew they would take two more."""
    took = visited()
    assert took.plain.at - took.config.at == pytest.approx(RTT, abs=LITTLE)
    assert (took.plain.status, took.plain.reached) == (403, "tls")
    assert took.plain.duration_ms == pytest.approx(3 * RTT * 1000, abs=LITTLE * 1000)
    assert len({each.local for each in of(took.found, SignIn)}) == 2


def test_no_connection_is_made_that_would_not_be_made_later() -> None:
    """The last asks for the page where the upgrade was refused."""
    took = visited()
    assert took.asked == [["/config.js"], ["/xmpp-websocket"], ["/xmpp-websocket"], ["/xmpp-websocket"]]
    assert took.left == 0
    assert visited(join=False).asked == [["/config.js"], ["/xmpp-websocket"], ["/xmpp-websocket"]]


@pytest.mark.parametrize("websocket", [f"wss://{at.TARGET}:8443/xmpp-websocket", "wss://localhost/x", "ws://a/x", None])
def test_where_signalling_is_elsewhere_they_are_closed_at_once(
    websocket: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only when the drawer is emptied, and config.js is there as soon as without them."""
    left: list[int] = []
    labs: list[Lab] = []
    emptied = Keep.close

    def close(keep: Keep) -> list[Any]:
        left.append(len(labs[-1].client._streams))
        return emptied(keep)

    monkeypatch.setattr(Keep, "close", close)
    took = visited(websocket, labs=labs)
    assert took.asked == [["/config.js"], [], []]
    assert (left, took.left) == ([0], 0)
    without = visited(websocket, labs=labs, insecure=True)
    ended = [max(each.at for each in one.found if each.probe == "config") for one in (took, without)]
    assert ended[0] == pytest.approx(ended[1], abs=LITTLE)


@pytest.mark.parametrize(("odd", "lost"), [(shuts, 0.0), (hangs, NEXT_SECONDS)], ids=["closed", "silent"])
def test_those_that_fail_are_made_again(odd: Talk, lost: float) -> None:
    took = visited(odd={1: odd, 2: odd})
    assert took.plain.at - took.config.at == pytest.approx(3 * RTT + lost, abs=LITTLE)
    assert (took.plain.status, took.plain.reached) == (403, "tls")
    assert took.plain.duration_ms == pytest.approx(3 * RTT * 1000, abs=LITTLE * 1000)
    assert took.asked[3:5] == [["/xmpp-websocket"]] * 2
    assert took.left == 0


def test_what_fails_again_is_what_is_told() -> None:
    took = visited(odd=dict.fromkeys(range(1, 20), shuts))
    told = [(each.reached, each.failure) for each in of(took.found, SignIn)]
    assert told == [("connection", Failure.CLOSED)] * 2
    assert took.left == 0


def test_those_that_idled_are_not_used() -> None:
    """Servers close such; that would look like a fault of theirs."""
    took = visited(slow=2.0)
    assert took.asked[:5] == [["/config.js"], [], [], ["/xmpp-websocket"], ["/xmpp-websocket"]]
    assert took.left == 0


@pytest.mark.parametrize("options", [{"insecure": True}, {"skip": ("signalling",)}, {"only": PROBES[:3]}])
def test_none_is_made_where_it_may_not_be_wanted(options: dict[str, Any]) -> None:
    took = visited(slow=0.5, **options)
    assert took.asked[0] == ["/config.js"]
    assert [] not in took.asked
