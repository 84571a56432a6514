"""What the rules about the bridge's static mappings share: where one stands, and what it is to say."""

from __future__ import annotations

from natprobe.addresses import address_class
from natprobe.derive.advertising import Mapping
from natprobe.derive.configured import inside
from natprobe.derive.docker import Deployment, deployments
from natprobe.facts import Binding, Facts, LocalAddress, Setting
from natprobe.model import Fix, split
from natprobe.servers.jitsi.fixes import env
from natprobe.servers.jitsi.lines import bridge_line
from natprobe.servers.jitsi.media import ADVERTISE_IPS_SINCE
from natprobe.servers.jitsi.settings import LOCAL, MAPPINGS, PUBLIC
from natprobe.target import is_address
from natprobe.wording import phrase

_SOME = "THE-PUBLIC-ADDRESS"
_OWN = "THE-BRIDGE'S-OWN-ADDRESS"


def said(mapping: Mapping) -> Setting:
    """The setting that a finding is about: the public half, or what there is."""
    found = mapping.public or mapping.local
    assert found is not None  # a mapping without both is none
    return found


def local(mapping: Mapping) -> str:
    """Its local half; empty: there is none."""
    return mapping.local.value.strip() if mapping.local is not None else ""


def is_public(address: str) -> bool:
    """Whether the internet reaches such an address."""
    return is_address(address) and address_class(address) == "public"


def has(facts: Facts, address: str, outside_containers: bool = False) -> bool:
    """Whether this host has the address, on an interface that is no container network's."""
    here = facts.of(LocalAddress, lambda each: not outside_containers or each.scope != "container")
    return any(each.address.partition("%")[0] == address for each in here)


def outside(facts: Facts) -> str:
    """The public address, as a STUN server saw it, or as an interface has it; else a word in its place."""
    seen = [split(each.mapped)[0] for each in facts.ok(Binding) if each.mapped]
    own = [each.address for each in facts.of(LocalAddress) if each.up]
    return next((each for each in (*seen, *own) if is_public(each) and ":" not in each), _SOME)


def own(facts: Facts) -> str:
    """The bridge's own address where it runs on this host and there is only one that it can be."""
    inner = {each.address for each in facts.of(LocalAddress) if each.scope in ("private", "carrier")}
    return inner.pop() if len(inner) == 1 else _OWN


def corrected(facts: Facts, mapping: Mapping) -> tuple[Fix, ...]:
    """In docker-jitsi-meet by .env, else the mapping itself."""
    if said(mapping).file in inside(facts):
        return docker(facts)
    return _package(facts, mapping)


def docker(facts: Facts) -> tuple[Fix, ...]:
    """JVB_ADVERTISE_IPS, where .env is."""
    value = outside(facts)
    why = phrase("the container's start makes the mapping from it; a mapping of one's own is lost or in its way")
    found: list[Deployment] = deployments(facts)
    if not found:
        return (env("JVB_ADVERTISE_IPS", value, why, since=ADVERTISE_IPS_SINCE),)
    return tuple(each.in_env("JVB_ADVERTISE_IPS", value, why=why, since=ADVERTISE_IPS_SINCE) for each in found)


def _package(facts: Facts, mapping: Mapping) -> tuple[Fix, ...]:
    """Each half that has to change, or is missing, at its line."""
    public, address = outside(facts), own(facts)
    if public == address:
        address = _OWN
    found = said(mapping)
    keys = (LOCAL, PUBLIC) if not found.section else (f"{MAPPINGS}.local-address", f"{MAPPINGS}.public-address")
    halves = ((keys[0], mapping.local, address), (keys[1], mapping.public, public))
    why = phrase(
        "local-address as `ip address show` tells it where the bridge runs, public-address as clients reach it"
    )
    return tuple(
        bridge_line(key, value, file=found.file, line=half.line if half else None, why=why)
        for key, half, value in halves
        if half is None or half.value != value
    )
