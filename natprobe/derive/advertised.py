"""What a media server advertises in its session, and what came of it from here: one state for all candidates. Pure.

A candidate is *within reach* where a client of this target could get there at all: its address is public, it is one of
the name's own, or the name leads to inner addresses as well and the candidate has one. A *forced* check goes to an
endpoint that is not advertised: verified, it proves that the media server is there and the port open, though nobody
is told. *Our outside addresses* are those that servers outside see us come from.

Every rule about candidates asks for its state, so that no session has two causes. A `natprobe serve` advertises
nothing: its line names the only place that there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from natprobe.addresses import address_class, of_containers
from natprobe.derive import OWN, REJECTED, bindings, media_checks, silent, target_addresses
from natprobe.derive.ipv6 import lost_in_ipv6
from natprobe.derive.janus import lucky, ports_apart, unwanted
from natprobe.derive.place import lost_before
from natprobe.facts import (
    AddressClass,
    Candidate,
    Facts,
    IceCheck,
    JitsiConfig,
    LocalAddress,
    PoolCheck,
    SessionOffer,
    server_kind,
)
from natprobe.model import Address, Endpoint, Failure, family, split

State = Literal[
    "none",  # no session, or one without candidates over UDP
    "untried",
    "unsure",  # tried too seldom to tell
    "open",
    "inside-only",  # open from here, and no address that outsiders could use
    "loopback",
    "private",
    "container",
    "other-address",
    "other-port",
    "hairpin",
    "blocked-here",
    "unanswered",
]
_INNER: tuple[AddressClass, ...] = ("private", "unique-local", "carrier")
_REFUSALS = (Failure.UNAUTHORIZED, Failure.ERROR_RESPONSE, Failure.PROTOCOL)


def state(facts: Facts) -> State:
    """What the candidates of the session come to."""
    return facts.once(_state)


def _state(facts: Facts) -> State:
    if not offered(facts):
        return "none"
    near = within_reach(facts)
    if answered(facts):
        return "open" if near else "inside-only"
    if not media_checks(facts):
        return "untried"
    if not near:
        return _unreachable(facts)
    told = failed(facts)
    return _failed(facts, told) if told else "unsure"


def offered(facts: Facts) -> list[Candidate]:
    """The advertised candidates over UDP, each endpoint once."""
    if server_kind(facts) == "natprobe":
        return []
    found = facts.of(Candidate, lambda each: each.advertised and each.transport == "udp")
    return list({each.endpoint: each for each in reversed(found)}.values())[::-1]


def kind_of(endpoint: Endpoint) -> AddressClass:
    """The class of an advertised address, where a container's network is one of its own."""
    address = split(endpoint)[0]
    return "container" if of_containers(address) else address_class(address)


def within_reach(facts: Facts) -> list[Candidate]:
    """Those that a client could get to, if nothing stood in the way."""
    names = target_addresses(facts)
    return [each for each in offered(facts) if reachable(split(each.endpoint)[0], names)]


def reachable(address: Address, names: Sequence[Address]) -> bool:
    """Whether it may be a place of the server's that has these. An inner address is one only where its name leads
    inside; a container's, or its own loopback, never.
    """
    if address in names or address_class(address) == "public":
        return True
    inside = any(address_class(each) in _INNER for each in names)
    return inside and address_class(address) in _INNER and not of_containers(address)


def answered(facts: Facts) -> list[IceCheck]:
    """The checks that prove a way to what is advertised."""
    return [each for each in media_checks(facts) if each.verified and each.failure is None]


def failed(facts: Facts) -> list[Endpoint]:
    """The candidates within reach that were surely asked in vain: nine tries, an ICMP error, or a refusal."""
    checks = media_checks(facts)
    good = {each.endpoint for each in answered(facts)}
    said = {each.endpoint for each in checks if each.failure in (*REJECTED, *_REFUSALS, Failure.WRONG_SENDER)}
    near = [each.endpoint for each in within_reach(facts)]
    return [each for each in near if each not in good and (each in said or silent(checks, each))]


def forced(facts: Facts) -> list[IceCheck]:
    """The verified checks to where the media server is and does not say so."""
    return facts.ok(IceCheck, lambda each: not each.advertised and each.verified and _direct(each))


def elsewhere(facts: Facts) -> list[Endpoint]:
    """Where the media server was met and does not say so: by a forced check, else by its own checks to us. Of those a
    NAT before it may have made the port, so that at an advertised address they prove nothing.
    """
    if proven := forced(facts):
        return [each.endpoint for each in proven]
    told = {split(each.endpoint)[0] for each in offered(facts)}
    met = [each.endpoint for each in lucky(facts) if each.endpoint]
    return [each for each in met if split(each)[0] not in told]


def _direct(check: IceCheck) -> bool:
    return check.transport == "udp" and check.server is None


def through_relays(facts: Facts) -> list[IceCheck]:
    """The verified checks that left from a relay which stands elsewhere: a second vantage for the server's port."""
    names = target_addresses(facts)
    found = facts.ok(IceCheck, lambda each: each.verified and each.relayed is not None)
    return [each for each in found if _elsewhere(each, names)]


def _elsewhere(check: IceCheck, names: list[Address]) -> bool:
    relay = split(check.relayed or check.endpoint)[0]
    return address_class(relay) == "public" and relay not in (split(check.endpoint)[0], *names)


def outside_addresses(facts: Facts) -> set[Address]:
    """Ours, as servers outside see them; none that this machine has itself."""
    return facts.once(_outside_addresses)


def _outside_addresses(facts: Facts) -> set[Address]:
    own = {each.address for each in facts.of(LocalAddress)}
    seen = [each.mapped for transport in ("udp", "tcp") for each in bindings(facts, transport) if each.mapped]
    seen += [each.mapped for each in facts.ok(IceCheck, _direct) if each.verified and each.mapped]
    return {address for each in seen if address_class(address := split(each)[0]) == "public"} - own


def accused(facts: Facts) -> list[IceCheck]:
    """The checks that rules about the port itself judge: of a session, those to candidates within reach, where no
    other state explains the silence, and no other candidate of the same family works. A port at which another bridge
    answered is open: bridges-share-address judges it.
    """
    return facts.once(_accused)


def _accused(facts: Facts) -> list[IceCheck]:
    own = {each.digest for each in facts.ok(SessionOffer) if each.digest}
    others = facts.ok(PoolCheck, lambda each: each.verified and bool(own and each.digest) and each.digest not in own)
    checks = [each for each in media_checks(facts) if each.endpoint not in {other.endpoint for other in others}]
    if not offered(facts):
        return checks
    if state(facts) not in ("open", "unanswered", "unsure"):
        return []
    works = {family(split(each.endpoint)[0]) for each in answered(facts)}
    near = {each.endpoint for each in within_reach(facts)}
    return [each for each in checks if each.endpoint in near and family(split(each.endpoint)[0]) not in works]


def useless(facts: Facts) -> list[IceCheck]:
    """The checks to candidates that did not answer, beside one of the same family that did. From inside, the address
    that all come from is meant for those outside.
    """
    ours = outside_addresses(facts)
    good = {each.endpoint for each in answered(facts)}
    works = {family(split(each)[0]) for each in good}
    others = {each.endpoint for _, apart in ports_apart(facts) for each in apart}
    if unwanted(facts):
        return []  # they have a cause of their own, as have ports that fare differently
    return [
        each
        for each in media_checks(facts)
        if each.endpoint not in good | others
        and family(split(each.endpoint)[0]) in works
        and split(each.endpoint)[0] not in ours
        and _told(facts, each)
    ]


def _told(facts: Facts, check: IceCheck) -> bool:
    if check.failure in OWN:
        return kind_of(check.endpoint) in ("loopback", "link-local")
    return check.failure in (*REJECTED, *_REFUSALS) or silent(media_checks(facts), check.endpoint)


def inner_address(facts: Facts) -> Address | None:
    """The media server's own address in its network, as far as it shows: it answered there, or it is advertised."""
    proven = [*elsewhere(facts), *(each.endpoint for each in answered(facts))]
    told = [each.related for each in offered(facts) if each.related] + [each.endpoint for each in offered(facts)]
    inner = [each for each in (*proven, *told) if kind_of(each) in ("private", "unique-local")]
    return split(inner[0])[0] if inner else None


def outer_address(facts: Facts) -> Address | None:
    """Where clients outside should find the media server: proven by a forced check, else the name's address."""
    proven = [split(each)[0] for each in elsewhere(facts)]
    public = [each for each in (*proven, *target_addresses(facts)) if address_class(each) == "public"]
    return public[0] if public else None


def installed(facts: Facts) -> Literal["docker", "package"] | None:
    """How the server was installed. docker-jitsi-meet's XMPP domain is no DNS name unless told (XMPP_DOMAIN), the
    packages' is the server's, and their bridge is in no container. A Janus has one configuration everywhere.
    """
    own = {kind_of(each.endpoint) for each in offered(facts) if each.type == "host"}
    domains = [each.domain for each in facts.ok(JitsiConfig) if each.domain]
    if not domains:
        return "docker" if server_kind(facts) == "janus" and own == {"container"} else None
    if domains[0].endswith("meet.jitsi"):
        return "docker"
    return None if own == {"container"} else "package"


def _unreachable(facts: Facts) -> State:
    """No candidate is within reach: the class that explains most. A container's own is there beside any other."""
    kinds = {kind_of(each.endpoint) for each in offered(facts)}
    if kinds <= {"container"}:
        return "container"
    return "loopback" if kinds & {"loopback", "unspecified"} else "private"


def _failed(facts: Facts, told: list[Endpoint]) -> State:
    """Over an IPv6 that leads nowhere from here no address shows to be wrong."""
    if lost_in_ipv6(facts, told):
        return "unanswered"
    if found := elsewhere(facts):
        return _elsewhere_found(found, told)
    if _behind_one_nat(facts, told):
        return "hairpin"
    shut = set(told) & {each.endpoint for each in through_relays(facts)}
    shut |= set(lost_before(facts, told))
    return "blocked-here" if shut and not _server_said(facts, shut) else "unanswered"


def _elsewhere_found(found: list[Endpoint], told: list[Endpoint]) -> State:
    """The port alone is wrong where the address is right. What answers inside only is no better address."""
    addresses = {split(each)[0] for each in told}
    if any(split(each)[0] in addresses for each in found):
        return "other-port"
    inside = all(kind_of(each) != "public" for each in found)
    return "hairpin" if inside and any(kind_of(each) == "public" for each in told) else "other-address"


def _behind_one_nat(facts: Facts, told: list[Endpoint]) -> bool:
    """We come from the very address that the server advertises. An inner one that is as silent would be the port's
    doing, not that of the way back in.
    """
    shared = [each for each in told if split(each)[0] in outside_addresses(facts)]
    near = any(
        kind_of(each) in ("private", "unique-local") and silent(media_checks(facts), each) for each in _all(facts)
    )
    refused = any(each.failure in _REFUSALS for each in media_checks(facts) if each.endpoint in shared)
    return bool(shared) and not near and not refused


def _all(facts: Facts) -> list[Endpoint]:
    return [each.endpoint for each in offered(facts)]


def _server_said(facts: Facts, endpoints: set[Endpoint]) -> bool:
    """Whether the server itself answered the direct checks, be it by an error: then nothing is lost on the way."""
    checks = [each for each in media_checks(facts) if each.endpoint in endpoints]
    return any(each.failure in _REFUSALS or each.reported_by == split(each.endpoint)[0] for each in checks)
