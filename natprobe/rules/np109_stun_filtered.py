"""UDP passes, STUN does not

STUN requests to a server stayed unanswered, while other UDP from the same socket to the same server and port was
answered between them. The other UDP were Binding requests of the old kind (RFC 3489), which lack the magic cookie
(0x2112A442) that all of today's STUN carries in its fifth to eighth byte. So something on the way looks into
the packets and drops those with the cookie: a firewall with application control, an intrusion prevention, or
a provider that keeps calls over the internet out.

How it shows: ICE is STUN (RFC 8445), so no call gets a path over UDP, though games, VPNs and DNS over UDP work.
Calls last on TCP or on a relay over TLS, if at all, with more delay.

What to do: have STUN taken off what the firewall's application control drops, at least towards the server's
media port; products list it as "stun", "webrtc", "rtc", "voip" or "unknown UDP". A relay with TLS on port 443 is
the way round, since TLS hides its STUN.

Where routers on the way answer packets with few hops to live, the report says which of them the other UDP comes to, and
STUN never.

Where a server answers no STUN of the old kind nothing of this can be told, and it looks like blocked UDP.

Sources: RFC 8489 sections 5 and 6.2.1, RFC 3489 section 11.1; measured: coturn answers both kinds.
"""

from natprobe.derive import other_payloads
from natprobe.derive.cookie import Dropped, stun_dropped, stun_filtered
from natprobe.facts import Binding, Facts, HopName, IceCheck, OtherPayload, Trail, ids
from natprobe.fixes import media_port, relay_over_tls
from natprobe.model import Do, Fix, Where, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.rules._place import first as followed
from natprobe.rules._place import placed
from natprobe.wording import mark, phrase

READS = (Binding, IceCheck, OtherPayload, Trail, HopName)


def check(facts: Facts) -> Judgement:
    """Never without a control on the very same port."""
    found = [dropped for version in (4, 6) if (dropped := stun_dropped(facts, version))]
    if found:
        return [_found(facts, each) for each in found]
    if stun_filtered(facts) is False:
        return CLEAR
    return CouldNotTell(reason="few-controls") if other_payloads(facts) else NOT_APPLICABLE


def _found(facts: Facts, dropped: list[Dropped]) -> Found:
    """One for each family. One server alone may have the filter before itself."""
    asked = [step for each in dropped for step in each.asked]
    controls = [control for each in dropped for control in each.controls]
    first = dropped[0]
    ours = first.everywhere and len({split(each.endpoint)[0] for each in dropped}) > 1
    found = Found(
        message=_EVERYWHERE if ours else _ALONE if first.everywhere else _HERE,
        args={
            "server": first.endpoint,
            "tries": sum(each.tries for each in asked),
            "answers": sum(each.answers for each in controls),
            "sent": sum(each.tries for each in controls),
        },
        evidence=ids(asked, controls),
        where=None if ours else Where.UNKNOWN,
        fixes=_fixes(facts, ours),
    )
    return placed(facts, followed(facts, [each.endpoint for each in dropped]), found)


_EVERYWHERE = mark(
    "STUN, which every call over UDP needs, is dropped while other UDP passes: {answers} of {sent} requests without its"
    " mark (magic cookie) were answered (by {server}, for one), and none of {tries} with it to the same ports, nor any"
    " other"
)
_ALONE = mark(
    "STUN to {server} is dropped while other UDP passes: {answers} of {sent} requests without its mark (magic cookie)"
    " were answered, and none of {tries} with it"
)
_HERE = mark(
    "STUN to {server} is dropped while other UDP passes: {answers} of {sent} requests without its mark"
    " (magic cookie) were answered, and none of {tries} with it; STUN to other servers works"
)


def _fixes(facts: Facts, ours: bool) -> tuple[Fix, ...]:
    port = media_port(facts)
    host = facts.target.host
    one_port = phrase("for UDP to {host} port {port}", host=host, port=port)
    towards = one_port if port else phrase("for UDP to {host}", host=host)
    allow = Do(
        text=phrase(
            "In the firewall's application control or intrusion prevention, stop dropping STUN (listed as"
            " stun, webrtc, rtc, voip or unknown UDP), at least {towards}",
            towards=towards,
        ),
        audience="network",
        why="every call over UDP begins with STUN",
    )
    elsewhere = Do(
        text="Run the same check from another network, such as a phone's hotspot: if STUN passes there, this network"
        " drops it; if not, something before the server does",
        audience="user",
    )
    return (allow, *relay_over_tls(facts)) if ours else (elsewhere, allow, *relay_over_tls(facts))
