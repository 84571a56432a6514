"""Small packets pass, full-size ones vanish

The media server answered small checks and never the same check filled up to 1,200 bytes, the size of a video
packet. Or small packets passed through a relay, to and from a socket of our own, and such large ones did not, in nine
tries.

How it shows: the call connects, then nobody is seen: ICE is fine, video and often the DTLS handshake are not.
Browsers do not fall back from that.

How large a packet may be is then measured (Linux): checks of many sizes that nobody may cut up, each size that counts
as lost in turn with one that is answered. WebRTC needs IP packets of 1,228 bytes over IPv4 and 1,248 over IPv6: 1,200
of payload, and the headers. A router that says how much fits is named; where nobody does, it is a black hole.

Where both are lost, to the media server and through a relay that stands elsewhere, it is most likely one black hole,
on the part of the way that the two have in common: this network's. A relay of the target's own domain, or of the same
network (/24, with IPv6 /48), may well stand beside the media server and share its uplink: then the place is not told.

A server that sends media back (Janus's echotest) shows the other direction too: small packets of media came back and
packets of 1,200 bytes did not, though they went there. `natprobe serve` answers in the size that it is asked for,
which shows the same.

TLS with the page that gets no answer in time, and gets one at once over a connection whose segments are small, is lost
for its size as well; so is a hello as large as browsers send it (about 1,800 bytes, for post-quantum keys) where only
that one hangs.

Through a relay the packet is a little larger (36 bytes more in a Send indication), so the relay may be the one that
fails where the direct path is just large enough.

What to do: find the link with the small MTU (a VPN, PPPoE, a tunnel between sites) and let it say so (ICMP
"fragmentation needed", "packet too big"), and fragments pass; or set the MTU that was measured at the tunnel's ends, so
that its own router says so. Clamping TCP's segments (MSS) mends pages and relays over TCP: UDP has no such thing, and a
link that carries less than WebRTC needs loses video wherever fragments are dropped. For a Janus `dtls_mtu` makes the
packets of the handshake smaller, as does a certificate with an elliptic curve; video's stay as they are.

Sources: RFC 4821 section 1, RFC 8899, RFC 8834 section 4, RFC 1191 section 4, RFC 4443 section 3.2.
"""

from natprobe.addresses import far_apart
from natprobe.derive import FULL_SIZE, back_checks, media_checks, rejecting, web_sessions
from natprobe.derive.associations import large_down
from natprobe.derive.relays import LegFacts, legs_in
from natprobe.derive.sizes import IN_SEND, SMALL, TlsHeld, close, measured, needed, tls_held, vanished
from natprobe.facts import (
    Allocation,
    DefaultRoute,
    Facts,
    IceCheck,
    MediaEcho,
    PathSize,
    Permission,
    Relayed,
    TlsHello,
    TlsSession,
    ids,
    server_kind,
)
from natprobe.model import Do, Endpoint, Family, Fix, HostName, Where, family, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.servers import janus
from natprobe.wording import listed, mark, phrase

READS = (Allocation, DefaultRoute, IceCheck, PathSize, Permission, Relayed, MediaEcho, TlsHello, TlsSession)

# What every link has to carry of IPv6 (RFC 8200 section 5): one of less loses its IPv6.
_IPV6_LEAST = 1280
# Of IP and TCP, in bytes (RFC 791, RFC 8200, RFC 9293).
_TCP_HEADERS: dict[Family, int] = {4: 40, 6: 60}
# A run has a few; each is looked for among all observations.
_SESSIONS_MAX = 20
_DIRECT = mark("Small packets to {endpoint} are answered, packets of {size} bytes vanish: video will not arrive")
_BOTH = mark(
    "Small packets to {endpoint} are answered, packets of {size} bytes vanish, and so do those through the relay"
    " {hosts}: video will not arrive"
)
# The same where the size was measured.
_HOLE = mark(
    "Small packets to {endpoint} are answered, those above {fits} bytes vanish without a word: video, which needs"
    " {needed}, will not arrive"
)
_HOLE_BOTH = mark(
    "Small packets to {endpoint} are answered, those above {fits} bytes vanish without a word, and so do large ones"
    " through the relay {hosts}: video, which needs {needed}, will not arrive"
)
_TOLD = mark(
    "No packet above {fits} bytes gets to {endpoint}, as the router {router} says (ICMP: {told}), and in fragments it"
    " gets there neither: video, which needs {needed}, will not arrive"
)
_RELAY_HOLE = mark(
    "Small packets get to the relay {host} over {transport} ({server}), those above {fits} bytes vanish on the way"
    " there without a word: video, which needs {needed} with the relay's header, will not arrive"
)
_RELAY_TOLD = mark(
    "No packet above {fits} bytes gets to the relay {host} over {transport} ({server}), as the router {router} says"
    " (ICMP: {told}), and in fragments it gets there neither: video, which needs {needed} with the relay's header, will"
    " not arrive"
)
_PAGE = mark(
    "TLS with {name} hangs after the connection ({endpoint}), and gets through in segments of {segment} bytes: larger"
    " packets vanish on the way, and pages and signalling with them"
)
_LARGE_HELLO = mark(
    "A TLS hello of {size} bytes, as browsers send it, gets no answer from {name} ({endpoint}), and does in segments of"
    " {segment} bytes: larger packets vanish on the way, and pages and signalling with them"
)
_ANSWERS_HOLE = mark(
    "Packets of {size} bytes get to {endpoint}, and its answers above {fits} bytes do not come back: video, which needs"
    " {needed}, will not arrive"
)
_ANSWERS = mark(
    "Packets of {size} bytes get to {endpoint}, and its answers of that size do not come back: video will not arrive"
)
_BACK = mark("Small packets of media come back from {endpoint}, packets of {size} bytes do not: video will not arrive")


def check(facts: Facts) -> Judgement:
    """Media's way, and the page's."""
    media, pages = _media(facts), [_page(facts, each) for each in tls_held(facts)]
    return [*(media if isinstance(media, list) else []), *pages] or media


def _page(facts: Facts, held: TlsHeld) -> Found:
    """The number is one that passes: how much more does, nobody has tried."""
    seen = held.hung[0]
    return Found(
        message=_LARGE_HELLO if seen.large else _PAGE,
        args={
            "name": seen.name,
            "endpoint": seen.endpoint,
            "segment": held.segment,
            "size": seen.size,
        },
        evidence=ids(held.hung, held.passed, [each for each in web_sessions(facts) if each.endpoint == seen.endpoint]),
        where=Where.UNKNOWN,
        fixes=(_COMPARE, _LET_PASS, _clamp(held.segment)),
    )


def _media(facts: Facts) -> Judgement:
    """Per flow: the same socket, the same destination, only the size differs; and through relays."""
    lossy = legs_in(facts, "large-lost")
    direct = _direct(facts, [leg.allocation for group in lossy for leg in group])
    if isinstance(direct, list):
        return direct
    back = [_back(facts, each) for each in _sessions(facts) if large_down(facts, each) is False]
    back += [_answers(facts, each) for each in back_checks(facts) if _lost_on_the_way_back(facts, each)]
    return back or [_relay(facts, group) for group in lossy] or direct


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
    return vanished(check) and any(each.verified and each.failure is None for each in same)


def _answers(facts: Facts, check: IceCheck) -> Found:
    same = [each for each in media_checks(facts) if each.flow == check.flow]
    size = measured(facts, check.endpoint, check.local)
    fits = close(size.down, size.down_lost) if size is not None else None
    return Found(
        message=_ANSWERS if fits is None else _ANSWERS_HOLE,
        args={"endpoint": check.endpoint, "size": check.size} | _numbers(check, fits),
        evidence=ids(same, check, size or []),
        where=Where.UNKNOWN,
        fixes=(_COMPARE, _LET_PASS, *_to_set(check.endpoint, fits)),
    )


def _relay(facts: Facts, group: list[LegFacts]) -> Found:
    """Which half of the way lost it, where only one did: a packet crosses this network on both."""
    leg = group[0]
    size = measured(facts, leg.allocation.server, leg.allocation.local)
    fits = close(size.up, size.up_lost) if size is not None else None
    if fits is not None and size is not None:
        return _to_relay(facts, leg, size, fits)
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
        evidence=ids(leg.allocation, leg.data, size or []),
        where=Where.UNKNOWN,
        fixes=(_COMPARE, _LET_PASS),
    )


def _to_relay(facts: Facts, leg: LegFacts, size: PathSize, fits: int) -> Found:
    """Measured to the relay itself, where a packet has a header more."""
    server, told = leg.allocation.server, size.told is not None
    return Found(
        message=_RELAY_TOLD if told else _RELAY_HOLE,
        args={
            "host": leg.allocation.host,
            "transport": leg.allocation.transport.upper(),
            "server": server,
            "size": FULL_SIZE,
            "fits": fits,
            "needed": needed(server) + IN_SEND,
            "router": size.reported_by or phrase("address not known"),
            "told": size.told,
        },
        evidence=ids(leg.allocation, leg.data, size),
        where=rejecting(facts, size.reported_by, server) if told else Where.UNKNOWN,
        fixes=(_COMPARE, _FRAGMENTS if told else _LET_PASS, *_to_set(server, fits)),
    )


def _direct(facts: Facts, relays: list[Allocation]) -> Judgement:
    checks = media_checks(facts)
    small = {each.flow: each for each in checks if each.size < SMALL and each.verified and each.failure is None}
    if not small:
        return NOT_APPLICABLE
    whole = {(each.endpoint, each.local) for each in facts.of(MediaEcho) if each.received and each.size >= FULL_SIZE}
    lost = [each for each in checks if each.size >= SMALL and each.flow in small and vanished(each)]
    lost = [each for each in lost if (each.endpoint, each.local) not in whole]  # media of that size was there and back
    if not lost:
        return CLEAR
    return [_lost(facts, lost, [small[each.flow] for each in lost], relays)]


def _lost(facts: Facts, lost: list[IceCheck], small: list[IceCheck], relays: list[Allocation]) -> Found:
    """With the number, where it was measured."""
    check = lost[0]
    size = measured(facts, check.endpoint, check.local)
    fits = close(size.up, size.up_lost) if size is not None else None
    args = {"endpoint": check.endpoint, "size": check.size, "hosts": listed(each.host for each in relays)}
    message, where, mend = _BOTH if relays else _DIRECT, _common(facts, check, relays), _LET_PASS
    if size is not None and fits is not None:
        message = _HOLE_BOTH if relays else _HOLE
        if size.told is not None:
            args |= {"router": size.reported_by or phrase("address not known"), "told": size.told}
            message, where, mend = _TOLD, rejecting(facts, size.reported_by, check.endpoint), _FRAGMENTS
    return Found(
        message=message,
        args=args | _numbers(check, fits),
        evidence=ids(lost, small, relays, size or []),
        where=where,
        fixes=(_COMPARE, mend, *_to_set(check.endpoint, fits), *_handshake(facts)),
    )


def _numbers(check: IceCheck, fits: int | None) -> dict[str, int]:
    return {} if fits is None else {"fits": fits, "needed": needed(check.endpoint)}


def _to_set(endpoint: Endpoint, fits: int | None) -> tuple[Fix, ...]:
    """At the tunnel's ends; and for TCP."""
    if fits is None:
        return ()
    version = family(split(endpoint)[0])
    if version == 6 and fits < _IPV6_LEAST:
        return (_NO_IPV6,)
    tunnel = phrase(
        "Where a tunnel or PPPoE loses them, set the MTU that it has at both of its ends: `ip link set dev LINK mtu"
        " {fits}`; its router then says so to those who send, or cuts packets up",
        fits=fits,
    )
    return (Do(text=tunnel, audience="network"), _clamp(fits - _TCP_HEADERS[version]))


def _clamp(segment: int) -> Fix:
    """TCP alone can be told to send less (RFC 9293 section 3.7.1)."""
    text = phrase(
        "Until then, on the router before it: `nft add rule inet filter forward tcp flags syn tcp option maxseg size"
        " set {segment}`, or `iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS"
        " --set-mss {segment}`",
        segment=segment,
    )
    return Do(text=text, audience="network", why="pages, and relays over TCP and TLS, then pass; UDP has no such thing")


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
_NO_IPV6 = Do(
    text="Have every link on the way carry 1,280 bytes, as IPv6 wants it (RFC 8200 section 5), or take IPv6 off the"
    " tunnel",
    audience="network",
)
_FRAGMENTS = Do(
    text="Let fragments of UDP pass on the way, behind that router and before it, or have all links on the way carry"
    " 1,280 bytes, which always suffice for WebRTC",
    audience="network",
)
