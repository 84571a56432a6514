"""Stand-ins within any text: every address, name, user and token that shows in it; the other words stay. Pure.

One pass over the text, so that no stand-in is taken for an original.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from natprobe.derive.inner import INNER
from natprobe.model import clip
from natprobe.redact._addresses import Addresses, Ip
from natprobe.redact._names import ATOMS, Names, a_label, is_ip
from natprobe.redact._vocabulary import FILE_ENDINGS, TOP, is_usual
from natprobe.wording import Phrase, phrase

_V4 = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
_V6 = rf"(?:[0-9A-Fa-f]{{0,4}}:){{2,7}}(?:{_V4}|[0-9A-Fa-f]{{0,4}})"
# What may stand before and behind: letters of other scripts, which have no blanks between words, and a colon.
_BEFORE_V4, _BEHIND_V4 = r"(?<![0-9])(?<![0-9]\.)", r"(?![0-9])(?!\.[0-9])"
_BEFORE_V6, _BEHIND_V6 = r"(?<![0-9A-Za-z_])(?<![0-9]\.)", r"(?![0-9A-Za-z])(?!:[0-9A-Fa-f:])"
_ADDRESS = f"(?:{_BEFORE_V6}{_V6}{_BEHIND_V6}|{_BEFORE_V4}{_V4}{_BEHIND_V4})"
_NO_V6 = r"(?![0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:)"
# An address behind a dot or a hyphen is no part of the name before it; `example.de:443:` is one (no end of a name has
# digits, nor begins like inner addresses).
_JOINT = (
    r"[.*-](?!(?=[A-Fa-f]{0,3}[0-9]|[Ff][CDcd])(?:(?:[0-9A-Fa-f]{1,4}:){1,6}:|(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]))"
)
_LETTER = rf"[^\W\x00-\x7f]{_NO_V6}"
_PARTS = {
    "escaped": rf"%(?!{_V4}){_NO_V6}[0-9A-Fa-f]{{2}}",
    "url": r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s\"'<>,;(){}|\\^`]+",
    "service": r"(?<![A-Za-z0-9])(?:stun|turn)s?:(?=[A-Za-z0-9\[])[^\s\"'<>,;/(){}|\\^`]+",
    "mail": r"(?<![\w.+%-])\w[\w.+%-]{0,63}@(?!sha[0-9])[\w.-]{1,253}",
    "hardware": r"(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{2}[:-]){5,63}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:])"
    r"|(?<![\w.-])(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}(?![\w-]|\.\w)",
    "home": r"(?<=\\[Uu]sers\\)[^\s\"'<>,;|:/\\]+",
    "range": rf"(?<![\w:.])(?:{_V4}|{_V6})\s?-\s?(?:{_V4}|{_V6}){_BEHIND_V6}",
    "address": rf"{_ADDRESS}(?:%[0-9A-Za-z_.-]{{1,15}})?(?:/[0-9]{{1,3}}(?![0-9.]))?",
    "path": rf"(?<![\w}})\]/])(?:~|\.{{1,2}})?/(?:{_NO_V6}[^\s\"'<>,;:|(){{}}\[\]\\^`$*?])+",
    "token": rf"(?:[*.]{_NO_V6})?(?:[A-Za-z0-9_]|{_LETTER})(?:(?:[A-Za-z0-9_]|{_JOINT}|{_LETTER})*[\w*])?",
}
_ALL = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _PARTS.items()))
_TEACHING = ("url", "service", "mail", "home", "path", "token")
_FOUR = re.compile(f"{_BEFORE_V4}{_V4}{_BEHIND_V4}")
_URL = re.compile(r"(?P<scheme>[A-Za-z0-9+.-]+:(?://)?)(?P<place>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_PLACE = re.compile(r"(?P<user>.*@)?(?P<host>\[[^\]]*\]|[^:\]]*)(?P<port>:.*)?", re.DOTALL)
_SCHEME = re.compile(r"[a-z0-9=+]*://|(?:stun|turn)s?:", re.IGNORECASE)
# Of a token that nobody reads: made by chance, or of a certificate.
_LONG = 20
_CONSTANT = re.compile(r"(?:[A-Z0-9]{1,10}[-_])+[A-Z0-9]{1,10}")
_HOMES = ("home", "Users")
_BEGINNING = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){1,2}(?=\.\*)")
_NOT_NAMES = re.compile(r"[0-9.*-]+")
_LABELS = re.compile(r"[*.]?(?:[\w-]{1,63}\.)*[\w-]{1,63}\.?")


class _Edges(NamedTuple):
    """Both ends of a range of addresses."""

    low: Ip
    high: Ip


class Texts:
    """What stands in for texts. `learning`: names are only noted, to be found in other texts later."""

    def __init__(self, names: Names, addresses: Addresses) -> None:
        self._names, self._addresses = names, addresses
        self.learning = False
        self._learnt: set[str] = set()
        self._done: dict[tuple[str, bool], str] = {}
        self._how: dict[str, Callable[[str], str]] = {
            "escaped": str,
            "url": self.url,
            "service": self.url,
            "mail": self._mail,
            "hardware": self._names.digits,
            "home": self._names.user,
            "range": self._range,
            "address": self._address,
            "path": self._path,
            "token": self._token,
        }

    def text(self, text: str, product: bool = False) -> str:
        """Any text. `product`: of programs and versions, where four numbers with dots are seldom an address."""
        if self.learning:
            self._learn(text)
            return text
        if isinstance(text, Phrase):
            return self._phrase(text)
        found = self._done.get((text, product))
        if found is None:
            known = self._names.addresses
            found = clip(_ALL.sub(lambda part: self._part(part, known if product else None), text))
            self._done[text, product] = found
        return found

    def _phrase(self, text: Phrase) -> Phrase:
        """A sentence of ours: what was filled in alone."""
        filled = {name: self.text(each) if isinstance(each, str) else each for name, each in text.args.items()}
        return phrase(text.template, **filled)

    def _learn(self, text: str) -> None:
        """What is told of names where they show as such, so that they are found elsewhere too."""
        if text in self._learnt:
            return
        self._learnt.add(text)
        for part in _ALL.finditer(text):
            if part.lastgroup in _TEACHING and (part.lastgroup != "token" or "." in part[0]):
                self._how[part.lastgroup](part[0])

    def _part(self, part: re.Match[str], only: set[str] | None) -> str:
        numbers = _FOUR.findall(part[0]) if only is not None and part.lastgroup in ("address", "token") else ()
        if any(each not in (only or ()) for each in numbers):
            return part[0]
        return self._how[part.lastgroup or ""](part[0])

    def place(self, text: str) -> str:
        """What names a host: its name or address, with or without scheme and port. All else is any text."""
        if is_ip(text):
            return self._names.host(text)
        if _SCHEME.match(text):
            return self.text(text)
        found = _PLACE.fullmatch(text)
        host = found["host"] if found else ""
        if found is None or found["user"] or not (host.startswith("[") or _LABELS.fullmatch(host)):
            return self.text(text)
        return f"{self._host(host)}{found['port'] or ''}"

    def url(self, text: str) -> str:
        """With its scheme, port and what is usual of its path."""
        found = _URL.fullmatch(text)
        if found is None:
            return text
        place = _PLACE.fullmatch(found["place"])
        if place is None or not place["host"]:
            where = found["place"]
        else:
            user = "".join(f"{self._names.user(each)}@" for each in (place["user"] or "")[:-1].split("@") if each)
            where = f"{user}{self._host(place['host'])}{place['port'] or ''}"
        return f"{found['scheme']}{where}{self.path(found['rest'])}"

    def _host(self, text: str) -> str:
        if text.startswith("["):
            return f"[{self._names.address(text[1:-1])}]"
        return self._names.host(text) if _LABELS.fullmatch(text) or is_ip(text) else self._token(text)

    def path(self, text: str) -> str:
        """Of an URL or a file: usual parts stay."""
        parts = re.split(r"([/?&=#:%;]+)", text)
        for place, part in enumerate(parts):
            home = place > 1 and parts[place - 2] in _HOMES
            parts[place] = self._names.user(part) if home else part if place % 2 else self._segment(part)
        return "".join(parts)

    def _path(self, text: str) -> str:
        return self.path(text)

    def _segment(self, text: str) -> str:
        """Names as names, all other parts by themselves unless they are usual."""
        if not text or is_ip(text):
            return self._names.address(text)
        if is_usual(text.lower()):
            return text
        if _FOUR.search(text):
            return self._around(text, self._segment)
        atoms = self._runs(ATOMS.split(text))
        return "".join(each if done else self._atom(each) for each, done in atoms)

    def _atom(self, text: str) -> str:
        plain = text.lower()
        if len(plain) < 2 or is_usual(plain) or plain.isdecimal() or not text.isalnum() or plain in TOP:
            return text
        return self._names.stand_in("name", plain)

    def _runs(self, atoms: list[str]) -> list[tuple[str, bool]]:
        """Atoms and what is between them, known names put in their place; whether each has been done."""
        found: list[tuple[str, bool]] = []
        at = 0
        while at < len(atoms):
            end = min(len(atoms), at + self._names.longest)
            runs = ((stop, self._known("".join(atoms[at:stop]))) for stop in range(end, at, -1)) if at % 2 == 0 else ()
            stop, known = next(((stop, each) for stop, each in runs if each is not None), (at + 1, None))
            found.append((atoms[at], at % 2 == 1) if known is None else (known, True))
            at = stop
        return found

    def _known(self, text: str) -> str | None:
        lower = text.lower() if text.isascii() else a_label(text.lower())
        found = self._names.words.get(lower)
        return found if found is None or text != text.capitalize() or text == text.lower() else found.capitalize()

    def _token(self, text: str) -> str:
        return self._around(text, self._word) if _FOUR.search(text) else self._word(text)

    def _around(self, text: str, how: Callable[[str], str]) -> str:
        """Addresses as such, and what is around them in this way."""
        ends = [0, *(end for each in _FOUR.finditer(text) for end in each.span()), len(text)]
        parts = [text[begin:end] for begin, end in pairwise(ends)]
        return "".join(self._names.address(each) if n % 2 else how(each) for n, each in enumerate(parts))

    def _word(self, text: str) -> str:
        if not text:
            return text
        if (head := _BEGINNING.match(text)) is not None:
            return self._beginning(head[0]) + text[head.end() :]
        before = text[0] if text[0] in "*." and len(text) > 1 else ""
        bare = text[len(before) :]
        if self._is_name(bare):
            return before + self._names.host(bare)
        if (known := self._known(bare)) is not None:
            return before + known
        if any(map(_is_long, pieces := bare.split("."))):  # of a JWT each is
            return before + ".".join(self._names.digits(each) if _is_long(each) else each for each in pieces)
        return before + "".join(each for each, _ in self._runs(ATOMS.split(bare)))

    def _beginning(self, text: str) -> str:
        """Of an address of IPv4 the first numbers."""
        numbers = text.split(".")
        return ".".join(self._names.address(".".join((numbers + ["0"] * 2)[:4])).split(".")[: len(numbers)])

    def _is_name(self, text: str) -> bool:
        """Whether a word with dots ends like a public name, and not like a file's."""
        last = text.rpartition(".")[2].lower()
        if "." not in text or last in FILE_ENDINGS or _NOT_NAMES.fullmatch(text) or not _LABELS.fullmatch(text):
            return False
        return last in TOP or (len(last) == 2 and last.isalpha())

    def _mail(self, text: str) -> str:
        user, _, host = text.partition("@")
        shown = self._token(host) if _FOUR.search(host) else self._names.host(host)
        return f"{user if is_usual(user.lower()) else self._names.user(user)}@{shown}"

    def _address(self, text: str) -> str:
        """With or without a zone, a network's length, or both."""
        head, tail = _colons(text.partition("/")[0])
        if head or tail:
            return text[:head] + self._address(text[head : len(text) - tail]) + text[len(text) - tail :]
        whole, _, prefix = text.partition("/")
        if not prefix or not is_ip(whole):
            return self._names.address(whole) + text[len(whole) :]
        found = ipaddress.ip_address(whole.partition("%")[0])
        if int(prefix) > found.max_prefixlen:
            return f"{self._names.address(whole)}/{prefix}"
        return f"{self._addresses.of_network(found, int(prefix))}/{prefix}"

    def _range(self, text: str) -> str:
        """The smallest network with both ends in it stays one, and those that rules ask for by themselves stay."""
        low, high = (each.strip() for each in text.split("-"))
        if not (is_ip(low) and is_ip(high)):
            return text
        ends = _Edges(ipaddress.ip_address(low), ipaddress.ip_address(high))
        if ends.low.version != ends.high.version or int(ends.low) > int(ends.high):
            return f"{self._names.address(low)}-{self._names.address(high)}"
        if asks_for(ends):
            return text
        prefix = ends.low.max_prefixlen - (int(ends.low) ^ int(ends.high)).bit_length()
        network = ipaddress.ip_network(f"{ends.low}/{prefix}", strict=False)
        if (network[0], network[-1]) != ends:
            first, last = sorted((self._addresses.of(ends.low), self._addresses.of(ends.high)), key=int)
            return f"{first}-{last}"
        there = ipaddress.ip_network(f"{self._addresses.of(ends.low)}/{prefix}", strict=False)
        return f"{there[0]}-{there[-1]}"


def asks_for(ends: tuple[Ip, Ip]) -> bool:
    """Whether an address is within that stands for all inner ones, whichever network has it."""
    low, high = ends
    inner = [ipaddress.ip_address(each) for each in INNER]
    return any(each.version == low.version and int(low) <= int(each) <= int(high) for each in inner)


def _colons(text: str) -> tuple[int, int]:
    """How many colons of a sentence stand before and behind an address."""
    if ":" not in (text[0], text[-1]) or is_ip(text):
        return 0, 0
    ends = ((head, tail) for tail in range(2) for head in range(3) if tail or head)
    return next(((head, tail) for head, tail in ends if _bare(text, head, tail)), (0, 0))


def _bare(text: str, head: int, tail: int) -> bool:
    inner = text[head : len(text) - tail]
    return not (text[:head] + text[len(text) - tail :]).strip(":") and is_ip(inner)


def _is_long(text: str) -> bool:
    """Whether chance made it."""
    if len(text) < _LONG or re.search(r"[^\w+=~-]", text) or _CONSTANT.fullmatch(text):
        return False
    digits, mixed = sum(each.isdigit() for each in text), text != text.lower() and text != text.upper()
    return (digits >= 3 or (digits > 0 and mixed)) and any(each.isalpha() for each in text)
