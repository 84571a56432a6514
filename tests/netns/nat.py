"""nftables rulesets for RFC 4787's mapping and filtering, and for firewalls on the way.

Every router calls its sides `lan` and `wan`. What netfilter can't do is refused by name, so that a
case which needs it is built with a router in user space (tests/netns/userspace.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.case import Janus, Jitsi, Network, Peer, Relay, Stun, Web
from tests.netns.addresses import (
    MEDIA_TCP,
    MEDIA_UDP,
    PROXY,
    RESOLVER,
    RESOLVER_OTHER,
    STUN1,
    STUN1_OTHER,
    STUN2,
    STUNS_PORT,
    TURN_PORT,
    TURN_WEB_PORT,
    TURNS_PORT,
    WEB,
    WEB6,
    WEB_OTHER,
)

ANY, ADDRESS, BOTH = "endpoint-independent", "address-dependent", "address-and-port-dependent"
COOKIE = "@th,96,32 0x2112a442"  # the fifth to eighth byte after UDP's header (RFC 8489 section 5)
DTLS = "@th,64,8 20-63"  # its first byte (RFC 7983)
PROHIBITED = "reject with icmpx admin-prohibited"


class UnbuildableError(Exception):
    """nftables has no such condition."""


class More(NamedTuple):
    """What a NAT does besides. `hairpin` is its outside address, where inside hosts reach each other by it; `pool` has
    all outside addresses where there are several; `lifetime`: what it learned is forgotten after so many seconds.
    """

    hairpin: str = ""
    ports: str = "usual"
    pool: tuple[str, ...] = ()
    lifetime: int = 0


PLAIN = More()
# What mappings there are with which ports.
_BUILDABLE = ((ANY, "preserved"), (ANY, "random"), (ADDRESS, "random"), (BOTH, "random"))


def router(mapping: str, filtering: str, conditions: Sequence[str] = (), more: More = PLAIN) -> str:
    """A router's whole ruleset; `conditions` are rules that its forward chain has before its own."""
    if mapping == "none":
        return _firewall(_unmapped(filtering), conditions)
    return _firewall((), conditions) + _nat(mapping, filtering, more)


def lacks(network: Network, more: More = PLAIN) -> bool:
    """Whether this home router is beyond netfilter, or needs a wire that this kernel may lack."""
    if network.rewrite != "none" or network.delay or network.jitter or network.reorder:
        return True
    try:
        router(network.mapping, network.filtering, more=more)
    except UnbuildableError:
        return True
    return False


def before(device: str, conditions: Sequence[str]) -> str:
    """What is left to netfilter where a process behind this device translates and filters IPv4: each packet comes
    once from outside, and once from there.
    """
    return router("none", ANY, [f'iifname "{device}" accept', *conditions])


def conditions(network: Network) -> list[str]:
    """What the home router does besides NAT. The resolver stays reachable: breaking that is `Dns`'s part."""
    rules = [*_resolvers(), f"ip daddr {PROXY} accept"]
    rules += _portal() if network.portal else []
    if network.only_tls_443:
        to_443 = 'iifname "lan" tcp dport 443'  # by its first packet that is no mere SYN or ACK
        rules += [f"{to_443} ct mark 1 accept", f"{to_443} meta length > 60 @ih,0,8 0x16 ct mark set 1 accept"]
        rules.append(f"{to_443} meta length > 60 drop")
    if network.mtu:  # what a TCP sender leaves to segment later counts whole, and is made of full segments anyway
        rules.append(f"{'meta l4proto udp ' * (network.mtu_of == 'udp')}meta length > {network.mtu} drop")
    if network.dpi == "stun-cookie":
        rules.append(f'iifname "lan" {_but("udp", network.udp_open)} {COOKIE} drop')
    if network.ipv6 == "broken":
        rules.append("meta nfproto ipv6 drop")
    if network.ipv6 == "no-udp":
        rules.append("meta nfproto ipv6 meta l4proto udp drop")
    rules += _blocked("udp", network.udp, network.udp_open) + _blocked("tcp", network.tcp, network.tcp_open)
    if network.dscp != "kept":
        what = "ip dscp ef drop" if network.dscp == "dropped" else "ip dscp set cs0"
        rules.append(f'iifname "lan" {what}')
    if network.loss:
        rules.append(f"meta l4proto udp numgen random mod 10000 < {round(network.loss * 10000)} drop")
    return rules


def _portal() -> list[str]:
    """Nothing gets out."""
    return ['iifname "lan" meta l4proto tcp reject with tcp reset', 'iifname "lan" drop']


def taken(ports: Mapping[int, int]) -> str:
    """On the client's router: whoever asks for one of these TCP ports outside gets to the router's own one."""
    rules = [f'iifname "lan" ip daddr != {PROXY} tcp dport {port} redirect to :{own}' for port, own in ports.items()]
    return _table("taken", [_chain("take", "nat", "prerouting", "dstnat", rules)], family="ip")


def uplink_conditions(network: Network) -> list[str]:
    """What the second router drops."""
    shut = {"no-udp": _blocked("udp", "drop", ()), "dead": ['iifname "lan" drop']}
    return _resolvers() + shut.get(network.uplink, [])


def _resolvers() -> list[str]:
    resolvers = f"{{ {RESOLVER}, {RESOLVER_OTHER} }}"
    return [f"ip saddr {resolvers} accept", f"ip daddr {resolvers} accept"]


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


def bridge_firewall(jitsi: Jitsi) -> str:
    """Before the bridge's port, and another port forwarded to it."""
    udp = {"drop": "drop", "reject": PROHIBITED, "refused": "reject with icmpx port-unreachable"}
    rules = [f"udp dport {MEDIA_UDP} {udp[jitsi.udp]}"] if jitsi.udp in udp else []
    rules += [f"udp dport {MEDIA_UDP} {DTLS} drop"] if jitsi.dtls == "drop" else []
    rules += _short_lived(MEDIA_UDP) if jitsi.flow_life else []
    sets = [_set("young", "ipv4_addr . inet_service", jitsi.flow_life)] if jitsi.flow_life else []
    chains = [*sets, _chain("input", "filter", "input", "filter", rules)]
    if jitsi.outside != MEDIA_UDP:
        to = [f"udp dport {jitsi.outside} dnat {f} to {a}:{MEDIA_UDP}" for f, a in (("ip", WEB), ("ip6", f"[{WEB6}]"))]
        chains.append(_chain("shut", "filter", "prerouting", "raw", [f'iifname "eth0" udp dport {MEDIA_UDP} drop']))
        chains.append(_chain("forward", "nat", "prerouting", "dstnat", to))
    return _table("meeting", chains)


def janus_firewall(janus: Janus) -> str:
    """Before its media ports, or all. Not stateful: what Janus sends opens nothing."""
    udp = {"drop": "drop", "reject": PROHIBITED, "refused": "reject with icmpx port-unreachable"}
    media = f'iifname "eth0" udp dport {janus.range}'
    rules = [f"{media} {udp[janus.udp]}"] if janus.udp in udp else []
    rules += [f"{media} {DTLS} drop"] if janus.dtls == "drop" else []
    rules += [f'iifname "eth0" udp dport != {janus.opened} drop'] if janus.opened else []
    return _table("media", [_chain("input", "filter", "input", "filter", rules)])


def forwarded(public: str, inside: str, turned: Sequence[str], udp: str = str(MEDIA_UDP)) -> str:
    """A server behind the home router, on its interface `dmz`: the ports that lead there from outside, and those of
    these protocols by the outside address from inside too. As before any such network, what is there begins nothing
    towards the clients'.
    """
    ports = {"tcp": "80, 443", "udp": udp}
    to = {each: f"ip daddr {public} {each} dport {{ {ports[each]} }} dnat to {inside}" for each in ports}
    there = [rule if each in turned else f'iifname "wan" {rule}' for each, rule in to.items()]
    back = f'iifname "lan" oifname "dmz" ct status dnat snat to {public}'
    chains = [
        _chain("inward", "nat", "prerouting", "dstnat - 2", there),
        _chain("back", "nat", "postrouting", "srcnat - 3", [back]),
    ]
    mute = [f'iifname "lan" ip daddr {public} meta l4proto {{ tcp, udp }} drop']
    chains.append(_chain("mute", "filter", "input", "filter", mute))
    chains.append(_chain("apart", "filter", "forward", "filter", ['iifname "dmz" oifname "lan" ct state new drop']))
    return _table("forwarded", chains, family="ip")


def _short_lived(port: int) -> list[str]:
    """A flow is let in for as long as the set `young` remembers it; packets don't make it any younger."""
    flow = "ip saddr . udp sport"
    begins = f"udp dport {port} ct state new add @young {{ {flow} }}"
    return [begins, f"udp dport {port} {flow} != @young drop"]


def silent_router() -> str:
    """Says nothing about packets that have lived too long."""
    return _table("silence", [_chain("output", "filter", "output", "filter", ["icmp type time-exceeded drop"])])


def stun_firewall(stun: Stun) -> str:
    """Before STUN over TLS and DTLS."""
    rules = [f"{each} dport {STUNS_PORT} drop" for each in ("tcp", "udp") if getattr(stun, each) == "drop"]
    return _table("filter", [_chain("input", "filter", "input", "filter", rules)])


def relay_firewall(relay: Relay) -> str:
    """Before the relay's own ports, and those that it relays from (RFC 8656 section 7.2)."""
    own, relayed = f"{{ {TURN_PORT}, {TURNS_PORT}, {TURN_WEB_PORT} }}", "49152-65535"
    rules = [f"{each} dport {own} drop" for each in ("udp", "tcp") if getattr(relay, each) == "drop"]
    closed = relay.range == "closed"
    chains = [_chain("input", "filter", "input", "filter", rules + [f"udp dport {relayed} drop"] * closed)]
    if closed:
        chains.append(_chain("output", "filter", "output", "filter", [f"udp sport {relayed} drop"]))
    return _table("filter", chains)


def one_to_one(outside: str, inside: str) -> str:
    """What clouds put before a machine: all of one outside address is all of one inside address, both ways."""
    there = _chain("there", "nat", "prerouting", "dstnat", [f"ip daddr {outside} dnat to {inside}"])
    back = _chain("back", "nat", "postrouting", "srcnat", [f"ip saddr {inside} snat to {outside}"])
    return _table("cloud", [there, back])


def cascade_gate(outside: str, inside: str, udp: str) -> str:
    """Before a Janus that others forward to: its API, and these ports."""
    ports = {"tcp": "8089"} | ({"udp": udp} if udp else {})
    to = [f"ip daddr {outside} {each} dport {{ {ports[each]} }} dnat to {inside}" for each in ports]
    there = _chain("there", "nat", "prerouting", "dstnat", to)
    back = _chain("back", "nat", "postrouting", "srcnat", [f"ip saddr {inside} snat to {outside}"])
    return _table("cloud", [there, back])


def let_in(udp: str) -> str:
    """A firewall that takes no other UDP than this from outside, and what it asked for."""
    known = "ct state established,related accept"
    only = f'iifname "eth0" udp dport != {{ {udp} }} drop' if udp else 'iifname "eth0" meta l4proto udp drop'
    return _table("filter", [_chain("input", "filter", "input", "filter", [known, only])])


def apart(one: str, other: str) -> str:
    """Nothing over UDP gets from one to the other."""
    rule = f"ip saddr {one} ip daddr {other} meta l4proto udp drop"
    return _table("apart", [_chain("forward", "filter", "forward", "filter", [rule])])


def silent_resolver() -> str:
    """Its upstream is refused over TCP at once, which it would pass on."""
    return _table("filter", [_chain("input", "filter", "input", "filter", ['iifname "lo" meta l4proto tcp drop'])])


def _blocked(protocol: str, action: str, let_through: tuple[int, ...]) -> list[str]:
    if action == "pass":
        return []
    return [f'iifname "lan" {_but(protocol, let_through)} {"drop" if action == "drop" else PROHIBITED}']


def _but(protocol: str, let_through: tuple[int, ...]) -> str:
    """Matches this protocol to all but these ports."""
    ports = ", ".join(str(port) for port in let_through)
    return f"{protocol} dport != {{ {ports} }}" if ports else f"meta l4proto {protocol}"


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


def _nat(mapping: str, filtering: str, more: More) -> str:
    """Source NAT, and where strangers are let in or inside hosts by outside endpoints, the inside address of each port
    in use.
    """
    if mapping != ANY and filtering != BOTH:
        raise UnbuildableError(f"netfilter has no {mapping} mapping with {filtering} filtering")
    learns = filtering != BOTH or bool(more.hairpin)
    ports = _ports(mapping, learns, more)
    parts = [_chain("outward", "nat", "postrouting", "srcnat", _source_nat(mapping, ports, more.pool))]
    timeout = more.lifetime or 120
    if learns:
        parts = [_map("inside", "inet_service : ipv4_addr", timeout), *parts, *_learned(filtering)]
    if filtering == ADDRESS:
        parts = [_set("permitted", "inet_service . ipv4_addr", timeout), *parts]
    return _table("nat", parts + (_hairpin(more.hairpin) if more.hairpin else []), family="ip")


def _ports(mapping: str, learns: bool, more: More) -> str:
    """How outside ports are chosen. What is learned goes by the port, which has to be kept, at one outside address."""
    usual = "preserved" if mapping == ANY else "random"
    ports = usual if more.ports == "usual" else more.ports
    simple = (mapping, ports) == (ANY, "preserved")
    if (mapping, ports) not in _BUILDABLE or (more.pool and (learns or not simple)) or (learns and not simple):
        raise UnbuildableError(f"netfilter has no {mapping} mapping with {ports} ports and {more}")
    return ports


def _source_nat(mapping: str, ports: str, pool: Sequence[str]) -> list[str]:
    udp, rest = 'oifname "wan" meta l4proto udp', 'oifname "wan" masquerade'
    if pool:  # `snat to A-B` goes by the addresses of both ends: every socket that asks one server first gets the same
        chosen = ", ".join(f"{number} : {address}" for number, address in enumerate(pool))
        return [f"{udp} snat to jhash udp sport mod {len(pool)} map {{ {chosen} }}", rest]
    if mapping == ANY:
        return [rest] if ports == "preserved" else [f"{udp} masquerade to :20000-29999", rest]
    if mapping == BOTH:
        return [f"{udp} masquerade fully-random", rest]
    known = enumerate((STUN1, STUN1_OTHER, STUN2, WEB), start=20)  # a range of ports for each destination
    return [f'oifname "wan" ip daddr {a} meta l4proto udp masquerade to :{n}000-{n}999' for n, a in known] + [rest]


def _learned(filtering: str) -> list[str]:
    """Remembers who inside uses a port, just before its source is changed, and sends strangers there.

    It needs the port preserved: one inside host to a port.
    """
    going_out = 'iifname "lan" oifname "wan" meta l4proto udp ct direction original'
    learn = [f"{going_out} update @inside {{ udp sport : ip saddr }}"]
    if filtering == BOTH:
        return [_chain("learn", "filter", "postrouting", "srcnat - 1", learn)]
    coming = 'iifname "wan" meta l4proto udp'
    if filtering == ADDRESS:
        learn.append(f"{going_out} update @permitted {{ udp sport . ip daddr }}")
        coming += " udp dport . ip saddr @permitted"
    return [
        _chain("learn", "filter", "postrouting", "srcnat - 1", learn),
        _chain("inward", "nat", "prerouting", "dstnat", [f"{coming} dnat to udp dport map @inside"]),
    ]


def _hairpin(public: str) -> list[str]:
    """From inside to our own outside address: both ends are translated (RFC 4787 REQ-9a)."""
    there = f'iifname "lan" ip daddr {public} meta l4proto udp dnat to udp dport map @inside'
    back = f'iifname "lan" oifname "lan" meta l4proto udp ct status dnat snat to {public}'
    return [
        _chain("turning", "nat", "prerouting", "dstnat - 1", [there]),
        _chain("turned", "nat", "postrouting", "srcnat - 2", [back]),
    ]


def _table(name: str, parts: Sequence[str], family: str = "inet") -> str:
    return f"table {family} {name} {{\n" + "\n".join(parts) + "\n}\n"


def _chain(name: str, kind: str, hook: str, priority: str, rules: Sequence[str]) -> str:
    lines = [f"type {kind} hook {hook} priority {priority};", *rules]
    return f"  chain {name} {{\n" + "".join(f"    {line}\n" for line in lines) + "  }"


def _set(name: str, kind: str, timeout: int = 120) -> str:
    return f"  set {name} {{ type {kind}; flags dynamic,timeout; timeout {timeout}s; size 65535; }}"


def _map(name: str, kind: str, timeout: int) -> str:
    return f"  map {name} {{ type {kind}; flags dynamic,timeout; timeout {timeout}s; size 65535; }}"
