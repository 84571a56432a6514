"""Shared meanings in RFC words, from facts: True, False, or None where the evidence does not decide. Pure.

Everything here groups by source, because two vantages may have the same local address.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from natprobe.addresses import address_class
from natprobe.derive.proxies import reached, straight, taken, via
from natprobe.facts import (
    AddressClass,
    Allocation,
    Binding,
    Connected,
    DefaultRoute,
    Facts,
    HttpReply,
    IceCheck,
    LocalAddress,
    OtherPayload,
    Resolved,
    Stray,
    TlsSession,
)
from natprobe.model import Address, Endpoint, Failure, Family, Observation, Where, family, split
from natprobe.target import stun_transports

# At 15 % loss each way three silent tries happen once in fifty; nine once in a hundred thousand.
SILENT_TRIES = 9
# Fewer where as many controls between them were all answered: six silent tries and seven lucky controls happen together
# once in twenty thousand at that loss; three and four, which seemed enough, once in 170 (measured in the lab).
QUIET_TRIES = 6
# A TCP connection that waits three seconds has sent its SYN twice in time for an answer: so many connections for six.
SILENT_CONNECTIONS = 3
# How often a server was tried in vain before its silence counts. One TCP connection waits as long as a SYN needs to be
# sent twice; over TLS several are begun.
ENOUGH = {"udp": SILENT_TRIES, "dtls": SILENT_TRIES, "tls": SILENT_CONNECTIONS, "tcp": 1}
# Consent to send ends so long after the last answer (RFC 7675 section 5.1), in seconds.
CONSENT_SECONDS = 30.0
# libwebrtc sends at most 1,200 bytes of UDP payload: what a call needs to pass.
FULL_SIZE = 1200
# What shows that nothing came back, in distinction to "this machine would not even send".
SILENCE = (Failure.TIMEOUT,)
REJECTED = (Failure.PROHIBITED, Failure.PORT_UNREACHABLE, Failure.UNREACHABLE_HOST, Failure.UNREACHABLE_NET)
# The classes of addresses that may lead to the internet: NAT helps IPv4's private ones, and no unique-local one.
WAY_OUT: dict[Family, tuple[AddressClass, ...]] = {
    4: ("public", "private", "carrier", "tunnel"),
    6: ("public", "tunnel"),
}
# Reasons that lie in this machine and say nothing about the network.
OWN = (
    Failure.NO_ROUTE,
    Failure.PERMISSION_DENIED,
    Failure.ADDRESS_NOT_LOCAL,
    Failure.ADDRESS_IN_USE,
    Failure.UNSUPPORTED,
    Failure.LIMIT,
    Failure.CANCELLED,
    Failure.INTERNAL,
)


def bindings(facts: Facts, transport: str = "udp", of_family: Family | None = None) -> list[Binding]:
    """The STUN transactions over this transport, of one family or both, towards public servers or the target's."""
    return facts.of(
        Binding,
        lambda each: each.transport == transport and (of_family is None or family(split(each.server)[0]) == of_family),
    )


def udp_works(facts: Facts, of_family: Family | None = None) -> bool | None:
    """Whether UDP leaves this network and comes back.

    False only when two independent operators' servers were all rejected on the way, or stayed silent through nine tries
    or more, none answered, and TCP to one of the very same hosts works: otherwise a dead server looks like a closed
    network. Where no TCP gets out either but by the browser's proxy, the proxy shows that this machine is online.
    """
    return facts.once(_udp_works, of_family)


def _udp_works(facts: Facts, of_family: Family | None) -> bool | None:
    asked = _outer(facts, bindings(facts, "udp", of_family))
    if any(came_back(each) for each in asked) or _strays_from(facts, {each.server for each in asked}):
        return True
    if other_payloads(facts, of_family) or any(came_back(each) for each in bindings(facts, "dtls", of_family)):
        return True
    if _relay_said(facts, of_family):
        return True
    silent = [each for each in asked if each.failure in SILENCE or _rejected_on_the_way(each)]
    # The port under test may be shut at its server: it speaks for this network only where the same STUN server
    # answers over TCP.
    alive = {each.server for each in bindings(facts, "tcp") if came_back(each)}
    others = [each for each in silent if each.origin != "target" or each.server in alive]
    unanswered = [each for each in others if each.failure in SILENCE]
    enough = not unanswered or sum(each.tries for each in unanswered) >= SILENT_TRIES
    if len({each.operator for each in others}) < 2 or not enough:
        return None
    hosts = {split(each.server)[0] for each in silent}
    return False if tcp_controls(facts, hosts) or (of_family is None and only_proxied(facts)) else None


def only_proxied(facts: Facts) -> list[Observation]:
    """What came of the target through the browser's proxy, where nothing at all comes back straight over TCP."""
    return [] if tcp_answers(facts, 4) or tcp_answers(facts, 6) else reached(facts)


def _outer(facts: Facts, asked: list[Binding]) -> list[Binding]:
    """Where the target is outside, a STUN server in this very network says nothing about the way out."""
    if not any(address_class(each) == "public" for each in target_addresses(facts)):
        return asked
    return [each for each in asked if address_class(split(each.server)[0]) == "public"]


def _strays_from(facts: Facts, servers: set[Endpoint]) -> bool:
    """Whether an asked server sent something, be it garbage: UDP brought it here."""
    hosts = {split(each)[0] for each in servers}
    return any(split(each.sender)[0] in hosts for each in facts.of(Stray))


def _relay_said(facts: Facts, of_family: Family | None) -> bool:
    """Whether a relay answered over UDP, be it that it wants credentials."""
    over = facts.of(Allocation, lambda each: each.transport in ("udp", "dtls"))
    said = [each for each in over if each.failure is None or each.challenged or each.error_code is not None]
    return any(of_family is None or family(split(each.server)[0]) == of_family for each in said)


def other_payloads(facts: Facts, of_family: Family | None = None) -> list[OtherPayload]:
    """What was answered that an inspection doesn't take for STUN."""
    return facts.ok(
        OtherPayload,
        lambda each: (
            each.payload == "classic-stun" and (of_family is None or family(split(each.server)[0]) == of_family)
        ),
    )


def anything_back(facts: Facts, of_family: Family) -> bool:
    """Whether anything at all came back in this family, over UDP or TCP: the machine is online there."""
    return bool(udp_works(facts, of_family) or tcp_answers(facts, of_family))


def stun_asked(facts: Facts) -> list[Binding]:
    """What the target was asked as the STUN server that its URI names, over the transports that the URI means."""
    over = stun_transports(facts.target)
    return facts.of(Binding, lambda each: each.origin == "target" and each.transport in over)


def trusted(facts: Facts, binding: Binding) -> bool:
    """Whether a client that verifies certificates would have had this answer."""
    if binding.transport not in ("tls", "dtls"):
        return True
    return any(
        each.verified and (each.endpoint, each.transport) == (binding.server, binding.transport)
        for each in facts.ok(TlsSession)
    )


def came_back(binding: Binding) -> bool:
    """Whether anything of the server's came back, be it an error answer or port-unreachable from the host itself."""
    if binding.failure is None or binding.failure in (
        Failure.ERROR_RESPONSE,
        Failure.UNAUTHORIZED,
        Failure.WRONG_SENDER,
        Failure.UNSUPPORTED,
        Failure.PROTOCOL,
        Failure.TLS_CERTIFICATE,
        Failure.TLS_ALERT,
        Failure.TLS_OTHER,
    ):
        return True
    return (
        binding.failure is Failure.PORT_UNREACHABLE
        and binding.reported_by is not None
        and binding.reported_by == split(binding.server)[0]
    )


def _rejected_on_the_way(binding: Binding) -> bool:
    return binding.failure in REJECTED and not came_back(binding)


def tcp_controls(facts: Facts, hosts: Iterable[Address]) -> list[Binding | Connected]:
    """What shows that TCP to one of these hosts works: STUN over TCP answered, or a connection."""
    wanted = set(hosts)
    answered = [each for each in bindings(facts, "tcp") if came_back(each) and split(each.server)[0] in wanted]
    connected = facts.ok(Connected, lambda each: straight(each) and split(each.endpoint)[0] in wanted)
    return [*answered, *connected]


def has_way_out(facts: Facts, of_family: Family) -> bool:
    """An address of this family that could reach the internet, and a default route for it."""
    routed = any(each.family == of_family for each in facts.ok(DefaultRoute))
    mine = facts.ok(LocalAddress, lambda each: each.up and family(each.address) == of_family)
    return routed and any(each.scope in WAY_OUT[of_family] for each in mine)


def target_addresses(facts: Facts) -> list[Address]:
    """The addresses a client would use: the operating system's, and only when it has none the DNS servers'."""
    answers = facts.ok(Resolved, lambda each: each.name == facts.target.host)
    sunk = sinkholes(answers)
    by_system = [each for each in answers if each.by != "dns"]
    for chosen in (by_system, answers):
        found = [address for each in chosen for address in each.addresses if address not in sunk]
        if found:
            return list(dict.fromkeys(found))
    return []


def sinkholes(answers: list[Resolved]) -> set[Address]:
    """Addresses that are no server's: a filter's way of saying no. Loopback is one where a DNS server gives it for a
    name; in this machine's own hosts file it is how a server names itself.
    """
    return {
        address
        for each in answers
        for address in each.addresses
        if each.by != "literal"
        and (
            address_class(address) in ("unspecified", "multicast")
            or (each.by == "dns" and address_class(address) == "loopback" and not is_local_name(each.name))
        )
    }


class Withheld(NamedTuple):
    """The system is left without an address of this family, because one DNS server denies what another one gives."""

    system: Resolved
    given: list[Resolved]
    denied: list[Resolved]


_DENIALS = (Failure.NXDOMAIN, Failure.NO_DATA, Failure.REFUSED)


def withheld(facts: Facts) -> Withheld | None:
    """Only where the system has no address at all: a server that knows less than the others harms nobody."""
    answers = facts.of(Resolved, lambda each: each.name == facts.target.host)
    by_system = [each for each in answers if each.by != "dns"]
    if any(each.failure is None for each in by_system):
        return None
    for system in (each for each in by_system if each.failure in _DENIALS):
        same = [each for each in answers if each.by == "dns" and each.family == system.family]
        given = [each for each in same if each.failure is None]
        denied = [each for each in same if each.failure in _DENIALS]
        if given and denied:
            return Withheld(system, given, denied)
    return None


def is_local_name(name: str) -> bool:
    """Localhost and what is under it always mean this machine (RFC 6761 section 6.3)."""
    return name == "localhost" or name.endswith(".localhost")


def web_connects(facts: Facts, port: int | None = None) -> list[Connected]:
    """The TCP connections of the web probe to the port of the page, by the browser's way: through a proxy it takes
    those that have TLS alone.
    """
    wanted = page_port(facts) if port is None else port
    secure = wanted == (443 if facts.target.scheme == "http" else facts.target.port)
    if secure and via(facts) is not None:
        return taken(facts, Connected, lambda each: each.probe == "web")
    return straight_connects(facts, wanted)


def straight_connects(facts: Facts, port: int) -> list[Connected]:
    """Those to this port that no proxy led, be it the browser's way or beside it."""
    own = facts.of(Connected, lambda each: each.probe == "web" and straight(each))
    return [each for each in own if split(each.endpoint)[1] == port]


def page_port(facts: Facts) -> int:
    """The target's, or the secure one that an http: link leads to."""
    return 443 if leads_to(facts) == facts.target.host else facts.target.port


def leads_to(facts: Facts) -> str | None:
    """The host (with its port, where that is not 443) whose secure pages an http: link is sent on to."""
    if facts.target.scheme != "http":
        return None
    locations = [each.location or "" for each in page_replies(facts) if each.url.startswith("http:")]
    return next((_authority(each) for each in locations if each.startswith("https:")), None)


def _authority(url: str) -> str:
    """Host and port as far as it is not the usual one; what is no URL leads nowhere that we know."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "") + (f":{parts.port}" if parts.port not in (None, 443) else "")
    except ValueError:
        return ""


def web_sessions(facts: Facts) -> list[TlsSession]:
    """The handshakes of the web probe, by the browser's way; STUN servers make some too."""
    return taken(facts, TlsSession, lambda each: each.probe == "web")


def page_replies(facts: Facts) -> list[HttpReply]:
    """What came of the pages by the browser's way; the replies for Jitsi's config.js and of the bridge's own API speak
    of those only.
    """
    return taken(facts, HttpReply, lambda each: each.probe not in ("config", "doors"))


def beside_page(facts: Facts, session: TlsSession) -> bool:
    """Whether this is a server that the target's SRV records lead to, and not what people open."""
    return facts.target.kind not in ("stun", "turn") and session.probe != "web"


def secure_pages(facts: Facts) -> list[HttpReply]:
    """What a browser would show, over a certificate that it accepts. A server error, and redirects in a circle, are
    no page; a refusal (401, 403, 404) is the server's word on this one page only.
    """
    if not any(each.verified for each in web_sessions(facts)):
        return []
    replies = page_replies(facts)
    end = 300 if any(each.failure is Failure.REDIRECT_LIMIT for each in replies) else 500
    return [each for each in replies if each.url.startswith("https:") and each.status is not None and each.status < end]


def tcp_answers(facts: Facts, of_family: Family) -> list[Observation]:
    """Whatever came back over TCP in this family, a refusal included: the family works."""
    alive = (None, Failure.REFUSED, Failure.RESET, Failure.CLOSED, Failure.ERROR_RESPONSE)
    streams = bindings(facts, "tcp", of_family)
    connects = facts.of(Connected, lambda each: straight(each) and family(split(each.endpoint)[0]) == of_family)
    return [each for each in (*streams, *connects) if each.failure in alive]


def rejecting(facts: Facts, router: Address | None, endpoint: Endpoint) -> Where:
    """Whose an ICMP error on the way to the endpoint is: an inner address or our own gateway is this network's; the
    server's speaks for itself; others are anybody's.
    """
    if router is None:
        return Where.UNKNOWN
    if router == split(endpoint)[0]:
        return Where.SERVER_HOST
    kind, gateways = address_class(router), {each.gateway for each in facts.ok(DefaultRoute)}
    if kind in ("private", "link-local", "unique-local") or router in gateways:
        return Where.LOCAL_NETWORK
    return Where.PROVIDER if kind == "carrier" else Where.UNKNOWN


def media_checks(facts: Facts) -> list[IceCheck]:
    """The UDP checks to what the media server offers, sent from here directly: neither through a relay nor forced. What
    asks for an answer in full size tells of that alone (`back_checks`).
    """
    return facts.once(_media_checks)


def _media_checks(facts: Facts) -> list[IceCheck]:
    return facts.of(IceCheck, lambda each: _to_media(each) and not each.both_ways)


def back_checks(facts: Facts) -> list[IceCheck]:
    """The same with answers of full size, which `natprobe serve` alone gives."""
    return facts.of(IceCheck, lambda each: _to_media(each) and each.both_ways)


def _to_media(check: IceCheck) -> bool:
    return check.transport == "udp" and check.server is None and check.advertised


def silent(checks: list[IceCheck], endpoint: Endpoint) -> bool:
    """Whether nothing at all ever came back from this endpoint, through enough tries to count."""
    tried = [each for each in checks if each.endpoint == endpoint]
    return sum(each.tries for each in tried) >= SILENT_TRIES and all(e.failure is Failure.TIMEOUT for e in tried)
