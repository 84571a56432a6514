"""Two such clients directly: a forecast from what this network does to packets. Pure."""

from __future__ import annotations

from natprobe.derive import udp_works
from natprobe.derive.behaviour import Behaviour, filtering_behaviour, mapping_behaviour, mapping_varies
from natprobe.derive.cookie import stun_filtered
from natprobe.derive.per_source import per_source
from natprobe.facts import Facts
from natprobe.model import Address, Family

_ANY: Behaviour = "endpoint-independent"
_ADDRESS: Behaviour = "address-dependent"
# Mapping and filtering -> what two clients such as this one, and this one with a peer of endpoint-independent mapping,
# come to by hole punching as ICE does it (RFC 5128 section 3.3, RFC 8445 section 7.3.1.3: whom a check came from is
# tried too; section 7.2.5.2.1: the answer has to come from where the check went). tests/test_forecast.py plays it out.
_FORECASTS: dict[tuple[Behaviour, Behaviour | None], str] = {
    (_ANY, _ANY): "p2p-any",
    (_ANY, _ADDRESS): "p2p-any",
    (_ADDRESS, _ANY): "p2p-open",
}
_BEST_FIRST = ("p2p-any", "p2p-likely", "p2p-open", "p2p-unlikely")


def forecast(facts: Facts) -> str:
    """A slug of reasons.py, of the family and local address that fare best."""
    if udp_works(facts) is False:
        return "p2p-no-udp"
    if stun_filtered(facts):
        return "p2p-no-stun"
    families: tuple[Family, ...] = (4, 6)
    known = []
    for version in families:
        locals_: list[Address | None] = [each.address for each in per_source(facts, version)]
        known += [slug for local in locals_ or [None] if (slug := _between_two(facts, version, local))]
    return min(known, key=_BEST_FIRST.index, default="needs-second-client")


def _between_two(facts: Facts, version: Family, local: Address | None) -> str | None:
    varies = mapping_varies(facts, version, local)
    if varies is None:
        return None
    mapping, filtering = mapping_behaviour(facts, version, local), filtering_behaviour(facts, version, local)
    usual = "p2p-unlikely" if varies else "p2p-likely"
    return _FORECASTS.get((mapping, filtering), usual) if mapping else usual
