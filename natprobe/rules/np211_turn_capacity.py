"""Quota, ports or bandwidth used up

The relay knows the user and has no room: 486 is a quota (of this user, of all, or of bandwidth), 508 means that it
could open no port.

How it shows: the relay works in the morning and fails when many meet; or it never works, where the limit is too small
for a single call or `relay-ip` names an address that the machine does not have.

What to do: `user-quota` and `total-quota` count allocations, of which a browser makes several at a time (each transport
and address family): many times the number of people. `bps-capacity` is the bandwidth of the whole server in bytes per
second, shared by all sessions; what one session may have is `max-bps`. `min-port` and `max-port` have to leave a port
for each allocation. After a client has gone, its place stays taken for up to ten minutes where it did not say so.

Sources: RFC 8656 sections 7.2 and 19, RFC 8489 section 14.8; measured: coturn 4.6.1.
"""

from natprobe.derive.relays import LegFacts, legs_in
from natprobe.facts import Allocation, Facts
from natprobe.rules import CouldNotTell, Found, Judgement
from natprobe.rules._legs import address, found, nothing
from natprobe.servers import coturn
from natprobe.wording import mark, phrase

READS = (Allocation,)

_PORTS = 508
_MESSAGE = mark("The relay {host} has no room left over {transport} ({server}): it answers {words}")


def check(facts: Facts) -> Judgement:
    """Where other allocations of this very check stand on it, they may be what fills the quota."""
    if groups := legs_in(facts, "full"):
        return [_found(facts, group) for group in groups]
    ask = phrase("natprobe check with one transport of the relay alone, such as turn:HOST?transport=tcp")
    return CouldNotTell(reason="relay-full-by-check", ask=ask) if legs_in(facts, "full-by-us") else nothing(facts)


def _found(facts: Facts, group: list[LegFacts]) -> Found:
    allocation = group[0].allocation
    ports = allocation.error_code == _PORTS
    fixes = coturn.ports(address(group[0])) if ports else coturn.quota(allocation.detail)
    words = allocation.detail or str(allocation.error_code)
    return found(facts, group, _MESSAGE, more={"words": words}, fixes=fixes)
