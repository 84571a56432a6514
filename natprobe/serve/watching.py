"""`natprobe serve --watch`: what every packet was that came to some ports of this machine, whoever has them. No I/O."""

from __future__ import annotations

from collections.abc import Callable

from natprobe.serve.counting import ENTRIES_MAX, Counts, Sent
from natprobe.wire.capture import Seen
from natprobe.wire.counts import Endpoint, Proto
from natprobe.wire.payloads import Payload, of_datagram, of_stream

_Flow = tuple[Proto, Endpoint, Endpoint]


class Watcher:
    """`news` is told of the first packet of each kind from each sender."""

    def __init__(self, counts: Counts, news: Callable[[Sent], None]) -> None:
        self._counts, self._news = counts, news
        # A flow's interface, and what came of it last: the answer is to that.
        self._flows: dict[_Flow, tuple[str, Sent]] = {}

    def came(self, seen: Seen, interface: str, now: float) -> None:
        """A packet that comes in. Where several interfaces hand over the same one, as a bridge and its port do, the
        first one's counts.
        """
        flow = (seen.proto, seen.to, seen.source)
        known = self._flows.get(flow)
        if (known is not None and known[0] != interface) or (seen.proto, seen.to[1]) not in self._counts.ports:
            return
        payload = _payload(seen)
        if payload is None:
            return
        sent = Sent(seen.proto, seen.to, seen.source, payload.what, session=payload.fragment)
        self._flows[flow] = (interface, sent)
        if len(self._flows) > ENTRIES_MAX:
            del self._flows[next(iter(self._flows))]
        if self._counts.arrived(sent, seen.size, now):
            self._news(sent)

    def left(self, seen: Seen, interface: str) -> None:
        """A packet that goes out, to whom one came from on this interface: an answer. A connection is answered by being
        taken; other TCP packets without bytes are none of the program's.
        """
        known = self._flows.get((seen.proto, seen.source, seen.to))
        if known is None or known[0] != interface:
            return
        if seen.takes if known[1].what == "connection" else seen.size:
            self._counts.answered(known[1])


def _payload(seen: Seen) -> Payload | None:
    """TCP's segments without bytes say nothing, but for the first one."""
    if seen.proto == "udp":
        return of_datagram(seen.payload)
    if seen.size and not seen.opens:
        return of_stream(seen.payload)
    return of_stream(b"") if seen.opens else None
