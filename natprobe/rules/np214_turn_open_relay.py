"""Anybody may relay without credentials

The relay gave out an address without asking who wants it. Whoever finds it can send anything to anywhere in its
name, and into its own network, at its owner's cost. Such relays are looked for, and found within days.

How it shows: calls work. Then the bill for traffic grows, complaints come about attacks from this address, or machines
behind the relay are reached that nobody should reach.

What to do: take `no-auth` out of turnserver.conf and give the relay a shared secret (`use-auth-secret`,
`static-auth-secret`) that the signalling server has too; a coturn with no line about access at all is open as well.
Then forbid the relay to reach inner addresses (`denied-peer-ip`).

On the server `natprobe inspect` reads it from turnserver.conf.

Sources: RFC 8656 sections 5, 7.2 and 21.1; measured: coturn 4.6.1 with no-auth, and with no line about access.
"""

from natprobe.derive.relays import LegFacts, legs
from natprobe.facts import Allocation, Facts, Permission, Relayed, ids
from natprobe.rules import Found, Judgement, _relay_files
from natprobe.rules._legs import found, nothing
from natprobe.servers import coturn
from natprobe.wording import mark

READS = (Allocation, Permission, Relayed, *_relay_files.KINDS)

_ALLOCATES = mark(
    "Anybody may relay through {host}: it allocates over {transport} ({server}) without asking for credentials"
)
_RELAYS = mark(
    "Anybody may relay through {host}: over {transport} ({server}) data went through it without any credentials"
)


def check(facts: Facts) -> Judgement:
    """Not where it then forbids every peer: that is no relay for anybody."""
    if _relay_files.there(facts):
        return _relay_files.open_(facts)
    groups: dict[tuple[str, str], list[LegFacts]] = {}
    for each in filter(_open, legs(facts)):
        groups.setdefault((each.allocation.host, each.allocation.transport), []).append(each)
    return [_found(facts, group) for group in groups.values()] or nothing(facts)


def _open(leg: LegFacts) -> bool:
    allocated = leg.allocation.failure is None and not leg.allocation.challenged
    return allocated and not (leg.permissions and all(each.failure is not None for each in leg.permissions))


def _found(facts: Facts, group: list[LegFacts]) -> Found:
    leg = group[0]
    return found(
        facts,
        group,
        _RELAYS if leg.works else _ALLOCATES,
        evidence=ids(leg.permissions, leg.data),
        fixes=coturn.guarded(),
    )
