"""The names by which a server's own settings know it outside, and the addresses that these lead to. Pure."""

from __future__ import annotations

import re

from natprobe.facts import Facts, Resolved, Setting, StunServer
from natprobe.model import Address, HostName
from natprobe.target import host_in, is_address

NAMES_MAX = 8
# System and key -> in which order they count: what is meant for browsers first.
_KEYS = (("docker", "PUBLIC_URL"), ("nginx", "server_name"), ("prosody", "VirtualHost"))
_NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.)+[a-z][a-z0-9-]{0,62}", re.IGNORECASE)
# XMPP domains that are no hosts: of docker-jitsi-meet all, and what the packages add to the server's own name.
_INNER = re.compile(
    r"^(?:auth|guest|recorder|internal\.auth|conference|focus|hidden|lobby|breakout)\.|(?:^|\.)meet\.jitsi$"
)


def told_names(facts: Facts) -> list[HostName]:
    """Of the settings that name the server for browsers, else its XMPP domains; each once, in order."""
    for system, key in _KEYS:
        said = facts.of(Setting, lambda each, s=system, k=key: each.system == s and each.key == k)  # type: ignore[misc]
        found = [name for each in said for name in _names(each.value)]
        if found:
            return list(dict.fromkeys(found))[:NAMES_MAX]
    return []


def _names(value: str) -> list[HostName]:
    """Whole names of public DNS: no wildcards, patterns, addresses or single labels."""
    words = [host_in(each.strip("\"';")) for each in value.split()]
    lower = [each.lower().rstrip(".") for each in words]
    return [each for each in lower if _NAME.fullmatch(each) and not _INNER.search(each) and not is_address(each)]


def leading(facts: Facts) -> dict[HostName, tuple[list[Address], list[int]]]:
    """What own_names looked up: each name's addresses, and the ids of the answers."""
    found: dict[HostName, tuple[list[Address], list[int]]] = {}
    for each in facts.ok(Resolved, lambda each: each.probe == "own_names" and each.name in _asked(facts)):
        addresses, ids = found.setdefault(each.name, ([], []))
        addresses += [address for address in each.addresses if address not in addresses]
        ids.append(each.id)
    return found


def _asked(facts: Facts) -> set[HostName]:
    """All names but those of STUN servers, which are looked up beside them."""
    servers = {each.host for each in facts.of(StunServer)}
    return {each.name for each in facts.of(Resolved)} - servers
