"""Two NATs in a row before the provider

This network's router says that its outside address is a private one: another router after it has to translate
once more before the internet is reached.

A second private network beyond one's own router is a sign and no proof. The first router may translate into
it or only route, and no packet that goes out and comes back can tell: whatever state the first one keeps, the
second one keeps as well. So only the router's own word counts (NAT-PMP), which is asked for where such a
network shows; without it the answer is "could not tell", and what its status page shows decides. The sign is
taken where the second hop is from 192.168.0.0/16 or 172.16.0.0/12, which home routers come with. A second hop
from 10.0.0.0/8 is none: providers and companies number their routers from it.

How it shows: calls to public servers work. Port forwarding set in one router does nothing, and two clients
behind it find each other less easily than behind one NAT.

What to do: nothing for meetings elsewhere. To let somebody in, forward the port in both routers, or let one of
them translate only: the inner one as an access point ("IP client" mode), the outer one as a bridge, or with the
inner one as its "exposed host".

Sources: RFC 6886 section 3.2 (the router's word), RFC 5128 section 3.3.3 (NATs in a row), RFC 1918.
"""

from natprobe.addresses import address_class
from natprobe.derive.behaviour import inner_hops, own_router, router_told
from natprobe.facts import DefaultRoute, Facts, Hop, LocalAddress, RouterAnswer, ids
from natprobe.model import Do
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.wording import phrase

READS = (LocalAddress, DefaultRoute, Hop, RouterAnswer)


def check(facts: Facts) -> Judgement:
    """The router's word decides both ways; the hops alone decide nothing."""
    told = router_told(facts)
    if told is not None:
        return _found(facts, told) if address_class(told.outside or "") == "private" else CLEAR
    router = own_router(facts)
    if router is None:
        return NOT_APPLICABLE
    second = _second(facts)
    if second is None:
        return CLEAR
    return CouldNotTell(
        reason="second-network",
        ask=phrase(
            "look up the outside (WAN) address on the status page of the router {router}: where it has"
            " one in the network of {second}, there are two NATs in a row",
            router=router.address,
            second=second.address,
        ),
    )


def _second(facts: Facts) -> Hop | None:
    """The router right after ours, where it looks like a home's."""
    found = [each for each in inner_hops(facts) if each.ttl == 2 and address_class(each.address or "") == "private"]
    return next((each for each in found if not (each.address or "").startswith("10.")), None)


def _found(facts: Facts, told: RouterAnswer) -> list[Found]:
    behind = [each for each in inner_hops(facts) if address_class(each.address or "") == "private"][:1]
    return [
        Found(
            message="Two NATs in a row: the router {router} has {outside} outside, a private address that another"
            " router translates again",
            args={"router": told.router, "outside": told.outside or ""},
            evidence=ids([told], behind),
            fixes=(
                Do(
                    text="Nothing to change for meetings on a server elsewhere; to let somebody in, forward the port in"
                    " both routers, or let only one translate: the inner one as access point (IP client mode), the"
                    " outer one as bridge or with the inner one as its exposed host",
                    audience="user",
                ),
            ),
        )
    ]
