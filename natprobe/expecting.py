"""What `inspect --expect` takes → Expected: `203.0.113.222:443/tcp=janus`, `*:10000/udp`, `[2001:db8::1]:443/tcp`.

Strict: what is misread here would be looked for in vain on the server.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Literal

from natprobe.facts import Expected
from natprobe.target import BadTarget

_LINE_MAX = 200
_FORM = "ADDRESS:PORT[-PORT]/udp|tcp[=PROGRAM], as in 203.0.113.222:443/tcp=janus or *:10000/udp=jvb"
_WHOLE = re.compile(r"(\[[^\]]*\]|[^:\[\]]*):([^:/]*)/([^=]*)(?:=(.*))?", re.S)
_PROGRAM = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.+-]{0,39}")
_ANY = ("", "*")


class BadExpectation(BadTarget):
    """Not a port to be expected; its one sentence says why and what is wanted."""


def expected(text: str, file: str = "", line: int = 0) -> Expected:
    """One of them. Without an address, or with `*`, any of the host's will do; `0.0.0.0` and `[::]` are every one of a
    family. Raises BadExpectation.
    """
    if len(text) > _LINE_MAX or not text.isprintable() or not text.isascii():
        raise BadExpectation(f"{_place(file, line)}no more than {_LINE_MAX} plain characters are read: {_FORM}")
    found = _WHOLE.fullmatch(text)
    if found is None:
        raise BadExpectation(f"{_place(file, line)}{text[:60]!r} is not {_FORM}")
    try:
        port, last = _ports(found[2])
        return Expected(
            proto=_proto(found[3]),
            address=_address(found[1]),
            port=port,
            port_end=last,
            program=_program(found[4]),
            file=file,
            line=line,
        )
    except BadExpectation as exc:
        raise BadExpectation(f"{_place(file, line)}{text[:60]}: {exc}") from None


def expected_in(text: str, file: str) -> list[Expected]:
    """Those of a file: one a line, `#` begins a comment. Raises BadExpectation."""
    lines = [each.partition("#")[0].strip() for each in text.removeprefix("\ufeff").splitlines()]
    return [expected(each, file, number) for number, each in enumerate(lines, 1) if each]


def _place(file: str, line: int) -> str:
    return f"{file}, line {line}: " if file else ""


def _address(word: str) -> str | None:
    bare = word[1:-1] if word.startswith("[") else word
    if word in _ANY:
        return None
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        wanted = "an address in brackets" if word.startswith("[") else "an address, * or nothing"
        raise BadExpectation(f"before the port {wanted} is wanted, not {word[:40]!r}") from None
    if (found.version == 6) is not word.startswith("["):
        raise BadExpectation("an IPv6 address stands in brackets, and no other")
    if found.is_multicast or "%" in bare:
        raise BadExpectation("nothing can be looked for at a multicast address, or one with a zone")
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def _ports(words: str) -> tuple[int, int]:
    first, dash, last = words.partition("-")
    port, end = _port(first), _port(last) if dash else _port(first)
    if end < port:
        raise BadExpectation(f"the range {words[:20]} runs backwards")
    return port, end


def _port(word: str) -> int:
    if not word.isdecimal() or len(word) > 5 or not 0 < int(word) < 65536:
        raise BadExpectation(f"a port is a number from 1 to 65535, not {word[:20]!r}")
    return int(word)


def _proto(word: str) -> Literal["udp", "tcp"]:
    if word == "udp":
        return "udp"
    if word == "tcp":
        return "tcp"
    raise BadExpectation(f"after the port /udp or /tcp is wanted, not /{word[:20]}")


def _program(word: str | None) -> str:
    if word is None:
        return ""
    if not _PROGRAM.fullmatch(word):
        raise BadExpectation(f"after = the name of a program is wanted, not {word[:40]!r}")
    return word
