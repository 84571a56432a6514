"""Where a media server may be though it does not say so: what is tried beside the candidates that it advertises."""

from __future__ import annotations

from collections.abc import Sequence

from natprobe.addresses import address_class
from natprobe.context import Context
from natprobe.derive import target_addresses
from natprobe.facts import Facts, SignIn
from natprobe.model import Address, Endpoint, family, join, split
from natprobe.target import is_address

# A guest sends few packets. Jitsi's bridge listens on 10000 unless somebody changed it.
FORCED_MAX = 12
MEDIA_PORT = 10000


def forced(
    ctx: Context,
    facts: Facts,
    advertised: Sequence[Endpoint],
    also: Sequence[Address] = (),
    usual: int | None = MEDIA_PORT,
) -> list[Endpoint]:
    """The user's own endpoints, then the user's addresses, the name's, the web front's, `also` and the advertised ones,
    each with the ports that are advertised, the `usual` one and the user's.
    """
    words = ctx.options.media_addresses
    named = [each for each in words if not is_address(each)]
    addresses = [each for each in words if is_address(each)] + _addresses(facts, advertised, also)
    own = [] if usual is None else [usual]
    ports = [*(split(each)[1] for each in advertised), *own, *(split(each)[1] for each in named)]
    wanted = dict.fromkeys([*named, *(join(address, port) for port in dict.fromkeys(ports) for address in addresses)])
    return [each for each in wanted if each not in advertised and _usable(ctx, each)][:FORCED_MAX]


def _addresses(facts: Facts, advertised: Sequence[Endpoint], also: Sequence[Address]) -> list[Address]:
    front = [split(each.endpoint)[0] for each in facts.ok(SignIn) if each.endpoint and each.via is None]
    told = [*also, *(split(each)[0] for each in advertised)]
    return [*target_addresses(facts), *front, *(each for each in told if address_class(each) != "loopback")]


def _usable(ctx: Context, endpoint: Endpoint) -> bool:
    address = split(endpoint)[0]
    return family(address) in ctx.options.families and address_class(address) not in ("unspecified", "multicast")
