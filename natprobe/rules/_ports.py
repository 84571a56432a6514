"""What the rules about the server's ports say alike: who wants one, where, who has it, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from natprobe.derive.listening import ANY, Holder, Standing, State, is_loopback, plain, standings, told
from natprobe.derive.needs import Need
from natprobe.derive.programs import CONTAINED, unit
from natprobe.facts import Facts, Listening, Passage, Published, Sockets, ids
from natprobe.model import Do, Fix, join
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.wording import enumerated, mark, phrase

# Of a list that a message holds.
_SHOWN = 6


def judged(facts: Facts, *states: State, by: Callable[[Standing], Found]) -> Judgement:
    """Every standing of one of these states is a finding; the same one at the same port only once."""
    if (unsure := unread(facts)) is not None:
        return unsure
    found = [by(each) for each in standings(facts) if each.state in states]
    return found or CLEAR


def unread(facts: Facts) -> Judgement | None:
    """What there is to say where nothing was to be there, or the sockets are not known, which one rule says for all:
    not-listening. None: they are.
    """
    return None if told(facts) and standings(facts) else NOT_APPLICABLE


def hidden(facts: Facts) -> list[Standing]:
    """Ports that somebody has whom we may not see."""
    return [each for each in standings(facts) if each.state == "hidden"]


def where(standing: Standing) -> str:
    """`203.0.113.222:443/tcp`, or `port 443/tcp` where no address is named."""
    ports = numbers(standing)
    if standing.need.address is None or standing.missing is None:
        return phrase("port {ports}/{proto}", ports=ports, proto=standing.need.proto)
    nobody = standing.state in ("absent", "unpublished") or standing.missing in ANY.values()
    address = standing.need.address if nobody else standing.missing
    return f"{join(address, 0)[:-1]}{ports}/{standing.need.proto}"


def numbers(standing: Standing) -> str:
    """`443`, `20000-20010, 20050`."""
    return some(str(first) if first == last else f"{first}-{last}" for first, last in standing.runs)


def who(need: Need) -> str:
    """The program, as whoever wants the port names it."""
    return need.program or phrase("a program")


def said(need: Need) -> str:
    """By what it is wanted."""
    if not need.file:
        return need.by
    place = f"{need.file}:{need.line}" if need.line else need.file
    return phrase("{key} in {place}", key=need.key, place=place) if need.key else place


def by_name(standing: Standing) -> str:
    """The program that is wanted, else the process that is there."""
    there = next((each.process for each in standing.holders if isinstance(each, Listening) and each.process), "")
    return standing.need.program or there or phrase("what is there")


def some(words: Iterable[str]) -> str:
    """The first of them."""
    every = list(words)
    return ", ".join([*every[:_SHOWN], *(["…"] if every[_SHOWN:] else [])])


def held_by(holders: Iterable[Holder]) -> str:
    """Processes with their ids, as `ss` would show them."""
    every = list(dict.fromkeys(map(_holder, holders)))
    return enumerated([*every[:_SHOWN], *(["…"] if every[_SHOWN:] else [])])


def _holder(holder: Holder) -> str:
    if isinstance(holder, Published):
        return phrase("docker-proxy for {to}", to=holder.to)
    if isinstance(holder, Passage):
        return phrase("the packet filter, which leads it to {to}", to=holder.to)
    if holder.process is None:
        return phrase("a hidden process of {user}", user=holder.user or phrase("another user"))
    words = {"process": holder.process, "pid": holder.pid, "container": holder.container}
    if holder.container:
        inside = mark("{process} (pid {pid} in container {container})")
        return phrase(inside if holder.pid else mark("{process} in container {container}"), **words)
    return phrase("{process} (pid {pid})", **words) if holder.pid else holder.process


def at(holders: Iterable[Holder]) -> str:
    """The addresses that they have: `*` for every one of both families."""
    return some(dict.fromkeys(map(_address, holders)))


def _address(holder: Holder) -> str:
    if isinstance(holder, Passage):
        return join(holder.address, holder.port) if holder.address else f"*:{holder.port}"
    own = plain(holder.address)
    both = own == "::" and isinstance(holder, Listening) and holder.v6only is False
    return f"*:{holder.port}" if both else join(own, holder.port)


def evidence(facts: Facts, standing: Standing) -> tuple[int, ...]:
    """Who wants it, who has it; where nobody has it the list of sockets itself."""
    return tuple(sorted({*standing.need.evidence, *ids(standing.holders or facts.of(Sockets))}))


def file_of(need: Need) -> tuple[str | None, int | None]:
    """Where a finding stands in the configuration."""
    return need.file or None, need.line or None


def running(need: Need) -> Do:
    """How to see why a program has no socket."""
    if need.by in CONTAINED:
        words = phrase(
            "In the folder with docker-compose.yml: docker compose up -d; docker compose ps; docker compose logs"
        )
        return Do(text=words, audience="server", why="a container that does not run has no ports on the host")
    if not need.program:
        return Do(
            text=phrase("Start what is to have port {port}, then look: ss -lntup", port=need.port), audience="server"
        )
    name = unit(need.program)
    return Do(
        text=phrase(
            "See whether it runs, and what it says: systemctl status {name}; journalctl -u {name} -n 50", name=name
        ),
        audience="server",
    )


def binding(standing: Standing) -> Fix:
    """How to have it at the address that is wanted."""
    need = standing.need
    place = (
        phrase("{file}, line {line}", file=need.file, line=need.line)
        if need.line
        else need.file or phrase("the settings of {who}", who=who(need))
    )
    wanted = standing.missing or phrase("every address (0.0.0.0, and :: for IPv6)")
    near = standing.missing is not None and is_loopback(standing.missing)
    return Do(
        text=phrase(
            "Set the address that {who} listens at to {wanted} ({place}), and start it anew; then: ss -lntup",
            who=who(need),
            wanted=wanted,
            place=place,
        ),
        audience="server",
        why="" if near else "what listens at another address refuses who comes to this one",
    )
