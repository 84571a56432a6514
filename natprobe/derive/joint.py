"""The endpoints that clients fail at, with what all vantages of a merged report know of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from natprobe.derive import REJECTED, media_checks, silent, udp_works
from natprobe.derive.advertised import accused, answered, failed, outside_addresses, state
from natprobe.derive.cookie import stun_dropped
from natprobe.derive.listening import Holder
from natprobe.derive.own_port import (
    Arrival,
    arrival,
    holders,
    passages,
    seat,
    seconds_between,
)
from natprobe.derive.unproxied import no_way_for_udp
from natprobe.facts import Facts, IceCheck, Passage, Watched, server_kind
from natprobe.model import Address, Endpoint, Failure, family, split

# Findings of one vantage that leave open what several decide together.
OPEN_CAUSES = (
    "media-port-silent",
    "media-port-refused",
    "media-port-prohibited",
    "media-port-blocked-here",
    "hairpin-missing",
)
# Reports that were made this long after each other may be about two states of one server (seconds).
APART_SECONDS = 3600.0
How = Literal["silent", "refused", "unreached", "rejected"]


class Asked(NamedTuple):
    """An endpoint that clients failed at. `passing`: the clients that the media server answered there."""

    endpoint: Endpoint
    failing: tuple[Facts, ...]
    passing: tuple[Facts, ...]
    servers: tuple[Facts, ...]
    checks: tuple[IceCheck, ...]
    proof: tuple[IceCheck, ...]

    @property
    def address(self) -> Address:
        """Where they were led."""
        return split(self.endpoint)[0]

    @property
    def port(self) -> int:
        """Where they were led."""
        return split(self.endpoint)[1]

    @property
    def how(self) -> How:
        """What came back: nothing, or ICMP: the port is closed; who has the address can't reach a machine behind it; or
        packets are not let through.
        """
        by_it = {each.failure for each in self.checks if each.reported_by in (None, self.address)}
        if Failure.PORT_UNREACHABLE in by_it:
            return "refused"
        if Failure.UNREACHABLE_HOST in by_it:
            return "unreached"
        return "rejected" if any(each.failure in REJECTED for each in self.checks) else "silent"

    @property
    def lasting(self) -> bool:
        """Whether the port is there when nobody talks: a Janus's come and go."""
        return server_kind(self.failing[0]) != "janus"

    @property
    def holders(self) -> list[Holder] | None:
        """Who has the port on the server."""
        return holders(self.servers, self.port)

    @property
    def passages(self) -> list[Passage]:
        """What the server's own packet filter does with strangers' packets to it."""
        return passages(self.servers, self.address, self.port)

    def arrivals(self) -> list[Arrival]:
        """Of each client that fails."""
        return [arrival(self.servers, each, self.endpoint) for each in self.failing]

    @property
    def inside(self) -> tuple[Facts, ...]:
        """Those of them that come from the very address that they ask."""
        return tuple(each for each in self.failing if self.address in outside_addresses(each))


def failing(vantages: Sequence[Facts]) -> list[Asked]:
    """The endpoints that some client surely fails at, each once. Of a Janus all ports of an address are one."""
    clients = [each for each in vantages if each.vantage == "client"]
    servers = tuple(each for each in vantages if each.vantage == "server")
    found: dict[tuple[Address, int], list[tuple[Facts, list[IceCheck]]]] = {}
    for client in clients:
        for key, checks in client.once(_troubled).items():
            found.setdefault(key, []).append((client, checks))
    return [_asked(key, each, clients, servers) for key, each in sorted(found.items())]


def _asked(
    key: tuple[Address, int],
    failing: list[tuple[Facts, list[IceCheck]]],
    clients: Sequence[Facts],
    servers: tuple[Facts, ...],
) -> Asked:
    checks = tuple(each for _, own in failing for each in own)
    proofs = [(client, [each for each in answered(client) if _key(client, each.endpoint) == key]) for client in clients]
    passing = tuple(client for client, proof in proofs if proof)
    proof = tuple(each for _, own in proofs for each in own)
    own = _asked_ones(servers, key[0])
    return Asked(checks[0].endpoint, tuple(each for each, _ in failing), passing, own, checks, proof)


def _asked_ones(servers: tuple[Facts, ...], address: Address) -> tuple[Facts, ...]:
    """Of several servers' reports those of the one that has the address: what another has says nothing of its ports."""
    places = [seat((each,), address) for each in servers]
    if "interface" not in places:
        return servers
    return tuple(each for each, place in zip(servers, places, strict=True) if place != "nowhere")


def _key(client: Facts, endpoint: Endpoint) -> tuple[Address, int]:
    address, port = split(endpoint)
    return address, 0 if server_kind(client) == "janus" else port


def _troubled(client: Facts) -> dict[tuple[Address, int], list[IceCheck]]:
    """What was sent in vain, where it is not UDP as a whole that doesn't pass."""
    if no_way_for_udp(client) or udp_works(client) is False:
        return {}
    filtered = {each.endpoint for version in (4, 6) for each in stun_dropped(client, version)}
    found: dict[tuple[Address, int], list[IceCheck]] = {}
    for each in _judged(client):
        told = each.failure in REJECTED or silent(media_checks(client), each.endpoint)
        if told and each.endpoint not in filtered and udp_works(client, family(split(each.endpoint)[0])) is not False:
            found.setdefault(_key(client, each.endpoint), []).append(each)
    good = {_key(client, each.endpoint) for each in answered(client)}
    return {key: checks for key, checks in found.items() if key not in good}


def _judged(client: Facts) -> list[IceCheck]:
    """The checks that speak of the way to the port, and not of what is advertised."""
    if state(client) not in ("hairpin", "blocked-here"):
        return accused(client)
    wanted = set(failed(client))
    return [each for each in media_checks(client) if each.endpoint in wanted]


# --- contradictions


def contradictions(vantages: Sequence[Facts]) -> list[tuple[Facts, Facts, IceCheck]]:
    """Clients that a media server answered, by a port that nobody has on the server whose report stands beside it."""
    servers = [each for each in vantages if each.vantage == "server"]
    clients = [each for each in vantages if each.vantage == "client" and server_kind(each) != "janus"]
    found = []
    for client in clients:
        for each in answered(client)[:1]:
            if servers and holders(servers, split(each.endpoint)[1]) == []:
                found.append((client, servers[0], each))
    return found


def name_of(vantage: Facts) -> str:
    """What a sentence calls it."""
    return (vantage.source.label if vantage.source else "") or f"a {vantage.vantage}"


def apart(vantages: Sequence[Facts]) -> tuple[Facts, Facts, float] | None:
    """The two that were made longest after each other, where that is long."""
    timed = [each for each in vantages if each.source is not None]
    pairs = [(one, other, _gap(one, other)) for one in timed for other in timed]
    longest = max(pairs, key=lambda each: each[2], default=None)
    return longest if longest is not None and longest[2] >= APART_SECONDS else None


def _gap(one: Facts, other: Facts) -> float:
    return seconds_between(one.source.started, other.source.started) if one.source and other.source else 0.0


def watches(servers: Sequence[Facts]) -> list[Watched]:
    """Whether anybody looked at what arrives."""
    return [each for facts in servers for each in facts.ok(Watched)]
