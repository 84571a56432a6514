"""What each leg to a relay came to: one state for each, with what follows for media. Pure.

Every rule about relays asks for the legs of its state, so that no leg has two causes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from natprobe.addresses import address_class
from natprobe.derive import (
    FULL_SIZE,
    OWN,
    REJECTED,
    SILENT_CONNECTIONS,
    SILENT_TRIES,
    bindings,
    came_back,
    udp_works,
)
from natprobe.derive.alternates import alternate, in_a_ring
from natprobe.derive.cookie import stun_dropped
from natprobe.derive.interception import intercepted_leg
from natprobe.derive.ipv6 import lost_in_ipv6
from natprobe.derive.legs import LegFacts as LegFacts
from natprobe.derive.legs import handshakes, past_proxy, place, same_relay, session_of, tunnels_to
from natprobe.derive.proxies import relay_port
from natprobe.facts import Allocation, Binding, Connected, Facts, Permission, Relayed, TlsSession, Tunnel, TurnServer
from natprobe.model import Address, Endpoint, Failure, HostName, family, split

State = Literal[
    "open",
    "large-lost",
    "large-unsure",
    "address-wrong",
    "silent",
    "peers-forbidden",
    "peer-unreached",
    "needs-credentials",
    "unauthorized",
    "no-realm",
    "full",
    "full-by-us",
    "disabled",
    "redirected",
    "redirect-ring",
    "mismatch",
    "refused",
    "unverified",
    "certificate",
    "not-turn",
    "stalled",
    "unreachable",
    "blocked-here",
    "unsure",
    "unsent",
    "past-proxy",
    "broken-by-proxy",
    "intercepted",
]
# State -> status and reason of the leg as a way for media. A reason of None: the failure's own word.
_OUTCOMES: dict[State, tuple[str, str | None]] = {
    "large-lost": ("blocked", "large-packets-lost"),
    "large-unsure": ("unknown", "large-packets-unsure"),
    "address-wrong": ("blocked", "relay-address-wrong"),
    "silent": ("blocked", "relay-silent"),
    "peers-forbidden": ("unknown", "peers-forbidden"),
    "peer-unreached": ("unknown", "peer-unreached"),
    "needs-credentials": ("unknown", "needs-credentials"),
    "unauthorized": ("blocked", "relay-refuses-credentials"),
    "no-realm": ("blocked", "relay-without-realm"),
    "full": ("blocked", "relay-full"),
    "full-by-us": ("unknown", "relay-full-by-check"),
    "disabled": ("blocked", "relay-transport-disabled"),
    "redirected": ("unknown", "relay-redirects"),
    "redirect-ring": ("blocked", "relay-redirects-in-ring"),
    "mismatch": ("unknown", "relay-mismatch"),
    "refused": ("blocked", "relay-refuses"),
    "unverified": ("blocked", "relay-unverified"),
    "certificate": ("blocked", "tls-certificate"),
    "not-turn": ("blocked", "relay-not-turn"),
    "stalled": ("blocked", "relay-stalled"),
    "unreachable": ("blocked", None),
    "blocked-here": ("blocked", None),
    "unsure": ("unknown", None),
    "unsent": ("unknown", None),
    "past-proxy": ("blocked", None),
    "broken-by-proxy": ("blocked", "proxy-breaks-relay"),
    "intercepted": ("blocked", "tls-intercepted"),
}
# RFC 8656 section 19, RFC 8489 section 14.8: what an Allocate is refused with.
_BY_CODE: dict[int, State] = {
    403: "unauthorized",
    437: "mismatch",  # browsers try again from another port
    440: "disabled",
    441: "unauthorized",
    442: "disabled",
    486: "full",
    508: "full",
}
_TRY_ALTERNATE = 300
# What net.turn says of answers that are STUN and not to be believed.
_SUSPICIOUS = ("unsigned", "wrong-signature", "incomplete")
_PLAIN: dict[Failure, State] = {
    Failure.TLS_CERTIFICATE: "certificate",
    Failure.TLS_ALERT: "not-turn",
    Failure.TLS_OTHER: "not-turn",
    Failure.TOO_BIG: "unsure",
    **dict.fromkeys(OWN, "unsent"),
}
_CUT = (Failure.RESET, Failure.CLOSED)


def legs(facts: Facts) -> list[LegFacts]:
    """Every leg that browsers may take, in the order of the report."""
    return [_leg(facts, each) for each in facts.of(Allocation, lambda each: not each.offered)]


def ends(facts: Facts) -> list[LegFacts]:
    """Those legs, without any that sent us on to another of them."""
    tried = legs(facts)
    return [each for each in tried if state(facts, each) != "redirected" or alternate(each, tried) is None]


def sorted_by_alpn(facts: Facts, leg: LegFacts) -> Allocation | None:
    """What shows that a relay answers at this very endpoint, to who offers ALPN: something in front goes by that."""
    here = (leg.allocation.source, place(leg.allocation))
    offering = facts.of(Allocation, lambda each: bool(each.offered) and (each.source, place(each)) == here)
    return next((each for each in offering if LegFacts(each).answered), None)


def _leg(facts: Facts, allocation: Allocation) -> LegFacts:
    def same(each: Permission | Relayed) -> bool:
        return (each.source, each.flow) == (allocation.source, allocation.flow)

    # What is said of the media server's own addresses, or of inner ones, says nothing of substitute peers.
    permissions = facts.of(Permission, lambda each: same(each) and each.probe != "relayed" and each.purpose == "media")
    return LegFacts(allocation, tuple(permissions), tuple(facts.of(Relayed, same)))


def legs_in(facts: Facts, *states: State) -> list[list[LegFacts]]:
    """The legs in one of these states, those of one host over one transport together."""
    found: dict[tuple[HostName, str], list[LegFacts]] = {}
    for each in legs(facts):
        if state(facts, each) in states:
            found.setdefault((each.allocation.host, each.allocation.transport), []).append(each)
    return list(found.values())


def elsewhere(facts: Facts, leg: LegFacts) -> list[str]:
    """The other transports over which the same host's relay said something."""
    host, transport = leg.allocation.host, leg.allocation.transport
    others = [each.allocation for each in legs(facts) if each.answered and each.allocation.host == host]
    return list(dict.fromkeys(each.transport for each in others if each.transport != transport))


def outcome(facts: Facts, leg: LegFacts) -> tuple[str, str | None]:
    """Status and reason of the leg as a way for media, as far as a substitute peer can tell."""
    found = state(facts, leg)
    if found == "open":
        return ("blocked", "tls-certificate") if refused_sessions(facts, leg) else ("open", None)
    status, reason = _OUTCOMES[found]
    if found == "unsent" and leg.allocation.failure is Failure.PERMISSION_DENIED:
        status = "blocked"
    return status, reason or _word(leg.allocation.failure, status)


def _word(failure: Failure | None, status: str) -> str:
    return "silence" if failure is Failure.TIMEOUT and status == "blocked" else str(failure or "not-tried")


def refused_sessions(facts: Facts, leg: LegFacts) -> list[TlsSession]:
    """The handshakes of this leg that a client which verifies certificates would have ended; none where they were
    not with the relay.
    """
    if sorted_by_alpn(facts, leg):
        return []
    own = session_of(facts, leg.allocation)
    if own is not None and own.verified:
        return []
    tried = [each for each in handshakes(facts, leg.allocation) if each.transport == leg.allocation.transport]
    return [each for each in tried if each.failure is Failure.TLS_CERTIFICATE and not each.offered]


def by_way(facts: Facts, leg: LegFacts) -> bool:
    """Whether the certificate that it met tells of the way, and not of the relay."""
    return bool(intercepted_leg(facts, leg)) or state(facts, leg) in ("past-proxy", "broken-by-proxy")


def state(facts: Facts, leg: LegFacts) -> State:
    """What this leg came to; with --insecure, as if its certificate were good."""
    failure = leg.allocation.failure
    if failure is None:
        return _allocated(facts, leg)
    if not leg.answered and (found := _by_way(facts, leg)):
        return found
    if sorted_by_alpn(facts, leg):
        return "not-turn"
    return _PLAIN.get(failure) or _JUDGES.get(failure, _unreached)(facts, leg)


def _by_way(facts: Facts, leg: LegFacts) -> State | None:
    """Where the relay said nothing, and the way is why: somebody between answers, or browsers go another way."""
    allocation = leg.allocation
    if intercepted_leg(facts, leg):
        return "intercepted"
    others = facts.of(Allocation, lambda each: same_relay(each, allocation) and LegFacts(each).answered)
    if allocation.via is not None:
        return "broken-by-proxy" if any(each.via is None for each in others) else None
    if not past_proxy(facts, allocation):
        return None
    proxied = any(each.via is not None for each in others)
    mute = allocation.failure in (*REJECTED, *_CUT, Failure.TIMEOUT, *OWN)
    return "past-proxy" if proxied or mute else None


def _allocated(facts: Facts, leg: LegFacts) -> State:
    if address_wrong(leg):
        return "address-wrong"
    if leg.works:
        return _full_size(leg)
    if leg.permissions and all(each.error_code == 403 for each in leg.permissions):
        return "peers-forbidden"
    return "silent" if silent_through(facts, leg) else "peer-unreached"


def address_wrong(leg: LegFacts) -> bool:
    """The relayed address is none that peers can send to, or none of them saw the relay there and nothing arrived."""
    if leg.allocation.relayed is None:
        return False
    server, relayed = split(leg.allocation.server)[0], split(leg.allocation.relayed)[0]
    kind = address_class(relayed)
    own = address_class(server) if leg.allocation.via is None else None  # a proxy's address says nothing of the relay's
    if kind != own and (kind in ("unspecified", "loopback", "multicast", "link-local") or own == "public"):
        return True
    arrived = any(each.direction == "in" and each.failure is None for each in leg.data)
    seen = seen_from(leg)
    return bool(seen) and relayed not in seen and not arrived


def seen_from(leg: LegFacts) -> list[Address]:
    """The addresses that peers saw the relay send from."""
    return list(dict.fromkeys(split(each.seen_from)[0] for each in leg.data if each.seen_from is not None))


def silent_through(facts: Facts, leg: LegFacts) -> bool:
    """Nothing came through, in nine tries each, of two peers that are alive: STUN servers that answer directly, and a
    socket of our own.
    """
    alive = {each.server for each in bindings(facts) if came_back(each)}
    small = [each for each in leg.data if each.size < FULL_SIZE]
    silent = [each for each in small if each.failure is Failure.TIMEOUT and each.tries >= SILENT_TRIES]
    servers: set[Endpoint] = {each.peer for each in silent if each.by == "stun" and each.peer in alive}
    # Our own socket's way to a high port may be shut by this network: it counts beside a server only.
    return not leg.works and len(servers) + any(each.by == "own-socket" for each in silent) > 1


def _full_size(leg: LegFacts) -> State:
    if False not in (leg.large_up, leg.large_down):
        return "open"
    tried = [each for each in leg.data if each.size >= FULL_SIZE and each.failure is Failure.TIMEOUT]
    return "large-lost" if all(each.tries >= SILENT_TRIES for each in tried) else "large-unsure"


# --- the Allocate failed


def _unauthorized(facts: Facts, leg: LegFacts) -> State:
    """Without credentials a 401 only says that the relay is guarded (RFC 8489 section 9.2.4)."""
    allocation = leg.allocation
    given = allocation.authenticated or access(facts, allocation) != "none"
    if allocation.realm is None or (given and not allocation.realm):
        return "no-realm"
    if allocation.authenticated:
        return "unauthorized"
    return "refused" if given else "needs-credentials"


def access(facts: Facts, allocation: Allocation) -> str:
    """What kind of credentials there was for this relay."""
    address = split(allocation.server)[0] if allocation.via is None else None
    asked = (address or allocation.host, relay_port(allocation), allocation.transport)

    def same(each: TurnServer) -> bool:
        where = each.host if address is None else each.address
        return (where, each.port, each.transport) == asked

    servers = facts.of(TurnServer, same)
    return next((each.access for each in servers), "none")


def _by_code(facts: Facts, leg: LegFacts) -> State:
    if leg.allocation.error_code == _TRY_ALTERNATE:
        return "redirect-ring" if in_a_ring(leg, legs(facts)) else "redirected"
    found = _BY_CODE.get(leg.allocation.error_code or 0, "refused")
    host = leg.allocation.host
    ours = any(each.allocation.failure is None and each.allocation.host == host for each in legs(facts))
    return "full-by-us" if leg.allocation.error_code == 486 and ours else found


def _silence(facts: Facts, leg: LegFacts) -> State:
    """Of streams that stand the silence is told by TCP, which repeats itself what is lost."""
    enough = SILENT_TRIES if leg.datagrams else SILENT_CONNECTIONS
    told = not leg.datagrams and (leg.stands or connected(facts, leg))
    if leg.allocation.tries < enough and not told:
        return "unsure"
    if leg.allocation.challenged or (leg.stands and leg.allocation.transport in ("tls", "dtls")):
        return "stalled"
    if stun_answered(facts, leg):
        return "stalled"
    return "blocked-here" if _shut_here(facts, leg) else "unreachable"


def _unreached(facts: Facts, leg: LegFacts) -> State:
    failure = leg.allocation.failure
    if leg.allocation.challenged:
        return "stalled"
    if failure in _CUT and leg.stands and leg.allocation.transport in ("tls", "dtls"):
        return "not-turn"
    if failure in _CUT and leg.stands and stun_answered(facts, leg):
        return "stalled"
    on_the_way = failure in REJECTED and leg.allocation.reported_by != split(leg.allocation.server)[0]
    return "blocked-here" if on_the_way and _shut_here(facts, leg) else "unreachable"


def _not_stun(facts: Facts, leg: LegFacts) -> State:
    told = leg.allocation.signed is False or leg.allocation.detail in _SUSPICIOUS
    return "unverified" if told or leg.answered else "not-turn"


def stun_answered(facts: Facts, leg: LegFacts) -> list[Binding]:
    """The Binding requests that the relay answered over the same transport, from the same address of ours."""
    if leg.allocation.via is not None:
        return []
    at, transport, local = leg.allocation.server, leg.allocation.transport, leg.allocation.local
    said = [each for each in bindings(facts, transport) if each.server == at and came_back(each)]
    here = [each for each in said if not (local and each.local) or split(each.local)[0] == split(local)[0]]
    return [each for each in here if each.failure is not Failure.PORT_UNREACHABLE]


def connected(facts: Facts, leg: LegFacts) -> Sequence[Connected | Tunnel]:
    """The TCP connections of this leg, where it is one of TCP or TLS and they stood; of a proxy its own word."""
    if leg.datagrams:
        return []
    if leg.allocation.via is not None:
        return [each for each in tunnels_to(facts, leg.allocation) if each.failure is None]
    at = leg.allocation.server
    return facts.ok(Connected, lambda each: each.probe == "turn" and each.via is None and each.endpoint == at)


def _shut_here(facts: Facts, leg: LegFacts) -> bool:
    """Whether ipv6-broken says it already, or of datagrams udp-blocked or stun-filtered."""
    if leg.allocation.via is not None:
        return False
    version = family(split(leg.allocation.server)[0])
    if lost_in_ipv6(facts, [leg.allocation.server]):
        return True
    if not leg.datagrams:
        return False
    if udp_works(facts) is False or udp_works(facts, version) is False:
        return True
    dropped = stun_dropped(facts, version)
    return any(each.everywhere or each.endpoint == leg.allocation.server for each in dropped)


_Judge = Callable[[Facts, LegFacts], State]
_JUDGES: dict[Failure, _Judge] = {
    Failure.UNAUTHORIZED: _unauthorized,
    Failure.ERROR_RESPONSE: _by_code,
    Failure.TIMEOUT: _silence,
    Failure.PROTOCOL: _not_stun,
}
