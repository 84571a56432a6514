"""`natprobe serve`: prints the line to paste on the other machine, and answers until it is told to stop.

stdout carries that one line and nothing else. With -o what arrived is written at the end.
"""

from __future__ import annotations

import contextlib
import ipaddress
import math
import os
import secrets
import sys
import time
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from natprobe.cli.errors import OK, SIGNALLED, USAGE, UsageError, warn

if TYPE_CHECKING:
    from natprobe.cli.output import Plan
    from natprobe.net.api import Net
    from natprobe.serve.counting import Counts
    from natprobe.serve.opening import Refused
    from natprobe.serve.server import Contact, Listening, ServeConfig

TOKEN_VARIABLE = "NATPROBE_SERVE_TOKEN"
_TOKEN_FILE_MAX = 4096
# Any outside address (RFC 5737, RFC 3849): asking for the way there sends nothing.
_OUTSIDE = {4: "192.0.2.1", 6: "2001:db8::1"}
# So many further lines for other ports are shown.
_LINES_MAX = 8


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The command line, as typed."""

    udp: tuple[str, ...] = ()
    tcp: tuple[str, ...] = ()
    like: str = ""
    watch: bool = False
    addresses: tuple[str, ...] = ()
    host: str | None = None
    for_seconds: float = 1800.0
    token_file: Path | None = None


def run(asked: Asked, output: Plan) -> int:
    """The command; gives its exit code. Raises UsageError before anything is opened."""
    from natprobe.cli import signals
    from natprobe.serve.server import CannotListen

    if output.stdout not in (None, "text") or (output.stdout and output.files):
        raise UsageError("serve writes its report to a file: give -o for each -f")
    if asked.watch:
        from natprobe.cli.watch import run as watch

        return watch(asked, output)
    token = _token(asked.token_file)
    config = _config(asked, token)
    if asked.host is not None:
        _line(asked.host, 1, None, token)  # refuses what is no host
    try:
        signalled = signals.run(_served(config, asked.host, token, output))
    except CannotListen as exc:
        warn("; ".join(each.sentence() for each in _named(exc.refused)))
        return USAGE
    return SIGNALLED + signalled if signalled else OK


def _config(asked: Asked, token: str) -> ServeConfig:
    from natprobe.pairing import credentials
    from natprobe.serve.server import ServeConfig

    udp, tcp = wanted(asked)
    return ServeConfig(
        credentials=credentials(token),
        udp=udp,
        tcp=tcp,
        addresses=_addresses(asked.addresses),
        for_seconds=seconds(asked.for_seconds),
        beside=True,
        spare=not asked.udp,
    )


def wanted(asked: Asked) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The ports: those that were named, and those of --like; else the usual ones. Raises UsageError."""
    from natprobe.serve.ports import USUAL, BadPorts, Ports, like, numbers

    try:
        udp, tcp = numbers("--udp", asked.udp), numbers("--tcp", asked.tcp)
        kind = like(asked.like) if asked.like else Ports((), ())
    except BadPorts as exc:
        raise UsageError(str(exc)) from None
    alone = not asked.like
    return (
        tuple(dict.fromkeys((*udp, *kind.udp))) or (USUAL.udp if alone else ()),
        tuple(dict.fromkeys((*tcp, *kind.tcp))) or (USUAL.tcp if alone else ()),
    )


async def _served(config: ServeConfig, host: str | None, token: str, output: Plan) -> int:
    """The signal that ended it, or 0."""
    from natprobe.cli import signals
    from natprobe.cli.served import Record, write_report
    from natprobe.net.system import SystemNet
    from natprobe.serve.counting import Counts

    net = SystemNet()
    counts = Counts(net.now())
    record = Record(net, counts, time.time(), config.for_seconds) if output.files else None
    signalled = await signals.until_told(_serve(config, host, token, output.quiet, net, counts))
    await write_report(record, output)
    return signalled


async def _serve(config: ServeConfig, host: str | None, token: str, quiet: bool, net: Net, counts: Counts) -> None:
    from natprobe.host.system import SystemHost
    from natprobe.serve.server import Contact, serve

    def report(event: Listening | Contact) -> None:
        if isinstance(event, Contact):
            if not quiet:
                _say(_contact(event))
            return
        shown = host or _best_address(event, net)
        line = _line(shown, event.udp[0][1], event.tcp[0][1] if event.tcp else None, token)
        _say(line, sys.stdout)
        for refused in _named(event.refused):  # said even when quiet: it is not what was asked for
            warn(f"{refused.sentence()}; going on without it")
        if not quiet:
            _say(_explained(event, line, shown, token, config.for_seconds))

    await serve(config, net, SystemHost(), report, counts)


def _named(refused: tuple[Refused, ...]) -> tuple[Refused, ...]:
    """With the program that has the port, where the kernel tells us."""
    import msgspec

    from natprobe.host.server import SystemMachine
    from natprobe.model import Failure

    if not any(each.failure is Failure.ADDRESS_IN_USE for each in refused):
        return refused
    with contextlib.suppress(OSError):
        there = SystemMachine().sockets().sockets
        own = os.getpid()
        known = [each for each in there if each.process and each.pid != own]
        names: dict[tuple[str, int], str]
        names = {(each.proto, each.port): f"{each.process} (pid {each.pid})" for each in known}
        return tuple(
            msgspec.structs.replace(each, holder=names.get((each.proto.lower(), each.port), "")) for each in refused
        )
    return refused


def _token(file: Path | None) -> str:
    """From the file, else from the environment, else a new one; never an option, which others could read."""
    from natprobe.pairing import TOKEN, new_token

    if file is not None:
        found, where = _first_line(file), f"the first line of {file}"
    else:
        found, where = os.environ.get(TOKEN_VARIABLE, ""), TOKEN_VARIABLE
        if not found:
            return new_token(secrets.token_bytes(16))
    if not TOKEN.fullmatch(found):
        raise UsageError(f"{where} is not a token: 16 to 64 letters, digits, - and _ are")
    return found


def _first_line(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(_TOKEN_FILE_MAX).decode("ascii", "replace").partition("\n")[0].strip()
    except OSError as exc:
        raise UsageError(f"{file} can't be read: {exc.strerror}") from None


def _addresses(words: tuple[str, ...]) -> tuple[str, ...]:
    """Literal addresses in the form in which the system gives them back."""
    from natprobe.addresses import address_class

    found: dict[str, None] = {}
    for word in words:
        bare, _, zone = word.partition("%")
        try:
            address = str(ipaddress.ip_address(bare))
        except ValueError:
            raise UsageError(f"--address wants one of this machine's addresses, not {word[:60]!a}") from None
        if address_class(address) in ("unspecified", "multicast"):
            raise UsageError(f"--address can't be {address}: leave the option out to listen on every address")
        found[f"{address}%{zone}" if zone else address] = None
    return tuple(found)


def seconds(value: float) -> float:
    """Raises UsageError."""
    if not (math.isfinite(value) and value > 0):
        raise UsageError("--for wants a number of seconds above 0")
    return value


def _line(host: str, port: int, tcp: int | None, token: str) -> str:
    """What `natprobe check` takes."""
    from natprobe.target import BadTarget, parse

    bare = host.strip("[]")
    shown = f"[{bare}]" if ":" in bare else bare
    line = f"natprobe://{shown}:{port}{f'?tcp={tcp}' if tcp else ''}#{token}"
    try:
        named = parse(line).target
    except BadTarget as exc:
        raise UsageError(f"--host: {exc}") from None
    if named.port != port or named.fallback_port != tcp:  # a path, a query or a port of its own
        raise UsageError("--host wants a name or an address and nothing else")
    return line


def _best_address(listening: Listening, net: Net) -> str:
    """The one that packets to the outside would leave from, else any that isn't loopback, else loopback."""
    from natprobe.addresses import address_class

    open_on = [address for address, port in listening.udp if port == listening.udp[0][1]]
    for towards in _OUTSIDE.values():
        with contextlib.suppress(OSError):
            if (address := net.source_address(towards)) in open_on:
                return address
    return next((each for each in open_on if address_class(each) != "loopback"), open_on[0])


def _explained(listening: Listening, line: str, host: str, token: str, seconds: float) -> str:
    from natprobe.serve.opening import listed

    words = [f"On the other machine run: natprobe check '{line}'", *_more(listening, host, token), *_where(listening)]
    if listening.discovery:
        words.append(
            "Answers NAT behaviour tests (RFC 5780) on "
            + listed(dict.fromkeys(address for address, _ in listening.discovery))
            + ", ports "
            + listed(dict.fromkeys(str(port) for _, port in listening.discovery))
        )
    if not _reachable(host):
        words.append(f"{host} means nothing outside its own network: for a test from outside give --host")
    words.append(f"Ends after {_duration(seconds)}, or with Ctrl-C")
    return "\n".join(words)


def _more(listening: Listening, host: str, token: str) -> list[str]:
    """A line has one UDP port and one TCP port: those of the others, without RFC 5780's alternates."""
    alternates = {port for _, port in listening.discovery}
    first, *udp = dict.fromkeys(port for _, port in listening.udp)
    tcp = [*dict.fromkeys(port for _, port in listening.tcp)][1:]
    others = zip_longest([port for port in udp if port not in alternates], tcp)
    lines = [_line(host, one or first, other, token) for one, other in others]
    shown = [f"For its other ports: natprobe check '{each}'" for each in lines[:_LINES_MAX]]
    return [*shown, f"and {len(lines) - _LINES_MAX} more"] if len(lines) > _LINES_MAX else shown


def _where(listening: Listening) -> list[str]:
    """One line for each port, with its addresses."""
    from natprobe.serve.opening import listed

    lines = []
    for proto, endpoints in (("UDP", listening.udp), ("TCP", listening.tcp)):
        for number in dict.fromkeys(port for _, port in endpoints):
            addresses = listed(address for address, port in endpoints if port == number)
            lines.append(f"Listens on {proto} {number} of {addresses}")
    return lines


def _reachable(host: str) -> bool:
    """Whether a stranger could use this: a name (who knows) or a public address."""
    from natprobe.addresses import address_class
    from natprobe.target import is_address

    return not is_address(host.strip("[]")) or address_class(host.strip("[]")) == "public"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"


def _contact(contact: Contact) -> str:
    proof = "with the right token" if contact.verified else "without the token"
    return f"{contact.proto} arrives from {contact.address} ({proof})"


def _say(text: str, to: TextIO | None = None) -> None:
    with contextlib.suppress(OSError):  # a closed pipe must not end the service
        print(text, file=to or sys.stderr, flush=True)
