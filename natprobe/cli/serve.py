"""`natprobe serve`: prints the line to paste on the other machine, and answers until it is told to stop.

stdout carries that one line and nothing else.
"""

from __future__ import annotations

import contextlib
import ipaddress
import math
import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from natprobe.cli.errors import OK, SIGNALLED, USAGE, UsageError, warn

if TYPE_CHECKING:
    from natprobe.net.api import Net
    from natprobe.serve.server import Contact, Listening, ServeConfig

TOKEN_VARIABLE = "NATPROBE_SERVE_TOKEN"
_TOKEN_FILE_MAX = 4096
# Any outside address (RFC 5737, RFC 3849): asking for the way there sends nothing.
_OUTSIDE = {4: "192.0.2.1", 6: "2001:db8::1"}


def run(
    udp: list[int],
    tcp: list[int],
    addresses: list[str],
    host: str | None,
    for_seconds: float,
    token_file: Path | None,
    quiet: bool,
) -> int:
    """The command; gives its exit code."""
    from natprobe.cli import signals
    from natprobe.pairing import credentials
    from natprobe.serve.server import CannotListen, ServeConfig

    try:
        token = _token(token_file)
        config = ServeConfig(
            credentials=credentials(token),
            udp=_ports("--udp", udp),
            tcp=_ports("--tcp", tcp) if tcp else (),
            addresses=_addresses(addresses),
            for_seconds=_seconds(for_seconds),
        )
        if host is not None:
            _line(host, 1, None, token)  # refuses what is no host
        signalled = signals.run(signals.until_told(_serve(config, host, token, quiet)))
        return SIGNALLED + signalled if signalled else OK
    except (UsageError, CannotListen) as exc:
        warn(str(exc))
        return USAGE


async def _serve(config: ServeConfig, host: str | None, token: str, quiet: bool) -> None:
    from natprobe.host.system import SystemHost
    from natprobe.net.system import SystemNet
    from natprobe.serve.server import Contact, serve

    net = SystemNet()

    def report(event: Listening | Contact) -> None:
        if isinstance(event, Contact):
            if not quiet:
                _say(_contact(event))
            return
        shown = host or _best_address(event, net)
        line = _line(shown, event.udp[0][1], event.tcp[0][1] if event.tcp else None, token)
        _say(line, sys.stdout)
        for refused in event.refused:  # said even when quiet: it is not what was asked for
            warn(f"{refused.sentence()}; going on without it")
        if not quiet:
            _say(_explained(event, line, shown, config.for_seconds))

    await serve(config, net, SystemHost(), report)


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


def _ports(option: str, ports: list[int]) -> tuple[int, ...]:
    if not ports:
        raise UsageError(f"give at least one {option} port")
    wrong = [port for port in ports if not 0 <= port <= 65535]
    if wrong:
        raise UsageError(f"{option} wants a port from 1 to 65535, or 0 for any free one, not {wrong[0]}")
    return tuple(dict.fromkeys(ports))


def _addresses(words: list[str]) -> tuple[str, ...]:
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


def _seconds(value: float) -> float:
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


def _explained(listening: Listening, line: str, host: str, seconds: float) -> str:
    from natprobe.serve.opening import listed

    words = [f"On the other machine run: natprobe check '{line}'", *_where(listening)]
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
