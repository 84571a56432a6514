"""Proxies: what this machine's settings say of them, what a browser makes of that, and what the proxies let through."""

from __future__ import annotations

from typing import Literal

from natprobe.model import Count, Endpoint, HostName, Milliseconds, Observation, Port, Seconds, Text

# Where a setting stands. `wpad`: found by the network's own names; `guess`: tried because --guess-proxy asked.
ProxySource = Literal["option", "environment", "desktop", "windows", "macos", "wpad", "guess"]


class ProxySetting(Observation, frozen=True, kw_only=True):
    """One source of proxy settings and what it says. URLs without user, password, query and fragment.

    `name`: the variable, key or record, as its owner would look it up. `proxies`: scheme of the page -> proxy, as
    `https=http://proxy:3128`; `pac`: where a script for it is; `detect`: the network is to be asked (WPAD); `bypass`:
    hosts that are to be reached without. `counts`: browsers on this machine go by this one. None of all: none is set.
    """

    by: ProxySource
    name: Text
    proxies: tuple[Text, ...] = ()
    pac: Text | None = None
    detect: bool = False
    bypass: tuple[Text, ...] = ()
    counts: bool = False


class ProxyScript(Observation, frozen=True, kw_only=True):
    """A PAC script, got and run in a sandbox for one URL: what FindProxyForURL answered.

    `asked`: the URL that it was run for (`https://host:port/`). `size` in bytes. Failure: of getting it, `timeout` and
    `limit` of running it, `protocol` where it is no such script.
    """

    by: ProxySource
    url: Text
    asked: Text
    answer: Text = ""
    size: Count = 0
    lookups: Count = 0
    duration_ms: Milliseconds | None = None


class ProxyChoice(Observation, frozen=True, kw_only=True):
    """What a browser on this machine uses for `https://host:port/`, and so for a relay there over TCP or TLS too.

    `ways`: in its order, `direct` among them; `via`: the first that takes a connection, None: it goes direct.
    `by` and `name`: the setting that says so, None: nothing is set. `bypassed`: the entry that leaves this host out.
    `purpose`: the page's (and signalling's), or a relay's. Failure: none of the ways takes a connection.
    """

    host: HostName
    port: Port
    purpose: Literal["web", "relay"] = "web"
    ways: tuple[Text, ...] = ("direct",)
    via: Text | None = None
    endpoint: Endpoint | None = None
    by: ProxySource | None = None
    name: Text = ""
    bypassed: Text | None = None


class Tunnel(Observation, frozen=True, kw_only=True):
    """A proxy asked to lead to `host:port`: CONNECT (RFC 9110 section 9.3.6) or a SOCKS request (RFC 1928).

    `purpose`: the page, a relay, the usual ports of media and relays (`port`), another server's 443 (`control`).
    `status` of HTTP, `reply` of SOCKS. `schemes`: of Proxy-Authenticate, in its order; `authenticated`: it was given
    a user and a password, by this tunnel or one beside it. `error`: the proxy's own word for what went wrong, as
    Squid's X-Squid-Error; `software` as it names itself. `endpoint` is the proxy's. `rtt_ms`: from the request to its
    answer.
    """

    via: Text
    endpoint: Endpoint | None = None
    local: Endpoint | None = None
    host: HostName
    port: Port
    purpose: Literal["web", "relay", "port", "control"]
    status: Count | None = None
    reply: Count | None = None
    schemes: tuple[Text, ...] = ()
    authenticated: bool = False
    error: Text = ""
    software: Text = ""
    rtt_ms: Milliseconds | None = None


class IdleTunnel(Observation, frozen=True, kw_only=True):
    """A tunnel to `host:port` that carried nothing for `idle` seconds, and then a TLS handshake: beside a
    SignallingIdle it tells whether the proxy cuts what is idle.

    `lasted`: seconds until it was closed, or until the handshake; None: there was no tunnel. A web front closes such a
    connection too, but mostly later (nginx after a minute). `rtt_ms`: of the whole handshake.
    """

    via: Text
    endpoint: Endpoint | None = None
    host: HostName
    port: Port
    idle: Seconds
    lasted: Seconds | None = None
    rtt_ms: Milliseconds | None = None


class SocksUdp(Observation, frozen=True, kw_only=True):
    """UDP ASSOCIATE of a SOCKS5 proxy (RFC 1928 section 7), and a STUN Binding through it. No browser uses it.

    `host` and `port` of the STUN server; `server`: its endpoint, None where the proxy was to look it up. `relay`: where
    the proxy takes datagrams; `mapped`: the proxy's own address, as that server saw it. `reply`: of SOCKS, None with
    a failure before it.
    """

    via: Text
    host: HostName
    port: Port
    server: Endpoint | None = None
    relay: Endpoint | None = None
    reply: Count | None = None
    mapped: Endpoint | None = None
    tries: Count = 0
    rtt_ms: Milliseconds | None = None
