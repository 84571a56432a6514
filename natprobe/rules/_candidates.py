"""What the rules about advertised addresses share: the answer where the state is another one, the words, the fixes."""

from __future__ import annotations

from collections.abc import Iterable

from natprobe.derive import media_checks, target_addresses
from natprobe.derive.advertised import State, forced, inner_address, installed, offered, outer_address, state
from natprobe.facts import Facts, IceCheck, ids
from natprobe.model import Endpoint, Fix, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.servers.jitsi import fixes as jitsi

# Where no check was sent, or too few, nobody knows whether an address leads to the media server.
_OPEN: dict[State, str] = {"untried": "not-tried", "unsure": "timeout"}
_ANSWERS = "; at {right}, which it does not advertise, it answers"
_HERE = "THE-SERVER'S-PUBLIC-ADDRESS"


def nothing(facts: Facts) -> Judgement:
    """The answer where the candidates are in another state than the rule's."""
    found = state(facts)
    if found == "none":
        return NOT_APPLICABLE
    return CouldNotTell(reason=_OPEN[found]) if found in _OPEN else CLEAR


def only_inner(facts: Facts, message: str) -> Found:
    """Of all candidates: none leads anywhere. What a forced check proves is said and advised."""
    proven = forced(facts)
    return Found(
        message=message + _ANSWERS if proven else message,
        args={
            "addresses": listed(split(each.endpoint)[0] for each in offered(facts)),
            "right": proven[0].endpoint if proven else "",
        },
        evidence=ids(offered(facts), media_checks(facts), proven),
        fixes=advertise_outside(facts),
    )


def advertise_outside(facts: Facts) -> tuple[Fix, ...]:
    """Tell clients the public address; where the name's own is inner, that one."""
    known = [split(each.endpoint)[0] for each in forced(facts)] + target_addresses(facts)
    outside = outer_address(facts) or next(iter(known), _HERE)
    return jitsi.advertise((outside,), inner_address(facts), installed(facts))


def listed(words: Iterable[str]) -> str:
    """Each once, in order."""
    return " and ".join(dict.fromkeys(words))


def checks_to(facts: Facts, endpoints: Iterable[Endpoint]) -> list[IceCheck]:
    """The direct checks to these."""
    wanted = set(endpoints)
    return [each for each in media_checks(facts) if each.endpoint in wanted]
