"""Names: addresses, services and the servers that became known by them."""

from __future__ import annotations

from typing import Literal

from natprobe.model import Address, Count, Data, Endpoint, Family, HostName, Milliseconds, Observation, Port, Text


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


class NaptrRecord(Data, frozen=True, kw_only=True):
    """One line of an S-NAPTR answer (RFC 3958 section 6.5). `flags`: `replacement` is a name of SRV records (`s`), of
    a host (`a`), or of further NAPTR records (empty). `service` such as `RELAY:turn.udp`.
    """

    order: Count
    preference: Count
    flags: Literal["", "s", "a"]
    service: Text
    replacement: HostName


class NaptrAnswer(Observation, frozen=True, kw_only=True):
    """The S-NAPTR records of a relay's domain (RFC 5928 section 3). No records is no-data."""

    name: HostName
    server: Endpoint | None = None
    records: tuple[NaptrRecord, ...] = ()
    rtt_ms: Milliseconds | None = None
