"""The resolver withholds or changes the answer

One of this machine's DNS servers gives an address for the name and another says that there is none, or the
answer is an address that cannot be a server's (0.0.0.0, or loopback for a name that is not this machine's).

How it shows: the page cannot be found from this network while others open it; or the browser connects to
itself.

What to do: have the name taken off the filter's list (parental control, "safe DNS", an ad blocker's list,
protection against DNS rebinding for private addresses), or use another resolver.

Sources: RFC 8914 section 4.18 (filtered answers), RFC 6761 section 6.3.
"""

from natprobe.derive import is_local_name, sinkholes
from natprobe.facts import Facts, Resolved, ids
from natprobe.model import Do, Failure
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement

READS = (Resolved,)

_WITHHELD = (Failure.NXDOMAIN, Failure.NO_DATA, Failure.REFUSED)


def check(facts: Facts) -> Judgement:
    """Different addresses from different resolvers are no filter: split horizons are made on purpose."""
    name = facts.target.host
    answers = facts.of(Resolved, lambda each: each.name == name and each.by != "literal")
    if not answers or is_local_name(name):
        return NOT_APPLICABLE
    no_servers = sinkholes(answers)
    sunk = [each for each in answers if each.addresses and no_servers.issuperset(each.addresses)]
    if sunk:
        return [_sinkhole(facts, sunk)]
    return _withheld(facts, answers)


def _sinkhole(facts: Facts, sunk: list[Resolved]) -> Found:
    return Found(
        message="The resolver answers {name} with {address}, no server's address: the name is on a filter's list",
        args={"name": facts.target.host, "address": sunk[0].addresses[0]},
        evidence=ids(sunk),
        fixes=(_unlist(facts),),
    )


def _withheld(facts: Facts, answers: list[Resolved]) -> Judgement:
    """Only where the system itself is left without an address, for a family that another resolver has one for."""
    for system in (each for each in answers if each.by == "system" and each.failure in _WITHHELD):
        same = [each for each in answers if each.by == "dns" and each.family == system.family]
        given = [each for each in same if each.failure is None]
        denied = [each for each in same if each.failure in _WITHHELD]
        if given and denied and not any(e.by == "system" and e.failure is None for e in answers):
            return [
                Found(
                    message="The resolver {denied} withholds the address of {name} that {given} gives",
                    args={"denied": denied[0].server, "given": given[0].server, "name": facts.target.host},
                    evidence=ids(system, given, denied),
                    fixes=(_unlist(facts),),
                )
            ]
    return CLEAR if any(each.failure is None for each in answers) else NOT_APPLICABLE


def _unlist(facts: Facts) -> Do:
    return Do(
        text=f"Take {facts.target.host} off the DNS filter's list, or set this machine to another resolver",
        audience="network",
    )
