"""It listens on loopback only

A port that strangers have to reach is there for this host alone: its program listens at 127.0.0.1 or ::1.

How it shows: everything works on the server itself; from anywhere else the port is refused, as if nothing ran.

What to do: have the program listen at the server's address, or at all of them, and open the port in the firewall. Where
a web server on the same host is to pass it on (as nginx does with Prosody's BOSH and Janus's API), loopback is right:
then the web server's port is the one to expect.

Sources: measured with ss and connections from another host; docker-jitsi-meet's compose file (127.0.0.1:8080).
"""

from collections.abc import Sequence

from natprobe.derive.listening import Standing
from natprobe.facts import Expected, Facts, Listening, Published, Setting, Sockets
from natprobe.rules import Found, Judgement, _ports
from natprobe.rules._on_the_host import on_the_host
from natprobe.wording import mark

READS = (Sockets, Listening, Published, Expected, Setting)

_MESSAGE = mark("{program} listens at {at} only, so that nobody else reaches {where}, which {said} wants")


def check_together(vantages: Sequence[Facts]) -> Judgement:
    """Where it is why a client gets no answer from the media port."""
    return on_the_host(vantages, "loopback-only")


def check(facts: Facts) -> Judgement:
    """Only where strangers are to come."""
    return _ports.judged(facts, "loopback", by=lambda standing: _found(facts, standing))


def _found(facts: Facts, standing: Standing) -> Found:
    file, line = _ports.file_of(standing.need)
    return Found(
        message=_MESSAGE,
        args={
            "program": _ports.by_name(standing),
            "at": _ports.at(standing.holders),
            "where": _ports.where(standing),
            "said": _ports.said(standing.need),
        },
        evidence=_ports.evidence(facts, standing),
        fixes=(_ports.binding(standing),),
        file=file,
        line=line,
    )
