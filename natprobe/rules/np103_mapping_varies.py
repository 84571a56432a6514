"""The NAT gives every destination another port

Address- or port-dependent mapping: one and the same socket is seen under different endpoints by different
servers ("symmetric NAT" in older texts).

How it shows: a call to a public server works all the same. It matters between two clients that talk directly
(two people in a Jitsi room with peer-to-peer on): such calls then need the server or a relay.

What to do: nothing for meetings on a server. For direct calls, make the router keep the source port: pfSense and
OPNsense: in `NAT > Outbound`, mode hybrid, a rule for this network with `Static Port`; MikroTik: action
`endpoint-independent-nat` for UDP before `masquerade` (RouterOS 7); Linux: `masquerade` without `random` or
`fully-random`. Most home routers, a FRITZ!Box among them, keep the port unless a setting named "symmetric" or "strict"
says no: behind such a one look at a second router, the provider's NAT or a VPN.

Sources: RFC 4787 section 4.1, RFC 5780 section 4.3, RFC 8445 (why ICE manages all the same).
"""

from natprobe.addresses import address_class
from natprobe.derive.behaviour import mapping_varies, mappings, varying
from natprobe.facts import Binding, Facts, Run, ids
from natprobe.fixes import more_servers
from natprobe.model import Do, Family, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement

READS = (Binding, Run)


def check(facts: Facts) -> Judgement:
    """For each family by itself."""
    versions: tuple[Family, ...] = (4, 6)
    varies = {version: mapping_varies(facts, version) for version in versions}
    if any(varies.values()):
        return [_found(facts, version) for version in versions if varies[version]]
    if False in varies.values():
        return CLEAR
    seen = [each for group in mappings(facts).values() for each in group]
    if not any(address_class(split(each.server)[0]) == "public" for each in seen):
        return NOT_APPLICABLE
    return CouldNotTell(reason="few-servers", ask=more_servers(facts))


def _found(facts: Facts, version: Family) -> Found:
    group = varying(facts, version)
    return Found(
        message="The NAT maps one socket ({local}) to different endpoints for different servers ({mapped}):"
        " this matters between two clients, not towards a public server",
        args={"local": group[0].local, "mapped": ", ".join(sorted({each.mapped or "" for each in group}))},
        evidence=ids(group),
        fixes=(
            Do(
                text="Nothing to change for meetings on a server. For direct calls between two people: let the router"
                " keep source ports (pfSense, OPNsense: outbound NAT rule with `Static Port`; MikroTik:"
                " `endpoint-independent-nat`)",
                audience="network",
            ),
        ),
    )
