"""Nothing listens where the configuration says

The way into Janus's API that the target names is refused, at all of the name's addresses, while Janus itself answers
by another way. So Janus runs, and this way in does not.

How it shows: "WebSocket connection to wss://… failed" at once in the browser's console; a page that takes HTTP works.

What to do: see on the server whether the port is there (`ss -ltnp`). Janus's log says that its WebSocket server
started even where no socket could be bound: older libwebsockets bind an IPv4 address as one of IPv6, which fails where
IPv6 is off (`ipv6.disable=1`); `ws_ip` with an address that the host hasn't, or an interface that isn't there, comes
to the same from 1.3.1 on. `ws` or `wss` may be off, or the port another one.

Sources: Janus's sample configuration (transports); field reports: janus-gateway 2530, 2969, libwebsockets 2180.
"""

from natprobe.derive.janus import answers, listening_elsewhere, shut_door
from natprobe.facts import Facts, JanusDoor, JanusInfo, ids
from natprobe.model import Alternative, Fix, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement, alternative
from natprobe.servers import janus

READS = (JanusDoor, JanusInfo)

_MESSAGE = "Nothing listens at {endpoint}, where {url} leads, while Janus answers at {other}"
_NOT_LOADED = _MESSAGE + ": its transport {transport} is not loaded"
_LOADED = {"websocket": "websockets", "http": "http"}


def check(facts: Facts) -> Judgement:
    """Where the same port of another address of the host has it, it is listening-on-other-address."""
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
        alternative("port-not-forwarded", f"on the router in front of the server: is TCP port {port} passed on to it?"),
        alternative("port-not-published", f"docker port with the container's name: is {port} published?"),
    )


def _fixes(shut: JanusDoor, port: int) -> tuple[Fix, ...]:
    return (janus.websocket_on(port) if shut.transport == "websocket" else janus.http_on(port),)
