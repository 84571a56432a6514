"""Another process holds the port

The port is taken, and not by the program that is to have it. That one could not bind it: it ended, or went on without,
which some programs do with a line in their log and no more.

How it shows: an answer of the wrong kind, such as a web page where a WebSocket was to be, or silence where the wrong
program understands nothing. A port that another one holds at all addresses can't be bound at one of them either.

What to do: stop the process that is named, have it take another port, or give each of the two an address of its own,
where the host has several. Then start the program that is to have the port.

Sources: bind(2) and Linux's ip(7) on EADDRINUSE; measured: the more exact address gets the packets.
"""

from collections.abc import Sequence

from natprobe.derive.listening import Standing
from natprobe.facts import Expected, Facts, Listening, Published, Setting, Sockets
from natprobe.model import Do, Fix
from natprobe.rules import CouldNotTell, Found, Judgement, _ports
from natprobe.rules._on_the_host import on_the_host
from natprobe.wording import mark, phrase

READS = (Sockets, Listening, Published, Expected, Setting)

_MESSAGE = mark("{where} is held by {holder}, where {said} wants {program}")


def check_together(vantages: Sequence[Facts]) -> Judgement:
    """Where it is why a client gets no answer from the media port."""
    return on_the_host(vantages, "port-held-by-other")


def check(facts: Facts) -> Judgement:
    """A process that is hidden from us may be the right one."""
    found = _ports.judged(facts, "other", by=lambda standing: _found(facts, standing))
    if isinstance(found, list) or not _ports.hidden(facts):
        return found
    return CouldNotTell(reason="owners-hidden", ask="sudo natprobe inspect")


def _found(facts: Facts, standing: Standing) -> Found:
    file, line = _ports.file_of(standing.need)
    return Found(
        message=_MESSAGE,
        args={
            "where": _ports.where(standing),
            "holder": _ports.held_by(standing.holders),
            "said": _ports.said(standing.need),
            "program": _ports.who(standing.need),
        },
        evidence=_ports.evidence(facts, standing),
        fixes=_mended(standing),
        file=file,
        line=line,
    )


def _mended(standing: Standing) -> tuple[Fix, ...]:
    need, holder, there = standing.need, _ports.held_by(standing.holders), _ports.at(standing.holders)
    stop = phrase(
        "Stop {holder}, or have it listen on another port; then start {who} anew", holder=holder, who=_ports.who(need)
    )
    apart = phrase(
        "Or, where the host has several addresses, have {holder} listen at its own instead of {there}",
        holder=holder,
        there=there,
    )
    first = Do(text=stop, audience="server", why="one port of one address and protocol has one owner")
    return (first, Do(text=apart, audience="server")) if need.address else (first,)
