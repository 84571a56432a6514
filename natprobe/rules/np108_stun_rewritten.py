"""Something rewrites addresses inside packets

A STUN server says in one and the same answer that it saw two different endpoints: in MAPPED-ADDRESS, which
stands in the packet as plain bytes, and in XOR-MAPPED-ADDRESS, which is disguised. Somebody on the way
"helpfully" changes the plain one: independent servers say so, or the plain one is this machine's own address,
which no server can know. Or the answers of independent servers arrive with a FINGERPRINT (a checksum over
the whole message) or with lengths that no longer fit what is in them: somebody changed something and did not
mend the rest.

How it shows: browsers read the disguised address and ask servers for no FINGERPRINT, so calls mostly work. Old
software, and SIP through the same box, gets wrong addresses. ICE checks are signed: where those are changed too,
no call gets a path over UDP.

What to do: switch the application layer gateway off (SIP ALG, "SIP helper", VoIP inspection) in the router or
firewall.

Sources: RFC 8489 sections 14.2 and 14.7, RFC 5780 section 3.3.
"""

from natprobe.derive.cookie import altered
from natprobe.facts import Binding, Facts, IceCheck, OtherPayload, Stray, ids
from natprobe.fixes import more_servers
from natprobe.model import Do, Failure, Severity, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement

READS = (Binding, IceCheck, OtherPayload, Stray)

_FIX = Do(
    text="Switch off the application layer gateway (SIP ALG, VoIP inspection) in the router",
    audience="network",
)


def check(facts: Facts) -> Judgement:
    """What arrives odd may be one server's own fault: then another's has to be odd too. But no server can know the
    inside address that an ALG writes into its answer.
    """
    both = facts.ok(Binding, lambda each: each.mapped is not None and each.mapped_plain is not None)
    changed = [each for each in both if each.mapped != each.mapped_plain]
    odd, broken = {each.operator for each in changed}, _altering(facts)
    if len(odd) > 1 or any(_inside(each) for each in changed):
        return [_rewritten(facts, changed)]
    if len(broken) > 1:
        return [_broken(facts, broken)]
    plain = {each.operator for each in both} - odd
    sound = _operators(facts, {split(each.server)[0] for each in facts.ok(OtherPayload)}) - broken
    if (odd and not plain) or (broken and not sound):
        return CouldNotTell(reason="few-servers", ask=more_servers(facts))
    return CLEAR if both or broken else NOT_APPLICABLE


def _inside(binding: Binding) -> bool:
    """Whether the plain attribute has the socket's own address, which the server saw as another one."""
    if binding.mapped_plain is None or binding.local is None:
        return False
    return split(binding.mapped_plain)[0] == split(binding.local)[0]


def _altering(facts: Facts) -> set[str]:
    return _operators(facts, {split(each.sender)[0] for each in altered(facts)})


def _operators(facts: Facts, hosts: set[str]) -> set[str]:
    """Whose these hosts are: two addresses of one operator are one program."""
    names = {split(each.server)[0]: each.operator for each in facts.of(Binding)}
    return {names.get(host, host) for host in hosts}


def _rewritten(facts: Facts, changed: list[Binding]) -> Found:
    return Found(
        message="A device on the way rewrites addresses inside packets: {server} saw {mapped}, the answer arrived"
        " with {plain} in the plain attribute",
        args={"server": changed[0].server, "mapped": changed[0].mapped, "plain": changed[0].mapped_plain},
        evidence=ids(changed, altered(facts)),
        severity=_severity(facts),
        fixes=(_FIX,),
    )


def _broken(facts: Facts, operators: set[str]) -> Found:
    strays = altered(facts)
    return Found(
        message="A device on the way changes packets: answers of {servers} independent servers arrived with a"
        " FINGERPRINT or lengths that don't fit them ({count} in all, from {server} for one)",
        args={"servers": len(operators), "count": sum(each.count for each in strays), "server": strays[0].sender},
        evidence=ids(strays, facts.failed(OtherPayload, Failure.PROTOCOL)),
        severity=_severity(facts),
        fixes=(_FIX,),
    )


def _severity(facts: Facts) -> Severity | None:
    """An error where it breaks the signed checks of media itself."""
    senders = {each.sender for each in altered(facts)}
    dead = facts.failed(IceCheck, Failure.PROTOCOL)
    return Severity.ERROR if any(each.endpoint in senders for each in dead) else None
