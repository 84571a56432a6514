"""What the network does to packets, for each family and local address: in plain words, with RFC 4787's in brackets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from natprobe.derive import came_back
from natprobe.derive.behaviour import (
    Behaviour,
    address_pooling,
    behind_nat,
    binding_lifetime,
    filtering_behaviour,
    hairpinning,
    mapping_behaviour,
    mapping_varies,
    outside_addresses,
    ports_contiguous,
    ports_preserved,
)
from natprobe.derive.cookie import stun_filtered
from natprobe.derive.per_source import PerSource, per_source
from natprobe.facts import Facts
from natprobe.model import Address, Family, split
from natprobe.render._figures import bracketed, named, states
from natprobe.render._spoken import why
from natprobe.wording import mark, say


class Said(NamedTuple):
    """Words about one local address, and what makes them the same as another's."""

    words: str
    same: str


_NO_NAT: dict[Behaviour | None, str] = {
    "endpoint-independent": mark("no NAT, and no firewall keeps anybody out (filtering endpoint-independent)"),
    "address-dependent": mark(
        "no NAT, but a firewall that lets in only hosts that were written to (filtering address-dependent)"
    ),
    "address-and-port-dependent": mark(
        "no NAT, but a firewall that lets in only answers (filtering address-and-port-dependent)"
    ),
    None: mark("no NAT"),
}
_MAPPING: dict[Behaviour, str] = {
    "endpoint-independent": mark("every destination sees the same port (mapping endpoint-independent)"),
    "address-dependent": mark("every server sees another port (mapping address-dependent)"),
    "address-and-port-dependent": mark(
        'every destination sees another port (mapping address-and-port-dependent, "symmetric")'
    ),
}
_FILTERING: dict[Behaviour, str] = {
    "endpoint-independent": mark("lets in anybody (filtering endpoint-independent)"),
    "address-dependent": mark("lets in only hosts that were written to (filtering address-dependent)"),
    "address-and-port-dependent": mark("lets in only answers (filtering address-and-port-dependent)"),
}


def network(facts: Facts) -> list[str]:
    """A sentence for each family; where its local addresses fare differently, one more for each of them."""
    families: tuple[Family, ...] = (4, 6)
    return [line for version in families for line in _family(facts, version)]


def _family(facts: Facts, version: Family) -> list[str]:
    asked = per_source(facts, version)
    told = [_told(facts, version, each) for each in asked]
    if not _alike(told):
        shared, rest = _parted(told)
        own = [_line(_named(version, each), said) for each, said in zip(asked, rest, strict=True)]
        return [_line(f"IPv{version}", shared), *own] if shared else own
    whole = _behaviour(facts, version, None) or next(iter(told), [])
    return [_line(f"IPv{version}", whole)] if whole else []


def _line(label: str, told: Sequence[Said | None]) -> str:
    return say("{label}: {words}.", label=label, words=states(each.words for each in told if each))


def _named(version: Family, each: PerSource) -> str:
    return bracketed(say("IPv{version} from {address}", version=version, address=each.address), each.interface or "")


def _alike(told: Sequence[Sequence[Said | None]]) -> bool:
    """What was not measured from one address says nothing against another."""
    if len({len(each) for each in told}) > 1:
        return False
    return all(len({said.same for said in column if said}) <= 1 for column in zip(*told, strict=True))


def _parted(told: Sequence[Sequence[Said | None]]) -> tuple[list[Said], list[list[Said]]]:
    """What holds for every address, said once where all are behind a NAT or none is; and what is left of each."""
    rows = [[said for said in each if said] for each in told]
    shared = [said for said in rows[0] if all(said in each for each in rows)]
    if shared[:1] != rows[0][:1] or not all(each[len(shared) :] for each in rows):
        return [], rows
    return shared, [[said for said in each if said not in shared] for each in rows]


def _told(facts: Facts, version: Family, each: PerSource) -> Sequence[Said | None]:
    return _behaviour(facts, version, each.address) if each.answered else [_unheard(facts, version, each)]


def _unheard(facts: Facts, version: Family, each: PerSource) -> Said:
    """Where nothing came back over UDP: why, and what TCP does from there."""
    if each.refused:
        same = words = say("nothing can be sent over UDP ({reason})", reason=why(each.refused))
    elif stun_filtered(facts, version):
        same = "UDP passes, STUN does not"
        words = say("UDP passes, but {tries} STUN requests got no answer", tries=each.tries)
    else:
        same, words = "no answer over UDP", say("no answer over UDP to {tries} requests", tries=each.tries)
    if outside := dict.fromkeys(split(tcp.mapped)[0] for tcp in each.tcp if tcp.mapped):
        seen = _listed(outside)
        return Said(
            say("{words}; TCP works, seen from outside as {addresses}", words=words, addresses=seen), same + seen
        )
    if each.tcp and not each.refused and not any(map(came_back, each.tcp)):
        return Said(say("{words}, nor over TCP", words=words), same + "-")
    return Said(words, same)


def _behaviour(facts: Facts, version: Family, local: Address | None) -> Sequence[Said | None]:
    if not outside_addresses(facts, version, local):
        return [Said(say("answers come over UDP"), "answers")] if local else []
    return [tell(facts, version, local) for tell in _TELL]


def _nat(facts: Facts, version: Family, local: Address | None) -> Said:
    nat = behind_nat(facts, version, local)
    if nat is False:
        return _both(say(_NO_NAT[filtering_behaviour(facts, version, local)]))
    return _both(say("behind a NAT") if nat else say("NAT or not is not known"))


def _outside(facts: Facts, version: Family, local: Address | None) -> Said | None:
    """Without NAT every address is its own outside one: a line of its own names it already."""
    if local and behind_nat(facts, version, local) is False:
        return None
    return _both(say("seen from outside as {addresses}", addresses=_listed(outside_addresses(facts, version, local))))


def _listed(addresses: Iterable[Address]) -> str:
    return named(sorted(addresses, key=ip_address))


def _pooling(facts: Facts, version: Family, local: Address | None) -> Said | None:
    """One outside address for everything is what people expect: only the other thing is told."""
    arbitrary = address_pooling(facts, version, local)
    return _both(say("connections are spread over these addresses (pooling arbitrary)")) if arbitrary else None


def _mapping(facts: Facts, version: Family, local: Address | None) -> Said | None:
    if behind_nat(facts, version, local) is False and not mapping_varies(facts, version, local):
        return None
    behaviour = mapping_behaviour(facts, version, local)
    if behaviour is None and mapping_varies(facts, version, local):
        return _both(say("destinations see different ports (mapping address- or port-dependent)"))
    return _both(say(_MAPPING[behaviour])) if behaviour else None


def _filtering(facts: Facts, version: Family, local: Address | None) -> Said | None:
    behaviour = filtering_behaviour(facts, version, local)
    told_already = behind_nat(facts, version, local) is False
    return None if behaviour is None or told_already else _both(say(_FILTERING[behaviour]))


def _ports(facts: Facts, version: Family, local: Address | None) -> Said | None:
    """Ports that are kept are contiguous too."""
    kept, neighbours = ports_preserved(facts, version, local), ports_contiguous(facts, version, local)
    if kept is not False:
        return _both(say("ports preserved")) if kept else None
    return _both(say(_NOT_KEPT[neighbours]))


def _hairpinning(facts: Facts, version: Family, local: Address | None) -> Said | None:
    """What comes back in from the outside address; without NAT that is the machine's own."""
    turned = hairpinning(facts, version, local)
    if turned is None or not behind_nat(facts, version, local):
        return None
    if turned:
        return _both(say("its outside address works from inside (hairpinning)"))
    return _both(say("its outside address does not work from inside (no hairpinning)"))


def _lifetime(facts: Facts, version: Family, local: Address | None) -> Said | None:
    """Each address may have been left idle for another time: no difference between them."""
    life = binding_lifetime(facts, version, local)
    alive, dead = life.alive_seconds, life.dead_seconds
    if alive is None and dead is None:
        return None
    if alive is None:
        words = say("an idle mapping is gone after {dead:g} s", dead=dead)
    elif dead is None:
        words = say("an idle mapping lives at least {alive:g} s", alive=alive)
    else:
        words = say("an idle mapping lives at least {alive:g} s and is gone after {dead:g} s", alive=alive, dead=dead)
    return Said(words, "lifetime")


_NOT_KEPT = {
    True: mark("ports not preserved, neighbours stay neighbours (contiguous)"),
    False: mark("ports not preserved, not contiguous either"),
    None: mark("ports not preserved"),
}


def _both(words: str) -> Said:
    return Said(words, words)


_TELL: tuple[Callable[[Facts, Family, Address | None], Said | None], ...] = (
    _nat,
    _outside,
    _pooling,
    _mapping,
    _filtering,
    _ports,
    _hairpinning,
    _lifetime,
)
