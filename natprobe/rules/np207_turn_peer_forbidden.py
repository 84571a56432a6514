"""The relay refuses to talk to the media server's address

A relay can be told which addresses its users may reach. Where the media server's own address is among the forbidden
ones, allocations succeed and permissions for it are refused (403): calls through the relay stay dead.

How it shows: direct calls work; whoever needs the relay joins, and hears and sees nobody.

What to do: in turnserver.conf, `denied-peer-ip` lists what is forbidden; add `allowed-peer-ip=` with the media server's
address, which counts before it. coturn always denies loopback, 0.0.0.0 and multicast, and newer ones
link-local and unique-local addresses too. Private addresses are often denied for good reasons: then have the media
server advertise its public address.

Only addresses that clients can reach count: that a relay refuses a private one which is advertised beside a public one
harms nobody. Without a session natprobe doesn't know the media server's address. It says `peers-forbidden` where the
relay forbids every peer that it was tried with.

On the server `natprobe inspect` compares `denied-peer-ip` with the addresses of the media server beside the relay.

Sources: RFC 8656 sections 10.2 and 19; measured: coturn 4.6.1 answers 403 `Forbidden IP` for all of them.
"""

from natprobe.derive.advertised import within_reach
from natprobe.derive.relays import LegFacts, legs, legs_in
from natprobe.facts import Allocation, Candidate, Facts, Permission, Resolved, ids
from natprobe.model import split
from natprobe.rules import NOT_APPLICABLE, CouldNotTell, Found, Judgement, _relay_files
from natprobe.rules._legs import found, nothing
from natprobe.servers import coturn
from natprobe.wording import listed, mark, phrase

READS = (Allocation, Permission, Candidate, Resolved, *_relay_files.KINDS)

_MESSAGE = mark("The relay {host} over {transport} ({server}) refuses to talk to the media server at {peer} (403)")
_ASK = phrase(
    "on the relay, look for denied-peer-ip in turnserver.conf: does it cover the media server, or everything?"
)


def check(facts: Facts) -> Judgement:
    """Only the media server's own address decides: the relay's word on substitute peers is a question."""
    if _relay_files.there(facts):
        return _relay_files.peers(facts)
    by_relay: dict[tuple[str, str], list[LegFacts]] = {}
    for leg in legs(facts):
        if _forbidden(facts, leg):
            by_relay.setdefault((leg.allocation.host, leg.allocation.transport), []).append(leg)
    if by_relay:
        return [_found(facts, group) for group in by_relay.values()]
    if _asked(facts):
        return nothing(facts)
    return CouldNotTell(reason="peers-forbidden", ask=_ASK) if legs_in(facts, "peers-forbidden") else NOT_APPLICABLE


def _asked(facts: Facts, leg: LegFacts | None = None) -> list[Permission]:
    """What was asked for the media server's addresses, of one relay or all."""
    near = {each.endpoint for each in within_reach(facts)}
    return facts.of(
        Permission,
        lambda each: (
            each.peer in near and each.probe == "relayed" and (leg is None or each.flow == leg.allocation.flow)
        ),
    )


def _forbidden(facts: Facts, leg: LegFacts) -> list[Permission]:
    """All of them refused: one that is permitted is enough for a call."""
    asked = _asked(facts, leg)
    return asked if asked and all(each.error_code == 403 for each in asked) else []


def _found(facts: Facts, group: list[LegFacts]) -> Found:
    refused = [each for leg in group for each in _forbidden(facts, leg)]
    peers = list(dict.fromkeys(split(each.peer)[0] for each in refused))
    why = phrase("it counts before denied-peer-ip; loopback and link-local addresses stay denied all the same")
    return found(
        facts,
        group,
        _MESSAGE,
        more={"peer": listed(each.peer for each in refused)},
        evidence=ids(refused),
        fixes=tuple(coturn.setting("allowed-peer-ip", each, why, op="add") for each in peers),
    )
