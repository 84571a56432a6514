"""nftables rulesets for RFC 4787's mapping and filtering, and for firewalls on the way.

Every router calls its sides `lan` and `wan`. What netfilter can't do is refused by name, so that a
case which needs it says `rings = ["memory"]`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.case import Network, Peer, Web
from tests.netns.addresses import (
    MEDIA_TCP,
    MEDIA_UDP,
    RESOLVER,
    RESOLVER_OTHER,
    STUN1,
    STUN1_OTHER,
    STUN2,
    WEB,
    WEB_OTHER,
)

ANY, ADDRESS, BOTH = "endpoint-independent", "address-dependent", "address-and-port-dependent"
PROHIBITED = "reject with icmpx admin-prohibited"


class UnbuildableError(Exception):
    """This ring has no such condition."""


def router(mapping: str, filtering: str, conditions: Sequence[str] = ()) -> str:
    """A router's whole ruleset; `conditions` are rules that its forward chain has before its own."""
    if mapping == "none":
        return _firewall(_unmapped(filtering), conditions)
    return _firewall((), conditions) + _nat(mapping, filtering)


def conditions(network: Network) -> list[str]:
    """What the home router does besides NAT. The resolver stays reachable: breaking that is `Dns`'s part."""
    resolvers = f"{{ {RESOLVER}, {RESOLVER_OTHER} }}"
    rules = [f"ip saddr {resolvers} accept", f"ip daddr {resolvers} accept"]
    if network.mtu:  # what a TCP sender leaves to segment later counts whole, and is made of full segments anyway
        rules.append(f"meta length > {network.mtu} drop")
    if network.ipv6 == "broken":
        rules.append("meta nfproto ipv6 drop")
    rules += _blocked("udp", network.udp, network.udp_open) + _blocked("tcp", network.tcp, network.tcp_open)
    if network.loss:
        rules.append(f"meta l4proto udp numgen random mod 10000 < {round(network.loss * 10000)} drop")
    return rules


def local_firewall() -> str:
    """Refuses in the output hook: the sender's system call fails with EPERM."""
    rules = (f"ip daddr {{ {RESOLVER}, {RESOLVER_OTHER} }} accept", 'oifname != "lo" meta l4proto udp drop')
    return _table("filter", [_chain("output", "filter", "output", "filter", rules)])


def server_firewall(web: Web, peer: Peer) -> str:
    """Before the web front and the media ports."""
    udp = {"drop": "drop", "reject": PROHIBITED, "refused": "reject with icmpx port-unreachable"}
    tcp = {"drop": "drop", "refused": "reject with tcp reset"}
    rules = [f"udp dport {MEDIA_UDP} {udp[peer.udp]}"] if peer.udp in udp else []
    rules += [f"tcp dport {MEDIA_TCP} {tcp[peer.tcp]}"] if peer.tcp in tcp else []
    shut, pages = {"down": "drop", "refused": "reject with tcp reset"}, "tcp dport { 80, 443 }"
    rules += [f"{pages} drop"] if web.state == "down" else []
    rules += [f"ip daddr {WEB_OTHER} {pages} {shut[web.other]}"] if web.other in shut else []
    rules += [f"meta nfproto ipv6 {pages} {shut[web.ipv6]}"] if web.ipv6 in shut else []
    return _table("filter", [_chain("input", "filter", "input", "filter", rules)])


def silent_resolver() -> str:
    """Its upstream is refused over TCP at once, which it would pass on."""
    return _table("filter", [_chain("input", "filter", "input", "filter", ['iifname "lo" meta l4proto tcp drop'])])


def _blocked(protocol: str, action: str, let_through: tuple[int, ...]) -> list[str]:
    if action == "pass":
        return []
    ports = ", ".join(str(port) for port in let_through)
    match = f"{protocol} dport != {{ {ports} }}" if ports else f"meta l4proto {protocol}"
    return [f'iifname "lan" {match} {"drop" if action == "drop" else PROHIBITED}']


def _firewall(inward: Sequence[str], conditions: Sequence[str]) -> str:
    """Stateful, IPv4 and IPv6.

    What strangers send to the router itself is dropped before conntrack confirms it: a flow left there
    would take the outside port, and the client's own later flow to that stranger would get another one.
    """
    stateful = 'iifname "wan" ct state established,related accept'
    forward = [*conditions, stateful, *inward, 'iifname "wan" ct status dnat accept', 'iifname "wan" drop']
    harmless = "meta l4proto { icmp, ipv6-icmp } accept"
    chains = [
        _chain("forward", "filter", "forward", "filter", forward),
        _chain("input", "filter", "input", "filter", [stateful, harmless, 'iifname "wan" drop']),
    ]
    permitted = [_set("permitted", "inet_service . ipv4_addr")] if any("@permitted" in r for r in inward) else []
    return _table("filter", permitted + chains)


def _unmapped(filtering: str) -> tuple[str, ...]:
    """What a router without NAT lets in beyond answers."""
    if filtering == ANY:
        return ("meta nfproto ipv4 accept",)
    if filtering == ADDRESS:
        return (
            'iifname "lan" update @permitted { udp sport . ip daddr }',
            'iifname "wan" udp dport . ip saddr @permitted accept',
        )
    return ()


def _nat(mapping: str, filtering: str) -> str:
    """Source NAT, and where strangers are let in, the inside address of each port in use."""
    if mapping != ANY and filtering != BOTH:
        raise UnbuildableError(f"netfilter has no {mapping} mapping with {filtering} filtering")
    parts = [_chain("outward", "nat", "postrouting", "srcnat", _source_nat(mapping))]
    if filtering != BOTH:
        parts = [_map("inside", "inet_service : ipv4_addr"), *parts, *_learned(filtering)]
    if filtering == ADDRESS:
        parts = [_set("permitted", "inet_service . ipv4_addr"), *parts]
    return _table("nat", parts, family="ip")


def _source_nat(mapping: str) -> list[str]:
    rest = 'oifname "wan" masquerade'
    if mapping == ANY:
        return [rest]
    if mapping == BOTH:
        return ['oifname "wan" meta l4proto udp masquerade fully-random', rest]
    known = enumerate((STUN1, STUN1_OTHER, STUN2, WEB), start=20)  # a range of ports for each destination
    return [f'oifname "wan" ip daddr {a} meta l4proto udp masquerade to :{n}000-{n}999' for n, a in known] + [rest]


def _learned(filtering: str) -> list[str]:
    """Remembers who inside uses a port, just before its source is changed, and sends strangers there.

    It needs the port preserved: one inside host to a port.
    """
    going_out = 'iifname "lan" oifname "wan" meta l4proto udp ct direction original'
    learn = [f"{going_out} update @inside {{ udp sport : ip saddr }}"]
    coming = 'iifname "wan" meta l4proto udp'
    if filtering == ADDRESS:
        learn.append(f"{going_out} update @permitted {{ udp sport . ip daddr }}")
        coming += " udp dport . ip saddr @permitted"
    return [
        _chain("learn", "filter", "postrouting", "srcnat - 1", learn),
        _chain("inward", "nat", "prerouting", "dstnat", [f"{coming} dnat to udp dport map @inside"]),
    ]


def _table(name: str, parts: Sequence[str], family: str = "inet") -> str:
    return f"table {family} {name} {{\n" + "\n".join(parts) + "\n}\n"


def _chain(name: str, kind: str, hook: str, priority: str, rules: Sequence[str]) -> str:
    lines = [f"type {kind} hook {hook} priority {priority};", *rules]
    return f"  chain {name} {{\n" + "".join(f"    {line}\n" for line in lines) + "  }"


def _set(name: str, kind: str) -> str:
    return f"  set {name} {{ type {kind}; flags dynamic,timeout; timeout 120s; size 65535; }}"


def _map(name: str, kind: str) -> str:
    return f"  map {name} {{ type {kind}; flags dynamic,timeout; timeout 120s; size 65535; }}"
