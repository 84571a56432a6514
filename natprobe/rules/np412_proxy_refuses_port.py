"""The proxy refuses the port that the relay needs

A browser behind a proxy asks it for a tunnel to the relay (CONNECT to its name and port), and the proxy says no. Squid,
as it comes, lets CONNECT through to port 443 alone; a relay's own ports are 3478 and 5349. What else was asked tells
whether it is the port, the relay's name, the meeting server itself, or everything.

How it shows: the page opens and people sign in, and hear and see nobody: the relay would have been their only way.
Where the page itself is refused, the browser shows the proxy's own error (`ERR_TUNNEL_CONNECTION_FAILED`).

What to do: have the proxy let CONNECT through to the relay's name and port; or give the relay port 443, under a name of
its own, which most proxies let through. Where UDP is let out past the proxy, nobody needs the relay.

Some proxies grant the tunnel and end it as soon as they see that what goes through is neither HTTP nor a web server's
TLS. The finding says so where the relay answers straight and nothing of it comes through the proxy.

Sources: RFC 9110 sections 9.3.6 and 15.5.4, RFC 1928 section 6; measured: Squid 5.7's default `SSL_ports`, and its 403
for a port and for everything, which are alike.
"""

from collections.abc import Iterable, Sequence

from natprobe.derive.advertised import installed
from natprobe.derive.proxies import denied_everything, is_socks, refusal, relay_port, tunnels, web_tunnel
from natprobe.derive.relays import LegFacts, legs_in
from natprobe.derive.unproxied import no_way_for_udp
from natprobe.facts import Allocation, Facts, ProxyChoice, Tunnel, ids, server_kind
from natprobe.fixes import let_media_out
from natprobe.model import Do, Fix
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.servers import squid
from natprobe.servers.jitsi import fixes as jitsi
from natprobe.wording import listed, mark, phrase

READS = (Tunnel, ProxyChoice, Allocation)

_WEB = 443
_EVERYTHING = mark("The proxy {proxy} refuses every tunnel that it was asked for, to {host} as to others ({answer})")
_PAGE = mark("The proxy {proxy} refuses {host} ({answer}), while it leads to {others}")
_PAGE_ALONE = mark("The proxy {proxy} refuses {host} ({answer})")
_PORT = mark(
    "The proxy {proxy} refuses port {ports} of the relay {relay} ({answer}), while port 443 of {others} passes"
)
_RELAY = mark(
    "The proxy {proxy} refuses the relay {relay} on port {ports} ({answer}), while port 443 of {others} passes"
)
_ALONE = mark("The proxy {proxy} refuses the relay {relay} on port {ports} ({answer})")
_BROKEN = mark(
    "The proxy {proxy} leads to the relay {relay}, port {ports}, and lets nothing of it pass; straight it answers"
)


def check(facts: Facts) -> Judgement:
    """Of relays only where it leads to none of them: the others would not be missed."""
    if not facts.of(Tunnel):
        return NOT_APPLICABLE
    page = web_tunnel(facts)
    if page is not None and refusal(page) == "denied":
        return [_page(facts, page)]
    relays = tunnels(facts, "relay")
    denied = [each for each in relays if refusal(each) == "denied"]
    if not denied or any(each.failure is None for each in relays):
        works = facts.ok(Allocation, lambda each: each.via is not None)
        return [_broken(group) for group in legs_in(facts, "broken-by-proxy") if not works] or CLEAR
    return [_relay(facts, [each for each in denied if each.host == host]) for host in dict.fromkeys(_hosts(denied))]


def _hosts(several: Sequence[Tunnel]) -> list[str]:
    return [each.host for each in several]


def _passed(facts: Facts, proxy: str) -> list[Tunnel]:
    """The tunnels to port 443 that the same proxy gave."""
    every = tunnels(facts, "web", "relay", "port", "control")
    return [each for each in every if each.via == proxy and each.failure is None and each.port == _WEB]


def _page(facts: Facts, page: Tunnel) -> Found:
    others = _passed(facts, page.via)
    everything = denied_everything(facts, page.via) and len(facts.of(Tunnel, lambda e: e.host != page.host)) > 0
    asked = tunnels(facts, "web", "control")
    return Found(
        message=_EVERYTHING if everything else _PAGE if others else _PAGE_ALONE,
        args={
            "page": True,
            "proxy": page.via,
            "host": page.host,
            "answer": _answer(page),
            "others": listed(_hosts(others)),
        },
        evidence=ids(page, others, asked),
        fixes=(
            _ticket(page.host, str(page.port), page.via),
            *_squid(page.via, squid.hosts_allowed((page.host,), page.port)),
        ),
    )


def _relay(facts: Facts, denied: list[Tunnel]) -> Found:
    first, others = denied[0], _passed(facts, denied[0].via)
    ports = list(dict.fromkeys(each.port for each in denied))
    by_port = _WEB not in ports
    return Found(
        message=(_PORT if by_port else _RELAY) if others else _ALONE,
        args={
            "page": False,
            "proxy": first.via,
            "relay": first.host,
            "ports": listed(map(str, ports)),
            "answer": _answer(first),
            "others": listed(_hosts(others)),
        },
        evidence=ids(denied, others),
        fixes=(
            *_in_the_network(first, ports, by_port),
            *(_at_the_server(facts, first.host) if by_port else ()),
            *(let_media_out(facts)[:1] if no_way_for_udp(facts) else ()),
        ),
    )


def _broken(group: list[LegFacts]) -> Found:
    legs = [each.allocation for each in group]
    ports = listed(map(str, dict.fromkeys(map(relay_port, legs))))
    return Found(
        message=_BROKEN,
        args={"page": False, "proxy": legs[0].via, "relay": legs[0].host, "ports": ports},
        evidence=ids(legs),
        fixes=(_ticket(legs[0].host, ports, legs[0].via or ""),),
    )


def _answer(tunnel: Tunnel) -> str:
    return f"HTTP {tunnel.status}" if tunnel.status is not None else phrase("SOCKS: not allowed")


def _ticket(host: str, ports: str, proxy: str) -> Do:
    what = phrase("connections") if is_socks(proxy) else "CONNECT"
    return Do(
        text=phrase(
            "Let the proxy pass {what} to {host}, port {ports}, without inspection", what=what, host=host, ports=ports
        ),
        audience="network",
        why="calls of browsers behind this proxy take this way",
    )


def _in_the_network(denied: Tunnel, ports: list[int], by_port: bool) -> tuple[Fix, ...]:
    lines = (squid.ports_allowed(denied.host, ports),) if by_port else squid.hosts_allowed((denied.host,))
    ticket = _ticket(denied.host, listed(map(str, ports)), denied.via)
    return (ticket, *_squid(denied.via, lines))


def _squid(proxy: str, lines: Iterable[Fix]) -> tuple[Fix, ...]:
    """Squid speaks no SOCKS."""
    return () if is_socks(proxy) else tuple(lines)


def _at_the_server(facts: Facts, host: str) -> tuple[Fix, ...]:
    """443 is what proxies let through."""
    offer = Do(
        text=phrase("Offer the relay {host} over TLS on port 443 as well, under a name of its own", host=host),
        audience="server",
        why="proxies let CONNECT through to 443, and mostly to no other port",
    )
    handed = jitsi.relays(facts.target.host, installed(facts)) if server_kind(facts) == "jitsi" else ()
    return (offer, *handed)
