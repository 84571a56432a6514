"""Which way a browser's connections go from here, and what the proxies on it said. Pure.

A fact with `via` went through that proxy, one without went straight. What is said of this network goes by the straight
ones; what is said of the page, of its certificate and of signalling by those that went the browser's way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, TypeVar
from urllib.parse import urlsplit

from natprobe.facts import Allocation, Connected, Facts, HttpReply, IceCheck, ProxyChoice, ProxyScript, Tunnel
from natprobe.model import Endpoint, Failure, HostName, Observation, Text, split
from natprobe.target import turn_transport

# password: it wants to know who asks. denied: its rules don't allow it. unreachable: it could not get there. dead: it
# is none, or is not there.
Refusal = Literal["password", "denied", "unreachable", "dead"]

# What CONNECT is answered with where the proxy itself says no, beside most of 4xx (RFC 9110 section 15): a redirect to
# a page that says so, and that it knows no such method. That it found nothing, or waited in vain, is no such word.
_NO_METHOD, _NOT_THERE = 501, (404, 408, 410)
_AUTHENTICATE = 407
_SOCKS_NO = 2  # RFC 1928 section 6: connection not allowed by ruleset
# Squid's words, on answers that tell nothing by their number.
_DENIED_WORDS, _NO_NAME = ("ACCESS_DENIED",), ("DNS_FAIL", "dns_error", "dns_timeout")
DIRECT = "direct"
# derive.SILENT_CONNECTIONS, which this module cannot import.
_SILENT_TUNNELS = 3
_PAST, _OVER_TCP = ("stun", "natprobe"), ("tcp", "tls")


class _Led(Protocol):
    """A fact that may have gone through a proxy."""

    @property
    def via(self) -> Text | None: ...


L = TypeVar("L", bound=Observation)


def looked(facts: Facts) -> bool:
    """Whether somebody looked what a browser is set to."""
    return bool(facts.of(ProxyChoice))


def browser_way(facts: Facts) -> ProxyChoice | None:
    """What a browser takes for the target itself; None: nobody looked."""
    host = facts.target.host
    own = facts.of(ProxyChoice, lambda each: each.host == host)
    return next(iter(sorted(own, key=lambda each: (each.purpose != "web", each.port != facts.target.port))), None)


def via(facts: Facts) -> Text | None:
    """The proxy that a browser goes to for the target, be it dead; None: it goes straight, as all does that is no page
    and no relay over TCP.
    """
    if facts.target.kind in _PAST or (facts.target.kind == "turn" and turn_transport(facts.target) not in _OVER_TCP):
        return None
    choice = browser_way(facts)
    return None if choice is None else _of(choice)


def _of(choice: ProxyChoice) -> Text | None:
    """Where none of the ways takes a connection, the first proxy is the one that the browser's error is about."""
    if choice.via is not None or choice.failure is None:
        return choice.via
    return next((each for each in choice.ways if each != DIRECT), None)


def proxy_dead(facts: Facts) -> ProxyChoice | None:
    """What a browser is set to, where none of it takes a connection; one that answered later was only slow."""
    choice, proxy = browser_way(facts), via(facts)
    if proxy is None or choice is None or choice.failure is None or heard(facts, proxy):
        return None
    return choice


def endless_script(facts: Facts) -> ProxyScript | None:
    """The PAC script that was got, and did not come to an end for the target: a browser waits for it, and opens nothing
    (measured with Chromium 156; one that fails lets it go straight).
    """
    if facts.target.kind in _PAST:
        return None
    ran = facts.of(ProxyScript, lambda each: each.size > 0 and each.failure is Failure.TIMEOUT)
    return next((each for each in ran if _host(each.asked) == facts.target.host), None)


def unread_script(facts: Facts) -> ProxyScript | None:
    """The PAC script that was got, and that no engine here could run for the target: whether a browser goes through a
    proxy, nobody knows.
    """
    if facts.target.kind in _PAST:
        return None
    got = facts.of(ProxyScript, lambda each: each.size > 0 and each.failure is Failure.UNSUPPORTED)
    return next((each for each in got if _host(each.asked) == facts.target.host), None)


def led_anywhere(facts: Facts) -> bool:
    """Whether a browser goes through a proxy to any of the places that it was asked about."""
    return any(_of(each) for each in facts.of(ProxyChoice))


def via_to(facts: Facts, host: HostName, port: int) -> Text | None:
    """The proxy that leads to this place, by the browser's settings or by what went there; None: it goes straight."""
    name = host.lower().rstrip(".")
    own = facts.of(ProxyChoice, lambda each: (each.host.lower(), each.port) == (name, port))
    if own:
        return _of(own[0])
    asked = facts.of(Tunnel, lambda each: (each.host.lower(), each.port) == (name, port) and each.purpose == "relay")
    through = facts.of(Allocation, lambda each: (each.host.lower(), each.port) == (name, port))
    led: list[_Led] = [*asked, *through]
    return next((each.via for each in led if each.via is not None), None)


def relay_port(allocation: Allocation) -> int:
    """The relay's own port: through a proxy, the leg's endpoint is the proxy's."""
    return split(allocation.server)[1] if allocation.port is None else allocation.port


def via_to_media(facts: Facts, endpoint: Endpoint) -> Text | None:
    """The proxy that TCP to this candidate was tried through, which is what a browser does."""
    tried = facts.of(IceCheck, lambda each: each.endpoint == endpoint and each.via is not None)
    return next((each.via for each in tried), None)


def straight(each: _Led) -> bool:
    """Whether it says something of this network's own way out."""
    return each.via is None


def taken(facts: Facts, kind: type[L], keep: Callable[[L], bool] | None = None) -> list[L]:
    """The facts of this kind that went the browser's way to the target; those with a URL of another host in any case,
    since to that another way may lead.
    """
    way = via(facts)
    return facts.of(kind, lambda each: _on(facts, each, way) and (keep is None or keep(each)))


def taken_ok(facts: Facts, kind: type[L], keep: Callable[[L], bool] | None = None) -> list[L]:
    """Those of them that worked."""
    return [each for each in taken(facts, kind, keep) if each.failure is None]


def _on(facts: Facts, each: Observation, way: Text | None) -> bool:
    if getattr(each, "via", None) == way:
        return True
    url = getattr(each, "url", "")
    if not url:
        return False
    # What has no TLS is asked straight: there is no tunnel to it.
    plain = url.startswith(("http:", "ws:")) and facts.target.scheme == "http" and getattr(each, "via", None) is None
    return plain or _host(url) not in ("", facts.target.host)


def _host(url: str) -> str:
    """Of whatever text, which may be no URL."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def refusal(tunnel: Tunnel) -> Refusal | None:
    """Why the proxy gave no tunnel; None: it did."""
    if tunnel.failure is None:
        return None
    status, reply = tunnel.status, tunnel.reply
    if status == _AUTHENTICATE or tunnel.failure is Failure.UNAUTHORIZED:
        return "password"
    if status is not None:
        own = status == _NO_METHOD or (300 <= status < 500 and status not in _NOT_THERE)
        return "denied" if own or any(each in tunnel.error for each in _DENIED_WORDS) else "unreachable"
    if reply is not None:
        return "denied" if reply == _SOCKS_NO else "unreachable"
    return "dead"


def heard(facts: Facts, proxy: Text) -> list[Tunnel]:
    """What this proxy answered at all, be it no."""
    asked = facts.of(Tunnel, lambda each: each.via == proxy)
    return [each for each in asked if refusal(each) != "dead"]


def unsure(facts: Facts, tunnel: Tunnel) -> bool:
    """Whether this tunnel's silence may be chance or a slow proxy: one request waits as long as two SYNs of the proxy's
    do. It counts where the same proxy answered another in time, or was silent to several.
    """
    asked = facts.of(Tunnel, lambda each: each.via == tunnel.via)
    alone = sum(each.failure is Failure.TIMEOUT for each in asked) < _SILENT_TUNNELS
    return tunnel.failure is Failure.TIMEOUT and refusal(tunnel) == "dead" and alone and not heard(facts, tunnel.via)


def is_socks(proxy: Text) -> bool:
    """Whether it speaks SOCKS (RFC 1928), and not HTTP."""
    return proxy.startswith("socks")


def tunnels(facts: Facts, *purposes: str) -> list[Tunnel]:
    """What was asked of proxies for these purposes; of each place the try that worked, else the last one."""
    found: dict[tuple[Text, HostName, int], Tunnel] = {}
    for each in facts.of(Tunnel, lambda each: each.purpose in purposes):
        known = found.get((each.via, each.host, each.port))
        if known is None or known.failure is not None:
            found[each.via, each.host, each.port] = each
    return list(found.values())


def web_tunnel(facts: Facts) -> Tunnel | None:
    """What the browser's proxy said to the wish for the target's page."""
    way = via(facts)
    own = [each for each in tunnels(facts, "web") if each.via == way and each.host == facts.target.host]
    return own[0] if own else None


def reached(facts: Facts) -> list[Observation]:
    """What shows that the browser's proxy leads to the target; none where a browser goes straight."""
    if via(facts) is None:
        return []
    way, own = via(facts), web_tunnel(facts)
    steps: list[Observation] = [each for each in taken_ok(facts, Connected) if each.via == way and each.probe != "turn"]
    steps += [each for each in taken_ok(facts, HttpReply) if each.via == way]
    relays = [each for each in tunnels(facts, "relay") if each.host == facts.target.host]
    return steps + [each for each in (own, *relays) if each is not None and each.failure is None]


def denied_everything(facts: Facts, proxy: Text) -> bool:
    """Whether this proxy said no to whatever it was asked for, 443 at the target or elsewhere included."""
    asked = facts.of(Tunnel, lambda each: each.via == proxy)
    web = [each for each in asked if each.purpose in ("web", "control")]
    return bool(web) and all(refusal(each) == "denied" for each in asked)


def names_matter(facts: Facts) -> bool:
    """Whether the target's name is looked up on this machine: a browser leaves that to its proxy, as one may whose
    script nobody could run. Where the proxy fails to, our own look tells more of it.
    """
    if via(facts) is None:
        return unread_script(facts) is None
    own = [each for each in tunnels(facts, "web", "relay") if each.host == facts.target.host]
    return not reached(facts) and any(unnamed(each) for each in own)


def unnamed(tunnel: Tunnel) -> bool:
    """Whether the proxy says that it found no address for the name."""
    return any(each in tunnel.error for each in _NO_NAME)
