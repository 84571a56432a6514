"""Janus as its own client sees it: the ways into its API, what it says of itself, its answer to an offer."""

from __future__ import annotations

from typing import Literal

from natprobe.model import Address, Count, Endpoint, Milliseconds, Observation, Text


class JanusDoor(Observation, frozen=True, kw_only=True):
    """One way into Janus's API at one address, as far as it went: HTTP (a POST to the path) or a WebSocket.

    `why` it was asked: it is the `target` itself, a `usual` port or path on the target's host, or the same port on a
    `sibling`, another address of the very host (its name's, those that its candidates and its own word tell).
    `reached` is the last step that worked: the connection, TLS, the upgrade (of a WebSocket), an answer in Janus's own
    words. `status`, `server` and `content_type` are of the HTTP answer. `subprotocol`: the upgrade named
    `janus-protocol`. `error_code` is Janus's own. `rtt_ms`: from the question to Janus's answer.
    """

    url: Text
    transport: Literal["http", "websocket"]
    why: Literal["target", "usual", "sibling"] = "usual"
    endpoint: Endpoint
    via: Text | None = None
    local: Endpoint | None = None
    reached: Literal["nothing", "connection", "tls", "upgrade", "answer"] = "nothing"
    status: Count | None = None
    server: Text | None = None
    content_type: Text | None = None
    subprotocol: bool | None = None
    error_code: Count | None = None
    rtt_ms: Milliseconds | None = None


class JanusInfo(Observation, frozen=True, kw_only=True):
    """What `info` tells of a Janus. None: this version doesn't say it, or not readably.

    `public_ips`: what nat_1_1_mapping has it advertise. `local_ip` is its own idea of its address, no candidate.
    `plugins` and `transports` are the short names of what is loaded (`echotest`, `websockets`).
    `secret`, `tokens`: requests need the API secret, a token.
    """

    url: Text
    endpoint: Endpoint
    version: Count | None = None
    version_string: Text | None = None
    local_ip: Address | None = None
    public_ips: tuple[Address, ...] = ()
    ipv6: bool | None = None
    ipv6_link_local: bool | None = None
    ice_lite: bool | None = None
    ice_tcp: bool | None = None
    full_trickle: bool | None = None
    mdns: bool | None = None
    stun_server: Text | None = None
    turn_server: Text | None = None
    secret: bool | None = None
    tokens: bool | None = None
    accepting: bool | None = None
    plugins: tuple[Text, ...] = ()
    transports: tuple[Text, ...] = ()


class JanusCall(Observation, frozen=True, kw_only=True):
    """One handle of ours on a Janus: its plugin got an offer of ours, and what came of it.

    `handle` counts from 1. `reached` is the last step that worked: the session, the handle, the offer taken (an
    acknowledgement), the answer. `trickled`: candidates came in messages of their own; `completed`: Janus said that
    there are no more. `dropped` counts candidates that name no address that may be contacted, TCP ones that only call
    out, and those beyond the bound. `lite`: the answer is ICE lite's (RFC 8445 section 2.5).
    `given`: our requests had the API secret or a token with them, which cross no line that somebody could read along.
    `fingerprint`, `digest` as in SessionOffer. `error_code` and `detail`: Janus's own or the plugin's.
    """

    handle: Count
    url: Text
    endpoint: Endpoint
    plugin: Text
    session: Text = ""
    given: bool = False
    reached: Literal["nothing", "session", "handle", "offer", "answer"] = "nothing"
    candidates: Count = 0
    dropped: Count = 0
    trickled: bool = False
    completed: bool = False
    lite: bool = False
    fingerprint: bool = False
    digest: Text | None = None
    error_code: Count | None = None
    duration_ms: Milliseconds | None = None


class JanusEnd(Observation, frozen=True, kw_only=True):
    """What Janus said of a handle's media while it stood: `up` (`webrtcup`), and why it hung up, in its own words."""

    handle: Count
    session: Text = ""
    up: bool = False
    reason: Text | None = None


class MediaEcho(Observation, frozen=True, kw_only=True):
    """Media to a plugin that echoes it, and back (SRTP, RFC 3711), small and full-size: what `large_down` rests on.

    `size` is a packet's length in bytes. `sent` and `received` count packets; those that came back are known by
    their authentication tag, their source and their size.
    """

    session: Text = ""
    endpoint: Endpoint
    local: Endpoint | None = None
    size: Count
    sent: Count = 0
    received: Count = 0
    rtt_ms: Milliseconds | None = None


class CascadeRelay(Observation, frozen=True, kw_only=True):
    """Another Janus, that the target's publishers are to be forwarded to (--cascade). Nothing was made to see this.

    `relay` counts from 1. `reached` is the last step that worked: nothing, Janus's answer, a session, its echotest's
    answer. `rooms`: its plugin videoroom is loaded. `hosts`: the addresses of its host candidates; with `local_ip` they
    are its own, unless `public_ips` stand in their place. `iface`, `host` and `port`: the address to bind there, and
    where the target is to send to, as the user says, `host` else as its name says.
    `requests`: what cascades a publisher, first to it, then to the target. What stands there in <> is to be filled in.
    """

    relay: Count
    url: Text
    endpoint: Endpoint | None = None
    reached: Literal["nothing", "answer", "session", "echo"] = "nothing"
    version: Count | None = None
    version_string: Text | None = None
    rooms: bool | None = None
    local_ip: Address | None = None
    public_ips: tuple[Address, ...] = ()
    hosts: tuple[Address, ...] = ()
    iface: Address | None = None
    host: Address | None = None
    port: Count | None = None
    requests: tuple[Text, ...] = ()
    error_code: Count | None = None


class CascadeRequest(Observation, frozen=True, kw_only=True):
    """One request of --apply to a videoroom, about rooms and publishers of ours: to the `relay` or to the `target`.

    `relay`: which --cascade it is for. `request` is videoroom's own word for it. `iface`, `host`, `port` and
    `rtcp_port`: what it named, or what its answer brought; `bound`: the `ip` of that answer. `error_code` and `detail`:
    Janus's own or the plugin's.
    """

    relay: Count
    of: Literal["relay", "target"]
    request: Text
    url: Text
    iface: Address | None = None
    bound: Address | None = None
    host: Address | None = None
    port: Count | None = None
    rtcp_port: Count | None = None
    error_code: Count | None = None
    rtt_ms: Milliseconds | None = None


class CascadeFlow(Observation, frozen=True, kw_only=True):
    """RTP packets to the port that a remote publisher of ours has at the relay, and what that saw of them.

    `by`: the `target` forwarded a publisher of ours, or `here`: they went straight there from this machine. `sent` of
    ours; `passed`: how many of them the target said it got, `arrived`: the relay. A packet that follows a lost one
    leaves no trace and counts as arrived. `delay_ms`: from the target's word to the relay's about the same packet, the
    least, less what their words take to us (half of each round trip): no more exact than that.
    """

    relay: Count
    by: Literal["target", "here"]
    endpoint: Endpoint
    sent: Count = 0
    passed: Count | None = None
    arrived: Count = 0
    delay_ms: Milliseconds | None = None
