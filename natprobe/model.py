"""The five kinds of data and the words they are made of. Frozen, keyword-only, no I/O.

One type in memory and on the wire: msgspec reads and writes these classes as they stand.
Aliases such as `Address` say what a field is; strict decoding and redaction go by them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec

SCHEMA: Literal["natprobe-report/1"] = "natprobe-report/1"

# The longest text a report may carry in one field, in characters: enough for any reason phrase, and a bound.
TEXT_MAX = 2000

# An IPv4 or IPv6 address, with a zone for link-local ones: `192.0.2.7`, `fe80::1%eth0`.
Address = Annotated[
    str,
    msgspec.Meta(title="Address", max_length=64, pattern=r"^[0-9A-Fa-f:.]{2,45}(%[0-9A-Za-z_.:-]{1,15})?$(?!\n)"),
]
# An address with a port: `1.2.3.4:5` or `[2001:db8::1]:5`.
Endpoint = Annotated[
    str,
    msgspec.Meta(
        title="Endpoint",
        max_length=72,
        pattern=r"^([0-9.]{7,15}|\[[0-9A-Fa-f:.]{2,45}(%[0-9A-Za-z_.:-]{1,15})?\]):[0-9]{1,5}$(?!\n)",
    ),
]
# A name as it goes into DNS: A-labels, no trailing dot. An address may stand in its place.
HostName = Annotated[str, msgspec.Meta(title="HostName", max_length=253, pattern=r"^[0-9A-Za-z_.:%*-]*$(?!\n)")]
# Words that came from outside or are for people; the only place where a server's free text may stand.
Text = Annotated[str, msgspec.Meta(title="Text", max_length=TEXT_MAX)]
# A time of day in UTC, RFC 3339: `2026-11-21T08:00:00Z`.
Time = Annotated[str, msgspec.Meta(title="Time", pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$(?!\n)")]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Family = Literal[4, 6]
Count = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Failure(StrEnum):
    """How a step failed. `None` in its place means that it worked."""

    TIMEOUT = "timeout"
    REFUSED = "refused"
    RESET = "reset"
    CLOSED = "closed"
    UNREACHABLE_NET = "unreachable-net"
    UNREACHABLE_HOST = "unreachable-host"
    PORT_UNREACHABLE = "port-unreachable"
    PROHIBITED = "prohibited"
    NO_ROUTE = "no-route"
    PERMISSION_DENIED = "permission-denied"
    ADDRESS_NOT_LOCAL = "address-not-local"
    ADDRESS_IN_USE = "address-in-use"
    TOO_BIG = "too-big"
    NXDOMAIN = "nxdomain"
    SERVFAIL = "servfail"
    NO_DATA = "no-data"
    TLS_CERTIFICATE = "tls-certificate"
    TLS_ALERT = "tls-alert"
    TLS_OTHER = "tls-other"
    HTTP_STATUS = "http-status"
    REDIRECT_LIMIT = "redirect-limit"
    PROTOCOL = "protocol"
    WRONG_SENDER = "wrong-sender"
    ERROR_RESPONSE = "error-response"
    UNAUTHORIZED = "unauthorized"
    UNSUPPORTED = "unsupported"
    LIMIT = "limit"
    CANCELLED = "cancelled"
    INTERNAL = "internal"


class Severity(StrEnum):
    """error: media will not flow. warning: not for some networks, or soon. note: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


# 0 is the gravest.
GRAVITY: dict[Severity, int] = {each: number for number, each in enumerate(Severity)}


class Where(StrEnum):
    """The place that a cause lies in, and so who can mend it."""

    THIS_HOST = "this-host"
    LOCAL_NETWORK = "local-network"
    PROVIDER = "provider"
    SERVER_EDGE = "server-edge"
    SERVER_HOST = "server-host"
    SERVER_PROCESS = "server-process"
    TURN = "turn"
    PROXY = "proxy"
    UNKNOWN = "unknown"


Vantage = Literal["client", "server"]
Kind = Literal["auto", "jitsi", "janus", "turn", "stun", "natprobe"]
Status = Literal["open", "blocked", "not-offered", "unknown"]
Proof = Literal["media", "ice", "relay"]
StageStatus = Literal["ok", "failed", "unknown"]
VerdictStatus = Literal["good", "degraded", "broken", "unknown"]
WORST_FIRST: tuple[VerdictStatus, ...] = ("broken", "unknown", "degraded", "good")

PATHS = (
    "direct-udp",
    "direct-tcp",
    "turn-udp",
    "turn-tcp",
    "turn-tls",
    "turn-dtls",
    "direct-tcp-proxy",
    "turn-tcp-proxy",
    "turn-tls-proxy",
    "p2p",
)


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """What all of a report's parts are: frozen, named fields."""


class Target(Data, frozen=True, kw_only=True):
    """What is checked. `input` is what was pasted, without anything secret (no room, query, fragment, user).

    `path`: of a Janus's API, as its URL has it; empty: the usual one, or none at all.
    """

    input: Text
    host: HostName
    port: Port
    kind: Kind = "auto"
    scheme: Text = "https"
    transport: Literal["udp", "tcp"] | None = None
    fallback_port: Port | None = None  # TCP port of a `natprobe serve`
    path: Text = ""


class Source(Data, frozen=True, kw_only=True):
    """One vantage: a run of natprobe whose observations are in this report. `redacted`: addresses and names in them are
    stand-ins (`--redact`).
    """

    vantage: Vantage = "client"
    label: Text = ""
    started: Time
    duration: Seconds
    natprobe: Text
    redacted: bool = False


class Observation(Data, frozen=True, kw_only=True, tag_field="kind"):
    """One step of one probe, one failure mode. `failure` None: it worked.

    id, source, probe and at are stamped by run.py. `at`: seconds from the start to the end of the step.
    `flow` ties the steps of one exchange together: `udp/LOCAL>REMOTE`.
    `carried` holds fields that a newer version wrote and this one doesn't know; they are
    written back where they stood and never judged.
    """

    id: Count = 0
    source: Count = 0
    probe: Text = ""
    at: Seconds = 0.0
    flow: Text = ""
    failure: Failure | None = None
    detail: Text = ""
    carried: dict[str, Any] = {}


class Foreign(Observation, frozen=True, kw_only=True):
    """An observation whose kind or failure word is newer than this version: kept whole, not judged."""

    raw: dict[str, Any]


class Allow(Data, frozen=True, kw_only=True, tag_field="kind", tag="allow"):
    """A firewall opening. `from_` and `to` are addresses, networks, names or `any`; `at` is the device in words."""

    proto: Literal["udp", "tcp"]
    ports: tuple[Text, ...]
    direction: Literal["in", "out"]
    from_: Text = msgspec.field(name="from", default="any")
    to: Text = "any"
    at: Text = ""
    family: Family | None = None
    audience: Literal["user", "network", "server"]
    why: Text = ""
    after: Text = ""


class Forward(Data, frozen=True, kw_only=True, tag_field="kind", tag="forward"):
    """A router's port forwarding from its outside endpoint to an inside one."""

    proto: Literal["udp", "tcp"]
    outside: Text
    inside: Text
    at: Text = ""
    audience: Literal["user", "network", "server"]
    why: Text = ""
    after: Text = ""


class Set(Data, frozen=True, kw_only=True, tag_field="kind", tag="set"):
    """A configuration change, true for versions `since` to `until` of `system`.

    `line`: the line of `file` that it changes, or, for `add`, comes after; None: not known where. `text`: the whole new
    line, as that file's syntax writes it; empty: what the renderer makes of key and value.
    """

    system: Text
    file: Text
    section: Text = ""
    op: Literal["set", "add", "remove"] = "set"
    key: Text
    value: Text = ""
    since: Text = ""
    until: Text = ""
    line: Count | None = None
    text: Text = ""
    audience: Literal["user", "network", "server"]
    why: Text = ""
    after: Text = ""


class Do(Data, frozen=True, kw_only=True, tag_field="kind", tag="do"):
    """What only words can say."""

    text: Text
    audience: Literal["user", "network", "server"]
    why: Text = ""
    after: Text = ""


Fix = Allow | Forward | Set | Do


class Alternative(Data, frozen=True, kw_only=True):
    """A cause that the same evidence allows, and the command that decides."""

    code: Text
    cause: Text
    ask: Text = ""


class Finding(Data, frozen=True, kw_only=True):
    """A cause, its evidence (ids of observations) and what to do. `message` is its template filled with `args`."""

    code: Text
    cause: Text
    severity: Severity
    where: Where
    message: Text
    args: dict[str, Any] = {}
    evidence: tuple[Count, ...]
    alternatives: tuple[Alternative, ...] = ()
    file: Text | None = None
    line: Count | None = None
    fixes: tuple[Fix, ...] = ()


class Unknown(Data, frozen=True, kw_only=True):
    """A question that the evidence does not decide; `ask` says how to find out."""

    code: Text
    reason: Text
    ask: Text = ""


class Attempt(Data, frozen=True, kw_only=True):
    """One way of going a path: server, family and local address."""

    endpoint: Text
    family: Family
    local: Text | None = None
    status: Status
    proof: Proof | None = None
    reason: Text | None = None
    rtt_ms: Milliseconds | None = None
    loss: Share | None = None
    via: Text | None = None
    server: Text | None = None
    pair: Literal["advertised", "peer-reflexive"] | None = None
    large_up: bool | None = None
    large_down: bool | None = None
    evidence: tuple[Count, ...] = ()


class Path(Data, frozen=True, kw_only=True):
    """One of the ten ways media can go, with the status of the attempt that a browser would settle on."""

    name: Text
    status: Status
    proof: Proof | None = None
    reason: Text | None = None
    usable: bool = True
    rtt_ms: Milliseconds | None = None
    loss: Share | None = None
    attempts: tuple[Attempt, ...] = ()


class Stages(Data, frozen=True, kw_only=True):
    """How far a client gets before media: name resolved, web front and certificate, signalling, session."""

    name: StageStatus = "unknown"
    web: StageStatus = "unknown"
    signalling: StageStatus = "unknown"
    session: StageStatus = "unknown"


class Verdict(Data, frozen=True, kw_only=True):
    """The answer. `media` is the path that a browser would end on."""

    status: VerdictStatus
    media: Text | None
    summary: Text
    stages: Stages


class Report(Data, frozen=True, kw_only=True):
    """Everything: what was asked, what was seen, and what follows from it (computed again on every load)."""

    schema: Literal["natprobe-report/1"] = SCHEMA
    natprobe: Text
    started: Time
    duration: Seconds
    target: Target
    sources: tuple[Source, ...]
    observations: tuple[Observation, ...]
    paths: tuple[Path, ...]
    findings: tuple[Finding, ...]
    unknown: tuple[Unknown, ...]
    verdict: Verdict


def join(address: str, port: int) -> Endpoint:
    """`1.2.3.4:5` or `[2001:db8::1]:5` (RFC 3986 section 3.2.2's brackets)."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def split(endpoint: Endpoint) -> tuple[Address, int]:
    """The address and port of an endpoint that `join` made."""
    address, _, port = endpoint.rpartition(":")
    return address.strip("[]"), int(port)


def family(address: Address) -> Family:
    """4 or 6."""
    return 6 if ":" in address else 4


_CARRIERS = {"tls": "tcp", "dtls": "udp"}


def flow(proto: str, local: Endpoint | None, remote: Endpoint) -> str:
    """The name that ties the steps of one exchange together: what is inside TLS or DTLS is named by what carries it."""
    return f"{_CARRIERS.get(proto, proto)}/{local or '*'}>{remote}"


def clip(text: str, limit: int = TEXT_MAX) -> Text:
    """The text, cut to what a report may carry in one field."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
