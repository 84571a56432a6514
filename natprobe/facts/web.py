"""Connections, TLS and the web front. `via`: the proxy, as ProxyChoice names it, and then `endpoint` is the proxy's."""

from __future__ import annotations

from typing import Literal

from natprobe.model import Count, Endpoint, HostName, Milliseconds, Observation, Text, Time


class Connected(Observation, frozen=True, kw_only=True):
    """A TCP connection, opened and closed again by its opener, or why it was not. With `via` a tunnel of the proxy."""

    endpoint: Endpoint
    via: Text | None = None
    local: Endpoint | None = None
    rtt_ms: Milliseconds | None = None


class TlsSession(Observation, frozen=True, kw_only=True):
    """A TLS handshake for `name`, or one of DTLS. `verified`: against the system's trust (or --ca-file); failure tells
    why not. `offered`: the application protocols (ALPN) that we named, `alpn` the one that the server chose of them.
    """

    endpoint: Endpoint
    via: Text | None = None
    transport: Literal["tls", "dtls"] = "tls"
    name: HostName
    verified: bool
    protocol: Text | None = None
    cipher: Text | None = None
    offered: tuple[Text, ...] = ()
    alpn: Text | None = None
    rtt_ms: Milliseconds | None = None


class Certificate(Observation, frozen=True, kw_only=True):
    """The leaf certificate that `endpoint` showed for `name`, read whether or not it verified.

    `names` are its subjectAltName entries; `chain` counts what the server sent, leaf included.
    `matches`: RFC 9525 says that it is for `name`. `days_left`: from the time of the run to notAfter. `logged`: of how
    many public logs it has timestamps (RFC 6962 section 3.3), which are not checked: public authorities put them in.
    """

    endpoint: Endpoint
    via: Text | None = None
    transport: Literal["tls", "dtls"] = "tls"
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
    logged: Count = 0


class HttpReply(Observation, frozen=True, kw_only=True):
    """A GET and the head of its answer; `says` has marks found in the body: `jitsi`, `janus`; `jvb` where it is the
    bridge's own API.

    `url` has no query; a redirect's `location` is cut the same way. `date`: the server's clock (RFC 9110 section
    6.6.1), None where it doesn't say so in the form that it should.
    """

    url: Text
    endpoint: Endpoint
    via: Text | None = None
    status: Count | None = None
    server: Text | None = None
    location: Text | None = None
    content_type: Text | None = None
    date: Time | None = None
    says: tuple[Literal["jitsi", "janus", "jvb"], ...] = ()
    rtt_ms: Milliseconds | None = None
