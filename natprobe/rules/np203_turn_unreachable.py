"""The relay doesn't answer on this transport

The relay was asked for an address over the transport that its URI names, and not a word of TURN came back: silence, a
refusal, or a connection that was closed at once.

How it shows: calls that need the relay never connect: those from networks that let no UDP out, and those between two
clients behind NATs with address- and port-dependent mapping. All others work, which is why nobody notices.

What to do: the finding says which of these it is.

- Silence: a firewall drops the packets; where routers on the way answer packets with few hops to live, the finding
  says how far they come. Open the port in the relay's own firewall and in its cloud's security group
  (3478 over UDP and TCP, 5349 over TCP; 443 where the relay listens there). If it answers from another network, it is
  this one that drops them.
- Refused, or port-unreachable: nothing listens there. On the TLS port, while 3478 answers, it is mostly the
  certificate: coturn that can't read `cert` or `pkey` goes on without any TLS port, and only its log says so.
- Closed before TLS began: a multiplexer in front (nginx `stream`, HAProxy) has no way for this handshake. Browsers send
  the name of the URI in SNI and offer no ALPN, so it must decide by name. A published container port whose container
  is down looks the same.

On the server `natprobe inspect` compares what Prosody hands out with the ports and transports of turnserver.conf.
What nginx, a container or the packet filter has before the relay counts as served.

Sources: RFC 8656 sections 3.1 and 7.1, RFC 7065, RFC 8489 section 6.2; measured: coturn 4.6.1 without a certificate,
and what Chromium offers in TLS to a relay.
"""

from natprobe.derive import REJECTED, came_back, rejecting, tcp_answers, udp_works
from natprobe.derive.arrival import Carrier
from natprobe.derive.proxies import (
    heard,
    refusal,
    relay_port,
    straight,
    tunnels,
    unnamed,
    unsure,
    via,
)
from natprobe.derive.relays import LegFacts, connected, legs, legs_in
from natprobe.facts import (
    Allocation,
    Binding,
    Connected,
    DefaultRoute,
    Facts,
    HopName,
    OtherPayload,
    Run,
    Trail,
    Tunnel,
    TurnServer,
    ids,
)
from natprobe.fixes import more_servers
from natprobe.model import Alternative, Do, Failure, Fix, Observation, Where, family, split
from natprobe.reasons import sentence
from natprobe.rules import CouldNotTell, Found, Judgement, _relay_files, _relay_offers, alternative
from natprobe.rules._legs import found, nothing, port
from natprobe.rules._place import first as followed
from natprobe.rules._place import placed
from natprobe.servers import coturn
from natprobe.wording import listed, mark, phrase

READS = (
    Allocation,
    Binding,
    Connected,
    DefaultRoute,
    HopName,
    OtherPayload,
    Run,
    Trail,
    Tunnel,
    TurnServer,
    *_relay_offers.KINDS,
)

_MESSAGES = {
    "silent": mark(
        "The relay {host} does not answer over {transport} ({server}): nothing came back to {tries} requests"
    ),
    "silent-stream": mark(
        "The relay {host} does not answer over {transport} ({server}): nothing came back to {tries} connections"
    ),
    "waits": mark("The relay {host} takes connections over {transport} ({server}) and then says nothing"),
    "closed": mark("Nothing listens for {transport} at the relay {host} ({server}): {why}"),
    "rejected": mark("A firewall ({router}) rejects {transport} to the relay {host} ({server}): {why}"),
    "no-way": mark("The relay {host} cannot be reached over {transport} ({server}): {why}"),
    "cut": mark("The relay {host} closes connections over {transport} ({server}) without a word of TURN: {why}"),
}
_BEYOND = mark("The proxy {via} does not get to port {port} of the relay {host} ({transport}): {why}")
_NOBODY = mark("The proxy {via}, which leads to port {port} of the relay {host} ({transport}), answers nobody: {why}")
_ENDS = phrase("ask who runs the proxy: does it end what it does not like, or what is no HTTP?")
_WEB_PORTS = (80, 443)
_FOLLOWED: dict[str, Carrier] = {"silent": "udp", "silent-stream": "tcp"}
_ELSEWHERE = Do(
    text="Run the same check from another network, such as a phone's hotspot: if it answers there, this network drops"
    " what goes to that port; if not, something before the relay does",
    audience="user",
)


def check(facts: Facts) -> Judgement:
    """Where no UDP comes back at all, udp-blocked says it, and stun-filtered where all does but STUN."""
    if _relay_offers.told(facts) and _relay_files.there(facts):
        return _relay_offers.dead(facts)
    several = [_found(facts, group) for group in legs_in(facts, "unreachable") if not _unmissed(facts, group[0])]
    several += [_beyond(facts, each) for each in _unreached(facts)]
    if several:
        return several
    if legs_in(facts, "unsure") or any(unsure(facts, each) for each in tunnels(facts, "relay")):
        return CouldNotTell(reason="timeout", ask="natprobe check with more time: --timeout 30")
    return nothing(facts)


def _unmissed(facts: Facts, leg: LegFacts) -> bool:
    """Whether the same relay works through the same proxy over another transport: who ended this one, the relay or a
    proxy that looks inside, nobody sees, and no call needs it.
    """
    via, host = leg.allocation.via, leg.allocation.host
    return via is not None and bool(facts.ok(Allocation, lambda each: (each.via, each.host) == (via, host)))


def _found(facts: Facts, group: list[LegFacts]) -> Found:
    leg = group[0]
    what, allocation = _what(facts, leg), leg.allocation
    where, alternatives = _where(facts, leg, what)
    beside = _alive(facts, leg)
    made = found(
        facts,
        group,
        _MESSAGES[what],
        more={
            "tries": sum(each.allocation.tries for each in group),
            "why": sentence(str(allocation.failure)),
            "router": allocation.reported_by or phrase("address not known"),
        },
        evidence=ids(beside),
        where=where,
        alternatives=alternatives,
        fixes=_fixes(leg, what, where),
    )
    if what not in _FOLLOWED:
        return made
    return placed(facts, followed(facts, [each.allocation.server for each in group], _FOLLOWED[what]), made)


def _unreached(facts: Facts) -> list[Tunnel]:
    """The relays that a browser's proxy would lead to, and does not: it says so, or leaves it unanswered. Where that is
    the target's own proxy, which answers nobody, web-unreachable tells.
    """
    told = [each for each in tunnels(facts, "relay") if refusal(each) in ("unreachable", "dead")]
    nobody = [each for each in told if _mute(each) and each.via == via(facts) and not heard(facts, each.via)]
    return [each for each in told if not unsure(facts, each) and each not in nobody]


def _mute(tunnel: Tunnel) -> bool:
    return refusal(tunnel) == "dead"


def _beyond(facts: Facts, tunnel: Tunnel) -> Found:
    """In the proxy's own words. It looks names up by itself; what answers straight is not the relay's fault."""
    answers = [each.allocation for each in legs(facts) if each.answered and not each.datagrams]
    alive = [each for each in answers if (each.host, relay_port(each)) == (tunnel.host, tunnel.port)]
    mute, alone = _mute(tunnel), _mute(tunnel) and not heard(facts, tunnel.via)
    why = sentence(str(tunnel.failure)) if mute else tunnel.error or tunnel.detail or sentence(str(tunnel.failure))
    return Found(
        message=_NOBODY if alone else _BEYOND,
        args={
            "via": tunnel.via,
            "port": tunnel.port,
            "host": tunnel.host,
            "transport": _over(facts, tunnel),
            "why": why,
        },
        evidence=ids(tunnel, alive, heard(facts, tunnel.via) if mute else []),
        where=Where.PROXY if alive or alone or unnamed(tunnel) else Where.UNKNOWN,
        alternatives=(alternative("proxy-refuses-port", _ENDS),) if mute and not alone else (),
        fixes=(*_beyond_it(tunnel, alone, bool(alive)), _ELSEWHERE),
    )


def _beyond_it(tunnel: Tunnel, alone: bool, alive: bool) -> tuple[Fix, ...]:
    """Where nobody knows whether the proxy may not go there or the relay does not answer, each has to look."""
    place = {"host": tunnel.host, "port": tunnel.port}
    if alone:
        return (_asked(phrase("See whether the proxy {via} runs, and is still the one to be used", via=tunnel.via)),)
    if unnamed(tunnel):
        return (_asked(phrase("Have the name {host} resolve for the proxy, which asks its own resolvers", **place)),)
    if alive:
        return (_asked(phrase("Let the proxy itself out to {host}, TCP port {port}", **place)),)
    listening = coturn.listening(tunnel.port, secure=False, host=tunnel.host)
    if not _mute(tunnel):
        return listening
    either = phrase(
        "Let the proxy itself out to {host}, TCP port {port}, or find out that the relay answers nobody there", **place
    )
    return (_asked(either), *listening)


def _asked(text: str) -> Do:
    return Do(text=text, audience="network")


def _over(facts: Facts, tunnel: Tunnel) -> str:
    """What the relay was to be asked over."""
    at = (tunnel.host, tunnel.port)
    named = facts.of(TurnServer, lambda each: (each.host, each.port) == at and each.transport in ("tcp", "tls"))
    return listed(each.transport.upper() for each in named)


def _what(facts: Facts, leg: LegFacts) -> str:
    """In the words of the table above."""
    allocation = leg.allocation
    if allocation.failure is Failure.TIMEOUT:
        if leg.stands or connected(facts, leg):
            return "waits"
        return "silent" if leg.datagrams else "silent-stream"
    itself = allocation.reported_by in (None, split(allocation.server)[0])
    if allocation.failure is Failure.REFUSED or (allocation.failure is Failure.PORT_UNREACHABLE and itself):
        return "closed"
    if allocation.failure in (Failure.PROHIBITED, Failure.PORT_UNREACHABLE):
        return "rejected"
    return "no-way" if allocation.failure in REJECTED else "cut"


def _where(facts: Facts, leg: LegFacts, what: str) -> tuple[Where, tuple[Alternative, ...]]:
    if what == "closed":
        unreadable = alternative(
            "certificate-unreadable", "on the relay: journalctl -u coturn, for `cannot start TLS and DTLS listeners`"
        )
        return Where.SERVER_HOST, (unreadable,) if _secure(leg) else ()
    if what == "rejected":
        return rejecting(facts, leg.allocation.reported_by, leg.allocation.server), ()
    if what in ("cut", "waits"):
        other = alternative(
            "turn-443-not-turn", phrase("on the relay: ss -lntup, for who listens on port {port}", port=port(leg))
        )
        ends = alternative("proxy-refuses-port", _ENDS)
        return Where.UNKNOWN, (other,) if leg.allocation.via is None else (other, ends)
    if what == "no-way" or _compared(facts, leg):
        return (Where.UNKNOWN if what == "no-way" else Where.SERVER_EDGE), ()
    return Where.UNKNOWN, (alternative("udp-blocked", more_servers(facts)),) if leg.datagrams else ()


def _compared(facts: Facts, leg: LegFacts) -> bool:
    """Whether this network lets such packets pass: for TCP, to the same port or to any that is not the web's."""
    version = family(split(leg.allocation.server)[0])
    if leg.datagrams:
        return udp_works(facts, version) is True
    if leg.allocation.via is not None:
        return False
    answers = {_remote(each) for each in tcp_answers(facts, version)}
    return any(each == port(leg) or each not in _WEB_PORTS for each in answers)


def _remote(seen: Observation) -> int:
    return int(seen.flow.rpartition(":")[2] or 0)


def _alive(facts: Facts, leg: LegFacts) -> list[Observation]:
    """What shows that the host itself is there: answers from the same address over another transport or port."""
    if leg.allocation.via is not None:
        return list(connected(facts, leg))
    address = split(leg.allocation.server)[0]
    others = [each.allocation for each in legs(facts) if each.answered]
    said: list[Observation] = [each for each in others if each.via is None and split(each.server)[0] == address]
    said += [each for each in facts.of(Binding) if split(each.server)[0] == address and came_back(each)]
    return said + [each for each in facts.ok(Connected, straight) if split(each.endpoint)[0] == address]


def _secure(leg: LegFacts) -> bool:
    return leg.allocation.transport in ("tls", "dtls")


def _fixes(leg: LegFacts, what: str, where: Where) -> tuple[Fix, ...]:
    host = leg.allocation.host
    opening = coturn.port_open(host, port(leg), tcp=not leg.datagrams)
    if what == "closed":
        return coturn.listening(port(leg), secure=_secure(leg), host=host)
    if what == "cut":
        return (_behind(leg), _ELSEWHERE)
    if what == "waits":
        return (*coturn.listening(port(leg), secure=False, host=host), _ELSEWHERE)
    if what == "rejected" and where in (Where.LOCAL_NETWORK, Where.PROVIDER):
        proto = "UDP" if leg.datagrams else "TCP"
        return (
            Do(
                text=phrase(
                    "Let {proto} out to {host}, port {port}, in that firewall", proto=proto, host=host, port=port(leg)
                ),
                audience="network",
            ),
        )
    if what == "no-way":
        return (
            Do(text=phrase("See that {host} is the relay's address, and that it is on", host=host), audience="server"),
        )
    return (opening,) if where is Where.SERVER_EDGE else (opening, _ELSEWHERE)


def _behind(leg: LegFacts) -> Fix:
    return Do(
        text=phrase(
            "On the relay, see what passes port {port} on: a multiplexer must choose by the name {host}"
            " in SNI, since browsers offer a relay no ALPN; and that what is behind it runs",
            port=port(leg),
            host=leg.allocation.host,
        ),
        audience="server",
    )
