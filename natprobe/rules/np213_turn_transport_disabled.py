"""The relay refuses this transport or address family

The relay knows the user and does not relay what media needs: 442 means no UDP towards peers, 440 no addresses of the
family that was asked for.

How it shows: calls through this relay stay dead, whoever calls. The transport between client and relay is another
matter: a relay may be reached over TCP and has to relay UDP all the same.

What to do: take `no-udp-relay` out of turnserver.conf: it was mostly meant to be `no-udp`, which only concerns the
client's side. For a missing family give the relay an address of it (`relay-ip`), and see
`allocation-default-address-family`.

On the server `natprobe inspect` reads `no-udp-relay` from turnserver.conf.

Sources: RFC 8656 sections 7.2, 18.6, 18.8 and 19; measured: coturn 4.6.1.
"""

from natprobe.derive.relays import LegFacts, legs_in
from natprobe.facts import Allocation, Facts
from natprobe.model import Do, Fix, Severity
from natprobe.rules import Found, Judgement, _relay_files
from natprobe.rules._legs import found, nothing
from natprobe.servers import coturn
from natprobe.wording import mark, phrase

READS = (Allocation, *_relay_files.KINDS)

_NO_TRANSPORT = 442
_MESSAGES = {
    True: mark(
        "The relay {host} relays no UDP, over which media travels: over {transport} ({server}) it answers {words}"
    ),
    False: mark(
        "The relay {host} has no IPv{family} address to relay from: over {transport} ({server}) it answers {words}"
    ),
}


def check(facts: Facts) -> Judgement:
    """An error for a relay that was named itself: no media goes through it."""
    if _relay_files.there(facts):
        return _relay_files.no_udp(facts)
    return [_found(facts, group) for group in legs_in(facts, "disabled")] or nothing(facts)


def _found(facts: Facts, group: list[LegFacts]) -> Found:
    allocation = group[0].allocation
    udp = allocation.error_code == _NO_TRANSPORT
    return found(
        facts,
        group,
        _MESSAGES[udp],
        more={"words": allocation.detail or str(allocation.error_code), "family": allocation.relay},
        severity=Severity.ERROR if facts.target.kind == "turn" else None,
        fixes=(coturn.setting("no-udp-relay", op="remove"),) if udp else (_address(allocation),),
    )


def _address(allocation: Allocation) -> Fix:
    return Do(
        text=phrase(
            "On the relay, add an IPv{relay} address of the machine to {file} (relay-ip)",
            relay=allocation.relay,
            file=coturn.FILE,
        ),
        audience="server",
        after=coturn.RESTART,
    )
