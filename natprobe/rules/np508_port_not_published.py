"""The container's port is not published, or differently

A program in a container has the port there. On the host it is only where the container's port is published: by
docker-proxy, by a DNAT rule of Docker's, or with the host's own network. Published on 127.0.0.1 it is for this host
alone. A media port has to be published under the number that it has in the container, since that is what the bridge
tells its clients.

How it shows: the port is refused from outside, or silent, while the program's log says that it listens. Two
participants hear each other (that is peer to peer) and a third makes it fail.

What to do: publish it in docker-compose.yml, the same number on both sides for media ("10000:10000/udp"), without an
address before it, or with the one that clients come to; then `docker compose up -d`. In docker-jitsi-meet JVB_PORT of
.env is both numbers at once. Compare with `docker compose ps`.

Sources: Docker's documentation of published ports; docker-jitsi-meet's docker-compose.yml; measured: docker-proxy.
"""

from collections.abc import Iterator

from natprobe.derive.configured import folder
from natprobe.derive.docker import deployments
from natprobe.derive.listening import Standing, crossed, led_unseen, unpublished
from natprobe.facts import Expected, Facts, Listening, PacketFilter, Passage, Published, Setting, Sockets, ids
from natprobe.model import Do, Fix, split
from natprobe.rules import CLEAR, CouldNotTell, Found, Judgement, _ports
from natprobe.wording import mark, phrase

READS = (Sockets, Listening, Published, Expected, PacketFilter, Passage, Setting)

_NOT = mark("{where} of {program}'s container is not published on this host, though {said} wants it")
_DOWN = mark(
    "{where} of {program}'s container, which {said} wants, is in ports of docker-compose.yml, and nothing on this host"
    " leads there: the container does not run, or still runs with older settings"
)
_OTHERWISE = mark("{program}'s port {inner} is published as {outer}, and not as {where}, which {said} wants")
_CROSSED = mark("{where} leads to port {inner} in {program}'s container: media is told to come to {inner}")


def check(facts: Facts) -> Judgement:
    """Where rules of the packet filter may do it alone, and are hidden from us, nobody can tell."""
    if (unsure := _ports.unread(facts)) is not None:
        return unsure
    missing, wrong = unpublished(facts), crossed(facts)
    if led_unseen(facts):
        return CouldNotTell(reason="filters-unread", ask="sudo natprobe inspect")
    found = [*(_missing(facts, each) for each in missing), *_crossed(facts, wrong)]
    return found or CLEAR


def _missing(facts: Facts, standing: Standing) -> Found:
    """The same port of the container under another number says what has gone wrong."""
    otherwise = [each for each in facts.of(Published) if _leads_there(each, standing)]
    need = standing.need
    file, line = _ports.file_of(need)
    written = not otherwise and _in_compose(facts, standing)
    return Found(
        message=_OTHERWISE if otherwise else _DOWN if written else _NOT,
        args={
            "where": _ports.where(standing),
            "program": _ports.who(need),
            "said": _ports.said(need),
            "inner": standing.port,
            "outer": _ports.at(otherwise),
        },
        evidence=tuple(sorted({*_ports.evidence(facts, standing), *ids(otherwise)})),
        fixes=(_ports.running(need) if written else _publish(standing),),
        file=file,
        line=line,
    )


def _in_compose(facts: Facts, standing: Standing) -> bool:
    """Whether the compose file publishes it under its own number already."""
    need, every = standing.need, [each for one in deployments(facts) for each in one.compose_ports()]
    here = [each for each in every if folder(each.said.file) == folder(need.file) and each.proto == need.proto]
    return any(each.port <= standing.port <= each.port_end for each in here)


def _leads_there(published: Published, standing: Standing) -> bool:
    return published.proto == standing.need.proto and split(published.to)[1] == standing.port


def _crossed(facts: Facts, wrong: list[tuple[Standing, Published]]) -> Iterator[Found]:
    for standing, published in wrong:
        need = standing.need
        file, line = _ports.file_of(need)
        yield Found(
            message=_CROSSED,
            args={
                "where": _ports.where(standing),
                "program": _ports.who(need),
                "inner": split(published.to)[1],
            },
            evidence=_ports.evidence(facts, standing),
            fixes=(_publish(standing),),
            file=file,
            line=line,
        )


def _publish(standing: Standing) -> Fix:
    need = standing.need
    ports = _ports.numbers(standing)
    mapping = f"{ports}:{ports}/{need.proto}" if need.role == "media" else f"{ports}:PORT-IN-CONTAINER/{need.proto}"
    return Do(
        text=phrase(
            'Publish it in docker-compose.yml, in ports of {who}: "{mapping}"', who=_ports.who(need), mapping=mapping
        ),
        audience="server",
        after="docker compose up -d",
    )
