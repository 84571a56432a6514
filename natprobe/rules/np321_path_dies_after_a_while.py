"""The path opens and is lost within a minute

With `--hold`, natprobe stays on the path on which ICE settled and DTLS stood, and asks every five seconds, as browsers
do, whether the media server still agrees to be sent to (RFC 7675). It answered at first, and then no more. That is
called lost, and not a lost packet, when nine checks or more in a row stayed unanswered and either thirty seconds were
over, after which a browser has to stop sending, or checks from a new port of this machine to the very same place were
answered: then it is this one flow that was forgotten or cut. It is lost too where the server refuses those checks: it
sees them come from elsewhere, since the NAT gave the flow another outside port.

How it shows: the call begins well, and after some seconds everybody freezes at once; "reconnecting", then perhaps again
for as long. Where two clients talk directly, they notice nothing.

What to do: find what keeps flows before the media server or in the client's network and lets go of this one: a firewall
with a limit on a flow's age or number of packets, a UDP load balancer that chooses another backend, DDoS protection, a
NAT whose table is full or whose timeout for UDP is a few seconds (at least two minutes are asked for). Where a new port
is not answered either, it is not the flow: the bridge was restarted, or the whole network went away.

Sources: RFC 7675 section 5.1, RFC 8445 section 11, RFC 4787 REQ-5.
"""

from natprobe.derive.associations import lost
from natprobe.facts import Facts, PathHeld, ids
from natprobe.model import Do, Failure, Fix, Where, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement

READS = (PathHeld,)

_CUT = "Media's path to {endpoint} stood, and was lost within {missed:g} seconds, while new flows to it pass"
_GONE = "Media's path to {endpoint} stood, and was lost within {missed:g} seconds: nothing came back any more"
_MOVED = "Media's path to {endpoint} stood, and within {missed:g} seconds the server took us for a stranger there"


def check(facts: Facts) -> Judgement:
    """Only where the path was watched."""
    held = facts.of(PathHeld)
    dead = [each for each in held if lost(each)]
    if dead:
        return [_found(each) for each in dead]
    if any(each.failure is Failure.CLOSED for each in held):
        return CouldNotTell(reason="session-ended", ask="run the check again with --hold")
    if any(each.failure is not None for each in held):
        return CouldNotTell(reason="packets-lost", ask="run the check again with --hold")
    return CLEAR if held else NOT_APPLICABLE


def _found(held: PathHeld) -> Found:
    moved = held.failure is Failure.ERROR_RESPONSE
    return Found(
        message=_MOVED if moved else _CUT if held.control else _GONE,
        args={"endpoint": held.endpoint, "lasted": held.lasted, "missed": held.missed or held.hold},
        evidence=ids(held),
        where=Where.UNKNOWN,  # from one end nobody knows on which side of the internet it was forgotten
        fixes=_fixes(held, flow=moved or bool(held.control)),
    )


def _fixes(held: PathHeld, *, flow: bool) -> tuple[Fix, ...]:
    port = split(held.endpoint)[1]
    compare = Do(
        text=f"Run the same check with --hold {held.hold:g} from another network: where the path lives there, it is"
        " lost in this network, else before the server",
        audience="user",
    )
    if not flow and held.relayed is None:
        restarted = Do(
            text="See whether the bridge was restarted at that time: journalctl -u jitsi-videobridge2 --since -10min",
            audience="server",
        )
        return compare, restarted
    keep = "Let UDP flows to media live for as long as packets pass: no limit on a flow's age, and two minutes at least"
    return (
        compare,
        Do(text=f"{keep} until an idle one is forgotten", audience="network"),
        Do(
            text=f"Before the server, keep flows to UDP {port} as long: firewall, load balancer (always the same"
            " backend), DDoS protection, and a connection table that is large enough",
            audience="server",
        ),
    )
