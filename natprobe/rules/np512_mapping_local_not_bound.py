"""The NAT mapping names an address that the server doesn't have

Of a static mapping the bridge looks for `local-address` among the addresses that it is bound to. Where it is not there,
the mapping is dropped without a word, and clients are not told the public address. In a container the addresses that
count are the container's: the host's own address is none of them.

How it shows: clients get the bridge's private address only. The meeting opens and media never comes, or, with two
participants who find each other directly, it ends with the third.

What to do: give the address that `ip address show` tells where the bridge runs. In docker-jitsi-meet don't write the
mapping by hand: JVB_ADVERTISE_IPS in .env makes it, with the container's own address, at each start. After a change of
the host's address look again.

Sources: ice4j's own source (StaticMapping, MappingCandidateHarvester); docker-jitsi-meet 606, its pull request 630.
"""

from natprobe.derive.advertising import Mapping, mappings
from natprobe.derive.configured import files, inside
from natprobe.derive.docker import deployments
from natprobe.facts import Binding, ConfigFile, Facts, LocalAddress, Published, Setting, ids
from natprobe.model import split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement, _mappings
from natprobe.target import is_address
from natprobe.wording import mark

READS = (Setting, ConfigFile, LocalAddress, Published, Binding)

_HOST = mark("The bridge's mapping is for {address}, which is no address of this host: it is dropped")
_CONTAINER = mark(
    "The bridge's mapping is for {address}, an address of the host and not of the bridge's container ({own})"
)
_UNSURE = mark(
    "The bridge's mapping is for {address}, an address of the host, which the bridge's container does not have"
)


def check(facts: Facts) -> Judgement:
    """Of a container's addresses those are known that Docker leads ports to."""
    if not files(facts, "jvb") or not facts.of(LocalAddress):
        return NOT_APPLICABLE
    wrong = [each for each in mappings(facts) if _whole(each) and _foreign(facts, each)]
    return [_found(facts, each) for each in wrong] or CLEAR


def _whole(mapping: Mapping) -> bool:
    """With both addresses, and not the same, which is another fault."""
    if mapping.local is None or mapping.public is None:
        return False
    return mapping.local.value != mapping.public.value and is_address(mapping.local.value)


def _foreign(facts: Facts, mapping: Mapping) -> bool:
    address = _mappings.local(mapping)
    if not _in_container(facts, mapping):
        return not _mappings.has(facts, address)
    own = _container_addresses(facts)
    return address not in own if own else _mappings.has(facts, address, outside_containers=True)


def _in_container(facts: Facts, mapping: Mapping) -> bool:
    """One with the host's network has the host's addresses."""
    shared = any(each.host_network("jvb") for each in deployments(facts))
    return _mappings.said(mapping).file in inside(facts) and not shared


def _container_addresses(facts: Facts) -> list[str]:
    """Where UDP ports lead: the bridge is the only one of docker-jitsi-meet that has one."""
    return sorted({split(each.to)[0] for each in facts.of(Published) if each.proto == "udp"})


def _found(facts: Facts, mapping: Mapping) -> Found:
    said, own = _mappings.said(mapping), _container_addresses(facts)
    contained = _in_container(facts, mapping)
    return Found(
        message=(_CONTAINER if own else _UNSURE) if contained else _HOST,
        args={"address": _mappings.local(mapping)} | ({"own": ", ".join(own)} if contained and own else {}),
        evidence=ids(*filter(None, mapping), *(facts.of(Published) if contained and own else [])),
        file=said.file,
        line=said.line,
        fixes=_mappings.corrected(facts, mapping),
    )
