"""Small packets pass, full-size ones vanish

The media server answered small checks and never the same check filled up to 1,200 bytes, the size of a video
packet. Or small packets passed through a relay, to and from a socket of our own, and such large ones did not, in nine
tries.

How it shows: the call connects, then nobody is seen: ICE is fine, video and often the DTLS handshake are not.
Browsers do not fall back from that.

Where both are lost, to the media server and through a relay that stands elsewhere, it is most likely one black hole,
on the part of the way that the two have in common: this network's. A relay of the target's own domain, or of the same
network (/24, with IPv6 /48), may well stand beside the media server and share its uplink: then the place is not told.

A server that sends media back (Janus's echotest) shows the other direction too: small packets of media came back and
packets of 1,200 bytes did not, though they went there. `natprobe serve` answers in the size that it is asked for,
which shows the same.

Through a relay the packet is a little larger (36 bytes more in a Send indication), so the relay may be the one that
fails where the direct path is just large enough.

What to do: find the link with the small MTU (a VPN, PPPoE, a tunnel between sites) and let it say so (ICMP
"fragmentation needed", "packet too big"), or lower the tunnel's and the machines' MTU. For a Janus `dtls_mtu` makes the
packets of the handshake smaller, as does a certificate with an elliptic curve; video's stay as they are.

Sources: RFC 4821 section 1, RFC 8899, RFC 8834 section 4.
"""

from natprobe.addresses import far_apart
from natprobe.derive import FULL_SIZE, SILENT_TRIES, back_checks, media_checks
from natprobe.derive.associations import large_down
from natprobe.derive.relays import LegFacts, legs_in
from natprobe.facts import Allocation, Facts, IceCheck, MediaEcho, Permission, Relayed, ids, server_kind
from natprobe.model import Do, Failure, Fix, HostName, Where, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.servers import janus
from natprobe.wording import listed, mark, phrase

READS = (Allocation, IceCheck, Permission, Relayed, MediaEcho)

# A check without padding is about 100 bytes.
SMALL = 300
# A run has a few; each is looked for among all observations.
_SESSIONS_MAX = 20
_DIRECT = mark("Small packets to {endpoint} are answered, packets of {size} bytes vanish: video will not arrive")
_BOTH = mark(
    "Small packets to {endpoint} are answered, packets of {size} bytes vanish, and so do those through the relay"
    " {hosts}: video will not arrive"
)

_ANSWERS = mark(
    "Packets of {size} bytes get to {endpoint}, and its answers of that size do not come back: video will not arrive"
)
_BACK = mark("Small packets of media come back from {endpoint}, packets of {size} bytes do not: video will not arrive")


def check(facts: Facts) -> Judgement:
    """Per flow: the same socket, the same destination, only the size differs; and through relays."""
    lossy = legs_in(facts, "large-lost")
    direct = _direct(facts, [leg.allocation for group in lossy for leg in group])
    if isinstance(direct, list):
        return direct
    back = [_back(facts, each) for each in _sessions(facts) if large_down(facts, each) is False]
    back += [_answers(facts, each) for each in back_checks(facts) if _lost_on_the_way_back(facts, each)]
    return back or [_relay(group) for group in lossy] or direct


def _sessions(facts: Facts) -> list[str]:
    return list(dict.fromkeys(each.session for each in facts.of(MediaEcho)))[:_SESSIONS_MAX]


def _back(facts: Facts, session: str) -> Found:
    """What went there in full size, as the padded checks show, and did not come back."""
    echoes = facts.of(MediaEcho, lambda each: each.session == session)
    return Found(
        message=_BACK,
        args={"endpoint": echoes[0].endpoint, "size": max(each.size for each in echoes)},
        evidence=ids(echoes),
        where=Where.UNKNOWN,
        fixes=(_COMPARE, _LET_PASS),
    )


def _lost_on_the_way_back(facts: Facts, check: IceCheck) -> bool:
    """A check as large was answered by a small packet on the same flow, and none by one of its own size."""
    same = [each for each in media_checks(facts) if each.flow == check.flow and each.size >= FULL_SIZE]
    return _vanished(check) and any(each.verified and each.failure is None for each in same)


def _answers(facts: Facts, check: IceCheck) -> Found:
    same = [each for each in media_checks(facts) if each.flow == check.flow]
    return Found(
        message=_ANSWERS,
        args={"endpoint": check.endpoint, "size": check.size},
        evidence=ids(same, check),
        where=Where.UNKNOWN,
        fixes=(_COMPARE, _LET_PASS),
    )


def _relay(group: list[LegFacts]) -> Found:
    """Which half of the way lost it, where only one did: a packet crosses this network on both."""
    leg = group[0]
    large = [each for each in leg.data if each.size >= FULL_SIZE]
    ways = {(False, True): phrase("from here to the relay"), (True, False): phrase("from the relay to here")}
    return Found(
        message="Small packets through the relay {host} over {transport} ({server}) pass, packets of {size} bytes"
        " vanish {way}: video will not arrive",
        args={
            "host": leg.allocation.host,
            "transport": leg.allocation.transport.upper(),
            "server": leg.allocation.server,
            "size": max(each.size for each in large),
            "way": ways.get((leg.large_up is not False, leg.large_down is not False), phrase("both ways")),
        },
        evidence=ids(leg.allocation, leg.data),
        where=Where.UNKNOWN,
        fixes=(_COMPARE, _LET_PASS),
    )


def _direct(facts: Facts, relays: list[Allocation]) -> Judgement:
    checks = media_checks(facts)
    small = {each.flow: each for each in checks if each.size < SMALL and each.verified and each.failure is None}
    if not small:
        return NOT_APPLICABLE
    whole = {(each.endpoint, each.local) for each in facts.of(MediaEcho) if each.received and each.size >= FULL_SIZE}
    lost = [each for each in checks if each.size >= SMALL and each.flow in small and _vanished(each)]
    lost = [each for each in lost if (each.endpoint, each.local) not in whole]  # media of that size was there and back
    if not lost:
        return CLEAR
    return [
        Found(
            message=_BOTH if relays else _DIRECT,
            args={
                "endpoint": lost[0].endpoint,
                "size": lost[0].size,
                "hosts": listed(each.host for each in relays),
            },
            evidence=ids(lost, [small[each.flow] for each in lost], relays),
            where=_common(facts, lost[0], relays),
            fixes=(_COMPARE, _LET_PASS, *_handshake(facts)),
        )
    ]


def _common(facts: Facts, check: IceCheck, relays: list[Allocation]) -> Where:
    """From one end alone no link on the way is known from another, but to two places it is one that both share."""
    there = split(check.endpoint)[0]
    far = [each for each in relays if far_apart(split(each.server)[0], there)]
    return Where.LOCAL_NETWORK if any(not _of_target(facts, each.host) for each in far) else Where.UNKNOWN


def _of_target(facts: Facts, host: HostName) -> bool:
    """Whether the relay is under the domain above the target's name (or that name, where only a top one is above)."""
    above = facts.target.host.partition(".")[2]
    domain = above if "." in above else facts.target.host
    return f".{host}".lower().endswith(f".{domain}".lower())


def _handshake(facts: Facts) -> tuple[Fix, ...]:
    """What lets at least the handshake through, and voice after it."""
    why = phrase("the handshake's packets and voice then pass; video's are as large as before")
    return (janus.setting("media", "dtls_mtu", "1000", why),) if server_kind(facts) == "janus" else ()


def _vanished(check: IceCheck) -> bool:
    return check.failure in (Failure.TIMEOUT, Failure.TOO_BIG) and check.tries >= SILENT_TRIES


_COMPARE = Do(
    text="Run the same check from another network: where full-size packets pass there, the small MTU is in this network"
    " (a VPN, PPPoE), else near the server",
    audience="user",
)
_LET_PASS = Do(
    text="Let ICMP `fragmentation needed` and `packet too big` pass on the way, or lower the MTU of the tunnel (VPN,"
    " PPPoE) that packets go through: 1,280 bytes always suffice for WebRTC",
    audience="network",
)
