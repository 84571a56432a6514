"""The relay answers, but with an error of its own or in a way that clients don't accept

What answers speaks TURN, and gives nobody an address: it answers the request to allocate with an error that says
nothing of credentials, room or transport (400, 420, 500 and others), or its answers don't verify with the credentials
that it asked for. Or it sends its clients on to another server (300 Try Alternate), which sends them back.

How it shows: the relay answers every test of its port, and calls that need it never connect.

What to do: the finding has the relay's own words; its log says more.

- 400 Bad Request and 420 Unknown Attribute for a request that browsers' relays take: a very old server, one that is
  something else and knows TURN only in part, or something on the way that changes packets.
- 500 Server Error: it failed by itself. Look into its log, at its database of users, and start it again.
- Answers that don't verify: another server answers in its name, or something on the way changes them. Clients throw
  such answers away (RFC 8489 section 9.2.5). Over TLS nobody on the way can.
- Sent on in a ring: take `alternate-server` (for TLS `tls-alternate-server`) out of the last one's turnserver.conf.

Sources: RFC 8656 sections 7.2, 7.4 and 19, RFC 8489 sections 6.3.4, 9.2.5, 10 and 14.8.
"""

from natprobe.derive.relays import LegFacts, legs_in
from natprobe.facts import Allocation, Facts, TurnServer
from natprobe.model import Do, Fix
from natprobe.rules import Found, Judgement
from natprobe.rules._legs import found, nothing
from natprobe.servers import coturn
from natprobe.wording import mark, phrase

READS = (Allocation, TurnServer)

_REFUSES = mark("The relay {host} gives nobody an address over {transport} ({server}): it answers {words}")
_UNVERIFIED = mark(
    "What the relay {host} answers over {transport} ({server}) does not verify with the credentials: {words}"
)
_RING = mark("The relay {host} gives nobody an address over {transport}: clients of {server} are sent on in a ring")
_FAULTS = {
    "unsigned": phrase("it is not signed"),
    "wrong-signature": phrase("it is signed with another key"),
    "incomplete": phrase("it lacks what such an answer has to say"),
}


def check(facts: Facts) -> Judgement:
    """What has a cause of its own stands there."""
    refused = [_refused(facts, each) for each in legs_in(facts, "refused")]
    unverified = [_unverified(facts, each) for each in legs_in(facts, "unverified")]
    rings = [_ring(facts, each) for each in legs_in(facts, "redirect-ring")]
    return [*refused, *unverified, *rings] or nothing(facts)


def _refused(facts: Facts, group: list[LegFacts]) -> Found:
    allocation = group[0].allocation
    words = allocation.detail or str(allocation.error_code or allocation.failure)
    return found(facts, group, _REFUSES, more={"words": words}, fixes=(_LOG, _ANOTHER))


def _unverified(facts: Facts, group: list[LegFacts]) -> Found:
    allocation = group[0].allocation
    words = _FAULTS.get(allocation.detail, allocation.detail or phrase("it is no answer of TURN's"))
    return found(facts, group, _UNVERIFIED, more={"words": words}, fixes=(_OVER_TLS, _LOG))


def _ring(facts: Facts, group: list[LegFacts]) -> Found:
    secure = group[0].allocation.transport in ("tls", "dtls")
    key = "tls-alternate-server" if secure else "alternate-server"
    return found(facts, group, _RING, fixes=(coturn.setting(key, op="remove", why=phrase("it sends clients back")),))


_LOG: Fix = Do(
    text="On the relay, look into its log for this request (journalctl -u coturn): it says why; then see that it is a"
    " current version and its database of users is there",
    audience="server",
)
_ANOTHER: Fix = Do(
    text="Run the same check from another network, such as a phone's hotspot: if the relay answers better there,"
    " something in this network changes packets",
    audience="user",
)
_OVER_TLS: Fix = Do(
    text="Use the relay over TLS (turns:), where nobody on the way can answer in its name; if that fails too, the relay"
    " itself signs with another key: compare realm and password",
    audience="server",
)
