"""The STUN server doesn't answer

The server that the `stun:` address names was asked over UDP (or TCP, where the address says so) and did not answer.

How it shows: clients that have no other server find no outside address of theirs; calls between networks then fail or
go over a relay.

What to do: `port-unreachable` or `refused` means that nothing listens there: start the server, see its port and
listening address. Silence means that a firewall drops the packets, or that the host is off.

Sources: RFC 8489 section 6, RFC 7064.
"""

from natprobe.derive import OWN, SILENT_TRIES, came_back, udp_works
from natprobe.facts import Binding, Facts, Run, ids
from natprobe.fixes import more_servers
from natprobe.model import Allow, Do, Failure, Fix, Where
from natprobe.reasons import sentence
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement, alternative

READS = (Binding, Run)

_CLOSED = (Failure.PORT_UNREACHABLE, Failure.REFUSED)


def check(facts: Facts) -> Judgement:
    """Only for a target that is a STUN server; where no UDP comes back at all, udp-blocked says it."""
    if facts.target.kind != "stun":
        return NOT_APPLICABLE
    transport = facts.target.transport or "udp"
    asked = facts.of(Binding, lambda each: each.origin == "target" and each.transport == transport)
    if not asked:
        return NOT_APPLICABLE
    if any(each.failure is None for each in asked) or (transport == "udp" and udp_works(facts) is False):
        return CLEAR
    if all(each.failure in OWN for each in asked):
        return CouldNotTell(reason=str(asked[0].failure))
    first = next(each for each in asked if each.failure not in OWN)
    if came_back(first) and first.failure not in _CLOSED:
        return [_refusing(facts, first)]
    if transport == "udp" and first.failure is Failure.TIMEOUT and sum(each.tries for each in asked) < SILENT_TRIES:
        return CouldNotTell(reason="timeout", ask="natprobe check with more time: --timeout 30")
    closed = first.failure in _CLOSED
    compared = closed or transport != "udp" or udp_works(facts) is True
    return [
        Found(
            message="{server} does not answer STUN over {transport}: {why}",
            args={"server": first.server, "transport": transport.upper(), "why": sentence(str(first.failure))},
            evidence=ids(asked),
            where=Where.SERVER_HOST if closed else Where.SERVER_EDGE if compared else Where.UNKNOWN,
            alternatives=() if compared else (alternative("udp-blocked", more_servers(facts)),),
            fixes=(_fix(facts, first),),
        )
    ]


def _refusing(facts: Facts, binding: Binding) -> Found:
    """It answers, and not as a STUN server should: no firewall is to blame."""
    port = facts.target.port
    return Found(
        message="{server} answers, but gives no address: {why}",
        args={"server": binding.server, "why": binding.detail or sentence(str(binding.failure))},
        evidence=ids(binding),
        where=Where.SERVER_PROCESS,
        fixes=(Do(text=f"On the server, see what answers on port {port} and with which settings", audience="server"),),
    )


def _fix(facts: Facts, binding: Binding) -> Fix:
    port = str(facts.target.port)
    if binding.failure in _CLOSED:
        return Do(text=f"On the server, see that a STUN server listens on port {port}", audience="server")
    return Allow(
        proto="tcp" if binding.transport == "tcp" else "udp",
        ports=(port,),
        direction="in",
        to=facts.target.host,
        at="the server's firewall and its cloud's security group",
        audience="server",
        why="STUN requests arrive on this port",
    )
