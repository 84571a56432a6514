"""The STUN servers to ask how this machine is seen: those given by `--stun`, or the public control servers."""

from __future__ import annotations

from collections.abc import AsyncIterator

from natprobe.asking.lookups import SYSTEM_SECONDS, addresses_of
from natprobe.asking.together import as_they_come
from natprobe.context import Context
from natprobe.facts import Origin, Resolved, StunServer
from natprobe.model import Observation, Target
from natprobe.servers.control import CONTROL_SERVERS
from natprobe.target import stun_transports


def stun_servers(ctx: Context, seconds: float = SYSTEM_SECONDS) -> list[AsyncIterator[Observation]]:
    """One lookup each; `seconds`: how long the system may take for it."""
    if ctx.options.stun is not None:
        given = ctx.options.stun
        return [stun_server(ctx, each.host, each.port, _named(each), "option", each.host, seconds) for each in given]
    return [
        stun_server(
            ctx, each.host, each.port, ("udp", "tcp") if each.tcp else ("udp",), "control", each.operator, seconds
        )
        for each in CONTROL_SERVERS
    ]


def _named(server: Target) -> tuple[str, ...]:
    """What a server of `--stun` is asked over: TCP too, as the control of UDP."""
    return stun_transports(server) if server.scheme == "stuns" else ("udp", "tcp")


async def stun_server(
    ctx: Context,
    host: str,
    port: int,
    transports: tuple[str, ...],
    origin: Origin,
    operator: str,
    seconds: float = SYSTEM_SECONDS,
) -> AsyncIterator[Observation]:
    """One address of each family is enough to ask a server."""
    async for answer in as_they_come(addresses_of(ctx, host, version, seconds) for version in ctx.options.families):
        yield answer
        if not isinstance(answer, Resolved) or not answer.addresses:
            continue
        for transport in transports:
            yield StunServer(
                host=host,
                address=answer.addresses[0],
                port=port,
                transport=transport,  # type: ignore[arg-type]  # words of Transport, from the tables here
                origin=origin,
                operator=operator,
            )
