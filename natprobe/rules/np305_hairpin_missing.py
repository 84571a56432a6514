"""From inside, the public address doesn't answer; from outside it does

This client and the server are behind the same NAT: servers outside see us under the very address that the media server
advertises, or the media server answers at an inner address that it does not advertise. Packets to the public address
would have to turn round in the router (hairpinning), and this one's are lost there.

How it shows: people outside have sound and picture, those in the server's own network are mute and dark. Two people
inside hear each other, since their media goes directly between them.

What to do: best, advertise both addresses, the public one and the server's inner one (docker-jitsi-meet:
`JVB_ADVERTISE_IPS=PUBLIC,INNER`; Janus: `keep_private_host = true` beside `nat_1_1_mapping`); each client takes the one
that it reaches. Or switch on NAT loopback (also "NAT reflection", "hairpin NAT") in the router, for UDP as well.

From inside alone nobody can tell whether the port is open outside: check again from another network, and diagnose both
reports together.

Sources: RFC 4787 section 6, RFC 5128 section 3.3.2; field reports: docker-jitsi-meet 651.
"""

from collections.abc import Sequence

from natprobe.derive.advertised import (
    elsewhere,
    failed,
    forced,
    inner_address,
    installed,
    kind_of,
    outside_addresses,
    state,
)
from natprobe.derive.deciding import Decided
from natprobe.derive.janus import lucky
from natprobe.facts import Binding, Candidate, Facts, IceCheck, IceEnded, JitsiConfig, LocalAddress, Resolved, ids
from natprobe.fixes import media_server
from natprobe.model import Alternative, Do, Fix, split
from natprobe.rules import Found, Judgement, alternative
from natprobe.rules._candidates import checks_to, nothing, places
from natprobe.rules._together import inner_of, judged, server_of
from natprobe.wording import listed, mark, phrase

READS = (Candidate, IceCheck, IceEnded, Binding, Resolved, LocalAddress, JitsiConfig)

_SHARED = mark(
    "This client comes from {shared}, the media server's own public address, and that does not answer from inside"
)
_PROVEN = mark(
    "The media server answers inside at {right}, but advertises {advertised}, which does not answer from inside"
)
_ELSEWHERE = phrase("run the same check from another network, such as a phone's hotspot")
_TOGETHER = {
    "proven": mark(
        "{endpoint} answers {others}, outside, and not {clients}, who comes from that very address: the router"
        " does not turn packets round"
    ),
    "watched": mark(
        "Packets of {clients}, who comes from the server's own public address, do not arrive at {endpoint}: the"
        " router does not turn them round"
    ),
    "narrowed": mark(
        "{clients} comes from the media server's own public address, and {endpoint} does not answer from inside"
    ),
}


def check_together(vantages: Sequence[Facts]) -> Judgement:
    """A client outside that gets through, or others' packets that arrive, prove that the port is open."""
    return judged(vantages, "hairpin-missing", _TOGETHER, _inside_too)


def _inside_too(found: Decided) -> tuple[Fix, ...]:
    facts = server_of(found)
    return _fixes(facts, found.asked.address, inner_address(facts) or inner_of(found))


def check(facts: Facts) -> Judgement:
    """Not where an inner address that is advertised stays silent too: then it is the port."""
    return [_found(facts)] if state(facts) == "hairpin" else nothing(facts)


def _found(facts: Facts) -> Found:
    told, inside = failed(facts), elsewhere(facts)
    public = [each for each in told if kind_of(each) == "public"]
    shared = outside_addresses(facts) & {split(each)[0] for each in public}
    seen = facts.ok(Binding, lambda each: each.mapped is not None and split(each.mapped)[0] in shared)
    return Found(
        message=_PROVEN if inside else _SHARED,
        args={
            "shared": listed(sorted(shared)),
            "advertised": places(public),
            "right": places(inside),
        },
        evidence=ids(checks_to(facts, told), forced(facts), lucky(facts), seen),
        alternatives=_alternatives(split(public[0])[1], proven=bool(inside), shared=bool(shared)),
        fixes=_fixes(facts, split(public[0])[0], inner_address(facts) or "THE-SERVER'S-INNER-ADDRESS"),
    )


def _alternatives(port: int, *, proven: bool, shared: bool) -> tuple[Alternative, ...]:
    """What answers inside shows that the media server listens and its own firewall lets media in."""
    found = [alternative("port-not-forwarded", _ELSEWHERE)]
    if not shared:
        found.append(alternative("wrong-address-advertised", _ELSEWHERE))
    if not proven:
        found += [
            alternative("firewall-closed", "on the server: is the port open in its firewall?"),
            alternative("not-listening", phrase("on the server: ss -ulpn | grep {port}", port=port)),
        ]
    return tuple(found)


def _fixes(facts: Facts, public: str, inner: str) -> tuple[Fix, ...]:
    return (
        *media_server(facts).advertise_inner(public, inner, installed(facts)),
        Do(
            text=phrase(
                "Or switch on NAT loopback (reflection, hairpin NAT) for UDP in the router that has {public}",
                public=public,
            ),
            audience="network",
            why="then its own clients reach the server by its public address, as everybody else does",
        ),
    )
