"""A case: one network and what natprobe must find in it (tests/cases/*.toml).

The same case is built twice where `rings` says so: in memory (tests/lab: virtual time, no root)
and from real kernels and servers (tests/netns). Both builders read these types and nothing else,
so a new condition is one field here and its meaning in each builder.

The plan of addresses is the same in both rings:

    client 192.168.1.2 -- home router (192.168.1.1 | 198.51.100.7) -- core -- servers
                          with a carrier NAT between:  (… | 100.64.0.7) -- (100.64.0.1 | 198.51.100.1)
                          behind a second router:  (192.168.1.1 | 192.168.178.2) -- (192.168.178.1 | …)

    meet.example.test   203.0.113.10 (and .11)    2001:db8:f::10   web front, media server
    stun1.example.test  203.0.113.20 and .21      2001:db8:f::20 and ::21   STUN with RFC 5780, UDP and TCP 3478
                        (and over TLS and DTLS at 203.0.113.20 and ::20, port 5349, where a case wants it)
    stun2.example.test  203.0.113.30              2001:db8:f::30   another operator's STUN, UDP and TCP 3478
    turn.example.test   203.0.113.40              2001:db8:f::40   relay, where a case has one: 3478, 5349
    resolvers           203.0.113.53 (and .54)    (UDP and TCP 53)
    client, IPv6        2001:db8:1::2             router 2001:db8:1::1
    client, uplink      10.20.0.2 -- another router (10.20.0.1 | 198.51.100.77) -- core
    proxy.example.test  10.30.0.3, out by 198.51.100.80        where a case has one (tests/case_proxy.py)
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from tests.case_cascade import Cascade
from tests.case_proxy import Proxy

CASES = Path(__file__).parent / "cases"


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Strict: a misspelt condition must not quietly test a healthy network."""


class Network(Part, frozen=True, kw_only=True):
    """The client's side, from its own machine to the provider.

    `mapping` and `filtering` are the home router's, in RFC 4787's words; `none` is a router without
    NAT (the client then has 198.51.100.7 itself) that filters as `filtering` says. `carrier` puts the provider's NAT
    behind it, which filters as `carrier_filtering` says; with `mapping` none the client has 100.64.0.7 itself, as a
    mobile phone does.
    `udp`, `tcp`: what the router does with it towards the outside; `reject` answers with
    ICMP admin-prohibited. `udp_open` and `tcp_open` list ports that pass all the same.
    `loss` is per direction, 0 to 1 (both directions, UDP only). `rewrite`: an ALG that puts the
    inside address into MAPPED-ADDRESS of passing STUN answers, and mends the FINGERPRINT (`plain`) or not (`broken`).
    `dpi`: the router drops UDP with STUN's magic cookie in it (`stun-cookie`).
    `local`: this machine's own firewall refuses UDP
    (send fails with EPERM). `tunnel`: a VPN interface tun0 (10.8.0.2) that carries UDP (or everything)
    out by 198.51.100.99 while the rest leaves by the router. `mtu`: a path-MTU black hole beyond the router, IP packets
    above so many bytes vanish without ICMP in both directions (0: none do), all of them or, with `mtu_of` udp, those of
    UDP: a tunnel that clamps TCP's segments (MSS) hides itself from everything else.
    `ipv6`: `none`, `works`, `broken` (address and default route are there, nothing comes back), or `no-udp` (TCP
    passes). `uplink`: a second interface eth1 with a router of its own; what is bound to its address leaves there,
    everything else by the first. That router works, drops UDP (`no-udp`) or everything (`dead`).
    `hairpin`: the router, and the provider's, lets inside hosts reach each other by their outside endpoints.
    `ports`: how it chooses outside ports; usual keeps them where the mapping is endpoint-independent and draws them by
    chance elsewhere. `pool`: so many outside addresses (.71, .72 … beside the first), one drawn by chance for each
    mapping; with `carrier` they are the provider's. `lifetime`: seconds that a UDP mapping lives without packets (0:
    long); in the memory ring only those that go out keep it, netfilter counts both directions.
    `second`: one more router between the client and the home router, which translates (`nat`) or only routes
    (`routed`); IPv4 only, and not with `mapping` none. `router_tells`: the client's own router says by NAT-PMP what its
    outside address is. `silent_routers`: none of them sends ICMP errors about packets that have lived too long.
    `delay`: seconds that the wire beyond the home router takes one way besides, for everything; `jitter`: up to so many
    more for UDP, by chance; `reorder`: the share of UDP packets that don't wait and overtake the others.
    `ghost`: eth0 has a further IPv6 address, 2001:db8:1::9, that no socket can be bound to (it never gets beyond
    duplicate address detection, RFC 4862 section 5.4).
    `dscp`: what the router does with marked packets on their way out, `cleared`: the mark is set to 0; `dropped`: those
    marked EF are.
    `portal`: the router sends whoever asks for port 80 to http://login.example.test/, and lets nothing out (TCP is
    reset, UDP dropped). `only_tls_443`: what goes to TCP 443 and does not begin as TLS does is dropped.
    """

    mapping: Literal["none", "endpoint-independent", "address-dependent", "address-and-port-dependent"] = (
        "endpoint-independent"
    )
    filtering: Literal["endpoint-independent", "address-dependent", "address-and-port-dependent"] = (
        "address-and-port-dependent"
    )
    carrier: bool = False
    carrier_filtering: Literal["endpoint-independent", "address-dependent", "address-and-port-dependent"] = (
        "endpoint-independent"
    )
    udp: Literal["pass", "drop", "reject"] = "pass"
    tcp: Literal["pass", "drop", "reject"] = "pass"
    udp_open: tuple[int, ...] = ()
    tcp_open: tuple[int, ...] = ()
    loss: float = 0.0
    rewrite: Literal["none", "plain", "broken"] = "none"
    dpi: Literal["none", "stun-cookie"] = "none"
    local: Literal["pass", "udp-refused"] = "pass"
    tunnel: Literal["none", "udp", "all"] = "none"
    uplink: Literal["none", "works", "no-udp", "dead"] = "none"
    ipv6: Literal["none", "works", "broken", "no-udp"] = "none"
    second: Literal["none", "nat", "routed"] = "none"
    router_tells: bool = False
    silent_routers: bool = False
    ghost: bool = False
    hairpin: bool = False
    ports: Literal["usual", "preserved", "random", "sequential", "contiguous"] = "usual"
    pool: int = 1
    lifetime: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    reorder: float = 0.0
    mtu: int = 0
    mtu_of: Literal["all", "udp"] = "all"
    dscp: Literal["kept", "cleared", "dropped"] = "kept"
    portal: bool = False
    only_tls_443: bool = False


Answer = Literal["works", "nxdomain", "servfail", "empty", "silent", "sinkhole"]


class Dns(Part, frozen=True, kw_only=True):
    """What the resolver says of the target's name. The STUN servers' names always resolve.

    `second`: what another resolver (203.0.113.54, the second of the client's settings) says of it; none: there is no
    other. `hosts`: the client's own hosts file has the name, with the right address.
    `naptr`: turn.example.test has S-NAPTR records (RFC 5928): by them it relays over TCP (by SRV, port 3478) and over
    TLS (by further NAPTR, then by address).
    `outside`: the client's resolver knows the names outside; else only those of proxies. `one`: it answers everything
    with 192.168.1.1, the router.
    """

    answer: Answer = "works"
    second: Literal["none"] | Answer = "none"
    hosts: bool = False
    ipv4: bool = True  # A for meet.example.test
    ipv6: bool = False  # AAAA for meet.example.test and the STUN servers
    naptr: bool = False
    outside: bool = True
    one: bool = False


class Web(Part, frozen=True, kw_only=True):
    """The front of meet.example.test.

    `state`: `jitsi` (page with config.js), `janus` (/janus/info), `plain`, `down` (no answer),
    `refused` (443 and 80 closed), `http-only` (443 closed, the page on 80 without redirect).
    `certificate`: `incomplete` leaves the intermediate out; `expiring` ends in five days.
    `other`: the front at the name's second address, 203.0.113.11 (none: the name has one address); `ipv6`: the front
    at its IPv6 address. `down` and `refused` are the firewall's doing there, on 443 and 80.
    """

    state: Literal["jitsi", "janus", "plain", "down", "refused", "http-only"] = "jitsi"
    certificate: Literal["good", "expired", "self-signed", "wrong-name", "expiring", "incomplete"] = "good"
    other: Literal["none", "works", "down", "refused"] = "none"
    ipv6: Literal["works", "down", "refused"] = "works"


class Stun(Part, frozen=True, kw_only=True):
    """STUN over TLS and DTLS at stun1.example.test, port 5349 of both, and the firewall before it.

    `tls` is the certificate's kind, as `Web` has them; none: nothing listens there.
    """

    tls: Literal["none", "good", "expired", "self-signed", "wrong-name", "expiring", "incomplete"] = "none"
    tcp: Literal["pass", "drop"] = "pass"
    udp: Literal["pass", "drop"] = "pass"


class Peer(Part, frozen=True, kw_only=True):
    """`natprobe serve` on meet.example.test (UDP 10000, TCP 4443), and the firewall before it."""

    runs: bool = False
    udp: Literal["pass", "drop", "reject", "refused"] = "pass"  # refused: nothing listens, port-unreachable
    tcp: Literal["pass", "drop", "refused"] = "pass"


class Relay(Part, frozen=True, kw_only=True):
    """The TURN server turn.example.test, and the firewall before it. UDP and TCP 3478, TLS and DTLS 5349.

    `access`: whom it lets in, `password`: the user alice; `secret`: whoever has a user name and a password made from
    the shared secret; `both`: it has a user and a secret, and the secret wins; `none`: everybody. `given`: what the
    check is told, `wrong` has another password or secret, `other-kind` a secret where the relay knows users, and a
    user where it has a secret.
    `udp`, `tcp`: to both ports, `refused`: nothing listens there (port-unreachable, reset).
    `tls` is the certificate's kind, for TLS and DTLS; none: nothing listens on 5349; `unreadable`: nothing does, for
    want of a certificate that it can read; `http`: a web server with a good certificate does, over TCP.
    `front`: what shares TCP 443 between a web server with the relay's certificate and the relay's TLS port. `name`: by
    SNI; `alpn`: `stun.turn` to the relay, all else to the web server; `alpn-shut`: all else is closed; `web-alpn`: h2
    and http/1.1 to the web server, all else to the relay; `shut`: everything is closed.
    `external`: the address that it says it relays from, its own, a private one (10.0.0.40) or one that isn't its own
    (203.0.113.99). `nat`: it has 10.0.0.40 alone, and IPv4 only, behind a NAT that maps one to one.
    `range`: what is relayed passes the firewall (UDP from and to 49152 to 65535), or not.
    `state`: `stalled` answers Binding and never Allocate; `full` has no port left (508); `no-udp-relay` relays no UDP
    (442); `realm-missing` has users whose keys were made for a realm, and none itself: 401 with an empty REALM;
    `denies` refuses all peers (403). And where somebody else has an allocation: `user-quota`, `total-quota` and
    `bandwidth` allow one (486), `one-port` has a range of one (508). `server-error` answers 500 to everybody.
    `ipv6-only` relays from an IPv6 address alone (440 to whoever names no family).
    `redirects` answers 300 with another relay on port 3480, which works; that of `redirects-in-ring` sends back.
    `inner`: whether users may reach its inner addresses, as coturn has it unless told, or not.
    """

    runs: bool = False
    access: Literal["password", "secret", "both", "none"] = "password"
    given: Literal["right", "wrong", "other-kind", "none"] = "right"
    udp: Literal["pass", "drop", "refused"] = "pass"
    tcp: Literal["pass", "drop", "refused"] = "pass"
    tls: Literal["none", "good", "expired", "self-signed", "wrong-name", "unreadable", "http"] = "none"
    front: Literal["none", "name", "alpn", "alpn-shut", "web-alpn", "shut"] = "none"
    external: Literal["own", "private", "wrong"] = "own"
    nat: bool = False
    range: Literal["open", "closed"] = "open"
    state: Literal[
        "healthy",
        "stalled",
        "full",
        "no-udp-relay",
        "realm-missing",
        "denies",
        "user-quota",
        "total-quota",
        "bandwidth",
        "one-port",
        "server-error",
        "ipv6-only",
        "redirects",
        "redirects-in-ring",
    ] = "healthy"
    inner: Literal["usual", "denied"] = "usual"


class Jitsi(Part, frozen=True, kw_only=True):
    """Jitsi behind the web front, with `web.state` jitsi and in the kernel ring only: Prosody, a focus, a bridge.
    Without `runs`, config.js names domains and no way to sign in.

    `page`: where the URLs in config.js point, the front's own name (`own`), `localhost` with port 8443, a `private`
    address, or plain `http`.
    `websocket`: there is `no-path` (404), the page comes instead (`html`), nginx passes on without the upgrade's
    headers (`no-upgrade`), another origin is expected (`origin-refused`, 403), nothing is behind nginx (`down`, 502),
    or config.js doesn't name it; `bosh` likewise. `quiet`: nginx ends either after so many seconds without a word (0:
    after a minute, as it does unless told).
    `login`: `anonymous`; `guests` (hosts sign in with a password, guests at guest.meet.example.test, who may begin no
    conference); `token`; `password` (nobody without). `given`: what the check is told, of tests/access.py.
    `focus`: `down` isn't connected, `missing`: nothing has its domain; `not-authorized` for everybody, `not-ready` for
    ever, `starting` for two requests of each room, `silent` never answers. `request`: config.js has clients ask for
    conferences over HTTP, which `works`, or nobody is behind nginx (`down`, 502).
    `room`: who wants to enter is sent to the `lobby`, or needs its `password`; `of-token`: the token is good for the
    room `standup` alone.
    `bridge`: `down`: the focus knows of none, and nothing listens; `shared`: every other conference is on another
    bridge that advertises the same, and no packets reach it. `channel`: an older bridge's own WebSocket is
    offered, and nginx leads there (`works`), or has no location for it (`no-path`, 404).
    `advertise`: the bridge's candidates, in this order: its `own` address (203.0.113.10), a `private` one (10.0.0.10),
    a `container`'s (172.18.0.5), `loopback`, a `wrong` one (203.0.113.99, nobody's), `ipv6`. `port` is what they say.
    `udp`: the firewall before UDP 10000, as `Peer` has it. `outside`: the port that is forwarded to the bridge; with
    another one than 10000, 10000 is not. `flow_life`: so many seconds after it let a flow to the bridge in, that
    firewall drops it (0: never). `dtls`: dropped while STUN passes. `old`: a bridge with TCP, ssltcp at 4443.
    `services`: what signalling hands out, all of it at turn.example.test (`relay` with access secret): `none`: the
    module is missing; `all`: STUN, TURN over UDP, TCP and TLS; `turn-tcp`, `turns`: only that; `turn-udp-only`: STUN
    and TURN over UDP; `no-credentials`: TURN over TLS without user and password; `turns-without-transport`.
    `delivery`: they come only by a message behind the binding (`pushed`) or with the room's `metadata`.
    `turns`: the port that it says of TURN over TLS; at 443 there is one where `relay.front` shares it.
    `turn_udp`: config.js sets useTurnUdp. `private_api`: the bridge's private HTTP interface is published on all
    addresses and not on loopback alone.
    `inside`: all of it stands in a network of the client's own router, at 192.168.77.5; the router forwards its web
    ports and UDP 10000 of 198.51.100.7, its outside address, which is the `own` one then, and 192.168.77.5 the
    `private` one. The resolver says 192.168.77.5 of the name (`by-name`), or the outside address, by which inside hosts
    reach the web ports (`by-router`), and with `network.hairpin` the media port too.
    """

    runs: bool = False
    page: Literal["own", "localhost", "private", "http"] = "own"
    websocket: Literal["works", "no-path", "html", "no-upgrade", "origin-refused", "down", "not-configured"] = "works"
    bosh: Literal["works", "origin-refused", "down", "not-configured"] = "works"
    quiet: int = 0
    login: Literal["anonymous", "guests", "token", "password"] = "anonymous"
    given: Literal["nothing", "token", "user"] = "nothing"
    focus: Literal["works", "down", "missing", "not-authorized", "not-ready", "starting", "silent"] = "works"
    request: Literal["not-configured", "works", "down"] = "not-configured"
    room: Literal["open", "lobby", "password", "of-token"] = "open"
    bridge: Literal["works", "down", "shared"] = "works"
    channel: Literal["none", "works", "no-path"] = "none"
    advertise: tuple[Literal["own", "private", "container", "loopback", "wrong", "ipv6"], ...] = ("own",)
    port: int = 10000
    udp: Literal["pass", "drop", "reject", "refused"] = "pass"
    outside: int = 10000
    dtls: Literal["pass", "drop"] = "pass"
    flow_life: int = 0
    old: bool = False
    services: Literal[
        "none", "all", "turn-tcp", "turns", "turn-udp-only", "no-credentials", "turns-without-transport"
    ] = "none"
    delivery: Literal["asked", "pushed", "metadata"] = "asked"
    turns: int = 5349
    turn_udp: bool = False
    private_api: bool = False
    inside: Literal["no", "by-name", "by-router"] = "no"


class Janus(Part, frozen=True, kw_only=True):
    """A real Janus (Debian's) on meet.example.test, in the kernel ring only.

    `api`: nginx passes /janus and /janus-ws on to it (`nginx`, with `web.state` janus), or its own ports are open to
    all: HTTP 8088, HTTPS 8089, WebSocket 8188, and over TLS 8989 (`own`), or only those without TLS (`own-plain`).
    `http`, `websocket`: what nginx makes of it, `no-path` (404) or nobody behind it (`down`, 502); a WebSocket is
    passed on without the upgrade's headers (`no-upgrade`) or without the subprotocol (`no-subprotocol`).
    `wants`: every request needs the API's `secret`, or a `token`; `given`: what the check is told.
    `plugin`: the one that is loaded, or `both`. `mdns`: names ending in .local are looked up (ignore_mdns is not set).
    `stands`: with its public address (`outside`), behind a NAT one to one at 10.0.0.10 (`nat`) or, as a container
    has it, at 172.18.0.5 (`container`), or in a network of the client's own router, at 192.168.77.5 (`inside`): that
    one forwards its web ports and those of `range`, and turns UDP round with `network.hairpin` only; its name leads to
    the router. `mapping`: nat_1_1_mapping is its outside address (`own`) or nobody's (`wrong`).
    `addresses`: it has 203.0.113.11 besides, as its `second` address or the `first`. `ws_ip`: the address set for the
    WebSocket; `first` is 203.0.113.10 and `second` the other, `absent` none of this host's.
    `range`: rtp_port_range; `opened`: the UDP ports that the firewall before it lets in (nothing: all); `udp`: what
    it does with those of `range`; `dtls`: dropped while STUN passes. `ice_tcp` is without effect unless `lite`.
    `enforce`: ice_enforce_list names an interface that isn't there. The rest are its settings.
    """

    runs: bool = False
    api: Literal["nginx", "own", "own-plain"] = "nginx"
    http: Literal["works", "no-path", "down"] = "works"
    websocket: Literal["works", "no-path", "no-upgrade", "no-subprotocol", "down"] = "works"
    wants: Literal["nothing", "secret", "token"] = "nothing"
    given: Literal["nothing", "right", "wrong"] = "nothing"
    plugin: Literal["echotest", "videoroom", "both"] = "echotest"
    mdns: bool = True
    stands: Literal["outside", "nat", "container", "inside"] = "outside"
    mapping: Literal["none", "own", "wrong"] = "none"
    keep_private: bool = False
    addresses: Literal["one", "second", "first"] = "one"
    ws_ip: Literal["all", "first", "second", "ipv6", "absent"] = "all"
    range: str = "20000-20099"
    opened: str = ""
    udp: Literal["pass", "drop", "reject", "refused"] = "pass"
    dtls: Literal["pass", "drop"] = "pass"
    lite: bool = False
    ice_tcp: bool = False
    enforce: bool = False
    ipv6: bool = False
    full_trickle: bool = False


class Expect(Part, frozen=True, kw_only=True):
    """What the report must say. `causes` is exact: no other finding may stand beside them."""

    causes: tuple[str, ...] = ()
    unknown: tuple[str, ...] | None = None  # causes that could not be told; None: not looked at
    headline: str = ""  # the error that the verdict's sentence names; empty: not looked at
    verdict: Literal["good", "degraded", "broken", "unknown"]
    exit: int
    paths: dict[str, str] = {}  # name -> status, those that matter, with the proof where that does: "open media"
    stages: dict[str, str] = {}


class Case(Part, frozen=True, kw_only=True):
    """One file of tests/cases."""

    title: str
    expect: Expect
    rings: tuple[Literal["memory", "kernel"], ...] = ("memory", "kernel")
    target: str = "meet.example.test"  # "peer": the natprobe:// line that the case's `serve` printed; "stale-peer":
    # that of an earlier start, with another token
    options: tuple[str, ...] = ()  # further options of check; --stun for both servers is the default
    network: Network = Network()
    dns: Dns = Dns()
    web: Web = Web()
    stun: Stun = Stun()
    peer: Peer = Peer()
    relay: Relay = Relay()
    jitsi: Jitsi = Jitsi()
    janus: Janus = Janus()
    cascade: Cascade = Cascade()
    proxy: Proxy = Proxy()
    fix: dict[str, dict[str, object]] = {}  # part -> fields, applied like the report's fix; then `fixed` holds
    fixed: Expect | None = None


def pasted(case: Case, line: str) -> str:
    """What is checked; `line` is what the case's `serve` printed."""
    if case.target == "stale-peer":
        return line.partition("#")[0] + "#" + "0123456789abcdef"
    return line if case.target == "peer" else case.target


def load(path: Path) -> Case:
    """The case in this file; `fix` is checked to name real conditions."""
    case = msgspec.convert(tomllib.loads(path.read_text()), Case, strict=True)
    repaired(case)
    return case


def repaired(case: Case) -> Case:
    """The case with its fix applied to the network."""
    parts = {name: msgspec.to_builtins(getattr(case, name)) | change for name, change in case.fix.items()}
    return msgspec.structs.replace(case, **{n: msgspec.convert(v, type(getattr(case, n))) for n, v in parts.items()})


def cases(ring: str) -> list[Case | Path]:
    """Every file that wants this ring, in the order of their names."""
    return [path for path in sorted(CASES.glob("*.toml")) if ring in load(path).rings]
