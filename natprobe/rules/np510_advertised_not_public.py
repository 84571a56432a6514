"""The configured public address is not this host's

The server's settings name an address that its clients are told to send media to, and that address does not lead to this
host: no interface has it, STUN servers do not see the host by it, and none of the server's names leads to it.

How it shows: no sound and no picture for everybody outside, though the page works. Often the provider gave the host
another address, or the settings were copied from another one.

A note says where a name of the server's (`--name`, PUBLIC_URL, server_name) leads to another machine: a proxy or
balancer in front of it, or the wrong one.

What to do: set the address that clients reach the server by: behind a router or with a cloud's one-to-one mapping, the
outside one. `natprobe inspect` shows by which address STUN servers see the host.

Sources: docker-jitsi-meet's env.example (JVB_ADVERTISE_IPS), ice4j's static mappings, coturn's external-ip, Janus's
nat_1_1_mapping.
"""

from collections.abc import Sequence

from natprobe.addresses import address_class
from natprobe.derive.advertising import Advertised, advertised
from natprobe.derive.deciding import Decided
from natprobe.derive.own_names import leading
from natprobe.facts import Binding, Facts, LocalAddress, Resolved, Setting, ids
from natprobe.fixes import media_server
from natprobe.model import Address, Do, Fix, Severity, family, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.rules._together import judged, server_of
from natprobe.servers import lines
from natprobe.wording import enumerated, listed, mark, phrase

READS = (Setting, LocalAddress, Binding, Resolved)

_MESSAGE = mark("{key} tells clients {address}, which does not lead to this host: {known}")
_ASTRAY = mark(
    "{name} leads to {there}, and this host has {known}: who opens that name meets what has the other address"
)
_TOGETHER = {
    "asked": mark(
        "Clients are told to send media to {endpoint}, and the server that says so has {own}: that address is"
        " another"
        " machine's, or an old one"
    ),
}
_HERE = "THE-SERVER'S-PUBLIC-ADDRESS"
_ASK = phrase("natprobe inspect, without --stun none, or with --name and the server's name")


def check(facts: Facts) -> Judgement:
    """Healthy is an address of an interface, the one that STUN servers see, or one that a name of the server's has."""
    told = advertised(facts)
    if facts.vantage != "server" or not facts.ok(LocalAddress) or not (told or leading(facts)):
        return NOT_APPLICABLE
    known = _known(facts)
    strange = [each for each in told if each.address not in known]
    proven = [each for each in strange if _outside(known, each.address)]
    if found := [*(_found(facts, each) for each in proven), *_astray(facts)]:
        return found
    return CouldNotTell(reason="outside-unknown", ask=_ASK) if strange else CLEAR


def _astray(facts: Facts) -> list[Found]:
    """Names that lead to other machines than this one. What stands in front of it may have them, so that it is a"
    " note.
    """
    own, told = _known(facts, names=False), {each.address for each in advertised(facts)}
    found = []
    for name, (addresses, evidence) in leading(facts).items():
        outside = [each for each in addresses if address_class(each) == "public"]
        known = [each for each in own if outside and each in _outside(own, outside[0])]
        if known and len(outside) == len(addresses) and not set(addresses) & {*own, *told}:
            found.append(_elsewhere(facts, name, outside, known, evidence))
    return found


def _elsewhere(facts: Facts, name: str, there: list[Address], known: list[Address], evidence: list[int]) -> Found:
    return Found(
        message=_ASTRAY,
        args={"name": name, "there": listed(there[:4]), "known": listed(known[:4])},
        evidence=tuple(sorted({*evidence, *ids(_far(facts), facts.ok(Binding))})),
        severity=Severity.NOTE,
        fixes=(
            Do(
                text=phrase(
                    "See whether {there} is a proxy or balancer in front of this host; if not, have {name} lead"
                    " to {known}",
                    there=there[0],
                    name=name,
                    known=known[0],
                ),
                audience="server",
            ),
        ),
    )


def _known(facts: Facts, names: bool = True) -> dict[Address, str]:
    """The addresses that lead here, each with the words that say why."""
    led = leading(facts) if names else {}
    found: dict[Address, str] = {
        address: phrase("{name} leads to it", name=name)
        for name, (addresses, _) in led.items()
        for address in addresses
    }
    found |= {split(each.mapped)[0]: phrase("STUN servers see it") for each in facts.ok(Binding) if each.mapped}
    return found | {each.address: phrase("on an interface") for each in facts.ok(LocalAddress) if each.up}


def _outside(known: dict[Address, str], address: Address) -> list[Address]:
    """What it is to be compared with: of its family, and of the outside world if it is; an inner one is on an
    interface or nowhere.
    """
    same = [each for each in known if family(each) == family(address)]
    if address_class(address) != "public":
        return same
    return [each for each in same if address_class(each) == "public"]


def _found(facts: Facts, told: Advertised) -> Found:
    known = _known(facts)
    right = _outside(known, told.address)
    shown = enumerated(phrase("{address} ({why})", address=each, why=known[each]) for each in right[:4])
    others = [each for each in advertised(facts) if each.system == told.system and each.address in known]
    sure = not others and leading(facts)  # without a name nobody knows of an address that is mapped inwards alone
    return Found(
        message=_MESSAGE,
        args={"key": told.said.key, "address": told.address, "known": phrase("its addresses are {shown}", shown=shown)},
        evidence=ids(told.said, _far(facts), facts.ok(Binding)),
        fixes=(lines.replaced(told.said, told.address, right[0]), *_names(facts, right)),
        severity=None if sure else Severity.WARNING,
        file=told.file,
        line=told.line,
    )


def _far(facts: Facts) -> list[LocalAddress]:
    return [each for each in facts.ok(LocalAddress) if each.scope not in ("loopback", "link-local")]


def _names(facts: Facts, right: list[Address]) -> tuple[Fix, ...]:
    """Where a name leads past what the host has, one of both is wrong."""
    stray = [name for name, (addresses, _) in leading(facts).items() if not set(addresses) & set(right)]
    return tuple(
        Do(text=phrase("Or see where {name} leads: to none of this host's addresses", name=name), audience="server")
        for name in stray
    )


def check_together(vantages: Sequence[Facts]) -> Judgement:
    """What a session tells a client against the addresses that the server has."""
    return judged(vantages, "advertised-not-public", _TOGETHER, _fixes)


def _fixes(found: Decided) -> tuple[Fix, ...]:
    server = media_server(server_of(found))
    return (server.old_address(found.asked.address), *server.advertise((_HERE,), None, None))
