"""Allocated and permitted, but nothing comes through

The relay gave out an address and permitted the peers, and then nothing came through it: not from STUN servers that
answer this machine directly, asked nine times each, nor what a socket of our own sent.

How it shows: the relay passes every test that only allocates; calls through it ring and die. The log of the browser
shows relay candidates and no pair that works.

What to do: let the relay's own ports through: a relay takes them from 49152 to 65535 unless `min-port` and `max-port`
say otherwise, and mostly only 3478 was opened. It is UDP, in and out, in the machine's own firewall and in the cloud's.
In a container the whole range has to be published, or the host's network used.

Sources: RFC 8656 sections 7.2 and 11, RFC 6335 section 6; measured: coturn 4.6.1 behind such a firewall.
"""

from natprobe.derive.relays import LegFacts, legs_in
from natprobe.facts import Allocation, Binding, Facts, IceCheck, Permission, Relayed, ids
from natprobe.rules import CouldNotTell, Found, Judgement
from natprobe.rules._legs import found, nothing
from natprobe.servers import coturn
from natprobe.wording import mark, phrase

READS = (Allocation, Permission, Relayed, Binding, IceCheck)

_MESSAGE = mark(
    "The relay {host} gives out {relayed} over {transport} ({server}), but nothing comes through it: none of {peers}"
    " peers in {tries} tries"
)
_ASK = phrase("natprobe check again, with more STUN servers to try it with: --stun stun:HOST, twice")


def check(facts: Facts) -> Judgement:
    """Never from one peer's silence, and never from that of a server which does not answer here either."""
    if groups := legs_in(facts, "silent"):
        return [_found(facts, group) for group in groups]
    unsure = [each for group in legs_in(facts, "peer-unreached") for each in group if not _checked(facts, each)]
    return CouldNotTell(reason="peer-unreached", ask=_ASK) if unsure else nothing(facts)


def _checked(facts: Facts, leg: LegFacts) -> bool:
    """Whether the media server itself answered a check through it."""
    return any(each.verified for each in facts.ok(IceCheck) if each.relayed == leg.allocation.relayed)


def _found(facts: Facts, group: list[LegFacts]) -> Found:
    leg = group[0]
    return found(
        facts,
        group,
        _MESSAGE,
        more={
            "relayed": leg.allocation.relayed,
            "peers": len({each.peer for each in leg.data}),
            "tries": sum(each.tries for each in leg.data),
        },
        evidence=ids(leg.permissions, leg.data),
        fixes=coturn.relay_range_open(leg.allocation.host),
    )
