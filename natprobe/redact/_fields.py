"""What stands in for the fields of each kind of observation: by their types, and of texts by a table. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from natprobe.facts import Permission, Setting
from natprobe.model import Address, Data, Endpoint, Foreign, HostName, Observation, Text, join, split
from natprobe.redact._addresses import Addresses
from natprobe.redact._holders import Holders
from natprobe.redact._names import Names, is_ip
from natprobe.redact._texts import Texts, asks_for
from natprobe.redact._vocabulary import is_usual

D = TypeVar("D", bound=Data)

# What a text is, where it is not just any: by the field's name, else by its kind and name.
_WHAT: dict[str, str] = {
    **dict.fromkeys(("via", "ways", "host", "stun_server", "turn_server", "p2p_stun", "proxy", "stun"), "place"),
    **dict.fromkeys(("domain", "muc", "focus", "anonymous_domain", "visitors", "realm", "names"), "place"),
    **dict.fromkeys(("interface", "asked_interface"), "interface"),
    **dict.fromkeys(("subject",), "subject"),
    **dict.fromkeys(("issuer",), "issuer"),
    **dict.fromkeys(("sha256", "digest"), "digits"),
    **dict.fromkeys(("user",), "user"),
    **dict.fromkeys(("bypass", "bypassed"), "pattern"),
    **dict.fromkeys(("shard",), "shard"),
    **dict.fromkeys(("container",), "container"),
    **dict.fromkeys(("operator",), "operator"),
    **dict.fromkeys(
        ("version", "version_string", "software", "server", "protocol", "cipher", "content_type", "system", "natprobe"),
        "product",
    ),
    "SrvAnswer.service": "kept",
    "Run.only": "kept",
    "Run.skip": "kept",
    "ProxyScript.asked": "text",
    "BindTry.asked": "asked",
    "BindTry.interface": "interface",
    "Setting.system": "kept",
    "ConfigFile.system": "kept",
    "CertificateFile.system": "kept",
    "Published.container": "container",
    "NaptrRecord.service": "kept",
    "Target.path": "path",
    "Target.scheme": "kept",
    "Target.input": "place",
    "Program.name": "kept",
}
# Settings whose value names hosts, accounts, interfaces or beginnings of addresses.
_HOSTS = re.compile(
    r"(?i)(?:.*[_.-])?(?:domains?|hosts?|hostname|host_ip|realm|server[_-]name|muc|server|virtualhost|component|upstream"
    r"|websocket|url|jid|focus|anonymousdomain|aux-server|alternate-server|tls-alternate-server|servers|addresses)"
    r"|XMPP_[A-Z_]*DOMAIN|.*[_-](?:HOST|DOMAIN|SERVER|SERVERS)|JVB_WS_SERVER_ID|.*server-id"
)
_ACCOUNTS = ("user", "proc-user", "proc-group", "prosody_user", "turn_user", "TURN_USERNAME", "username")
_PIECES = ("ice_enforce_list", "ice_ignore_list")
# Names of probes, services and programs; nobody else's words look so.
_OURS = re.compile(r"[A-Za-z0-9_.:+-]{0,40}")
_WORDS = re.compile(r"([\s,;\"'|=()<>]+)")
_PIECE = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}\.?")


class Fields:
    """What stands in for data, by the types and names of its fields."""

    def __init__(self, key: bytes) -> None:
        addresses = Addresses(key)
        self._names = Names(key, addresses)
        self.texts = Texts(self._names, addresses)
        holders = Holders(self._names, self.texts)
        text, names = self.texts, self._names
        self._endpoints: dict[str, str] = {}
        self._how: dict[str, Callable[[str], str]] = {
            "kept": lambda each: each if _OURS.fullmatch(each) else text.text(each),
            "address": names.address,
            "endpoint": self.endpoint,
            "name": names.host,
            "text": text.text,
            "product": lambda each: text.text(each, product=True),
            "place": text.place,
            "path": text.path,
            "interface": names.interface,
            "asked": lambda each: names.address(each) if is_ip(each) else names.interface(each),
            "subject": holders.subject,
            "issuer": holders.issuer,
            "digits": names.digits,
            "user": names.user,
            "pattern": self.pattern,
            "shard": lambda each: names.word("shard", each),
            "container": lambda each: names.word("container", each),
            "operator": self.operator,
        }

    def endpoint(self, text: str) -> str:
        """With the same port."""
        found = self._endpoints.get(text)
        if found is None:
            address, port = split(text)
            found = self._endpoints[text] = join(self._names.address(address), port)
        return found

    def operator(self, text: str) -> str:
        """Of public servers it is no secret; else it is the server's name or address."""
        return text if text.isalpha() and text[:1].isupper() else self.texts.place(text)

    def pattern(self, text: str) -> str:
        """An exception of a proxy's: a name with stars, the beginning of an address, a network; or words."""
        if " " in text or "<" in text or "/" in text:
            return self.texts.text(text)
        head = _PIECE.match(text)
        if head is not None and text[head.end() :] in ("", "*", ".*"):
            return self.piece(head[0]) + text[head.end() :]
        return self.texts.place(text)

    def piece(self, text: str) -> str:
        """The first numbers of an IPv4 address."""
        numbers = [each for each in text.split(".") if each]
        if not numbers or any(int(each) > 255 for each in numbers):
            return text
        whole = self._names.address(".".join((numbers + ["0"] * 4)[:4]))
        return ".".join(whole.split(".")[: len(numbers)]) + ("." if text.endswith(".") else "")

    def data(self, each: D) -> D:
        """The same with stand-ins; of an observation that a newer version knows, all that it carries."""
        if isinstance(each, Foreign):
            return msgspec.structs.replace(each, raw=self.plain(each.raw, ""))
        changed = {name: self._value(how, getattr(each, name)) for name, how in _plan(each.__class__)}
        if isinstance(each, Observation) and each.carried:
            changed["carried"] = self.plain(each.carried, "")
        if isinstance(each, Setting):
            changed["value"] = self._setting(each)
        if isinstance(each, Permission) and each.purpose == "audit":
            changed["peer"] = self._audited(each.peer)
        return msgspec.structs.replace(each, **changed)

    def _value(self, how: str, value: Any) -> Any:
        if isinstance(value, str):
            return self._how[how](value)
        if isinstance(value, tuple):
            return tuple(self._value(how, each) for each in value)
        return self.data(value) if isinstance(value, Data) else value

    def _audited(self, peer: Endpoint) -> Endpoint:
        """What a relay is asked for is the same everywhere."""
        address = split(peer)[0]
        found = ipaddress.ip_address(address)
        return peer if asks_for((found, found)) else self.endpoint(peer)

    def _setting(self, each: Setting) -> str:
        value = each.value
        if each.key in _ACCOUNTS:
            return self._names.user(value) if re.fullmatch(r"[\w.@+-]+", value) else self.texts.text(value)
        if each.key in _PIECES:
            words = re.split(r"([,\s]+)", value)
            return "".join(self.piece(w) if _PIECE.fullmatch(w) else self.texts.text(w) for w in words)
        if _HOSTS.fullmatch(each.key):
            return "".join(self._word(w) for w in _WORDS.split(value))
        return self.texts.text(value)

    def _word(self, word: str) -> str:
        """A host among others; numbers and what a program puts in are none."""
        if not word or _WORDS.fullmatch(word) or not re.fullmatch(r"[\w.*:\[\]%/+-]+", word) or word.isdecimal():
            return self.texts.text(word)
        return word if is_usual(word.lower()) else self.texts.place(word)

    def plain(self, value: Any, name: str) -> Any:
        """JSON that this version knows nothing of: its kinds and failures stay, each text is looked through."""
        if isinstance(value, dict):
            return {self._key(key): self.plain(each, key) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(self.plain(each, name) for each in value)
        if not isinstance(value, str) or name in ("kind", "failure", "probe"):
            return value
        return self._unknown(value, name)

    def _unknown(self, text: str, name: str) -> str:
        how = _WHAT.get(name, "text")
        if how == "place" and not re.fullmatch(r"[\w.*:\[\]%/+-]+", text):
            how = "text"
        return self._how[how](text) if how in self._how else text

    def _key(self, key: str) -> str:
        return self.texts.text(key) if re.search(r"[.:@/]", key) else key


@cache
def _plan(kind: type) -> tuple[tuple[str, str], ...]:
    """Each field that may hold a word, and what it is."""
    hints = get_type_hints(kind, include_extras=True)
    found = [(name, _what(kind, name, leaf)) for name, hint in hints.items() for leaf in _leaves(hint)]
    return tuple((name, how) for name, how in found if how)


def _what(kind: type, name: str, leaf: Any) -> str:
    if leaf is Text:
        return _WHAT.get(f"{kind.__name__}.{name}") or ("kept" if name == "probe" else _WHAT.get(name, "text"))
    if isinstance(leaf, type) and issubclass(leaf, Data):
        return "text"
    types: tuple[tuple[Any, str], ...] = ((Address, "address"), (Endpoint, "endpoint"), (HostName, "name"))
    return next((how for each, how in types if leaf == each), "")


def _leaves(hint: Any) -> list[Any]:
    if get_origin(hint) is Annotated or not get_args(hint):
        return [hint]
    return [leaf for inner in get_args(hint) for leaf in _leaves(inner)]
