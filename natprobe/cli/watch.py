"""`natprobe serve --watch`: says what arrives at some ports, also where another program has them. Opens none, answers
nothing. stdout has one line for each new sender and kind, then counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from natprobe.cli.errors import OK, SIGNALLED, UsageError, say, warn
from natprobe.cli.output import Plan, emit
from natprobe.model import join, split

if TYPE_CHECKING:
    from natprobe.cli.serve import Asked
    from natprobe.facts import Arrived
    from natprobe.net.api import Net
    from natprobe.net.sniff import Sniffer
    from natprobe.serve.counting import Counts, Sent
    from natprobe.wire.counts import Proto
    from natprobe.wire.payloads import What

# Senders may be forged: so many are told of one by one, and no more than so many in a second.
LINES_MAX, LINES_EACH_SECOND = 500, 20
# How often counts are said, where they have changed (seconds), and of how many.
COUNTED_EVERY, COUNTED_MAX = 10.0, 10

_WHATS: dict[What, str] = {
    "check": "ICE checks",
    "stun": "STUN",
    "turn": "TURN",
    "dtls": "DTLS",
    "tls": "TLS",
    "http": "HTTP",
    "rtp": "RTP or RTCP",
    "connection": "a connection",
    "other": "something else",
}


def run(asked: Asked, output: Plan) -> int:
    """The exit code. Raises UsageError."""
    from natprobe.cli import signals

    signalled = signals.run(_watched(asked, output))
    return SIGNALLED + signalled if signalled else OK


async def _watched(asked: Asked, output: Plan) -> int:
    """The signal that ended it, or 0."""
    from natprobe.cli import signals
    from natprobe.cli.serve import seconds
    from natprobe.cli.served import Record, write_report
    from natprobe.net.system import SystemNet
    from natprobe.serve.counting import Counts

    for_seconds, net = seconds(asked.for_seconds), SystemNet()
    counts = Counts(net.now(), "interface")
    counts.ports = _ports(asked)
    news = _News(net.now)
    sniffer = _sniffer(counts, news)
    try:
        record = Record(net, counts, time.time(), for_seconds) if output.files else None
        if not output.quiet:
            say(_begins(counts, for_seconds))
        signalled = await signals.until_told(_counted(net, counts, for_seconds))
    finally:
        dropped = sniffer.dropped
        sniffer.close()
    _sum_up(counts, net.now(), dropped, news.untold)
    await write_report(record, output)
    return signalled


def _ports(asked: Asked) -> tuple[tuple[Proto, int], ...]:
    """Those that were named and no others; without any, the usual ones."""
    from natprobe.cli.serve import wanted
    from natprobe.wire.capture import PORTS_MAX

    udp, tcp = wanted(asked)
    named = bool(asked.udp or asked.tcp) and not asked.like
    udp, tcp = (udp if asked.udp or not named else ()), (tcp if asked.tcp or not named else ())
    if 0 in (*udp, *tcp):
        raise UsageError("--watch wants ports from 1 to 65535")
    if len({*udp, *tcp}) > PORTS_MAX:
        raise UsageError(f"--watch takes at most {PORTS_MAX} ports")
    both: list[tuple[Proto, int]] = [("udp", port) for port in udp]
    return (*both, *(("tcp", port) for port in tcp))


def _sniffer(counts: Counts, news: _News) -> Sniffer:
    """Raises UsageError where this machine lets us have none."""
    from natprobe.net.sniff import Caught, Sniffer
    from natprobe.serve.watching import Watcher

    watcher = Watcher(counts, news.tell)

    def caught(packet: Caught) -> None:
        if packet.outgoing:
            watcher.left(packet.seen, packet.interface)
        else:
            watcher.came(packet.seen, packet.interface, packet.at)

    try:
        return Sniffer({port for _, port in counts.ports}, caught)
    except PermissionError:
        raise UsageError("--watch sees every packet, which takes root: sudo natprobe serve --watch") from None
    except OSError as exc:
        raise UsageError(f"--watch can't see packets on this system: {exc.strerror or exc}") from None


class _News:
    """Says what is new, as often as is good for a reader. `untold`: how many kinds and senders were too many."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._left, self.untold = now, LINES_MAX, 0
        self._second, self._in_it = 0, 0

    def tell(self, sent: Sent) -> None:
        """One line."""
        second = int(self._now())
        self._in_it = self._in_it + 1 if second == self._second else 1
        self._second = second
        if self._in_it > LINES_EACH_SECOND or not self._left:
            self.untold += 1
            return
        self._left -= 1
        run = f", of {sent.session}" if sent.session else ""
        what = f"{_WHATS[sent.what]}{run}"
        emit(f"{sent.proto.upper()} {sent.local[1]} from {join(*sent.sender)} to {sent.local[0]}: {what}\n")


async def _counted(net: Net, counts: Counts, for_seconds: float) -> None:
    """Says the counts now and then, for as long."""
    ends, before = net.now() + for_seconds, ""
    while (left := ends - net.now()) > 0:
        await net.sleep(min(COUNTED_EVERY, left))
        words = _figures(counts, net.now())
        if words != before:
            emit(words)
        before = words


def _figures(counts: Counts, now: float) -> str:
    """The busiest; the others are in the report."""
    from natprobe.facts import Arrived

    came = [each for each in counts.facts(now) if isinstance(each, Arrived)]
    came.sort(key=lambda each: -each.packets)
    more = f"  and {len(came) - COUNTED_MAX} more\n" if len(came) > COUNTED_MAX else ""
    return "".join(map(_figure, came[:COUNTED_MAX])) + more


def _figure(each: Arrived) -> str:
    full = f", {each.full_size} of full size" if each.full_size else ""
    said = f"{_WHATS[each.what]}, {each.packets}{full}, {each.answered} answered"
    return f"  {each.proto.upper()} {split(each.local)[1]} from {each.sender}: {said}\n"


def _begins(counts: Counts, for_seconds: float) -> str:
    from natprobe.serve.opening import listed

    ports = listed(f"{proto.upper()} {port}" for proto, port in counts.ports)
    return (
        f"Watches {ports} on every interface, before this machine's packet filters; opens no port and answers"
        " nothing.\n"
        f"Ends after {for_seconds:g} s, or with Ctrl-C\n"
    )


def _sum_up(counts: Counts, now: float, dropped: int, untold: int) -> None:
    words = _figures(counts, now)
    emit(f"In all:\n{words}" if words else "Nothing arrived.\n")
    if untold:
        from natprobe.serve.counting import ENTRIES_MAX

        kept = f"the last {ENTRIES_MAX} of all" if len(counts) == ENTRIES_MAX else "them"
        warn(f"{untold} senders more than could be told of; the counts have {kept}")
    if dropped:
        warn(f"{dropped} packets came too quickly to be counted")
