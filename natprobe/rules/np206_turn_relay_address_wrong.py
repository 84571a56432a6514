"""The relayed address is private, unspecified or not the one peers see

The relay gives its client an address to hand on to peers. This one is of a private network, or no address at all, or
peers saw what was sent through the relay come from another one, and what was sent to it never arrived.

How it shows: allocations succeed, and every test that only allocates is content. Calls through the relay work where the
relay happens to send first, and stay silent elsewhere.

What to do: a relay behind a NAT (most clouds give machines a private address) has to be told its public one:
`external-ip=PUBLIC/PRIVATE`. coturn writes it into answers without any check, so it has to be changed whenever the
public address does. Where 0.0.0.0 is given out, set `relay-ip` to an address of the machine.

On the server `natprobe inspect` reads it from turnserver.conf: nothing but private addresses as `relay-ip`, or as
`listening-ip` without one, and no `external-ip`. Where none of them is set coturn gives out the host's own addresses,
which are wrong where these are all inner ones and STUN servers see another.

Sources: RFC 8656 sections 3.2 and 7.2; measured: coturn 4.6.1 with a wrong external-ip, which still relays from one
allocation of its own to another.
"""

from natprobe.addresses import address_class
from natprobe.derive.relays import LegFacts, legs_in, seen_from
from natprobe.facts import AddressClass, Allocation, Facts, Relayed, ids
from natprobe.model import Address, split
from natprobe.rules import Found, Judgement, _relay_files
from natprobe.rules._legs import address, found, nothing
from natprobe.servers import coturn
from natprobe.wording import listed, mark, phrase

READS = (Allocation, Relayed, *_relay_files.KINDS)

_INNER = mark(
    "The relay {host} gives out {relayed} over {transport} ({server}), {kind} address that peers cannot send to"
)
_INNER_SEEN = mark(
    "The relay {host} gives out {relayed} over {transport} ({server}), {kind} address that peers cannot"
    " send to; they see it as {seen}"
)
_OTHER = mark("The relay {host} gives out {relayed} over {transport} ({server}), but peers see it as {seen}")
_KINDS: dict[AddressClass, str] = {
    "unspecified": phrase("an unspecified"),
    "carrier": phrase("a provider's inner"),
    "loopback": phrase("a loopback"),
    "link-local": phrase("a link-local"),
    "private": phrase("a private"),
    "unique-local": phrase("a unique-local"),
    "tunnel": phrase("a tunnel"),
    "container": phrase("a container"),
    "multicast": phrase("a multicast"),
    "public": phrase("a public"),
}


def check(facts: Facts) -> Judgement:
    """A private one is right where the relay itself has such an address."""
    if _relay_files.there(facts):
        return _relay_files.address(facts)
    return [_found(facts, group) for group in legs_in(facts, "address-wrong")] or nothing(facts)


def _found(facts: Facts, group: list[LegFacts]) -> Found:
    leg = group[0]
    relayed = split(leg.allocation.relayed or leg.allocation.server)[0]
    seen, kind = [each for each in seen_from(leg) if each != relayed], address_class(relayed)
    inner = kind != "public"
    return found(
        facts,
        group,
        _INNER_SEEN if inner and seen else _INNER if inner else _OTHER,
        more={"relayed": relayed, "seen": listed(seen), "kind": _KINDS[kind]},
        evidence=ids(leg.data),
        fixes=coturn.external_ip(_outside(leg, seen), relayed if kind == "private" else None),
    )


def _outside(leg: LegFacts, seen: list[Address]) -> Address:
    """How peers see it, else where clients reach it: the same on every one-to-one NAT."""
    return seen[0] if seen else address(leg)
