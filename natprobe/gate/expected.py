"""What a policy expects of addresses and certificates, out of the facts themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Literal, NamedTuple

from natprobe.addresses import address_class
from natprobe.derive.behaviour import outside_addresses
from natprobe.facts import Binding, Candidate, Certificate, CertificateFile, Facts, Resolved
from natprobe.gate.found import vantages
from natprobe.model import Address, Failure, Family, Report, clip, family, split
from natprobe.policy import Addresses, BadPolicy, IpAddress, Network, address, network
from natprobe.render._manner import Held
from natprobe.wording import listed, phrase

_NO_ADDRESS = (Failure.NO_DATA, Failure.NXDOMAIN)


class _Told(NamedTuple):
    """What one vantage says."""

    status: Literal["kept", "broken", "unknown"]
    why: str = ""


_KEPT = _Told("kept")


def certificates(report: Report, days: float | None) -> Iterator[Held]:
    """Every certificate that was seen, by clients or in files, lasts so long from the time of its run on."""
    if days is None:
        return
    left = list(_days_left(report))
    demand = phrase("every certificate lasts {days:g} days more", days=days)
    if not left:
        why = phrase("no certificate was seen, and the policy wants {days:g} days of each", days=days)
        yield Held(demand=demand, status="unknown", why=why)
        return
    shortest, what = min(left, key=lambda each: each[0])
    words = {"what": what, "left": max(shortest, 0.0), "days": days}
    lasting = phrase("the certificate of {what} lasts {left:.0f} days more", **words)
    ending = phrase("the certificate of {what} lasts {left:.0f} days more, and the policy wants {days:g}", **words)
    over = phrase("the certificate of {what} has ended, and the policy wants {days:g} days more", **words)
    if shortest >= days:
        yield Held(demand=demand, status="kept", why=clip(lasting))
    else:
        yield Held(demand=demand, status="broken", why=clip(over if shortest < 0 else ending))


def _days_left(report: Report) -> Iterator[tuple[float, str]]:
    for each in report.observations:
        if isinstance(each, Certificate) and each.failure is None:
            yield each.days_left, phrase("{name} at {endpoint}", name=each.name, endpoint=each.endpoint)
        elif isinstance(each, CertificateFile) and each.failure is None and each.days_left is not None:
            yield each.days_left, each.path


def addresses(report: Report, wish: Addresses) -> Iterator[Held]:
    """Each by the vantage that fares worst."""
    if wish == Addresses():
        return
    facts = vantages(report)
    if wish.name_is:
        only = phrase("the name leads to {those} and nowhere else", those=listed(wish.name_is))
        yield _worst(only, [_leads(each, wish.name_is, exactly=True) for each in facts])
    if wish.name_includes:
        those = phrase("the name leads to {those}", those=listed(wish.name_includes))
        yield _worst(those, [_leads(each, wish.name_includes, exactly=False) for each in facts])
    if wish.media_includes:
        offer = phrase("the media server offers {those}", those=listed(wish.media_includes))
        yield _worst(offer, [_offers(each, wish.media_includes) for each in facts])
    if wish.outside_in:
        seen = phrase("seen from outside, this network is in {those}", those=listed(wish.outside_in))
        yield _worst(seen, [_outside(each, wish.outside_in) for each in facts])


def _worst(demand: str, told: Sequence[_Told]) -> Held:
    order = ("broken", "unknown", "kept")
    found = min(told, key=lambda each: order.index(each.status))
    return Held(demand=demand, status=found.status, why=clip(found.why))


def _leads(facts: Facts, words: Sequence[str], *, exactly: bool) -> _Told:
    """Every answer counts, of each resolver and of the system: any of them may lead somebody elsewhere."""
    host, wish = _name(facts), _parsed(words)
    answers = facts.of(Resolved, lambda each: host in (None, each.name))
    got = _parsed(address for each in answers if each.failure is None for address in each.addresses)
    named = host or phrase("the server's own name")
    if exactly and (extra := [each for each in got if each not in wish]):
        return _Told(
            "broken", phrase("{name} leads to {extra}, which the policy does not expect", **_words(named, extra))
        )
    missing = [each for each in wish if each not in got]
    if not missing:
        return _KEPT
    if any(each.version in _families(answers) for each in missing):
        return _Told(
            "broken", phrase("{name} does not lead to {extra}, as the policy expects", **_words(named, missing))
        )
    return _Told("unknown", phrase("whether {name} leads to {extra} could not be told", **_words(named, missing)))


def _name(facts: Facts) -> str | None:
    """What clients were told to go to; a server knows by itself what it is called."""
    return facts.target.host if facts.vantage == "client" else None


def _words(name: str, extra: Iterable[IpAddress]) -> dict[str, object]:
    return {"name": name, "extra": listed(map(str, extra))}


def _families(answers: Iterable[Resolved]) -> set[Family]:
    """Those that were told of. That there is none, only DNS says: a system without IPv6 does not look for it."""
    return {
        each.family for each in answers if each.failure is None or (each.by == "dns" and each.failure in _NO_ADDRESS)
    }


def _offers(facts: Facts, words: Sequence[str]) -> _Told:
    offered = facts.ok(Candidate, lambda each: each.advertised and each.type != "relay")
    got = _parsed(split(each.endpoint)[0] for each in offered)
    missing = listed(str(each) for each in _parsed(words) if each not in got)
    if not missing:
        return _KEPT
    if not got:
        return _Told(
            "unknown", phrase("what the media server offers is not known, and {missing} is expected", missing=missing)
        )
    words_ = {"missing": missing, "got": listed(map(str, got))}
    return _Told("broken", phrase("the media server offers {got}, and not {missing}, as the policy expects", **words_))


def _outside(facts: Facts, words: Sequence[str]) -> _Told:
    """Addresses of a family that the policy names none of don't matter."""
    wish = [network(each) for each in words]
    versions = {each.version for each in wish}
    seen = [each for version in (4, 6) if version in versions for each in _seen(facts, version)]
    astray = [each for each in _parsed(seen) if not _within(each, wish)]
    if astray:
        words_ = {"astray": listed(map(str, astray)), "those": listed(words)}
        return _Told("broken", phrase("seen from outside, this network is {astray}, and not in {those}", **words_))
    if not seen:
        return _Told("unknown", phrase("nobody outside told by which address this network is seen"))
    return _KEPT


def _seen(facts: Facts, version: Literal[4, 6]) -> list[Address]:
    """What servers say, over UDP or, where that is blocked, over TCP."""
    return outside_addresses(facts, version) or [
        split(each.mapped)[0]
        for each in facts.ok(Binding, lambda each: each.transport == "tcp")
        if each.mapped is not None and _outer(each.server, each.mapped, version)
    ]


def _outer(server: str, mapped: str, version: Family) -> bool:
    ends = [split(server)[0], split(mapped)[0]]
    return all(family(each) == version and address_class(each) == "public" for each in ends)


def _within(one: IpAddress, several: Iterable[Network]) -> bool:
    return any(one.version == each.version and one in each for each in several)


def _parsed(words: Iterable[str]) -> list[IpAddress]:
    """Each once; what a report has in an address's place and is none leads nowhere."""
    found: dict[IpAddress, None] = {}
    for each in words:
        with suppress(BadPolicy):
            found[address(each.partition("%")[0])] = None
    return list(found)
