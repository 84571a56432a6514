"""Stand-ins for names: hosts, users, interfaces, certificates' holders. Pure.

Each label of a name has a stand-in of its own, so that what was a name below another is still below it. Labels that
only say what a host is for stay, but not where they are what somebody registered.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
import re

from natprobe.addresses import address_class
from natprobe.redact._addresses import Addresses, Ip
from natprobe.redact._vocabulary import (
    is_inner,
    is_public_name,
    is_usual,
    is_usual_interface,
    is_usual_user,
    shared_end,
)

NAME_MAX = 253  # RFC 1035
# Shorter ones stand in too many other words, to be looked for in sentences.
_WORD_MIN = 3
_ZONE_MAX = 15
_REVERSED = (".in-addr.arpa", ".ip6.arpa")
# What words are made of, and the marks between.
ATOMS = re.compile(r"([._-])")
_ATOMS_MAX = 24
_PARTS = re.compile(r"[*?]+|[^*?]+")


class Names:
    """The stand-in of each name under one key. `words`: those that are looked for in sentences, in small letters, and
    of how many atoms the `longest` is; `addresses`: those that were met as such.
    """

    def __init__(self, key: bytes, addresses: Addresses) -> None:
        self._key = key
        self._addresses = addresses
        self.words: dict[str, str] = {}
        self.longest = 1
        self.addresses: set[str] = set()
        self._done: dict[str, str] = {}
        self._seen: dict[str, str] = {}

    def stand_in(self, kind: str, text: str, length: int = 10) -> str:
        """A word that shows its kind and nothing of the text: 50 bits, unless another length is said."""
        digest = hmac.digest(self._key, b"%b\0%b" % (kind.encode(), text.encode("utf-8", "replace")), "sha256")
        return f"{kind}-{base64.b32encode(digest).decode().lower()[:length]}"

    def digits(self, text: str) -> str:
        """As many hexadecimal digits or letters as it has, with its other marks where they are."""
        plain = re.sub(r"[\W_]", "", text)
        mark, alphabet = b"token\0" + plain.lower().encode("utf-8", "replace"), "0123456789abcdef"
        stream = b"".join(hmac.digest(self._key, mark + b"\0%d" % n, "sha256") for n in range(len(plain) // 32 + 1))
        signs = (alphabet[each & 15] for each in stream)
        upper = plain.isupper()
        return "".join((c := next(signs)).upper() * upper or c if each.isalnum() else each for each in text)

    def address(self, text: str) -> str:
        """An address with or without a zone; what is none comes back as it is."""
        known = self._seen.get(text)
        if known is None:
            known = self._seen[text] = self._address(text)
        return known

    def _address(self, text: str) -> str:
        bare, _, zone = text.partition("%")
        try:
            found = ipaddress.ip_address(bare)
        except ValueError:
            return text
        self.addresses.add(bare)
        stand_in = _written(self._addresses.of(found), dotted="." in bare)
        return f"{stand_in}%{self.interface(zone)}" if zone else stand_in

    def interface(self, name: str) -> str:
        """Usual names of interfaces stay."""
        if not name or is_usual_interface(name) or name.isdecimal():
            return name
        return self._noted(name, self.stand_in("if", name, 8)[:_ZONE_MAX])

    def user(self, name: str) -> str:
        """Accounts that systems make stay."""
        if not name or is_usual_user(name):
            return name
        return self._noted(name, self.stand_in("user", name.lower()))

    def word(self, kind: str, text: str) -> str:
        """A stand-in for the whole text, the same for other capitals."""
        return self.stand_in(kind, text.strip().lower()) if text.strip() else text

    def host(self, text: str) -> str:
        """A host's name or address, or a pattern of such names."""
        found = self._done.get(text)
        if found is None:
            found = self.address(text)
            found = found if found != text or is_ip(text) else self._name(text)
            self._done[text] = found
        return found

    def _name(self, text: str) -> str:
        bare = text.removesuffix(".")
        lower = bare.lower()
        if not lower or is_public_name(lower):
            return text
        if lower.endswith(_REVERSED):
            return self._reversed(lower)
        labels = bare.split(".")
        found = ".".join(self._labels(labels)) + ("." if text.endswith(".") else "")
        if len(found) <= NAME_MAX:
            return found
        kept = ".".join(self._labels(labels)[-2:])
        return f"{self.stand_in('name', lower)}.{kept}"[-NAME_MAX:]

    def _labels(self, labels: list[str]) -> list[str]:
        lower = [a_label(each.lower()) for each in labels]
        shared = shared_end(lower)
        registered = len(labels) - shared - 1 if shared else -1
        found = []
        for place, (label, low) in enumerate(zip(labels, lower, strict=True)):
            own = place == registered and not is_inner(low)
            stays = place > registered >= 0 or (is_usual(low) and not own)
            found.append(label if stays else self._label(label, low, note=not is_usual(low)))
        if registered >= 0:
            self._note(".".join(lower[registered:]), ".".join(found[registered:]).lower())
        return found

    def _label(self, label: str, lower: str, note: bool) -> str:
        """A pattern's stars stay where they are, and what goes before a service's name."""
        if "*" in lower or "?" in lower:
            return "".join(self._part(each) for each in _PARTS.findall(label))
        if lower.startswith("_"):
            return "_" + self._label(label[1:], lower[1:], note) if not is_usual(lower[1:]) else label
        if not lower:
            return label
        found = self.stand_in("name", lower)
        if note:
            self._noted(lower, found)
            if label.lower() != lower:
                self._noted(label, found)
        return found if label == label.lower() else found.capitalize()

    def _part(self, text: str) -> str:
        return text if text[0] in "*?" or is_usual(text.lower()) else self.stand_in("name", text.lower())

    def _reversed(self, name: str) -> str:
        """The address that it asks for, forwards and back (RFC 1035 section 3.5, RFC 3596 section 2.5)."""
        digits = name.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa").split(".")[::-1]
        try:
            if name.endswith(".in-addr.arpa"):
                found = ipaddress.ip_address(".".join((digits + ["0"] * 4)[:4]))
                shown = str(self._addresses.of(found)).split(".")[: len(digits)]
                return ".".join(shown[::-1]) + ".in-addr.arpa"
            packed = bytes.fromhex("".join(digits).ljust(32, "0"))
            shown = list(self._addresses.of(ipaddress.IPv6Address(packed)).packed.hex())[: len(digits)]
            return ".".join(shown[::-1]) + ".ip6.arpa"
        except ValueError:
            return self.stand_in("name", name) + name[name.rindex(".", 0, -5) :]

    def _noted(self, name: str, stand_in: str) -> str:
        """To be looked for in sentences, if it says enough."""
        if len(name) >= _WORD_MIN and not is_usual(name.lower()):
            self._note(name.lower(), stand_in)
        return stand_in

    def _note(self, name: str, stand_in: str) -> None:
        self.words[name] = stand_in
        self.longest = max(self.longest, min(len(ATOMS.split(name)), _ATOMS_MAX))


def _written(address: Ip, dotted: bool) -> str:
    """IPv4 within IPv6 as the original had it."""
    mapped = address.ipv4_mapped if dotted and isinstance(address, ipaddress.IPv6Address) else None
    return f"::ffff:{mapped}" if mapped is not None else str(address)


def is_ip(text: str) -> bool:
    """Whether it is an address, with or without a zone."""
    try:
        address_class(text)
    except ValueError:
        return False
    return True


def a_label(label: str) -> str:
    """As DNS has it (RFC 3492)."""
    if label.isascii():
        return label
    return "xn--" + label.encode("punycode", "replace").decode("ascii", "replace")
