"""The resolver withholds or changes the answer

One of this machine's DNS servers gives an address for the name and another says that there is none, or the
answer is an address that cannot be a server's (0.0.0.0, or loopback for a name that is not this machine's).

How it shows: the page cannot be found from this network while others open it; or the browser connects to
itself.

What to do: have the name taken off the filter's list (parental control, "safe DNS", an ad blocker's list,
protection against DNS rebinding for private addresses), or use another resolver.

Sources: RFC 8914 section 4.18 (filtered answers), RFC 6761 section 6.3.
"""

from natprobe.derive import Withheld, is_local_name, sinkholes, withheld
from natprobe.derive.proxies import names_matter
from natprobe.facts import Facts, ProxyChoice, Resolved, Tunnel, ids
from natprobe.model import Do
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.wording import phrase

READS = (Resolved, ProxyChoice, Tunnel)


def check(facts: Facts) -> Judgement:
    """Different addresses from different resolvers are no filter: split horizons are made on purpose. Nobody asks this
    machine's resolver where a proxy does.
    """
    name = facts.target.host
    answers = facts.of(Resolved, lambda each: each.name == name and each.by != "literal")
    if not answers or is_local_name(name) or not names_matter(facts):
        return NOT_APPLICABLE
    no_servers = sinkholes(answers)
    sunk = [each for each in answers if each.addresses and no_servers.issuperset(each.addresses)]
    if sunk:
        return [_sinkhole(facts, sunk)]
    if (refused := withheld(facts)) is not None:
        return [_withheld(facts, refused)]
    return CLEAR if any(each.failure is None for each in answers) else NOT_APPLICABLE


def _sinkhole(facts: Facts, sunk: list[Resolved]) -> Found:
    return Found(
        message="The resolver answers {name} with {address}, no server's address: the name is on a filter's list",
        args={"name": facts.target.host, "address": sunk[0].addresses[0]},
        evidence=ids(sunk),
        fixes=(_unlist(facts),),
    )


def _withheld(facts: Facts, refused: Withheld) -> Found:
    denied, given = refused.denied[0], refused.given[0]
    return Found(
        message="This machine's resolver {denied} says that {name} has no address, while {given} gives one",
        args={"denied": denied.server, "given": given.server, "name": facts.target.host},
        evidence=ids(refused.system, refused.given, refused.denied),
        fixes=(_unlist(facts),),
    )


def _unlist(facts: Facts) -> Do:
    return Do(
        text=phrase(
            "Take {host} off the DNS filter's list, or set this machine to another resolver", host=facts.target.host
        ),
        audience="network",
    )
