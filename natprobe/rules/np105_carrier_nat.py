"""The provider shares one outside address among customers

This machine's own address is from 100.64.0.0/10, the range for NAT in providers' networks, and the outside
sees another; or this network's router says that its outside address is from that range; or a router from the
range stands beyond it, and something there or further on lets in only answers.

A router with such an address behind one's own is a sign and no proof: some providers number their routers
from the range though every customer has an outside address of its own. Two things decide. The router's own
word, where it speaks NAT-PMP. And packets that die at that router: all filters before it are open to an answer
then, so one that is kept out all the same was stopped there or beyond. A provider's NAT that lets anybody
answer, as RFC 6888 recommends, shows in neither way unless the router tells: the answer is "could not tell", and
the router's status page decides.

How it shows: calls to public servers work. Nothing can be reached from outside, port forwarding in one's own
router does nothing, and a server cannot be run behind it.

What to do: nothing for meetings elsewhere. To host a server, ask the provider for an address of one's own or
use IPv6.

Sources: RFC 6598, RFC 6888, RFC 6886 section 3.2 (the router's word).
"""

from natprobe.addresses import address_class
from natprobe.derive.behaviour import inner_hops, mappings, own_router, router_told, shut_beyond
from natprobe.facts import Binding, DefaultRoute, Facts, Hop, LocalAddress, Opening, RouterAnswer, ids
from natprobe.model import Do, Observation, family, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.wording import mark, phrase

READS = (LocalAddress, DefaultRoute, Binding, Hop, RouterAnswer, Opening)

_INSIDE = mark("The provider's NAT is in between: {address} is an address that providers share among customers")
_TOLD = mark(
    "The provider's NAT is in between: the router {router} has {address} outside, an address that providers share among"
    " customers"
)
_BEYOND = mark(
    "The provider's NAT is in between: at or beyond {address}, after this network's own router, only answers are let"
    " in; it is an address that providers share among customers"
)


def check(facts: Facts) -> Judgement:
    """A tunnel's 100.64 address (Tailscale's, say) is no provider's: its scope is `tunnel`. Nor is one that nothing
    came back to while another address was answered: a cloud's inner network has such addresses too.
    """
    seen = [each for group in mappings(facts).values() for each in group]
    answered = {split(each.local or "")[0] for each in seen}
    carrier = facts.ok(LocalAddress, lambda each: each.scope == "carrier" and each.up)
    carrier = [each for each in carrier if each.address in answered or not answered]
    # Among servers that see a public address, one that sees a shared one has a balancer of its own before it.
    four = [each for each in seen if family(split(each.mapped or "")[0]) == 4]
    inside = four if {address_class(split(each.mapped or "")[0]) for each in four} == {"carrier"} else []
    if carrier or inside:
        address = carrier[0].address if carrier else split(inside[0].mapped or "")[0]
        outside = [each for each in seen if each.local and split(each.local)[0] == address]
        return _found(_INSIDE, {"address": address}, [*carrier, *inside, *outside])
    if not seen:
        return NOT_APPLICABLE
    told = router_told(facts)
    if told is None or address_class(told.outside or "") == "private":
        return _by_hops(facts)
    if address_class(told.outside or "") == "public":
        return CLEAR
    args = {"address": told.outside or "", "router": told.router}
    return _found(_TOLD, args, [told, *seen])


def _found(message: str, args: dict[str, str], evidence: list[Observation]) -> list[Found]:
    return [
        Found(
            message=message,
            args=args,
            evidence=ids(evidence),
            fixes=(
                Do(
                    text="Nothing to change for meetings on a server elsewhere; a server behind this address needs"
                    " one of its own from the provider, or IPv6",
                    audience="user",
                ),
            ),
        )
    ]


def _by_hops(facts: Facts) -> Judgement:
    router = own_router(facts)
    shared = [each for each in inner_hops(facts) if address_class(each.address or "") == "carrier"]
    if router is None or not shared:
        return CLEAR
    if shut := shut_beyond(facts, shared[0].ttl):
        return _found(_BEYOND, {"address": shared[0].address or ""}, [shared[0], *shut])
    return CouldNotTell(
        reason="shared-range-hop",
        ask=phrase(
            "look up the outside (WAN) address on the status page of the router {router}: from"
            " 100.64.0.0 to 100.127.255.255 it is behind the provider's NAT (the next router is"
            " {next})",
            router=router.address,
            next=shared[0].address,
        ),
    )
