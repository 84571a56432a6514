"""The addresses that the server's configuration has its clients told. Pure.

What is set in vain is left out: half of a mapping or one to itself, a variable that no container gets, a name where an
address has to be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from natprobe.derive.configured import last, port_number, settings
from natprobe.derive.docker import deployments, stale
from natprobe.facts import Facts, Setting
from natprobe.facts.config import System
from natprobe.model import Address
from natprobe.servers.jitsi.settings import LOCAL, MAPPINGS, PUBLIC
from natprobe.target import is_address


class Advertised(NamedTuple):
    """One of them. `port`: where clients are told another than the server's own; `said`: the setting."""

    address: Address
    port: int | None
    file: str
    line: int
    system: System
    said: Setting


class Mapping(NamedTuple):
    """A static mapping of the bridge: what stands there of it. Only with both addresses it has any effect."""

    local: Setting | None
    public: Setting | None


def advertised(facts: Facts) -> list[Advertised]:
    """All of them, in the order of the files."""
    return [*_docker(facts), *_bridge(facts), *_coturn(facts), *_janus(facts)]


def mappings(facts: Facts, container: bool | None = None) -> list[Mapping]:
    """The bridge's static mappings, of jvb.conf and of the older properties."""
    parts: dict[tuple[str, str], dict[str, Setting]] = {}
    unread = stale(facts)
    for each in settings(facts, "jvb", "local-address", "public-address", container=container):
        if each.section.startswith(MAPPINGS) and each.file not in unread:
            parts.setdefault((each.file, each.section), {})[each.key] = each
    found = [Mapping(part.get("local-address"), part.get("public-address")) for part in parts.values()]
    legacy = [each for each in settings(facts, "jvb", LOCAL, PUBLIC, container=container) if each.file not in unread]
    old = [last([each for each in legacy if each.key == key]) for key in (LOCAL, PUBLIC)]
    return [*found, Mapping(*old)] if any(old) else found


def _docker(facts: Facts) -> Iterator[Advertised]:
    """The old variable only where the new one has no value, as the container's start has it."""
    for deployment in deployments(facts):
        for key in ("JVB_ADVERTISE_IPS", "DOCKER_HOST_ADDRESS"):
            passed = deployment.passed(key, "jvb")
            if passed is not None and passed.value and passed.said is not None:
                yield from _listed(passed.value.split(","), passed.said)
                break


def _bridge(facts: Facts) -> Iterator[Advertised]:
    for each in mappings(facts):
        if each.local is not None and each.public is not None and each.local.value != each.public.value:
            yield from _listed([each.public.value], each.public)


def _coturn(facts: Facts) -> Iterator[Advertised]:
    """`external-ip=PUBLIC[/PRIVATE]`."""
    for each in settings(facts, "coturn", "external-ip"):
        yield from _listed([each.value.partition("/")[0]], each)


def _janus(facts: Facts) -> Iterator[Advertised]:
    """`nat_1_1_mapping`: public addresses, separated by commas, each with its private one behind a slash or not."""
    said = last(settings(facts, "janus", "nat_1_1_mapping"))
    if said is not None:
        yield from _listed([each.partition("/")[0] for each in said.value.split(",")], said)


def _listed(words: list[str], said: Setting) -> Iterator[Advertised]:
    for word in words:
        address, _, port = word.strip().partition("#")
        if is_address(address):
            yield Advertised(address, port_number(port), said.file, said.line, said.system, said)
