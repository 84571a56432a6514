"""Jitsi Meet as its client sees it: config.js, signing in, what signalling offers, the room and the session."""

from __future__ import annotations

from typing import Literal

from natprobe.model import Count, Data, Endpoint, Milliseconds, Observation, Port, Seconds, Text


class JitsiConfig(Observation, frozen=True, kw_only=True):
    """What config.js tells a client (lib-jitsi-meet's options), read as data: nothing in it was run.

    URLs are absolute, as a client on that page makes them, without query and user. `domain`, `muc`, `focus`,
    `anonymous_domain` are XMPP domains, often no DNS names. None: config.js does not set it, or not readably.
    `p2p_stun`: the servers of p2p.stunServers as `host:port`; `p2p_relays` counts the TURN entries among them, and
    `p2p_secrets` says that credentials stand beside one. `url` is the file's.
    """

    url: Text
    endpoint: Endpoint
    via: Text | None = None
    domain: Text | None = None
    muc: Text | None = None
    focus: Text | None = None
    anonymous_domain: Text | None = None
    bosh: Text | None = None
    websocket: Text | None = None
    conference_request: Text | None = None
    prefer_bosh: bool = False
    use_turn_udp: bool = False
    force_relay: bool = False
    token_login: bool = False
    p2p: bool = True
    p2p_stun: tuple[Text, ...] = ()
    p2p_relays: Count = 0
    p2p_secrets: bool = False
    shard: Text | None = None


class SignIn(Observation, frozen=True, kw_only=True):
    """One way into the signalling, as far as it went: XMPP over WebSocket (RFC 7395) or over BOSH (XEP-0206).

    `reached` is the last step that worked: the connection, TLS, the upgrade (BOSH: an HTTP answer), the stream's
    opening, the login, the binding of a resource. `status`, `server` and `content_type` are of the HTTP answer.
    `greets`: a plain GET of the same path brings Prosody's own page; asked only where the upgrade or the stream failed.
    `condition` is the XMPP condition that ended it (stream error, SASL failure). `duration_ms`: from the first packet.
    """

    url: Text
    transport: Literal["websocket", "bosh"]
    domain: Text
    endpoint: Endpoint | None = None
    via: Text | None = None
    local: Endpoint | None = None
    reached: Literal["nothing", "connection", "tls", "upgrade", "stream", "login", "binding"] = "nothing"
    login: Literal["anonymous", "token", "password"] = "anonymous"
    status: Count | None = None
    server: Text | None = None
    content_type: Text | None = None
    greets: bool | None = None
    mechanisms: tuple[Text, ...] = ()
    condition: Text | None = None
    duration_ms: Milliseconds | None = None


class SignallingIdle(Observation, frozen=True, kw_only=True):
    """A stream of ours, signed in, that heard no word of ours for `idle` seconds, and then a ping (XEP-0199).

    Over BOSH a request of ours is held by the server all the time, as clients have it. `lasted`: seconds until it was
    ended, or until the ping; None: it never stood. `rtt_ms`: of the ping, which an error answers as well as a result.
    Failure: how it ended (`http-status`: what BOSH's held request was answered with), `timeout`: the ping was lost.
    """

    url: Text
    transport: Literal["websocket", "bosh"]
    endpoint: Endpoint | None = None
    via: Text | None = None
    idle: Seconds
    lasted: Seconds | None = None
    rtt_ms: Milliseconds | None = None


class Service(Data, frozen=True, kw_only=True):
    """One entry of a Services: what it says of a server. `credentials`: it brings a user name and a password."""

    type: Text
    host: Text
    port: Port | None = None
    transport: Text | None = None
    credentials: bool = False


class Services(Observation, frozen=True, kw_only=True):
    """The STUN and TURN servers that signalling hands out (XEP-0215), and by which way they came. None is a fact.

    `push`: the message that mod_jiconop sends after the binding; `metadata`: the room's. Credentials lie in the drawer.
    """

    domain: Text
    by: Literal["extdisco:2", "extdisco:1", "push", "metadata"]
    services: tuple[Service, ...] = ()
    condition: Text | None = None
    rtt_ms: Milliseconds | None = None


class ConferenceReply(Observation, frozen=True, kw_only=True):
    """What the focus (jicofo) says to the request for a conference in a room of ours.

    `ready` False: not yet, after `tries` requests. `authentication`: it wants hosts to sign in. `visitors`: the node
    that visitors are sent to. `condition`: the XMPP error's, `status` the HTTP answer's.
    """

    by: Literal["xmpp", "http"]
    focus: Text
    ready: bool | None = None
    authentication: bool | None = None
    visitors: Text | None = None
    condition: Text | None = None
    status: Count | None = None
    tries: Count = 0
    rtt_ms: Milliseconds | None = None


class RoomEntry(Observation, frozen=True, kw_only=True):
    """One participant of ours entering the room (XEP-0045 section 7.2): two are needed for a session.

    `focus`: the focus is in the room. `bridge`: False where it says that it has no bridge.
    """

    participant: Count
    focus: bool = False
    bridge: bool | None = None
    condition: Text | None = None
    rtt_ms: Milliseconds | None = None


class SessionOffer(Observation, frozen=True, kw_only=True):
    """The session-initiate (XEP-0166) that the bridge's transport comes in, or that it never came.

    `dropped` counts candidates that name no address that may be contacted, and those beyond the bound. `digest`: the
    announced fingerprint of the bridge's certificate, which is public (RFC 8122). `channel` is
    the bridge's own WebSocket without its secrets. `duration_ms`: from the second participant's entry.
    """

    participant: Count
    session: Text = ""
    candidates: Count = 0
    dropped: Count = 0
    fingerprint: bool = False
    digest: Text | None = None
    channel: Text | None = None
    condition: Text | None = None
    duration_ms: Milliseconds | None = None


class BridgeChannel(Observation, frozen=True, kw_only=True):
    """The upgrade of the bridge's own WebSocket (colibri-ws of older bridges)."""

    url: Text
    endpoint: Endpoint | None = None
    via: Text | None = None
    status: Count | None = None
    content_type: Text | None = None
    rtt_ms: Milliseconds | None = None


class PseudoTls(Observation, frozen=True, kw_only=True):
    """Google's pseudo-TLS hello, which an old bridge answers without any signalling. Failure None: it did."""

    endpoint: Endpoint
    local: Endpoint | None = None
    rtt_ms: Milliseconds | None = None


class PoolCheck(Observation, frozen=True, kw_only=True):
    """An ICE check with the credentials of a further conference's session (`--sessions`), maybe on another bridge.

    `conference` counts from 2. `digest` as in SessionOffer, the rest as in IceCheck. Without `endpoint` no
    session was offered, or one that names no public address to ask.
    """

    conference: Count
    endpoint: Endpoint | None = None
    local: Endpoint | None = None
    digest: Text | None = None
    tries: Count = 0
    verified: bool = False
    error_code: Count | None = None
    rtt_ms: Milliseconds | None = None
