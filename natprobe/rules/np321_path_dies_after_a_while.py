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
is not answered either, it is not the flow: the media server was restarted, or the whole network went away. Through a
relay it is one of two flows, the client's to the relay or the relay's to the media server; the relay's log tells
whether it lost the first.

Sources: RFC 7675 section 5.1, RFC 8445 section 11, RFC 4787 REQ-5.
"""

from natprobe.derive.associations import lost
from natprobe.facts import Facts, PathHeld, ids
from natprobe.fixes import media_server
from natprobe.model import Do, Failure, Fix, Where, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.rules._legs import through
from natprobe.servers.media import MediaServer
from natprobe.wording import mark, phrase

READS = (PathHeld,)

_DIRECT = mark("Media's path to {endpoint}")
_THROUGH = mark("Media's path to {endpoint} through the relay {server} over {leg}")
_CUT = mark("{way} stood, and was lost within {missed:g} seconds, while new flows to it pass")
_GONE = mark("{way} stood, and was lost within {missed:g} seconds: nothing came back any more")
_MOVED = mark("{way} stood, and within {missed:g} seconds the server took us for a stranger there")


def check(facts: Facts) -> Judgement:
    """Only where the path was watched."""
    held = facts.of(PathHeld)
    dead = [each for each in held if lost(each)]
    if dead:
        return [_found(facts, each) for each in dead]
    if any(each.failure is Failure.CLOSED for each in held):
        return CouldNotTell(reason="session-ended", ask="run the check again with --hold")
    if any(each.failure is not None for each in held):
        return CouldNotTell(reason="packets-lost", ask="run the check again with --hold")
    return CLEAR if held else NOT_APPLICABLE


def _found(facts: Facts, held: PathHeld) -> Found:
    moved = held.failure is Failure.ERROR_RESPONSE
    relayed = held.relayed is not None
    args = {"endpoint": held.endpoint, "lasted": held.lasted, "missed": held.missed or held.hold}
    args |= through(held) if relayed else {}
    way = phrase(_THROUGH if relayed else _DIRECT, **args)
    return Found(
        message=phrase(_MOVED if moved else _CUT if held.control else _GONE, way=way, missed=args["missed"]),
        args=args,
        evidence=ids(held),
        where=Where.UNKNOWN,  # from one end nobody knows on which side of the internet it was forgotten
        fixes=_behind_relay(held) if relayed else _fixes(media_server(facts), held, flow=moved or bool(held.control)),
    )


def _compare(held: PathHeld, beyond: str) -> Fix:
    return Do(
        text=phrase(
            "Run the same check with --hold {hold:g} from another network: where the path lives there, it"
            " is lost in this network, else {beyond}",
            hold=held.hold,
            beyond=beyond,
        ),
        audience="user",
    )


def _behind_relay(held: PathHeld) -> tuple[Fix, ...]:
    """Two flows, each of which may be the lost one: the client's, of whatever the leg is, and the relay's, over UDP."""
    carrier = phrase("connection") if held.leg in ("tcp", "tls") else phrase("UDP flow")
    return (
        _compare(held, phrase("at the relay or behind it")),
        Do(
            text=phrase(
                "Let the {carrier} to {server} live for as long as packets pass, without a limit on its age",
                carrier=carrier,
                server=held.server,
            ),
            audience="network",
        ),
        Do(
            text="On the relay, see coturn's log at that time: journalctl -u coturn --since -10min",
            audience="server",
            why="it says when it closed a session, and why",
        ),
        Do(
            text=phrase(
                "Between relay and media server, let flows to UDP {port} live while packets pass: firewall,"
                " NAT, and a connection table that is large enough",
                port=split(held.endpoint)[1],
            ),
            audience="server",
        ),
    )


def _fixes(server: MediaServer, held: PathHeld, *, flow: bool) -> tuple[Fix, ...]:
    port = split(held.endpoint)[1]
    compare = _compare(held, phrase("before the server"))
    if not flow:
        restarted = Do(
            text=phrase("See whether {name} was restarted at that time: {log}", name=server.NAME, log=server.LOG),
            audience="server",
        )
        return compare, restarted
    keep = phrase(
        "Let UDP flows to media live for as long as packets pass: no limit on a flow's age, and two minutes at least"
        " until an idle one is forgotten"
    )
    return (
        compare,
        Do(text=keep, audience="network"),
        Do(
            text=phrase(
                "Before the server, keep flows to UDP {port} as long: firewall, load balancer (always the"
                " same backend), DDoS protection, and a connection table that is large enough",
                port=port,
            ),
            audience="server",
        ),
    )
