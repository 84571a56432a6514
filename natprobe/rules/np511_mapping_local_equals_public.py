"""The NAT mapping maps an address to itself

A static mapping tells the bridge that its clients outside see one of its own addresses as another one: `local-address`
and `public-address` in jvb.conf, NAT_HARVESTER_LOCAL_ADDRESS and NAT_HARVESTER_PUBLIC_ADDRESS in the older properties.
Here both are the same. Such a mapping adds nothing to what the bridge tells anyway, and from outside the public address
is missing. Of a Janus it is `nat_1_1_mapping` with the host's own inner address, where STUN servers see another one.

How it shows: the meeting opens, two participants hear and see each other, since their media goes directly; with the
third everything stops, or outside nobody hears anything at all.

What to do: public-address is the address that clients outside reach, local-address the one that the bridge itself has.
In docker-jitsi-meet neither is set by hand: JVB_ADVERTISE_IPS in .env makes the mapping, with the container's own
address, at each start.

Sources: ice4j's own source (MappingCandidateHarvesters), docker-jitsi-meet's templates of jvb.conf; jitsi-videobridge
1198.
"""

from collections.abc import Iterator, Sequence

from natprobe.addresses import address_class
from natprobe.derive.advertising import Mapping, mappings
from natprobe.derive.configured import files, settings
from natprobe.facts import Binding, ConfigFile, Facts, LocalAddress, Setting, ids
from natprobe.model import Severity, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement, _mappings
from natprobe.servers import lines
from natprobe.wording import mark

READS = (Setting, ConfigFile, LocalAddress, Binding)

_MESSAGE = mark("The bridge's mapping leads {address} to itself, so that clients outside are told no other address")
_JANUS = mark(
    "{key} is {address}, this host's inner address, and STUN servers see the host as {seen}: clients outside are told"
    " no address that they can reach"
)


def check(facts: Facts) -> Judgement:
    """Where the address is public it is told all the same, and only the mapping is in vain."""
    janus = settings(facts, "janus", "nat_1_1_mapping")
    if not files(facts, "jvb") and not janus:
        return NOT_APPLICABLE
    same = [each for each in mappings(facts) if _same(each)]
    return [*(_found(facts, each) for each in same), *_inner(facts, janus)] or CLEAR


def _inner(facts: Facts, said: Sequence[Setting]) -> Iterator[Found]:
    """Of Janus only where STUN servers see the host by another address: it may be for its own network alone."""
    seen = [split(each.mapped)[0] for each in facts.ok(Binding) if each.mapped]
    outside = [each for each in seen if ":" not in each and address_class(each) == "public"]
    own = {each.address for each in facts.ok(LocalAddress) if each.scope in ("private", "carrier")}
    for each in said:
        told = [word.strip() for word in each.value.split(",")]
        if outside and all(word in own for word in told):
            yield Found(
                message=_JANUS,
                args={"key": each.key, "address": each.value, "seen": outside[0]},
                evidence=ids(each, facts.ok(Binding)),
                severity=Severity.WARNING,
                file=each.file,
                line=each.line,
                fixes=(lines.replaced(each, each.value, outside[0]),),
            )


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
