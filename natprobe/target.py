"""What people paste -> Target. Strict and bounded; what is secret in a link goes aside, never into the Target."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal, get_args
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from natprobe.model import Data, Kind, Target
from natprobe.pairing import TOKEN
from natprobe.wire.urls import bare_path

INPUT_MAX = 4096
_PATH_MAX = 300

# scheme -> (kind, default port); `stun:` and `turn:` URIs have no slashes (RFC 7064, RFC 7065).
_SCHEMES: dict[str, tuple[Kind, int]] = {
    "https": ("auto", 443),
    "http": ("auto", 80),
    "stun": ("stun", 3478),
    "stuns": ("stun", 5349),
    "turn": ("turn", 3478),
    "turns": ("turn", 5349),
    "janus+https": ("janus", 443),
    "janus+wss": ("janus", 443),
    "natprobe": ("natprobe", 10000),
}
_OPAQUE = {"stun", "stuns", "turn", "turns"}
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# A last label that makes the whole an IPv4 address, for browsers and getaddrinfo alike (WHATWG URL, section 3.5).
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# As model.Address has it: an interface's name or number (Linux: at most 15 characters).
_ZONE = re.compile(r"[0-9A-Za-z_.:-]{1,15}")


class BadTarget(ValueError):
    """Not something to check; its one sentence says why and what is wanted."""


class Pasted(Data, frozen=True, kw_only=True):
    """A target, and apart from it what must not be shown: the token of a `serve`, the JWT and room of a link.

    `tenant`: the path before the room, as the link has it; it is no secret.
    """

    target: Target
    token: str | None = None
    jwt: str | None = None
    room: str | None = None
    tenant: str = ""

    def __repr__(self) -> str:
        return f"Pasted({self.target.input!r})"


def parse(text: str, kind: str = "auto") -> Pasted:
    """A host name, address, meeting link or service URI. Raises BadTarget."""
    text = text.strip()
    if not text:
        raise BadTarget("the target is empty: give a host name such as meet.example.com")
    if len(text) > INPUT_MAX:
        raise BadTarget(f"the target is {len(text)} characters long; at most {INPUT_MAX} are read")
    if any(ord(c) < 33 or ord(c) == 127 for c in text):
        raise BadTarget("the target has spaces or control characters in it")
    if any("\ud800" <= c <= "\udfff" for c in text):  # how Python keeps bytes of an argument that are not UTF-8
        raise BadTarget("the target has bytes in it that are not UTF-8 text")
    scheme = _scheme(text)
    if scheme is None:
        return _settled(_from_url("https", f"//{_bracketed(text)}", bare=True), kind)
    if scheme not in _SCHEMES:
        known = ", ".join(sorted(_SCHEMES))
        raise BadTarget(f"the scheme {scheme[:20]!r} is not one that natprobe knows ({known})")
    rest = text[len(scheme) + 1 :]
    if scheme in _OPAQUE:
        return _settled(_from_url(scheme, "//" + rest.removeprefix("//")), kind)
    if not rest.startswith("//"):
        raise BadTarget(f"{scheme}: wants two slashes and a host name, as in {scheme}://meet.example.com")
    return _settled(_from_url(scheme, rest), kind)


def stun_server(text: str) -> Target:
    """A `--stun` option: a `stun:` or `stuns:` URI, or a host with or without a port. Raises BadTarget."""
    scheme = _scheme(text.strip())
    pasted = parse(text if scheme else f"stun:{_bracketed(text.strip())}")
    if pasted.target.kind != "stun":
        raise BadTarget(f"--stun wants stun:HOST[:PORT], stuns:HOST[:PORT] or none, not {pasted.target.scheme}:")
    return pasted.target


def turn_server(text: str) -> Target:
    """A `--turn` option: a `turn:` or `turns:` URI (RFC 7065), or a host with or without a port. Raises BadTarget."""
    scheme = _scheme(text.strip())
    pasted = parse(text if scheme else f"turn:{_bracketed(text.strip())}")
    if pasted.target.kind != "turn":
        raise BadTarget(f"--turn wants turn:HOST[:PORT][?transport=tcp] or turns:…, not {pasted.target.scheme}:")
    return pasted.target


def turn_transport(target: Target) -> Literal["udp", "tcp", "tls", "dtls"]:
    """The client's leg that a `turn:` or `turns:` URI names (RFC 7065 section 3.1, RFC 7350 for DTLS)."""
    if target.scheme == "turns":
        return "dtls" if target.transport == "udp" else "tls"
    return target.transport or "udp"


def stun_transports(target: Target) -> tuple[Literal["udp", "tcp", "tls", "dtls"], ...]:
    """What STUN goes over there: `stuns` means TLS, and DTLS (RFC 7350), unless the URI names one of TCP and UDP."""
    plain = target.transport or "udp"
    if target.scheme != "stuns":
        return (plain,)
    return ("tls", "dtls") if target.transport is None else ("tls",) if plain == "tcp" else ("dtls",)


def is_address(host: str) -> bool:
    """Whether this host is a literal address and needs no resolver."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _scheme(text: str) -> str | None:
    """The scheme, if that is what stands before the first colon: `host:443` has a port there."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", text, re.DOTALL)
    if match is None:
        return None
    name, rest = match.group(1).lower(), match.group(2)
    if name in _SCHEMES or rest.startswith("//"):
        return name
    port = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return None if re.fullmatch(r"-?\d+", port) or "." in name or not rest or ":" in rest else name


def _bracketed(text: str) -> str:
    """A bare IPv6 address with the brackets that a URL needs."""
    return f"[{text}]" if ":" in text and is_address(text.partition("%")[0]) else text


def _from_url(scheme: str, rest: str, bare: bool = False) -> Pasted:
    url, port = _split(rest)
    if url.username is not None or url.password is not None:
        raise BadTarget("the target has a user name or password in it; leave out what stands before the @")
    host = _host(url.hostname or "")
    kind, default = _SCHEMES[scheme]
    if port == 0:
        raise BadTarget("port 0 cannot be connected to; ports go from 1 to 65535")
    query = parse_qs(url.query, max_num_fields=INPUT_MAX)
    shown_port = f":{port}" if port else ""
    shown_host = f"[{host}]" if ":" in host else host
    slashes = "" if scheme in _OPAQUE else "//"
    transport = _transport(scheme, query)
    suffix = f"?transport={transport}" if scheme in _OPAQUE and "transport" in query else ""
    path = _path(url.path) if kind == "janus" else ""
    target = Target(
        input=f"{shown_host}{shown_port}" if bare else f"{scheme}:{slashes}{shown_host}{shown_port}{path}{suffix}",
        host=host,
        port=port or default,
        kind=kind,
        scheme=scheme,
        transport=transport,
        fallback_port=_fallback(query) if kind == "natprobe" else None,
        path=path,
    )
    return _with_secrets(target, url, query)


def _split(rest: str) -> tuple[SplitResult, int | None]:
    """The parts, and the port. Raises BadTarget."""
    try:
        url = urlsplit(f"x:{rest}")
    except ValueError:
        raise BadTarget("the host is neither a name nor an address; an IPv6 address stands in brackets") from None
    try:
        return url, url.port
    except ValueError:
        raise BadTarget("the port is not a number from 1 to 65535; an IPv6 address stands in brackets") from None


def _path(text: str) -> str:
    """Of a Janus's API, as a request can carry it, without parameters, which may be secret; "" for none."""
    found = quote(bare_path(text), safe="%/:@!$&'()*+,=~").rstrip("/")
    if len(found) > _PATH_MAX:
        raise BadTarget(f"the path is longer than {_PATH_MAX} characters")
    return found


def _with_secrets(target: Target, url: SplitResult, query: dict[str, list[str]]) -> Pasted:
    if target.kind == "natprobe":
        if not TOKEN.fullmatch(url.fragment):
            raise BadTarget("natprobe:// wants the whole line that `natprobe serve` printed, with its #token")
        return Pasted(target=target, token=url.fragment)
    if target.kind == "janus":
        return Pasted(target=target)
    rooms = [part for part in url.path.split("/") if part]
    return Pasted(
        target=target,
        jwt=next(iter(query.get("jwt", [])), None),
        room=unquote(rooms[-1]) if rooms else None,
        tenant="/".join(rooms[:-1]),
    )


def _settled(pasted: Pasted, kind: str) -> Pasted:
    """--kind overrides the guess, but cannot make a URI mean another service."""
    if kind not in get_args(Kind):
        raise BadTarget(f"--kind is one of {', '.join(get_args(Kind))}")
    target = pasted.target
    if kind in ("auto", target.kind):
        return pasted
    if target.kind != "auto" or kind == "natprobe":
        raise BadTarget(f"--kind {kind} does not go with {target.scheme}:")
    changed = {"kind": kind} if kind in ("jitsi", "janus") else _as_service(target, kind)
    return Pasted(
        target=Target(**{name: getattr(target, name) for name in target.__struct_fields__} | changed),
        jwt=pasted.jwt,
        room=pasted.room,
        tenant=pasted.tenant,
    )


def _as_service(target: Target, kind: str) -> dict[str, object]:
    """A plain host taken for a STUN or TURN server: that service's scheme and port, unless one was given."""
    given = urlsplit("//" + target.input.removeprefix(f"{target.scheme}://")).port
    port = given or _SCHEMES[kind][1]
    return {"kind": kind, "scheme": kind, "port": port, "transport": "udp"}


def _transport(scheme: str, query: dict[str, list[str]]) -> Literal["udp", "tcp"] | None:
    """RFC 7065 section 3.1: udp and tcp are defined; `turns` goes over TCP when nothing is said, `stuns` over both."""
    if scheme not in _OPAQUE or (scheme == "stuns" and "transport" not in query):
        return None
    word = query.get("transport", ["tcp" if scheme == "turns" else "udp"])[0].lower()
    if word == "udp":
        return "udp"
    if word == "tcp":
        return "tcp"
    raise BadTarget(f"transport={word[:20]!r} is not one of udp and tcp")


def _fallback(query: dict[str, list[str]]) -> int | None:
    word = query.get("tcp", [""])[0]
    if not word:
        return None
    if not re.fullmatch(r"[0-9]{1,5}", word) or not 0 < int(word) < 65536:
        raise BadTarget("tcp= wants a port from 1 to 65535")
    return int(word)


def _host(text: str) -> str:
    """The name in A-labels (RFC 5891), or the address. Raises BadTarget."""
    if not text:
        raise BadTarget("the target has no host name")
    bare, _, zone = text.partition("%")
    if is_address(bare):
        return _address(bare, zone)
    name = a_labels(text.removesuffix("."))
    if len(name) > 253:
        raise BadTarget(f"the host name is {len(name)} characters long; DNS allows 253")
    if not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise BadTarget(f"{clean_quote(text)} is not a host name")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        raise BadTarget(f"{clean_quote(text)} is neither a host name nor a whole address")
    return name


def _address(bare: str, zone: str) -> str:
    """An address, an IPv6 one with its zone; `%25` is how a zone's `%` stands in a URI (RFC 6874)."""
    if not zone:
        return str(ipaddress.ip_address(bare))
    zone = zone.removeprefix("25") or zone
    if ":" not in bare or not _ZONE.fullmatch(zone):
        raise BadTarget(f"{clean_quote(zone)} is not the name of an interface to reach {bare} by")
    return f"{ipaddress.IPv6Address(bare)}%{zone}"


def a_labels(text: str) -> str:
    """A name as DNS, TLS and proxies are told it (RFC 5891), in small letters. Raises BadTarget."""
    if text.isascii():
        return text.lower()
    import idna

    try:
        return idna.encode(text, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        raise BadTarget(f"{clean_quote(text)} is not a host name that DNS can carry") from None


def clean_quote(text: str) -> str:
    """The text in quotes, shortened, without anything that a terminal would act on."""
    return ascii(text if len(text) <= 60 else text[:59] + "…")


def url_parts(url: str) -> SplitResult:
    """Of an URL out of a report, which may be any text; of what is none, all parts are empty."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def host_in(url: str) -> str:
    """The host of an URL out of a report; of what is none, the text itself."""
    return url_parts(url).hostname or url


def path_in(url: str) -> str:
    """The path of an URL out of a report; of what is none, the root."""
    return url_parts(url).path or "/"
