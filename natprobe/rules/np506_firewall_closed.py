"""The host's firewall drops the port

A port that strangers have to reach is shut by a rule, or by the policy, of the server's own packet filter. natprobe
reads the rules in force (nftables, iptables of both kinds, and with them ufw's, firewalld's and Docker's) and follows a
stranger's first packet through all of them: every table on its way has to let it in.

How it shows: on the server itself everything works; from outside the port is silent (drop) or refused (reject). A shut
media port lets people sign in, who then neither see nor hear each other. The ports that a relay gives out count less:
whom it sends to can answer, and a bridge on the same host does so over loopback. One of several ways to a relay, and
plain HTTP beside HTTPS, count less too.

What to do: open the port with the program that manages the rules, so that it stays open when they are written anew.
Opening it in another one doesn't help: what one table lets in, the next may drop. Rules for a container's ports are
others: Docker leads packets past what is for the host itself.

Sources: nft(8), iptables(8), ufw(8), firewall-cmd(1); measured with real packets against the rules of each.
"""

from __future__ import annotations

from collections.abc import Sequence

from natprobe.derive.needs import Need, needs
from natprobe.derive.passing import (
    anything_wanted,
    closed,
    let_in,
    of_address,
    of_container,
    other_family_open,
    wanted,
)
from natprobe.derive.programs import CONTAINED
from natprobe.facts import Expected, Facts, Listening, PacketFilter, Passage, Published, Setting, ids
from natprobe.model import Allow, Failure, Severity
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.rules._on_the_host import on_the_host
from natprobe.wording import mark, phrase

READS = (PacketFilter, Passage, Expected, Setting, Listening, Published)

_MESSAGE = mark("{manager} {does} {ports}, which {said} wants open: {rule} ({chain})")
_SOME = mark("{manager} lets in only {senders} to {ports}, which {said} wants open: {rule} ({chain})")
_RELAYED = mark(
    "{manager} {does} {ports}, the ports that {said} relays by: whom the relay sends to can answer all the same, but"
    " who sends first, or answers from another address, does not get through: {rule} ({chain})"
)
_DOES = {"drop": phrase("drops"), "reject": phrase("rejects")}
_SHOWN = 8


def check_together(vantages: Sequence[Facts]) -> Judgement:
    """Where it is why a client gets no answer from the media port."""
    return on_the_host(vantages, "firewall-closed")


def check(facts: Facts) -> Judgement:
    """Of each who shuts needed ports one finding. A container's ports are firewall-conflicts-with-docker's."""
    if facts.failed(PacketFilter, Failure.PERMISSION_DENIED) and not facts.of(Passage):
        hidden = CouldNotTell(reason="filters-hidden", ask="sudo natprobe inspect")
        return hidden if anything_wanted(facts) else NOT_APPLICABLE
    needed = [(each, need) for each in facts.of(Passage) if (need := wanted(facts, each)) is not None]
    if not needed:
        return NOT_APPLICABLE
    groups: dict[tuple[str, ...], list[tuple[Passage, Need]]] = {}
    for each, need in needed:
        if closed(each) and not of_container(facts, each) and not _down(facts, each, need):
            key = (each.manager or "", each.outcome, each.proto, need.by, need.key, need.file)
            groups.setdefault(key, []).append((each, need))
    if groups:
        return [_found(facts, group) for group in groups.values()]
    unsure = [each for each, _ in needed if each.outcome == "unknown"]
    return CouldNotTell(reason="rule-depends", ask=_look(unsure[0])) if unsure else CLEAR


def _look(passage: Passage) -> str:
    where = f" ({passage.chain})" if passage.chain else ""
    return phrase(
        "see whether strangers pass this rule: {rule}{where}", rule=passage.rule or "nft list ruleset", where=where
    )


def _found(facts: Facts, group: Sequence[tuple[Passage, Need]]) -> Found:
    found, need = [each for each, _ in group], group[0][1]
    senders = let_in(facts, found[0])
    return Found(
        message=_SOME if senders else _RELAYED if need.role == "relay" else _MESSAGE,
        args={
            "manager": found[0].manager or phrase("the packet filter"),
            "does": _DOES[found[0].outcome],
            "ports": _ports(facts, found),
            "said": _said(need),
            "senders": senders,
            "rule": found[0].rule,
            "chain": found[0].chain,
        },
        evidence=tuple(sorted({*ids(found), *(number for _, each in group for number in each.evidence)})),
        fixes=(opening(found),),
        severity=Severity.WARNING if senders or other_family_open(facts, found) else _severity(facts, need),
        file=need.file or None,
        line=need.line or None,
    )


def _ports(facts: Facts, found: Sequence[Passage]) -> str:
    """`UDP port 10000`, of which family and addresses where not all are shut."""
    first, alone, at = found[0], len({each.family for each in found}) == 1, _at(facts, found)
    words = {"proto": first.proto.upper(), "ports": ", ".join(ports(found)), "family": first.family, "at": at}
    if alone:
        template = mark("{proto} port {ports} over IPv{family} of {at}") if at else _OVER
    else:
        template = mark("{proto} port {ports} of {at}") if at else mark("{proto} port {ports}")
    return phrase(template, **words)


_OVER = mark("{proto} port {ports} over IPv{family}")


def _down(facts: Facts, passage: Passage, need: Need) -> bool:
    """A container's port that nothing leads to as yet: what Docker publishes it leads past the rules for the host."""
    if need.by not in CONTAINED or passage.to is not None:
        return False
    return not any(need.proto == each.proto and each.port == need.port for each in facts.of(Listening))


def _said(need: Need) -> str:
    return (
        phrase("{program} ({key} in {file})", program=need.program or need.by, key=need.key, file=need.file)
        if need.key and need.file
        else need.by
    )


def _severity(facts: Facts, need: Need) -> Severity | None:
    """An error is what leaves no way. A relay's peers answer what it sends them, and a bridge beside it does so over
    loopback; beside one of a relay's ports others do; beside a page's HTTPS the port that leads there.
    """
    if need.role == "relay":
        beside = any(each.program == "jvb" and each.role == "media" for each in needs(facts))
        return Severity.NOTE if beside else Severity.WARNING
    if need.role == "turn" and any(_open(facts, each) for each in needs(facts) if each.role == "turn"):
        return Severity.WARNING
    plain = need.role == "web" and (need.proto, need.port) == ("tcp", 80)
    secure = [each for each in needs(facts) if each.role == "web" and (each.proto, each.port) == ("tcp", 443)]
    return Severity.NOTE if plain and any(_open(facts, each) for each in secure) else None


def _open(facts: Facts, need: Need) -> bool:
    """Whether strangers get through to all of it."""
    about = facts.of(
        Passage,
        lambda each: (
            each.proto == need.proto and each.port <= need.port <= each.port_end and of_address(need.address, each)
        ),
    )
    return bool(about) and all(each.outcome == "accept" and not each.sources for each in about)


def _at(facts: Facts, found: Sequence[Passage]) -> str:
    """The addresses, where the same port is open at others of this host."""
    shut = {each.address for each in found if each.address}
    families, first = {each.family for each in found}, found[0]
    others = facts.of(
        Passage, lambda each: each.family in families and (each.proto, each.port) == (first.proto, first.port)
    )
    apart = any(each.outcome == "accept" and each.address not in shut for each in others)
    return ", ".join(sorted(shut)) if apart else ""


def ports(found: Sequence[Passage]) -> list[str]:
    """Each once, a few of them."""
    named = dict.fromkeys(str(e.port) if e.port == e.port_end else f"{e.port}-{e.port_end}" for e in found)
    return list(named)[:_SHOWN]


def opening(found: Sequence[Passage]) -> Allow:
    """At the host itself, or for what is led on, where it goes."""
    families = {each.family for each in found}
    return Allow(
        proto=found[0].proto,
        ports=tuple(ports(found)),
        direction="in",
        to=found[0].to or phrase("this host"),
        at=phrase("this host's firewall ({manager})", manager=found[0].manager or phrase("unknown")),
        family=found[0].family if len(families) == 1 else None,
        audience="server",
        why="strangers have to reach it",
    )
