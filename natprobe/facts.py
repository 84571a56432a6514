"""Every kind of Observation, and Facts: the language that probes, rules and saved reports share.

An observation is raw: who said what to which socket. Whether that means that UDP is blocked is derive.py's
business, so that tomorrow's rules can judge today's report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar, get_args

from natprobe.model import (
    Address,
    Count,
    Data,
    Endpoint,
    Failure,
    Family,
    HostName,
    Kind,
    Milliseconds,
    Observation,
    Port,
    Seconds,
    Target,
    Text,
    Time,
)

AddressClass = Literal[
    "public",
    "private",
    "carrier",
    "link-local",
    "unique-local",
    "tunnel",
    "container",
    "loopback",
    "unspecified",
    "multicast",
]
Origin = Literal["option", "srv", "control", "target"]


class Run(Observation, frozen=True, kw_only=True):
    """The first observation of every report: which natprobe, when, with which options that matter. No secrets."""

    version: Text
    started: Time
    system: Text = ""
    timeout: Seconds = 0.0
    families: tuple[Family, ...] = (4, 6)
    sources: tuple[Text, ...] = ()
    only: tuple[Text, ...] = ()
    skip: tuple[Text, ...] = ()
    stun: tuple[Text, ...] = ()
    insecure: bool = False


# How `Probed.detail` begins where a probe was cut from outside: by the user, or by the run's bound (--timeout).
INTERRUPTED = "interrupted"
RUN_LIMIT = "the run's time limit"


class Probed(Observation, frozen=True, kw_only=True):
    """The last observation of every probe: did it run to its end, and why not. `detail` has the reason."""

    status: Literal["complete", "skipped", "cut", "crashed"]


class LocalAddress(Observation, frozen=True, kw_only=True):
    """An address of this machine. `scope` is its class; `usable`: probes may bind to it."""

    address: Address
    interface: Text
    prefix: Count
    scope: AddressClass
    up: bool = True
    usable: bool = True


class DefaultRoute(Observation, frozen=True, kw_only=True):
    """The way out of one family; failure no-route when there is none. `gateway` None: straight onto the link."""

    family: Family
    interface: Text | None = None
    gateway: Address | None = None


class SourceAddress(Observation, frozen=True, kw_only=True):
    """The local address that the system picks for packets `towards` an address; failure no-route for none."""

    towards: Address
    local: Address | None = None


class Resolved(Observation, frozen=True, kw_only=True):
    """One answer about a name's addresses: by a DNS server of the system's, or by the operating system itself.

    `by`: `dns` (then `server` says which) or `system` (getaddrinfo: hosts file, mDNS, search lists and all).
    Failures: nxdomain, servfail, no-data, timeout, refused and the network's own.
    """

    name: HostName
    family: Family
    by: Literal["dns", "system", "literal"]
    server: Endpoint | None = None
    addresses: tuple[Address, ...] = ()
    rtt_ms: Milliseconds | None = None


class SrvRecord(Data, frozen=True, kw_only=True):
    """One line of an SRV answer (RFC 2782)."""

    priority: Count
    weight: Count
    port: Port
    target: HostName


class SrvAnswer(Observation, frozen=True, kw_only=True):
    """The SRV records of a service, such as `_stun._udp` (RFC 8489 section 8, RFC 5928). No records is no-data."""

    service: Text
    name: HostName
    server: Endpoint | None = None
    records: tuple[SrvRecord, ...] = ()
    rtt_ms: Milliseconds | None = None


class StunServer(Observation, frozen=True, kw_only=True):
    """A STUN server to ask, by address, and how it became known. `operator` tells independent ones apart."""

    host: HostName
    address: Address
    port: Port
    transport: Literal["udp", "tcp", "tls"]
    origin: Origin
    operator: Text


class Candidate(Observation, frozen=True, kw_only=True):
    """Where media may go: an address, port and transport of the media server (RFC 8839 section 5.1).

    `session` is the drawer's key of the ICE credentials; the credentials themselves are in no report.
    """

    endpoint: Endpoint
    transport: Literal["udp", "tcp"]
    advertised: bool = True
    session: Text = ""


class Connected(Observation, frozen=True, kw_only=True):
    """A TCP connection, opened and closed again by its opener, or why it was not."""

    endpoint: Endpoint
    local: Endpoint | None = None
    rtt_ms: Milliseconds | None = None


class TlsSession(Observation, frozen=True, kw_only=True):
    """A TLS handshake for `name`. `verified`: against the system's trust (or --ca-file); failure tells why not."""

    endpoint: Endpoint
    name: HostName
    verified: bool
    protocol: Text | None = None
    cipher: Text | None = None
    alpn: Text | None = None
    rtt_ms: Milliseconds | None = None


class Certificate(Observation, frozen=True, kw_only=True):
    """The leaf certificate that `endpoint` showed for `name`, read whether or not it verified.

    `names` are its subjectAltName entries; `chain` counts what the server sent, leaf included.
    `matches`: RFC 9525 says that it is for `name`. `days_left`: from the time of the run to notAfter.
    """

    endpoint: Endpoint
    name: HostName
    subject: Text
    issuer: Text
    names: tuple[Text, ...]
    not_before: Time
    not_after: Time
    days_left: float
    self_issued: bool
    matches: bool
    chain: Count
    sha256: Text


class HttpReply(Observation, frozen=True, kw_only=True):
    """A GET and the head of its answer; `says` has marks found in the body: `jitsi`, `janus`.

    `url` has no query; a redirect's `location` is cut the same way.
    """

    url: Text
    endpoint: Endpoint
    status: Count | None = None
    server: Text | None = None
    location: Text | None = None
    content_type: Text | None = None
    says: tuple[Literal["jitsi", "janus"], ...] = ()
    rtt_ms: Milliseconds | None = None


class Binding(Observation, frozen=True, kw_only=True):
    """A STUN Binding transaction (RFC 8489 section 2) and what the server said it saw.

    `tries` counts the requests sent. `mapped` is XOR-MAPPED-ADDRESS, `mapped_plain` MAPPED-ADDRESS.
    `icmp` is `type/code` and `reported_by` the router that sent it, where an ICMP error ended the wait.
    """

    server: Endpoint
    transport: Literal["udp", "tcp"]
    origin: Origin
    operator: Text
    local: Endpoint | None = None
    tries: Count = 0
    mapped: Endpoint | None = None
    mapped_plain: Endpoint | None = None
    response_origin: Endpoint | None = None
    other_address: Endpoint | None = None
    software: Text | None = None
    error_code: Count | None = None
    icmp: Text | None = None
    reported_by: Address | None = None
    rtt_ms: Milliseconds | None = None


class FilteringTest(Observation, frozen=True, kw_only=True):
    """A Binding request whose answer was asked to come from elsewhere (CHANGE-REQUEST, RFC 5780 section 4.4).

    `change`: from the server's other address and port, or from its other port only; `expected` is that endpoint.
    Failure timeout: it didn't come through, in `tries` requests between which `controls` plain ones were answered,
    `controls_lost` not at once. Failure wrong-sender or unsupported: the server can't do it, which says nothing.
    """

    server: Endpoint
    local: Endpoint
    change: Literal["address-and-port", "port"]
    expected: Endpoint
    tries: Count
    controls: Count = 0
    controls_lost: Count = 0
    rtt_ms: Milliseconds | None = None


class Stray(Observation, frozen=True, kw_only=True):
    """A datagram that came to a STUN socket and was no proper answer; counted by sender and fault."""

    local: Endpoint
    sender: Endpoint
    fault: Literal["garbage", "wrong-transaction", "wrong-sender", "duplicate", "too-large", "unknown-attributes"]
    count: Count = 1


class IceCheck(Observation, frozen=True, kw_only=True):
    """An ICE connectivity check (RFC 8445 section 7.2.5) to a candidate.

    `verified`: the answer's MESSAGE-INTEGRITY is right for the candidate's password, the only proof there is.
    `size` is the request's length in bytes: a padded check shows that full-size packets pass.
    """

    endpoint: Endpoint
    transport: Literal["udp", "tcp"]
    local: Endpoint | None = None
    size: Count
    tries: Count = 0
    verified: bool = False
    mapped: Endpoint | None = None
    responder: Endpoint | None = None
    error_code: Count | None = None
    icmp: Text | None = None
    reported_by: Address | None = None
    rtt_ms: Milliseconds | None = None


Known = (
    Run
    | Probed
    | LocalAddress
    | DefaultRoute
    | SourceAddress
    | Resolved
    | SrvAnswer
    | StunServer
    | Candidate
    | Connected
    | TlsSession
    | Certificate
    | HttpReply
    | Binding
    | FilteringTest
    | Stray
    | IceCheck
)
KINDS: dict[str, type[Observation]] = {kind.__name__: kind for kind in get_args(Known)}

K = TypeVar("K", bound=Observation)


class Facts:
    """The observations so far and the target: all that a rule may look at."""

    def __init__(self, target: Target, observations: Sequence[Observation]) -> None:
        self.target = target
        self._by_kind: dict[type[Observation], list[Observation]] = {}
        for observation in observations:
            self.add(observation)

    def add(self, observation: Observation) -> None:
        """One more fact, at the end."""
        self._by_kind.setdefault(type(observation), []).append(observation)

    def of(self, kind: type[K], keep: Callable[[K], bool] | None = None) -> list[K]:
        """All observations of this kind, worked or not, in order; those that `keep` wants."""
        found: list[K] = self._by_kind.get(kind, [])  # type: ignore[assignment]  # keyed by the very type
        return [each for each in found if keep is None or keep(each)]

    def ok(self, kind: type[K], keep: Callable[[K], bool] | None = None) -> list[K]:
        """Those that worked."""
        return [each for each in self.of(kind, keep) if each.failure is None]

    def failed(self, kind: type[K], *failures: Failure) -> list[K]:
        """Those that failed: in one of these ways, or in any."""
        return [
            each for each in self.of(kind) if each.failure is not None and (not failures or each.failure in failures)
        ]

    def probe(self, name: str) -> Probed | None:
        """How this probe ended, or None when it never began."""
        return next(iter(self.of(Probed, lambda each: each.probe == name)), None)


def ids(*groups: Observation | Sequence[Observation]) -> tuple[int, ...]:
    """The evidence: the ids of these observations, each once, in order."""
    found: set[int] = set()
    for group in groups:
        found |= {group.id} if isinstance(group, Observation) else {each.id for each in group}
    return tuple(sorted(found))


def server_kind(facts: Facts) -> Kind:
    """What the server is: what the user said, else what its pages say of it."""
    if facts.target.kind != "auto":
        return facts.target.kind
    marks = {mark for reply in facts.ok(HttpReply) for mark in reply.says}
    return "jitsi" if "jitsi" in marks else "janus" if "janus" in marks else "auto"
