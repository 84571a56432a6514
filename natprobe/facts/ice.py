"""Where media may go, and the checks that prove it."""

from __future__ import annotations

from typing import Literal

from natprobe.model import Address, Count, Endpoint, Milliseconds, Observation, Text


class Candidate(Observation, frozen=True, kw_only=True):
    """Where media may go: an address, port and transport of the media server (RFC 8839 section 5.1).

    `session` is the drawer's key of the ICE credentials; the credentials themselves are in no report.
    """

    endpoint: Endpoint
    transport: Literal["udp", "tcp"]
    advertised: bool = True
    session: Text = ""


class IceCheck(Observation, frozen=True, kw_only=True):
    """An ICE connectivity check (RFC 8445 section 7.2.5) to a candidate.

    `verified`: the answer's MESSAGE-INTEGRITY is right for the candidate's password, the only proof there is.
    `size` is the request's length in bytes: a padded check shows that full-size packets pass. `local` has port 0 where
    no socket could be bound to the address.
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
