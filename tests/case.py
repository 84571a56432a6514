"""A case: one network and what natprobe must find in it (tests/cases/*.toml).

The same case is built twice where `rings` says so: in memory (tests/lab: virtual time, no root)
and from real kernels and servers (tests/netns). Both builders read these types and nothing else,
so a new condition is one field here and its meaning in each builder.

The plan of addresses is the same in both rings:

    client 192.168.1.2 -- home router (192.168.1.1 | 198.51.100.7) -- core -- servers
                          with a carrier NAT between:  (… | 100.64.0.7) -- (100.64.0.1 | 198.51.100.1)

    meet.example.test   203.0.113.10 (and .11)    2001:db8:f::10   web front, media server
    stun1.example.test  203.0.113.20 and .21      2001:db8:f::20 and ::21   STUN with RFC 5780, UDP and TCP 3478
    stun2.example.test  203.0.113.30              2001:db8:f::30   another operator's STUN, UDP and TCP 3478
    resolvers           203.0.113.53 (and .54)    (UDP and TCP 53)
    client, IPv6        2001:db8:1::2             router 2001:db8:1::1
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

import msgspec

CASES = Path(__file__).parent / "cases"


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Strict: a misspelt condition must not quietly test a healthy network."""


class Network(Part, frozen=True, kw_only=True):
    """The client's side, from its own machine to the provider.

    `mapping` and `filtering` are the home router's, in RFC 4787's words; `none` is a router without
    NAT (the client then has 198.51.100.7 itself) that filters as `filtering` says. `carrier` puts the provider's NAT
    behind it; with `mapping` none the client has 100.64.0.7 itself, as a mobile phone does.
    `udp`, `tcp`: what the router does with it towards the outside; `reject` answers with
    ICMP admin-prohibited. `udp_open` and `tcp_open` list ports that pass all the same.
    `loss` is per direction, 0 to 1 (both directions, UDP only). `rewrite`: an ALG that puts the
    inside address into MAPPED-ADDRESS of passing STUN answers. `local`: this machine's own firewall refuses UDP
    (send fails with EPERM). `tunnel`: a VPN interface tun0 (10.8.0.2) that carries UDP (or everything)
    out by 198.51.100.99 while the rest leaves by the router. `mtu`: a path-MTU black hole beyond the router, IP packets
    above so many bytes vanish without ICMP in both directions (0: none do).
    `ipv6`: `none`, `works`, or `broken` (address and default route are there, nothing comes back).
    """

    mapping: Literal["none", "endpoint-independent", "address-dependent", "address-and-port-dependent"] = (
        "endpoint-independent"
    )
    filtering: Literal["endpoint-independent", "address-dependent", "address-and-port-dependent"] = (
        "address-and-port-dependent"
    )
    carrier: bool = False
    udp: Literal["pass", "drop", "reject"] = "pass"
    tcp: Literal["pass", "drop", "reject"] = "pass"
    udp_open: tuple[int, ...] = ()
    tcp_open: tuple[int, ...] = ()
    loss: float = 0.0
    rewrite: bool = False
    local: Literal["pass", "udp-refused"] = "pass"
    tunnel: Literal["none", "udp", "all"] = "none"
    ipv6: Literal["none", "works", "broken"] = "none"
    mtu: int = 0


Answer = Literal["works", "nxdomain", "servfail", "empty", "silent", "sinkhole"]


class Dns(Part, frozen=True, kw_only=True):
    """What the resolver says of the target's name. The STUN servers' names always resolve.

    `second`: what another resolver (203.0.113.54, the second of the client's settings) says of it; none: there is no
    other. `hosts`: the client's own hosts file has the name, with the right address.
    """

    answer: Answer = "works"
    second: Literal["none"] | Answer = "none"
    hosts: bool = False
    ipv6: bool = False  # AAAA for meet.example.test and the STUN servers


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


class Peer(Part, frozen=True, kw_only=True):
    """`natprobe serve` on meet.example.test (UDP 10000, TCP 4443), and the firewall before it."""

    runs: bool = False
    udp: Literal["pass", "drop", "reject", "refused"] = "pass"  # refused: nothing listens, port-unreachable
    tcp: Literal["pass", "drop", "refused"] = "pass"


class Expect(Part, frozen=True, kw_only=True):
    """What the report must say. `causes` is exact: no other finding may stand beside them."""

    causes: tuple[str, ...] = ()
    unknown: tuple[str, ...] | None = None  # causes that could not be told; None: not looked at
    verdict: Literal["good", "degraded", "broken", "unknown"]
    exit: int
    paths: dict[str, str] = {}  # name -> status, those that matter
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
    peer: Peer = Peer()
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
    types = {"network": Network, "dns": Dns, "web": Web, "peer": Peer}
    return msgspec.structs.replace(case, **{n: msgspec.convert(v, types[n]) for n, v in parts.items()})


def cases(ring: str) -> list[Case | Path]:
    """Every file that wants this ring, in the order of their names."""
    return [path for path in sorted(CASES.glob("*.toml")) if ring in load(path).rings]
