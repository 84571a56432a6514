"""Janus's API without I/O: requests out as JSON, answers and events in as values: bounded, strict in what is needed.

What natprobe has no use for may be there, and may be anything; what it needs has the right type or is a fault.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, NamedTuple

import msgspec

from natprobe.wire.text import clean

MESSAGE_MAX = 256 * 1024
# Events in one answer to a long poll; we ask for ten.
EVENTS_MAX = 100
# Of a server's words: more than is told, so that a secret that they repeat stands there whole, and is found.
REASON_MAX = 1000
# Of `info`: how many names of plugins and transports, and how many addresses.
NAMES_MAX, ADDRESSES_MAX = 40, 8
UNAUTHORIZED = (403, 405)
NO_PLUGIN = 460
_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,45}")
# RFC 8259 section 6: whole numbers up to here mean the same everywhere.
_ID_MAX = 2**53

Id = int | str


class JanusError(ValueError):
    """What came is no message of Janus's API, or not one that can be read."""


class Event(NamedTuple):
    """One message: an answer (`success`, `ack`, `error`, `server_info`) or an event (`event`, `trickle`, `webrtcup`,
    `hangup`, `timeout`, `keepalive`, `detached` …). `word` is Janus's name of it.

    `id`: of what was created. `sender`: the handle that it is about. `code` and `reason`: of an error, Janus's or the
    plugin's, or why it hung up. `sdp` is the answer in it; `lines` are candidates as SDP writes them, `completed`:
    there are no more. `info`: what `server_info` tells. `said`: the plugin's own words, still JSON. It may
    have secrets in it, and its repr says nothing of them.
    """

    word: str
    transaction: str = ""
    id: Id | None = None
    session: Id | None = None
    sender: Id | None = None
    code: int | None = None
    reason: str = ""
    sdp: str | None = None
    lines: tuple[str, ...] = ()
    completed: bool = False
    info: Info | None = None
    said: bytes = b"null"

    def __repr__(self) -> str:
        return f"Event({self.word!r})"


class Info(NamedTuple):
    """What `info` tells; None: this server doesn't say it, or not readably."""

    version: int | None = None
    version_string: str | None = None
    local_ip: str | None = None
    public_ips: tuple[str, ...] = ()
    ipv6: bool | None = None
    ipv6_link_local: bool | None = None
    ice_lite: bool | None = None
    ice_tcp: bool | None = None
    full_trickle: bool | None = None
    mdns: bool | None = None
    stun_server: str | None = None
    turn_server: str | None = None
    secret: bool | None = None
    tokens: bool | None = None
    accepting: bool | None = None
    plugins: tuple[str, ...] = ()
    transports: tuple[str, ...] = ()


def request(word: str, transaction: str, **rest: object) -> bytes:
    """One request; what is None stays out."""
    named = {"janus": word, "transaction": transaction}
    return msgspec.json.encode(named | {name: each for name, each in rest.items() if each is not None})


def jsep_offer(sdp: str) -> dict[str, object]:
    """An offer that candidates will follow (RFC 8838), or never."""
    return {"type": "offer", "sdp": sdp, "trickle": True}


def trickled(line: str, mid: str) -> dict[str, object]:
    """A candidate of ours."""
    return {"sdpMid": mid, "sdpMLineIndex": 0, "candidate": line}


# --- reading


class _Error(msgspec.Struct):
    code: int = 0
    reason: str = ""


class _Data(msgspec.Struct):
    id: int | str | None = None


class _PluginWords(msgspec.Struct):
    error_code: int | None = None
    error: str = ""


class _Plugin(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Jsep(msgspec.Struct):
    sdp: str = ""


class _Candidate(msgspec.Struct):
    candidate: str = ""
    completed: bool = False


class _Message(msgspec.Struct):
    janus: str
    transaction: str = ""
    session_id: int | str | None = None
    sender: int | str | None = None
    data: _Data | None = None
    error: _Error | None = None
    plugindata: _Plugin | None = None
    jsep: _Jsep | None = None
    candidate: _Candidate | None = None
    candidates: list[_Candidate] = []
    reason: str = ""


def read(text: bytes | str) -> Event:
    """One message. Raises JanusError."""
    return _event(_decoded(text, _Message), text)


def read_several(text: bytes) -> list[Event]:
    """What a long poll brought: one message, or an array of them. Raises JanusError."""
    if text.lstrip()[:1] != b"[":
        return [read(text)]
    found = _decoded(text, list[_Message])
    if len(found) > EVENTS_MAX:
        raise JanusError(f"more than {EVENTS_MAX} events at once")
    return [_event(each, b"{}") for each in found]


def _decoded(text: bytes | str, kind: Any) -> Any:
    """The library's words stay out: they may repeat what stands there."""
    if len(text) > MESSAGE_MAX:
        raise JanusError(f"a message longer than {MESSAGE_MAX >> 10} KiB")
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise JanusError("not a message of Janus's API") from None


def _event(said: _Message, text: bytes | str) -> Event:
    if not _WORD.fullmatch(said.janus):
        raise JanusError("a message without a name")
    raw = b"null" if said.plugindata is None else bytes(said.plugindata.data)
    words: _PluginWords | None = _decoded(raw, _PluginWords | None)
    code = said.error.code if said.error is not None else None if words is None else words.error_code
    reason = said.error.reason if said.error is not None else said.reason or ("" if words is None else words.error)
    lines, completed = _candidates(said)
    return Event(
        word=said.janus,
        transaction=said.transaction[:64],
        id=_id(None if said.data is None else said.data.id),
        session=_id(said.session_id),
        sender=_id(said.sender),
        code=code if code is not None and 0 <= code < 10_000 else None,
        reason=clean(reason, REASON_MAX),
        sdp=said.jsep.sdp if said.jsep is not None and said.jsep.sdp else None,
        lines=lines,
        completed=completed,
        said=raw,
        info=_info(_decoded(text, dict[str, Any])) if said.janus == "server_info" else None,
    )


def _candidates(said: _Message) -> tuple[tuple[str, ...], bool]:
    """Of a trickle: the one, or the array."""
    found = ([] if said.candidate is None else [said.candidate]) + said.candidates
    return tuple(each.candidate for each in found if each.candidate), any(each.completed for each in found)


def _id(found: int | str | None) -> Id | None:
    """What may stand in a path; None: no id that could."""
    if isinstance(found, str):
        return found if _WORD.fullmatch(found) else None
    return found if found is not None and 0 < found <= _ID_MAX else None


# --- info


def _info(said: dict[str, Any]) -> Info:
    addresses = said.get("public-ips")
    told = addresses if isinstance(addresses, list) else [said.get("public-ip")]
    public = tuple(dict.fromkeys(each for each in map(_address, told[:ADDRESSES_MAX]) if each))
    version = said.get("version")
    return Info(
        version=version if type(version) is int and 0 <= version < 2**31 else None,
        version_string=_text(said, "version_string"),
        local_ip=_address(said.get("local-ip")),
        public_ips=public,
        ipv6=_flag(said, "ipv6"),
        ipv6_link_local=_flag(said, "ipv6-link-local"),
        ice_lite=_flag(said, "ice-lite"),
        ice_tcp=_flag(said, "ice-tcp"),
        full_trickle=_flag(said, "full-trickle"),
        mdns=_flag(said, "mdns-enabled"),
        stun_server=_text(said, "stun-server"),
        turn_server=_text(said, "turn-server"),
        secret=_flag(said, "api_secret"),
        tokens=_flag(said, "auth_token"),
        accepting=_flag(said, "accepting-new-sessions"),
        plugins=_names(said.get("plugins"), "janus.plugin."),
        transports=_names(said.get("transports"), "janus.transport."),
    )


def _flag(said: dict[str, Any], name: str) -> bool | None:
    found = said.get(name)
    return found if isinstance(found, bool) else None


def _text(said: dict[str, Any], name: str) -> str | None:
    found = said.get(name)
    return clean(found, 100) or None if isinstance(found, str) else None


def _address(found: object) -> str | None:
    """An address; what it is worth others say."""
    if not isinstance(found, str) or not _ADDRESS.fullmatch(found):
        return None
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _names(found: object, prefix: str) -> tuple[str, ...]:
    """The short names of what is loaded, in order."""
    listed = sorted(found)[:NAMES_MAX] if isinstance(found, dict) else []
    return tuple(clean(each, 60).removeprefix(prefix) for each in listed)
