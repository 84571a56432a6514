"""What the rules about advertised addresses share: the answer where the state is another one, the words, the fixes."""

from __future__ import annotations

from collections.abc import Iterable

from natprobe.derive import media_checks, target_addresses
from natprobe.derive.advertised import State, elsewhere, forced, inner_address, installed, offered, outer_address, state
from natprobe.derive.janus import lucky
from natprobe.facts import Facts, IceCheck, ids
from natprobe.fixes import media_server
from natprobe.model import Address, Endpoint, Fix, join, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.wording import listed, phrase

# Where no check was sent, or too few, nobody knows whether an address leads to the media server.
_OPEN: dict[State, str] = {"untried": "not-tried", "unsure": "timeout"}
_HERE = "THE-SERVER'S-PUBLIC-ADDRESS"


def nothing(facts: Facts) -> Judgement:
    """The answer where the candidates are in another state than the rule's."""
    found = state(facts)
    if found == "none":
        return NOT_APPLICABLE
    return CouldNotTell(reason=_OPEN[found]) if found in _OPEN else CLEAR


def only_inner(facts: Facts, message: str) -> Found:
    """Of all candidates: none leads anywhere. What a forced check proves is said and advised."""
    proven, found = forced(facts), elsewhere(facts)
    args = {
        "addresses": listed(split(each.endpoint)[0] for each in offered(facts)),
        "right": found[0] if found else "",
    }
    if found:
        finding = phrase(message, **args)
        message = phrase(
            "{finding}; at {right}, which it does not advertise, it answers", finding=finding, right=found[0]
        )
    return Found(
        message=message,
        args=args,
        evidence=ids(offered(facts), media_checks(facts), proven, lucky(facts)),
        fixes=advertise_outside(facts),
    )


def advertise_outside(facts: Facts) -> tuple[Fix, ...]:
    """Tell clients the public address; where the name's own is inner, that one."""
    known = [split(each)[0] for each in elsewhere(facts)] + target_addresses(facts)
    outside = outer_address(facts) or next(iter(known), _HERE)
    return media_server(facts).advertise((outside,), inner_address(facts), installed(facts))


def places(endpoints: Iterable[Endpoint]) -> str:
    """Each once, in order; of an address with several ports, which a Janus has, the address once."""
    ports: dict[Address, list[int]] = {}
    for address, port in map(split, dict.fromkeys(endpoints)):
        ports.setdefault(address, []).append(port)
    return listed(
        join(address, several[0])
        if len(several) == 1
        else phrase("{address} (ports {ports})", address=address, ports=listed(map(str, several)))
        for address, several in ports.items()
    )


def checks_to(facts: Facts, endpoints: Iterable[Endpoint]) -> list[IceCheck]:
    """The direct checks to these."""
    wanted = set(endpoints)
    return [each for each in media_checks(facts) if each.endpoint in wanted]
