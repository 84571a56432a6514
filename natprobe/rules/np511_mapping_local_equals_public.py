"""The NAT mapping maps an address to itself

A static mapping tells the bridge that its clients outside see one of its own addresses as another one: `local-address`
and `public-address` in jvb.conf, NAT_HARVESTER_LOCAL_ADDRESS and NAT_HARVESTER_PUBLIC_ADDRESS in the older properties.
Here both are the same. Such a mapping adds nothing to what the bridge tells anyway, and from outside the public address
is missing.

How it shows: the meeting opens, two participants hear and see each other, since their media goes directly; with the
third everything stops, or outside nobody hears anything at all.

What to do: public-address is the address that clients outside reach, local-address the one that the bridge itself has.
In docker-jitsi-meet neither is set by hand: JVB_ADVERTISE_IPS in .env makes the mapping, with the container's own
address, at each start.

Sources: ice4j's own source (MappingCandidateHarvesters), docker-jitsi-meet's templates of jvb.conf; jitsi-videobridge
1198.
"""

from natprobe.derive.advertising import Mapping, mappings
from natprobe.derive.configured import files
from natprobe.facts import Binding, ConfigFile, Facts, LocalAddress, Setting, ids
from natprobe.model import Severity
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement, _mappings

READS = (Setting, ConfigFile, LocalAddress, Binding)

_MESSAGE = "The bridge's mapping leads {address} to itself, so that clients outside are told no other address"


def check(facts: Facts) -> Judgement:
    """Where the address is public it is told all the same, and only the mapping is in vain."""
    if not files(facts, "jvb"):
        return NOT_APPLICABLE
    same = [each for each in mappings(facts) if _same(each)]
    return [_found(facts, each) for each in same] or CLEAR


def _same(mapping: Mapping) -> bool:
    return (
        mapping.local is not None
        and mapping.public is not None
        and mapping.local.value.strip() == mapping.public.value.strip() != ""
    )


def _found(facts: Facts, mapping: Mapping) -> Found:
    said = _mappings.said(mapping)
    return Found(
        message=_MESSAGE,
        args={"address": said.value},
        evidence=ids(*filter(None, mapping)),
        severity=Severity.WARNING if _mappings.has(facts, said.value) and _mappings.is_public(said.value) else None,
        file=said.file,
        line=said.line,
        fixes=_mappings.corrected(facts, mapping),
    )
