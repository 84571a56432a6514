"""UDP mappings die sooner than keep-alives come

The NAT or firewall forgets a UDP flow soon after its last packet. natprobe asks this with `--idle SECONDS` only: it
leaves mappings idle, and has a STUN server send to them at another socket's request (RESPONSE-PORT). They were in use
for two seconds before, as a call's are; some routers give a flow that was used once much less.

How it shows: media that flows keeps its mapping alive. What is quiet loses it: a muted call without video, a call on
hold, a path in reserve. It ends, or takes seconds to come back, always after the same time of quiet. Up to 15 seconds,
the interval of ICE's keep-alives, this is a warning; browsers ask more often on the path in use (every 2.5 seconds,
and every 5 for consent), other ICE agents don't. From there to two minutes, the least that RFC 4787 allows, it is a
note: a browser asks its paths in reserve every 25 seconds, and a TURN permission is refreshed every few minutes.

What to do: raise the UDP timeout of the router or firewall to two minutes, better five. Linux and OpenWrt: `sysctl -w
net.netfilter.nf_conntrack_udp_timeout=120 net.netfilter.nf_conntrack_udp_timeout_stream=300`. pfSense: System >
Advanced > Firewall & NAT, OPNsense: Firewall > Settings > Advanced: firewall optimization `conservative`. MikroTik:
`/ip firewall connection tracking set udp-timeout=2m udp-stream-timeout=5m`. A FRITZ!Box has no such setting.

Sources: RFC 4787 section 4.3 (REQ-5), RFC 5780 section 4.6, RFC 8445 section 11, RFC 7675 section 5.1, RFC 8656
section 9.
"""

from natprobe.addresses import address_class
from natprobe.derive.behaviour import KEEPALIVE, REQUIRED_LIFETIME, Lifetime, binding_lifetime
from natprobe.facts import Facts, IdleMapping, Run, ids
from natprobe.model import Address, Do, Fix, Severity, Where, family, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.wording import mark, phrase

READS = (IdleMapping, Run)

_EARLY = mark(
    "The NAT forgets UDP mappings of {local} within {dead} seconds without a packet, and a quiet call's keep-alives"
    " (ICE) may come only every {limit}"
)
_LATE = mark(
    "The NAT forgets UDP mappings of {local} within {dead} seconds without a packet ({limit} is the least it should"
    " wait): calls in progress keep theirs, what is quiet for so long is lost"
)
RAISE: tuple[Fix, ...] = tuple(
    Do(text=text, audience="network", why="RFC 4787 REQ-5: at least two minutes")
    for text in (
        phrase("Raise the router's UDP session timeout to 120 seconds or more (a FRITZ!Box has no such setting)"),
        phrase(
            "Linux, OpenWrt: `sysctl -w net.netfilter.nf_conntrack_udp_timeout=120"
            " net.netfilter.nf_conntrack_udp_timeout_stream=300`"
        ),
        phrase(
            "pfSense: System > Advanced > Firewall & NAT; OPNsense: Firewall > Settings > Advanced:"
            " firewall optimization `conservative`"
        ),
        phrase("MikroTik: `/ip firewall connection tracking set udp-timeout=2m udp-stream-timeout=5m`"),
    )
)


def check(facts: Facts) -> Judgement:
    """Each local address by itself: it may have a router of its own."""
    asked = max((run.idle for run in facts.of(Run)), default=0.0)
    if not asked:
        return NOT_APPLICABLE
    tests = facts.of(IdleMapping)
    lives = {each: binding_lifetime(facts, family(each), each) for each in _locals(tests)}
    if found := [_found(local, life) for local, life in lives.items() if _short(life)]:
        return found
    if lives and all(life.dead_seconds or (life.alive_seconds or 0) >= round(asked, 1) for life in lives.values()):
        return CLEAR
    return _doubt(tests)


def _locals(tests: list[IdleMapping]) -> list[Address]:
    return list(dict.fromkeys(split(each.local)[0] for each in tests))


def _short(life: Lifetime) -> bool:
    return life.dead_seconds is not None and life.dead_seconds < REQUIRED_LIFETIME


def _doubt(tests: list[IdleMapping]) -> CouldNotTell:
    if not tests:
        return CouldNotTell(reason="no-answer")
    if any(each.by == "response-port" and each.idle for each in tests):
        return CouldNotTell(reason="packets-lost", ask="check again with --idle when less is lost")
    return CouldNotTell(
        reason="needs-response-port", ask="check again with --stun stun:HOST of a server with two addresses (RFC 5780)"
    )


def _found(local: Address, life: Lifetime) -> Found:
    """Within the interval of ICE's keep-alives a warning, else a note: the NAT breaks REQ-5, and few will see it."""
    early = (life.dead_seconds or 0) <= KEEPALIVE
    limit = KEEPALIVE if early else REQUIRED_LIFETIME
    return Found(
        message=_EARLY if early else _LATE,
        args={"local": local, "dead": f"{life.dead_seconds:g}", "limit": f"{limit:g}"},
        evidence=ids(life.dead, life.alive),
        severity=None if early else Severity.NOTE,
        where=Where.PROVIDER if address_class(local) == "carrier" else None,
        fixes=RAISE,
    )
