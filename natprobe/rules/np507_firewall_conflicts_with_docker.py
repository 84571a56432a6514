"""The firewall manager and Docker's rules undo each other

Docker publishes a container's port by DNAT: packets for it are led on before the rules for the host itself are asked.
So ufw, and whatever else filters what comes in, doesn't filter published ports: a port that ufw shuts is open all the
same. And a manager that loads its rules anew, or forwards nothing, takes away what Docker has written: published ports
lose their way into the container.

How it shows: a port that `ufw status` doesn't name answers from everywhere; or containers that worked are unreachable
since firewalld or nftables was restarted, until Docker is.

What to do: publish what is not for everybody on loopback only (`127.0.0.1:8080:8080`); rules for published ports belong
into Docker's own chain DOCKER-USER. Where Docker's rules are gone, restart Docker after the firewall.

Sources: Docker's documentation (packet filtering and firewalls); measured: DNAT before ufw's chains.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from natprobe.derive.passing import USUAL, closed, of_container, wanted
from natprobe.facts import Expected, Facts, Listening, PacketFilter, Passage, Published, Setting, ids
from natprobe.model import Do, Failure, Fix, Severity
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.rules._on_the_host import on_the_host
from natprobe.rules.np506_firewall_closed import opening, ports
from natprobe.wording import mark, phrase

READS = (PacketFilter, Passage, Published, Expected, Setting, Listening)

_OPEN = mark(
    "{proto} port {ports} is open to everybody, though {manager} shuts it ({rule}): Docker leads it past to {to}"
)
_SHUT = mark("Docker leads {proto} port {ports} on to {to}, and {manager} {does} it on the way: {rule} ({chain})")
_GONE = mark(
    "{proto} port {ports} of a container is published, and no rule of the packet filter leads there: Docker's are gone"
)
_DOES = {"drop": phrase("drops"), "reject": phrase("rejects")}
_RESTART = Do(
    text="Restart Docker, which writes its rules anew: sudo systemctl restart docker",
    audience="server",
    why="the firewall was loaded after Docker had written them",
)


def check_together(vantages: Sequence[Facts]) -> Judgement:
    """Where it is why a client gets no answer from the media port."""
    return on_the_host(vantages, "firewall-conflicts-with-docker")


def check(facts: Facts) -> Judgement:
    """Where containers' ports are published."""
    led = [each for each in facts.of(Passage) if of_container(facts, each)]
    published = facts.of(Published, lambda each: each.by != "dnat" and not each.address.startswith(("127.", "::1")))
    if not led and not published:
        return NOT_APPLICABLE
    if facts.failed(PacketFilter, Failure.PERMISSION_DENIED) and not facts.of(Passage):
        return CouldNotTell(reason="filters-hidden", ask="sudo natprobe inspect")
    found = [*_shut(facts, led), *_open(facts, led), *_gone(facts, published)]
    return found or CLEAR


def _shut(facts: Facts, led: Sequence[Passage]) -> Iterator[Found]:
    for group in _grouped([each for each in led if closed(each) and wanted(facts, each)]):
        first = group[0]
        theirs = first.manager in ("docker", "firewalld") or first.rule.startswith("policy ")
        fixes: tuple[Fix, ...] = (_RESTART,) if theirs and first.manager != "ufw" else (opening(group),)
        yield Found(
            message=_SHUT,
            args=_args(group) | {"does": _DOES[first.outcome], "rule": first.rule, "chain": first.chain},
            evidence=ids(group),
            fixes=fixes,
            severity=Severity.ERROR,
        )


def _open(facts: Facts, led: Sequence[Passage]) -> Iterator[Found]:
    """What is meant for everybody may well be open."""
    past = [each for each in led if each.outcome == "accept" and each.passed_by]
    for group in _grouped([each for each in past if not _meant(facts, each)]):
        yield Found(
            message=_OPEN,
            args=_args(group) | {"manager": group[0].passed_manager, "rule": group[0].passed_by},
            evidence=ids(group),
            fixes=(
                Do(
                    text=phrase(
                        "Publish it on loopback only where it is not for everybody (127.0.0.1:{port}:…), or drop it"
                        " in DOCKER-USER: sudo iptables -I DOCKER-USER -p {proto} -m conntrack --ctorigdstport {port}"
                        " --ctdir ORIGINAL -j DROP",
                        port=group[0].port,
                        proto=group[0].proto,
                    ),
                    audience="server",
                    why="Docker's DNAT comes before the rules for the host itself",
                ),
            ),
        )


def _meant(facts: Facts, passage: Passage) -> bool:
    return wanted(facts, passage) is not None or (passage.proto, passage.port) in USUAL


def _gone(facts: Facts, published: Sequence[Published]) -> Iterator[Found]:
    """By IPv4: of IPv6 Docker's own process takes the packets, where it isn't told otherwise."""
    for each in published:
        about = [
            passage
            for passage in facts.of(Passage, lambda passage: passage.family == 4)
            if passage.proto == each.proto and passage.port <= each.port <= passage.port_end
        ]
        if about and ":" not in each.address and all(passage.to is None for passage in about):
            end = f"-{each.port_end}" if each.port_end != each.port else ""
            yield Found(
                message=_GONE,
                args={"proto": each.proto.upper(), "ports": f"{each.port}{end}"},
                evidence=ids(each, about),
                fixes=(_RESTART,),
            )


def _grouped(found: Sequence[Passage]) -> list[list[Passage]]:
    groups: dict[tuple[object, ...], list[Passage]] = {}
    for each in found:
        key = (each.proto, each.to, each.manager, each.rule if closed(each) else each.passed_by)
        groups.setdefault(key, []).append(each)
    return list(groups.values())


def _args(group: Sequence[Passage]) -> dict[str, object]:
    first = group[0]
    named = ", ".join(ports(group))
    return {"proto": first.proto.upper(), "ports": named, "to": first.to, "manager": first.manager or phrase("a rule")}
