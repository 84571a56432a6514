"""Nothing listens where the configuration says

On the server (`natprobe inspect`): a port that a configuration file or `--expect` names is nobody's. Where nothing of
a program is there, or of a folder of containers, it is told once. A container's port may be taken by docker-proxy with
nobody behind it: that takes every connection and closes it again.

From outside: the way into Janus's API that the target names is refused, at all of the name's addresses, while Janus
itself answers by another way. So Janus runs, and this way in does not.

How it shows: "WebSocket connection to wss://… failed" at once in the browser's console; a page that takes HTTP works.
Silent or refused media ports.

What to do: start the program, and see what its log says. See on the server whether the port is there (`ss -lntup`).
Of an address that the host does not have nothing can be bound. Janus's log says that its WebSocket server
started even where no socket could be bound: older libwebsockets bind an IPv4 address as one of IPv6, which fails where
IPv6 is off (`ipv6.disable=1`); `ws_ip` with an address that the host hasn't, or an interface that isn't there, comes
to the same from 1.3.1 on. `ws` or `wss` may be off, or the port another one.

Sources: Janus's sample configuration (transports); field reports: janus-gateway 2530, 2969, libwebsockets 2180.
"""

from collections.abc import Iterator, Sequence

from natprobe.derive.janus import answers, listening_elsewhere, shut_door
from natprobe.derive.listening import Standing, led_unseen, standings, stopped, told
from natprobe.derive.needs import needs
from natprobe.facts import (
    Expected,
    Facts,
    JanusDoor,
    JanusInfo,
    Listening,
    PacketFilter,
    PortTry,
    Published,
    Setting,
    Sockets,
    ids,
)
from natprobe.model import Alternative, Do, Failure, Fix, join, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement, _ports, alternative
from natprobe.rules._on_the_host import on_the_host
from natprobe.servers import janus
from natprobe.wording import mark, phrase

READS = (JanusDoor, JanusInfo, Sockets, Listening, Published, Expected, PortTry, PacketFilter, Setting)

_MESSAGE = mark("Nothing listens at {endpoint}, where {url} leads, while Janus answers at {other}")
_NOT_LOADED = mark(
    "Nothing listens at {endpoint}, where {url} leads, while Janus answers at {other}: its transport"
    " {transport} is not loaded"
)
_LOADED = {"websocket": "websockets", "http": "http"}
_STOPPED = mark("Nothing of {program} is there: nobody listens at {where}, named by {said}")
_ABSENT = mark("Nothing listens at {where}, where {said} wants {program}")
_NOT_HERE = mark("Nothing listens at {where}, where {said} wants {program}: this host does not have that address")
_DEAD = mark("docker-proxy takes connections at {where}, and nobody in the container takes them: {to} is closed")


def check_together(vantages: Sequence[Facts]) -> Judgement:
    """Where it is why a client gets no answer from the media port."""
    return on_the_host(vantages, "not-listening")


def check(facts: Facts) -> Judgement:
    """Where the same port of another address of the host has it, it is listening-on-other-address."""
    if told(facts) is not None:
        return _on_the_server(facts)
    if not facts.of(JanusDoor):
        return NOT_APPLICABLE
    shut = shut_door(facts)
    if shut is None or listening_elsewhere(facts):
        return CLEAR
    return [_found(facts, shut)]


def _found(facts: Facts, shut: JanusDoor) -> Found:
    others = facts.of(JanusDoor, answers)
    told = [each for each in facts.ok(JanusInfo) if each.transports]
    name = _LOADED[shut.transport]
    missing = bool(told) and not any(name in each.transports for each in told)
    return Found(
        message=_NOT_LOADED if missing else _MESSAGE,
        args={"endpoint": shut.endpoint, "url": shut.url, "other": others[0].url, "transport": name},
        evidence=ids([each for each in facts.of(JanusDoor) if each.why == "target"], others[:1], told),
        alternatives=_alternatives(facts, shut),
        fixes=_fixes(shut, split(shut.endpoint)[1]),
    )


def _alternatives(facts: Facts, shut: JanusDoor) -> tuple[Alternative, ...]:
    """Where Janus has another address than the one that refuses, what stands before it may refuse in its place."""
    address, port = split(shut.endpoint)
    own = [each.local_ip for each in facts.ok(JanusInfo) if each.local_ip]
    if not own or address in own:
        return ()
    return (
        alternative(
            "port-not-forwarded",
            phrase("on the router in front of the server: is TCP port {port} passed on to it?", port=port),
        ),
        alternative(
            "port-not-published", phrase("docker port with the container's name: is {port} published?", port=port)
        ),
    )


def _fixes(shut: JanusDoor, port: int) -> tuple[Fix, ...]:
    return (janus.websocket_on(port) if shut.transport == "websocket" else janus.http_on(port),)


# --- on the server


def _on_the_server(facts: Facts) -> Judgement:
    if not told(facts) and needs(facts):
        return CouldNotTell(reason="sockets-unread", ask="sudo natprobe inspect")
    return _ports.unread(facts) or list(_inspected(facts)) or CLEAR


def _inspected(facts: Facts) -> Iterator[Found]:
    """A service of which nothing is there is one finding."""
    down = stopped(facts)
    unsure = led_unseen(facts)
    for service in down:
        if unsure and service[0].state == "unpublished":
            continue  # port-not-published says so
        yield _stopped(facts, service) if len(service) > 1 else _absent(facts, service[0])
    together = {id(each) for service in down for each in service}  # the very same ones
    for each in (each for each in standings(facts) if id(each) not in together):
        if each.state == "absent":
            yield _absent(facts, each)
        if each.state == "dead":
            yield _dead(facts, each)


def _stopped(facts: Facts, service: list[Standing]) -> Found:
    need = service[0].need
    file, line = _ports.file_of(need)
    sources = dict.fromkeys(each.need.file or each.need.by for each in service)
    names = dict.fromkeys(_ports.who(each.need) for each in service)
    places = dict.fromkeys(map(_ports.where, service))
    return Found(
        message=_STOPPED,
        args={"program": _ports.some(names), "where": _ports.some(places), "said": _ports.some(sources)},
        evidence=tuple(sorted({each for one in service for each in _ports.evidence(facts, one)})),
        fixes=(_ports.running(need),),
        file=file,
        line=line,
    )


def _absent(facts: Facts, standing: Standing) -> Found:
    foreign = _not_here(facts, standing)
    file, line = _ports.file_of(standing.need)
    return Found(
        message=_NOT_HERE if foreign else _ABSENT,
        args={
            "where": _ports.where(standing),
            "said": _ports.said(standing.need),
            "program": _ports.who(standing.need),
        },
        evidence=tuple(sorted({*_ports.evidence(facts, standing), *ids(foreign)})),
        fixes=_mended(facts, standing, bool(foreign)),
        file=file,
        line=line,
    )


def _not_here(facts: Facts, standing: Standing) -> list[PortTry]:
    """Tries that say that the address is none of this host's."""
    refused = facts.failed(PortTry, Failure.ADDRESS_NOT_LOCAL)
    endpoint = join(standing.missing, standing.port) if standing.missing else ""
    return [each for each in refused if each.endpoint == endpoint and each.proto == standing.need.proto]


def _mended(facts: Facts, standing: Standing, foreign: bool) -> tuple[Fix, ...]:
    need = standing.need
    if foreign:
        why = phrase("ip address show tells this host's own; behind a router the public address is the router's")
        words = phrase(
            "Have {who} listen at an address of this host's own, or at all of them ({said})",
            who=_ports.who(need),
            said=_ports.said(need),
        )
        return (Do(text=words, audience="server", why=why),)
    if need.program == "janus" and need.proto == "tcp" and need.key.startswith("ws"):
        return (_ports.running(need), janus.websocket_on(need.port))
    return (_ports.running(need),)


def _dead(facts: Facts, standing: Standing) -> Found:
    to = next(each.to for each in standing.holders if isinstance(each, Published))
    look = phrase(
        "docker ps -a; docker logs with the container's name: the container runs, and its program does not listen there"
    )
    return Found(
        message=_DEAD,
        args={"where": _ports.where(standing), "to": to},
        evidence=_ports.evidence(facts, standing),
        fixes=(Do(text=look, audience="server"),),
    )
