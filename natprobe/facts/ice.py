"""Where media may go, and the checks that prove it."""

from __future__ import annotations

from typing import Literal

from natprobe.facts.stun import Transport
from natprobe.model import Address, Count, Endpoint, Milliseconds, Observation, Seconds, Text


class Candidate(Observation, frozen=True, kw_only=True):
    """Where media may go: an address, port and transport of the media server (RFC 8839 section 5.1).

    `session` is the drawer's key of the ICE credentials; the credentials themselves are in no report.
    `advertised` False: the server doesn't offer it, natprobe tries it all the same: the address of its name, the one
    that the web front answered on, or one of `--media-address`. `related`: the inner endpoint behind a reflexive one.
    """

    endpoint: Endpoint
    transport: Literal["udp", "tcp", "ssltcp"]
    advertised: bool = True
    type: Literal["host", "srflx", "prflx", "relay"] = "host"
    priority: Count | None = None
    related: Endpoint | None = None
    session: Text = ""


class IceCheck(Observation, frozen=True, kw_only=True):
    """An ICE connectivity check (RFC 8445 section 7.2.5) to a candidate.

    `verified`: a success whose MESSAGE-INTEGRITY is right for the candidate's password, the only proof there is.
    `size` is the request's length in bytes: a padded check shows that full-size packets pass. `both_ways`: its answer
    was asked for in the same size, which `natprobe serve` alone gives. `local` has port 0 where no socket could be
    bound to the address. `advertised` as the candidate has it.

    Through a relay: `server` and `leg` name the client's leg to it, `relayed` is where the check left from; `transport`
    is still that of the candidate. `via`: over TCP through this proxy, which is asked for the candidate's address.
    """

    endpoint: Endpoint
    transport: Literal["udp", "tcp", "ssltcp"]
    advertised: bool = True
    server: Endpoint | None = None
    leg: Transport | None = None
    relayed: Endpoint | None = None
    via: Text | None = None
    local: Endpoint | None = None
    size: Count
    both_ways: bool = False
    tries: Count = 0
    verified: bool = False
    mapped: Endpoint | None = None
    responder: Endpoint | None = None
    error_code: Count | None = None
    icmp: Text | None = None
    reported_by: Address | None = None
    rtt_ms: Milliseconds | None = None


class PathBurst(Observation, frozen=True, kw_only=True):
    """A train of small ICE checks on one way to the media server, `interval_ms` apart, and what of it was answered
    (--compare).

    Every way is asked on its own, after one check that is not counted. `arrived`: answers that are signed, so that lost
    is what was lost there or back; over TCP and TLS nothing is lost for good, and what came too late counts as lost.
    `rtt_*`: there and back. `jitter_ms`: the mean of |D(i-1,i)| of RFC 3550 section 6.4.1 of both ways together, not
    smoothed. `reordered`: answers after one to a check that was sent later; `duplicates`: further copies of an answer.
    `size` is a check's length in bytes. `via`: of the leg to a relay too; the other fields are as in IceCheck.

    What only `natprobe serve` tells: `halfway`, how many of the checks got there, and the jitter of each direction.
    """

    endpoint: Endpoint
    transport: Literal["udp", "tcp", "ssltcp"]
    server: Endpoint | None = None
    leg: Transport | None = None
    relayed: Endpoint | None = None
    via: Text | None = None
    local: Endpoint | None = None
    size: Count
    interval_ms: Milliseconds
    sent: Count = 0
    arrived: Count = 0
    halfway: Count | None = None
    reordered: Count = 0
    duplicates: Count = 0
    rtt_min_ms: Milliseconds | None = None
    rtt_median_ms: Milliseconds | None = None
    rtt_max_ms: Milliseconds | None = None
    jitter_ms: Milliseconds | None = None
    jitter_up_ms: Milliseconds | None = None
    jitter_down_ms: Milliseconds | None = None


class IceEnded(Observation, frozen=True, kw_only=True):
    """How a full ICE session with the media server ended (RFC 8445): the pair that was nominated, as in a browser.

    `pair` peer-reflexive: the media server's checks came from an address that it doesn't advertise, and that works.
    `heard` counts its checks. `server`, `leg`, `relayed` and `via` as in IceCheck. `duration_ms`: until it was settled.
    """

    session: Text = ""
    controlling: bool = False
    endpoint: Endpoint | None = None
    local: Endpoint | None = None
    pair: Literal["advertised", "peer-reflexive"] | None = None
    server: Endpoint | None = None
    leg: Transport | None = None
    relayed: Endpoint | None = None
    via: Text | None = None
    pairs: Count = 0
    heard: Count = 0
    duration_ms: Milliseconds | None = None


class MediaHandshake(Observation, frozen=True, kw_only=True):
    """DTLS with the media server on the pair that ICE settled on (RFC 5763). We are the client.

    `tries` counts how often what waits for an answer was sent at most, `heard` the datagrams that came. `fingerprint`:
    the certificate is the one that signalling announced (RFC 8122). `control`: ICE checks on the same pair, sent
    meanwhile, were answered; None: none was tried.
    """

    session: Text = ""
    endpoint: Endpoint
    local: Endpoint | None = None
    server: Endpoint | None = None
    leg: Transport | None = None
    relayed: Endpoint | None = None
    via: Text | None = None
    tries: Count = 0
    heard: Count = 0
    fingerprint: bool | None = None
    control: bool | None = None
    protocol: Text | None = None
    duration_ms: Milliseconds | None = None


class PathHeld(Observation, frozen=True, kw_only=True):
    """The pair that ICE settled on, watched for `hold` seconds after DTLS by consent checks (RFC 7675; `--hold`).

    `lasted`: until the last check was sent that was answered, `missed`: until the first after it was sent, which was
    not; `silent`: from the last answered one until it was given up. `checks` and `answered` count consent checks;
    `tries` what went unanswered since, checks sent closer together to be sure included. `control`: a check from a new
    socket of ours to the same endpoint was answered meanwhile; None: none was tried. `error_code`: how the last one was
    refused. `ended`: why signalling ended the session, which is no fault of the path. `server`, `leg` and `relayed` as
    in IceCheck.
    """

    session: Text = ""
    endpoint: Endpoint
    local: Endpoint | None = None
    server: Endpoint | None = None
    leg: Transport | None = None
    relayed: Endpoint | None = None
    via: Text | None = None
    hold: Seconds = 0.0
    lasted: Seconds = 0.0
    missed: Seconds | None = None
    silent: Seconds = 0.0
    checks: Count = 0
    answered: Count = 0
    tries: Count = 0
    control: bool | None = None
    error_code: Count | None = None
    ended: Text | None = None
