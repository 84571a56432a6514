"""The provider shares one outside address among customers

This machine's own address is from 100.64.0.0/10, the range for NAT in providers' networks, and the outside
sees another.

How it shows: calls to public servers work. Nothing can be reached from outside, port forwarding in one's own
router does nothing, and a server cannot be run behind it.

What to do: nothing for meetings elsewhere. To host a server, ask the provider for an address of one's own or
use IPv6.

Sources: RFC 6598, RFC 6888.
"""

from natprobe.addresses import address_class
from natprobe.behaviour import mappings
from natprobe.facts import Binding, Facts, LocalAddress, ids
from natprobe.model import Do, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement

READS = (LocalAddress, Binding)


def check(facts: Facts) -> Judgement:
    """A tunnel's 100.64 address (Tailscale's, say) is no provider's: its scope is `tunnel`."""
    carrier = facts.ok(LocalAddress, lambda each: each.scope == "carrier" and each.up)
    seen = [each for group in mappings(facts).values() for each in group]
    inside = [each for each in seen if address_class(split(each.mapped or "")[0]) == "carrier"]
    if not carrier and not inside:
        return CLEAR if seen else NOT_APPLICABLE
    address = carrier[0].address if carrier else split(inside[0].mapped or "")[0]
    outside = [each for each in seen if each.local and split(each.local)[0] == address]
    return [
        Found(
            message="The provider's NAT is in between: {address} is an address that providers share among customers",
            args={"address": address},
            evidence=ids(carrier, inside, outside),
            fixes=(
                Do(
                    text="Nothing to change for meetings on a server elsewhere; a server behind this address needs"
                    " one of its own from the provider, or IPv6",
                    audience="user",
                ),
            ),
        )
    ]
