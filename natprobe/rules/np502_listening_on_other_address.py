"""It listens on another address than configured

On the server (`natprobe inspect`): the program has the very port that its configuration or `--expect` names, at another
address or of the other family only. Whoever comes to the address that was meant is refused.

From outside: Janus's WebSocket is refused at the address that clients are led to, and answers on the same port of
another address of this very host. Which address was configured only the server can say.

How it shows: "WebSocket connection to wss://… failed" at once, for everybody, or, where the name has both addresses,
for some. It comes and goes with the order of the addresses in the host's network settings.

What to do: before 1.3.1 (of the old line: 0.15.1) Janus hands libwebsockets the name of the interface that has the
address of `ws_ip` or `wss_ip`, and gets that interface's first address: with two addresses on one interface it listens
on the wrong one, and an IPv6 address becomes an IPv4 one. The log says nothing of it. Update Janus; or leave the
address out, so that it listens on all; or have the name lead to the address that answers. HTTP is not concerned: its
own `ip` is bound as it stands. Look with `ss -ltnp` after every change: `*:443` takes both families, `[::]:443`
IPv6 alone, `0.0.0.0:443` IPv4 alone. A name with an IPv6 address needs a program that listens there.

Sources: Janus's own source and changelog (1.3.1), measured with 1.1.2; field reports: janus-gateway 3500, 3372.
"""

from collections.abc import Iterator, Sequence

import msgspec

from natprobe.derive.janus import listening_elsewhere
from natprobe.derive.listening import Standing, families, named_in_ipv6, standings, told
from natprobe.derive.needs import Need
from natprobe.facts import (
    Expected,
    Facts,
    JanusDoor,
    JanusInfo,
    Listening,
    LocalAddress,
    Program,
    Published,
    Resolved,
    Setting,
    Sockets,
    ids,
)
from natprobe.model import Do, Fix, Set, Severity, family, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement, _ports
from natprobe.rules._on_the_host import on_the_host
from natprobe.servers import janus
from natprobe.target import host_in
from natprobe.wording import mark, phrase

READS = (JanusDoor, JanusInfo, Sockets, Listening, Published, Expected, LocalAddress, Resolved, Program, Setting)

_MESSAGE = mark("Janus's WebSocket is refused at {endpoint}, where {url} leads, and answers at {right}")
_ELSEWHERE = mark("{program} does not listen at {where}, as {said} says, but at {at}")
_OTHER_FAMILY = mark(
    "{program} listens at {at} and not at {where}: it takes IPv{there} alone there, where {said} wants IPv{wanted}"
)
_NAMED = mark("{name} leads to {address} of this host, and {program} takes IPv4 alone at {where}")


def check_together(vantages: Sequence[Facts]) -> Judgement:
    """Where it is why a client gets no answer from the media port."""
    return on_the_host(vantages, "listening-on-other-address")


def check(facts: Facts) -> Judgement:
    """A refusal at one address, and Janus's own words at the other."""
    if told(facts) is not None:
        return _ports.unread(facts) or list(_inspected(facts)) or CLEAR
    if not facts.of(JanusDoor, lambda each: each.transport == "websocket"):
        return NOT_APPLICABLE
    pairs = listening_elsewhere(facts)
    return [_found(facts, *pairs[0])] if pairs else CLEAR


def _found(facts: Facts, shut: JanusDoor, there: JanusDoor) -> Found:
    address = split(there.endpoint)[0]
    key = "wss_ip" if shut.url.startswith("wss:") else "ws_ip"
    version = next((each.version_string for each in facts.ok(JanusInfo) if each.version_string), None)
    return Found(
        message=_MESSAGE,
        args={"endpoint": shut.endpoint, "url": shut.url, "right": there.endpoint},
        evidence=ids([each for pair in listening_elsewhere(facts) for each in pair]),
        fixes=(
            *janus.websocket_everywhere(key, version),
            Do(
                text=phrase(
                    "Or have {host} lead to {address}, or name that address in the page",
                    host=host_in(shut.url),
                    address=address,
                ),
                audience="server",
            ),
        ),
    )


# --- on the server


def _inspected(facts: Facts) -> Iterator[Found]:
    for each in standings(facts):
        if each.state == "elsewhere":
            yield _elsewhere(facts, each)
    for standing, resolved, address in named_in_ipv6(facts):
        yield _by_name(facts, standing, resolved, address)


def _elsewhere(facts: Facts, standing: Standing) -> Found:
    there = families(standing.holders)
    wanted = family(standing.missing) if standing.missing else 4
    file, line = _ports.file_of(standing.need)
    return Found(
        message=_ELSEWHERE if wanted in there else _OTHER_FAMILY,
        args={
            "program": _ports.by_name(standing),
            "where": _ports.where(standing),
            "said": _ports.said(standing.need),
            "at": _ports.at(standing.holders),
            "there": min(there, default=4),
            "wanted": wanted,
        },
        evidence=_ports.evidence(facts, standing),
        fixes=_mended(facts, standing),
        file=file,
        line=line,
    )


def _mended(facts: Facts, standing: Standing) -> tuple[Fix, ...]:
    """Of Janus's transports the WebSocket alone is bound elsewhere than it is told; --expect says not which it is."""
    need = standing.need
    websocket = need.proto == "tcp" and (need.key.startswith("ws") or not need.key)
    if not websocket or "janus" not in (need.program, _ports.by_name(standing)):
        return (_ports.binding(standing),)
    key = "wss_ip" if need.key.startswith("wss") else "ws_ip"
    packaged = next((each.version for each in facts.ok(Program) if each.name == "janus"), "")
    fixes = janus.websocket_everywhere(key, packaged.partition("-")[0].partition("+")[0])
    return tuple(_placed(each, need) for each in fixes)


def _placed(fix: Fix, need: Need) -> Fix:
    """At the very line, where the files say it."""
    if not isinstance(fix, Set) or fix.key != need.key:
        return fix
    return msgspec.structs.replace(fix, file=need.file, line=need.line)


def _by_name(facts: Facts, standing: Standing, resolved: Resolved, address: str) -> Found:
    """Clients try IPv6 first, and go on to IPv4 after a refusal."""
    program = _ports.by_name(standing)
    words = phrase(
        "Have {program} listen at IPv6 too, or take the AAAA record of {name} away", program=program, name=resolved.name
    )
    return Found(
        message=_NAMED,
        args={"name": resolved.name, "address": address, "program": program, "where": _ports.where(standing)},
        evidence=tuple(sorted({*_ports.evidence(facts, standing), resolved.id})),
        severity=Severity.WARNING,
        fixes=(Do(text=words, audience="server"),),
    )
