"""From which of the host's addresses answers leave, by exchanges on the host itself. Pure."""

from __future__ import annotations

from natprobe.addresses import address_class
from natprobe.derive.listening import plain
from natprobe.facts import Facts, LocalAddress, OwnExchange, SourceAddress
from natprobe.model import family, split


def answered_elsewhere(facts: Facts) -> list[tuple[OwnExchange, SourceAddress]]:
    """Exchanges whose answer came from another address than was asked, where strangers would see the same: at an
    address that is not what the system sends from by itself, and that is public, or beside that one on its interface.
    Whoever comes to an inner address of another interface is answered by that one, from the right address.
    """
    sources = {family(each.local): each for each in facts.ok(SourceAddress) if each.local}
    interfaces = {plain(each.address): each.interface for each in facts.of(LocalAddress)}
    found: list[tuple[OwnExchange, SourceAddress]] = []
    for each in facts.of(OwnExchange, lambda each: each.proto == "udp" and each.answered_from is not None):
        asked, answered = split(each.endpoint)[0], split(each.answered_from or "")[0]
        source = sources.get(family(asked))
        if source is None or source.local is None or asked in (answered, source.local):
            continue
        beside = interfaces.get(asked) == interfaces.get(plain(source.local))
        if beside or address_class(asked) == "public":
            found.append((each, source))
    return found
