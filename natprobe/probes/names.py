"""Names: the target's A and AAAA from each resolver, its SRV from the first, and the system's own answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from natprobe.asking.lookups import (
    ADDRESSES_MAX,
    BESIDE_PROXY_SECONDS,
    SYSTEM_SECONDS,
    addresses_of,
    by_system,
    literal,
)
from natprobe.asking.secured import preload
from natprobe.asking.services import LOOKUP_SECONDS, naptr, srv
from natprobe.asking.stun_servers import stun_server, stun_servers
from natprobe.asking.together import as_they_come
from natprobe.asking.ways import to_relay
from natprobe.context import Context
from natprobe.derive import target_addresses
from natprobe.facts import (
    Facts,
    NaptrAnswer,
    NaptrRecord,
    Origin,
    ProxyChoice,
    Resolved,
    SourceAddress,
    SrvAnswer,
    SrvRecord,
    StunServer,
    TurnServer,
)
from natprobe.model import Family, HostName, Observation, Target, family, join
from natprobe.net.dns import DnsError, ask
from natprobe.net.failure import failure_of
from natprobe.target import is_address, stun_transports, turn_transport

REQUIRES = ()
TAKES = (ProxyChoice,)
YIELDS = (Resolved, SrvAnswer, NaptrAnswer, StunServer, TurnServer, SourceAddress)
TIMEOUT = 4.0

RESOLVERS_MAX = 3
# How many names that NAPTR records lead to are looked up, all together.
NAPTR_MAX = 4
# RFC 8489 section 8, RFC 7350 section 4 and RFC 5928 section 4.
SERVICES = ("_stun._udp", "_stun._tcp", "_stuns._udp", "_stuns._tcp", "_turn._udp", "_turn._tcp", "_turns._tcp")
# What is asked as STUN where such a record leads.
_ASKED = {"_stun._udp": "udp", "_stun._tcp": "tcp", "_stuns._udp": "dtls", "_stuns._tcp": "tls"}
# And as a relay: scheme and transport (RFC 5928 section 3).
_RELAYS: dict[str, tuple[str, Literal["udp", "tcp"]]] = {
    "_turn._udp": ("turn", "udp"),
    "_turn._tcp": ("turn", "tcp"),
    "_turns._tcp": ("turns", "tcp"),
}
# RFC 5928 section 3 and RFC 7350 section 4: what an S-NAPTR service stands for, by its protocol.
_PROTOCOLS: dict[str, tuple[str, Literal["udp", "tcp"]]] = {
    "turn.udp": ("turn", "udp"),
    "turn.tcp": ("turn", "tcp"),
    "turn.tls": ("turns", "tcp"),
    "turn.dtls": ("turns", "udp"),
}
_RECORD: dict[Family, str] = {4: "A", 6: "AAAA"}


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """All questions at once; every server of a name that is found becomes a fact, by address."""
    if {"stuns", "turns"} & {each.scheme for each in (ctx.target, *(ctx.options.stun or ()), *ctx.options.turn)}:
        preload()  # when `stuns` and `turn` begin, others are timing their answers
    seconds = BESIDE_PROXY_SECONDS if facts.of(ProxyChoice, lambda each: each.via is not None) else SYSTEM_SECONDS
    streams = [_target(ctx, seconds), *stun_servers(ctx, seconds), *_turn_servers(ctx, seconds)]
    if _in_public_dns(ctx.target):
        streams += [_service(ctx, server, service) for server in _resolvers(ctx)[:1] for service in SERVICES]
        if _of_domain(ctx.target):
            streams += [_offered(ctx, server, ctx.target.host, Left(NAPTR_MAX)) for server in _resolvers(ctx)[:1]]
    async for observation in as_they_come(streams):
        yield observation


def _in_public_dns(target: Target) -> bool:
    """Whether SRV records may exist for it: not for addresses, not for single labels such as localhost (RFC 6761)."""
    return target.kind != "natprobe" and "." in target.host and not is_address(target.host)


def _resolvers(ctx: Context) -> list[tuple[str, int]]:
    return ctx.host.nameservers()[:RESOLVERS_MAX]


async def _target(ctx: Context, seconds: float) -> AsyncIterator[Observation]:
    """Every answer about the target, and the source address towards each address that a client would use."""
    name = ctx.target.host
    if is_address(name):
        streams: list[AsyncIterator[Observation]] = [literal(name)]
    else:
        streams = [by_system(ctx, name, version, seconds) for version in ctx.options.families]
        streams += [_by_dns(ctx, server, name, v) for server in _resolvers(ctx) for v in ctx.options.families]
    found: list[Resolved] = []
    async for observation in as_they_come(streams):
        yield observation
        if isinstance(observation, Resolved) and observation.failure is None:
            found.append(observation)
    addresses = target_addresses(Facts(ctx.target, found))
    for address in addresses:
        if family(address) in ctx.options.families:
            yield _source(ctx, address)
    if ctx.target.kind == "turn":
        for relay in await _at(ctx, ctx.target, addresses, "target"):
            yield relay
    for service in _of_target(ctx.target, addresses):
        yield service


def _of_target(target: Target, addresses: list[str]) -> list[StunServer]:
    """A `stun:` or `turn:` target answers Binding requests itself (RFC 8656 section 1); so does a `serve`."""
    if target.kind not in ("stun", "turn", "natprobe") or target.scheme == "turns":
        return []
    return [
        StunServer(
            host=target.host,
            address=a,
            port=target.port,
            transport=transport,
            origin="target",
            operator=target.host,
        )
        for a in addresses
        for transport in stun_transports(target)
    ]


async def _at(ctx: Context, server: Target, addresses: list[str], origin: Origin) -> list[TurnServer]:
    """One for each address; without any the name alone, where a browser's proxy looks it up."""
    if not addresses and await to_relay(ctx, server.host, server.port, turn_transport(server)):
        return [_relay(ctx, server, None, origin)]
    return [_relay(ctx, server, each, origin) for each in addresses]


def _relay(ctx: Context, server: Target, address: str | None, origin: Origin) -> TurnServer:
    return TurnServer(
        host=server.host,
        address=address,
        port=server.port,
        transport=turn_transport(server),
        origin=origin,
        access=ctx.options.turn_access,
    )


def _turn_servers(ctx: Context, seconds: float) -> list[AsyncIterator[Observation]]:
    """The servers given by `--turn`."""
    return [_relays(ctx, each, "option", seconds) for each in ctx.options.turn]


async def _relays(
    ctx: Context, server: Target, origin: Origin, seconds: float = SYSTEM_SECONDS
) -> AsyncIterator[Observation]:
    """One address of each family, or the name alone."""
    known = False
    lookups = [addresses_of(ctx, server.host, version, seconds) for version in ctx.options.families]
    async for answer in as_they_come(lookups):
        yield answer
        if isinstance(answer, Resolved) and answer.addresses:
            known = True
            yield _relay(ctx, server, answer.addresses[0], origin)
    for relay in [] if known else await _at(ctx, server, [], origin):
        yield relay


async def _by_dns(ctx: Context, server: tuple[str, int], name: HostName, version: Family) -> AsyncIterator[Observation]:
    began, at = ctx.net.now(), join(*server)
    try:
        answer = await ask(ctx.net, server, name, _RECORD[version], LOOKUP_SECONDS)
    except DnsError as exc:
        yield Resolved(name=name, family=version, by="dns", server=at, failure=exc.failure, detail=exc.detail)
        return
    rdtype = _RECORD[version]
    addresses = [record.address for rrset in answer.answer if rrset.rdtype.name == rdtype for record in rrset]
    yield Resolved(
        name=name,
        family=version,
        by="dns",
        server=at,
        addresses=tuple(addresses[:ADDRESSES_MAX]),
        rtt_ms=_ms(ctx, began),
    )


async def _service(ctx: Context, server: tuple[str, int], service: str) -> AsyncIterator[Observation]:
    """One SRV lookup; what it names is resolved and, where it speaks STUN, becomes a server to ask."""
    name = ctx.target.host
    answer = await srv(ctx, server, service, name)
    yield answer
    transports = (_ASKED[service],) if service in _ASKED else ()
    streams = [
        stun_server(ctx, each.target, each.port, transports, "srv", name) for each in answer.records if transports
    ]
    if service in _RELAYS:
        streams += [_relays(ctx, _named_by(*_RELAYS[service], each), "srv") for each in answer.records]
    async for found in as_they_come(streams):
        yield found


def _named_by(scheme: str, transport: Literal["udp", "tcp"], record: SrvRecord) -> Target:
    """The URI that an SRV record stands for (RFC 5928 section 3)."""
    return _uri(scheme, transport, record.target, record.port)


def _uri(scheme: str, transport: Literal["udp", "tcp"], host: HostName, port: int) -> Target:
    return Target(input=host, host=host, port=port, kind="turn", scheme=scheme, transport=transport)


# --- S-NAPTR


class Left:
    """How many further lookups there may be."""

    def __init__(self, number: int) -> None:
        self._number = number

    def take(self) -> bool:
        """Whether there is one more, which is taken."""
        self._number -= 1
        return self._number >= 0


def _of_domain(target: Target) -> bool:
    """Whether a relay's URI names neither port nor transport: what it has is for DNS to say (RFC 5928 section 3)."""
    return target.kind == "turn" and target.input in (target.host, f"{target.scheme}:{target.host}")


async def _offered(ctx: Context, server: tuple[str, int], name: HostName, left: Left) -> AsyncIterator[Observation]:
    """The relays that this domain's NAPTR records lead to, of the scheme of the URI; browsers don't ask."""
    answer = await naptr(ctx, server, name)
    yield answer
    streams = []
    for each in answer.records:
        for scheme, transport in _protocols(each):
            if scheme == ctx.target.scheme and left.take():
                streams.append(_led_to(ctx, server, each, (scheme, transport), left))
    async for found in as_they_come(streams):
        yield found


def _protocols(record: NaptrRecord) -> list[tuple[str, Literal["udp", "tcp"]]]:
    tag, *protocols = record.service.lower().split(":")
    return [_PROTOCOLS[each] for each in protocols if each in _PROTOCOLS] if tag == "relay" else []


async def _led_to(
    ctx: Context,
    server: tuple[str, int],
    record: NaptrRecord,
    over: tuple[str, Literal["udp", "tcp"]],
    left: Left,
) -> AsyncIterator[Observation]:
    if record.flags == "":
        async for found in _offered(ctx, server, record.replacement, left):
            yield found
    elif record.flags == "a":
        port = 5349 if over[0] == "turns" else 3478
        async for found in _relays(ctx, _uri(*over, record.replacement, port), "srv"):
            yield found
    elif record.replacement.count(".") > 1:
        *service, domain = record.replacement.split(".", 2)
        answer = await srv(ctx, server, ".".join(service), domain)
        yield answer
        async for found in as_they_come(_relays(ctx, _named_by(*over, each), "srv") for each in answer.records):
            yield found


def _source(ctx: Context, address: str) -> SourceAddress:
    try:
        return SourceAddress(towards=address, local=ctx.net.source_address(address))
    except OSError as exc:
        failure, detail = failure_of(exc)
        return SourceAddress(towards=address, failure=failure, detail=detail)


def _ms(ctx: Context, began: float) -> float:
    return round((ctx.net.now() - began) * 1000, 2)
