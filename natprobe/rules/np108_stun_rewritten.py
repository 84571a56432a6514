"""Something rewrites addresses inside packets

A STUN server says in one and the same answer that it saw two different endpoints: in MAPPED-ADDRESS, which
stands in the packet as plain bytes, and in XOR-MAPPED-ADDRESS, which is disguised. Somebody on the way
"helpfully" changes the plain one.

How it shows: browsers read the disguised one, so calls mostly work. Old software, and SIP through the same
box, gets wrong addresses.

What to do: switch the application layer gateway off (SIP ALG, "SIP helper", VoIP inspection) in the router or
firewall.

Sources: RFC 8489 section 14.2, RFC 5780 section 3.3.
"""

from natprobe.facts import Binding, Facts, ids
from natprobe.model import Do
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement

READS = (Binding,)


def check(facts: Facts) -> Judgement:
    """Both attributes in one answer, or nothing can be said."""
    both = facts.ok(Binding, lambda each: each.mapped is not None and each.mapped_plain is not None)
    changed = [each for each in both if each.mapped != each.mapped_plain]
    if not both:
        return NOT_APPLICABLE
    if not changed:
        return CLEAR
    return [
        Found(
            message="A device on the way rewrites addresses inside packets: {server} saw {mapped}, the answer arrived"
            " with {plain} in the plain attribute",
            args={"server": changed[0].server, "mapped": changed[0].mapped, "plain": changed[0].mapped_plain},
            evidence=ids(changed),
            fixes=(
                Do(
                    text="Switch off the application layer gateway (SIP ALG, VoIP inspection) in the router",
                    audience="network",
                ),
            ),
        )
    ]
