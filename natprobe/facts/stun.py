"""STUN Binding transactions, and what they show of NATs and firewalls on the way."""

from __future__ import annotations

from typing import Literal

from natprobe.model import Address, Count, Endpoint, HostName, Milliseconds, Observation, Port, Seconds, Text

Origin = Literal["option", "srv", "control", "target", "signalling"]
Transport = Literal["udp", "tcp", "tls", "dtls"]


class StunServer(Observation, frozen=True, kw_only=True):
    """A STUN server to ask, by address, and how it became known. `operator` tells independent ones apart."""

    host: HostName
    address: Address
    port: Port
    transport: Transport
    origin: Origin
    operator: Text


class Binding(Observation, frozen=True, kw_only=True):
    """A STUN Binding transaction (RFC 8489 section 2) and what the server said it saw.

    `local` has port 0 where no socket could be bound, or no connection stood. `tries` counts the requests sent.
    `mapped` is XOR-MAPPED-ADDRESS, `mapped_plain` MAPPED-ADDRESS.
    `icmp` is `type/code` and `reported_by` the router that sent it, where an ICMP error ended the wait.
    """

    server: Endpoint
    transport: Transport
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
    """A datagram that came to a STUN socket and was no proper answer; counted by sender and fault.

    `altered`: the answer to a request of ours, but its FINGERPRINT or its length is not what its sender made.
    """

    local: Endpoint
    sender: Endpoint
    fault: Literal[
        "garbage", "wrong-transaction", "wrong-sender", "duplicate", "too-large", "unknown-attributes", "altered"
    ]
    count: Count = 1


class Hairpin(Observation, frozen=True, kw_only=True):
    """A request from one socket of ours to the outside endpoint of another (RFC 4787 section 6, RFC 5780 section 4.5).

    `sender` sent to `mapped`, which is where `local` is seen outside; `seen_from` is the source that it arrived with
    (REQ-9a: the outside one). Failure timeout: it never arrived, in `tries` requests between which `controls` to the
    server were answered and `controls_lost` were not.
    """

    server: Endpoint
    local: Endpoint
    mapped: Endpoint
    sender: Endpoint
    seen_from: Endpoint | None = None
    tries: Count = 0
    controls: Count = 0
    controls_lost: Count = 0
    rtt_ms: Milliseconds | None = None


class IdleMapping(Observation, frozen=True, kw_only=True):
    """Whether a mapping still lived after `idle` seconds without a packet (RFC 5780 section 4.6).

    `by` response-port: another socket asked the server to answer to `mapped`, and failure timeout means that nothing
    came in `tries` requests between which `controls` plain ones were answered, `controls_lost` not at once. With
    `idle` 0 it is the trial whether the server does that at all; failure unsupported: it doesn't. `by` asking-again:
    the socket itself asked again. Whenever it did, `mapped_again` is how it is seen then; another endpoint than before
    shows that the old mapping had gone.
    """

    server: Endpoint
    local: Endpoint
    mapped: Endpoint
    idle: Seconds
    by: Literal["response-port", "asking-again"]
    mapped_again: Endpoint | None = None
    tries: Count = 0
    controls: Count = 0
    controls_lost: Count = 0


class Hop(Observation, frozen=True, kw_only=True):
    """What answered a STUN request that was to live for `ttl` routers only (RFC 792, RFC 4443: time exceeded).

    `address` is the router that said so, or the server itself where `reached`. Failure timeout: nobody said anything.
    """

    towards: Endpoint
    local: Endpoint
    ttl: Count
    address: Address | None = None
    reached: bool = False
    icmp: Text | None = None
    tries: Count = 0
    rtt_ms: Milliseconds | None = None


class Opening(Observation, frozen=True, kw_only=True):
    """Whether an answer from the server's other address passes after packets to it that lived for `ttl` routers only.

    `whole`: one went all the way there before them. Failure timeout: it didn't pass, in `tries` requests between
    which `controls` to the server were answered and `controls_lost` were not.
    """

    server: Endpoint
    local: Endpoint
    opened: Endpoint
    ttl: Count
    whole: bool = False
    tries: Count = 0
    controls: Count = 0
    controls_lost: Count = 0


class RouterAnswer(Observation, frozen=True, kw_only=True):
    """What this network's own router says of its outside address, asked by NAT-PMP (RFC 6886 section 3.2).

    `result` is the router's code: 0 comes with the address. Failure timeout or port-unreachable: it doesn't speak
    NAT-PMP.
    """

    router: Address
    outside: Address | None = None
    result: Count | None = None
    tries: Count = 0


class OtherPayload(Observation, frozen=True, kw_only=True):
    """Something else than a browser's STUN, sent to a server and port that STUN is asked on: does that pass?

    `fingerprint` is a Binding request with FINGERPRINT, whose answer has one too; failure protocol: not a right one.
    `classic-stun` is a Binding request of RFC 3489, which has no magic cookie for an inspection to find. `tries`
    counts the requests, `answers` those that were answered, each by its own transaction id.
    """

    server: Endpoint
    local: Endpoint
    payload: Literal["classic-stun", "fingerprint"]
    tries: Count = 0
    answers: Count = 0
    rtt_ms: Milliseconds | None = None
