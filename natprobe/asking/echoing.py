"""Media there and back: RTP in SRTP to a media server that echoes it, small and full-size.

What comes back full-size has passed in both directions, which no check tells: an answer to a padded one is small. The
small ones are the control.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec

from natprobe.asking.checks import GIVE_UP, SEND_TIMES
from natprobe.asking.together import as_they_come
from natprobe.context import Context
from natprobe.derive import FULL_SIZE
from natprobe.facts import MediaEcho
from natprobe.model import Failure
from natprobe.net.api import same_peer
from natprobe.net.dtls import DtlsSession
from natprobe.net.ice import Association
from natprobe.wire.ice import Pair
from natprobe.wire.srtp import LABEL, PROFILES, Rtp, Srtp, material_size

# As much as 20 ms of speech take.
SMALL_SIZE = 100
# What tells our packets apart: so many random bytes at the beginning of each.
_MARK = 8


async def echoes(
    ctx: Context, made: Association, pair: Pair, dtls: DtlsSession, rtp: Rtp, named: MediaEcho
) -> AsyncIterator[MediaEcho]:
    """Both sizes at once, each sent until it has come back. Nothing where both sides agreed on no SRTP. `named`: the
    fact as far as it says whose pair it is.
    """
    if dtls.srtp_profile not in PROFILES:
        return
    material = dtls.exported(LABEL, material_size(dtls.srtp_profile))
    srtp = Srtp(dtls.srtp_profile, material, rtp, ctx.random.getrandbits(15))
    echoing = _Echoing(ctx, made, pair, srtp)
    reading = asyncio.create_task(echoing.read())
    try:
        async for seen in as_they_come(echoing.ask(size, named) for size in (SMALL_SIZE, FULL_SIZE)):
            yield seen
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


class _Size:
    """Packets of one size: when each went out and came back, by its mark."""

    def __init__(self) -> None:
        self.out: dict[bytes, float] = {}
        self.back: dict[bytes, float] = {}
        self.some = asyncio.Event()

    def arrived(self, mark: bytes, at: float) -> None:
        """One that we sent, or nobody's."""
        if mark in self.out:
            self.back.setdefault(mark, at)
            self.some.set()

    def rtt(self) -> float | None:
        """Of the first that came back, in seconds."""
        return next((at - self.out[mark] for mark, at in self.back.items()), None)


class _Echoing:
    """One pair, and the keys of the handshake on it."""

    def __init__(self, ctx: Context, made: Association, pair: Pair, srtp: Srtp) -> None:
        self._ctx, self._made, self._pair, self._srtp = ctx, made, pair, srtp
        self._sizes: dict[int, _Size] = {}

    async def read(self) -> None:
        """What comes from the other side; nobody else listens once the handshake is over."""
        while True:
            data, source, at, _ = await self._made.heard()
            asked = self._sizes.get(len(data))
            if asked is not None and same_peer(source, self._pair.remote.endpoint):
                asked.arrived((self._srtp.content(data) or b"")[:_MARK], at)

    async def ask(self, size: int, named: MediaEcho) -> AsyncIterator[MediaEcho]:
        """As often as a check. Each try is a packet of its own: the same one again would be dropped as a replay."""
        asked = self._sizes[size] = _Size()
        began = self._ctx.net.now()
        for until in (*SEND_TIMES[1:], GIVE_UP):
            self._send(size, asked)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(began + until - self._ctx.net.now(), 0)):
                    await asked.some.wait()
                    break
        yield self._fact(size, asked, named)

    def _send(self, size: int, asked: _Size) -> None:
        mark = self._ctx.random.randbytes(_MARK)
        asked.out[mark] = self._ctx.net.now()
        self._made.send(self._pair, self._srtp.packet(mark, size), self._pair.remote.endpoint)

    def _fact(self, size: int, asked: _Size, named: MediaEcho) -> MediaEcho:
        rtt = asked.rtt()
        return msgspec.structs.replace(
            named,
            size=size,
            sent=len(asked.out),
            received=len(asked.back),
            rtt_ms=None if rtt is None else round(rtt * 1000, 2),
            failure=None if asked.back else Failure.TIMEOUT,
        )
