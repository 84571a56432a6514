"""The web front doesn't answer

No TCP connection to the page's port could be made, on any address of the name, or on some of them; or the
connection stands and no page comes over it.

How it shows: the browser says that the site can't be reached; with several addresses, now and then, or after
a delay.

What to do: `refused` means that nothing listens there (web server down, or listening on another address), or that a
firewall says so in the server's name, which shows where natprobe runs as root; `timeout` that a firewall drops the
packets or the host is off; where routers on the way answer packets with few hops to live, the finding says how far
connections come. An address that no longer is the server's has to leave the DNS. A connection over which
nothing comes is a firewall that reads what passes, a way that loses large packets, or a server that hangs: compare
with another network. Where a proxy leads out, it may be the proxy that is dead or does not get there; and a PAC script
that never returns keeps browsers waiting for it, and every page with them.

Sources: RFC 9293 section 3.5.2, RFC 8305, RFC 4821 section 1.
"""

from collections.abc import Sequence

from natprobe.derive import (
    bindings,
    has_way_out,
    page_port,
    page_replies,
    secure_pages,
    target_addresses,
    tcp_answers,
    udp_works,
    web_connects,
    web_sessions,
)
from natprobe.derive.captive import portal
from natprobe.derive.ipv6 import lost_in_ipv6
from natprobe.derive.janus import listening_elsewhere, named_door, shut_door
from natprobe.derive.proxies import (
    browser_way,
    endless_script,
    heard,
    proxy_dead,
    refusal,
    tunnels,
    unnamed,
    unread_script,
    unsure,
    via,
    web_tunnel,
)
from natprobe.derive.sizes import page_held
from natprobe.facts import (
    Answerer,
    Binding,
    Connected,
    Facts,
    HopName,
    HttpReply,
    JanusDoor,
    ProxyChoice,
    ProxyScript,
    Quote,
    Run,
    TlsHello,
    TlsSession,
    Trail,
    Tunnel,
    ids,
)
from natprobe.model import Do, Failure, Severity, Where, family, split
from natprobe.reasons import sentence
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.rules._forged import by_another
from natprobe.rules._place import first, placed
from natprobe.rules._web_fixes import web_fixes
from natprobe.wording import listed, mark, phrase

READS = (
    Connected,
    TlsSession,
    TlsHello,
    HttpReply,
    Binding,
    JanusDoor,
    ProxyChoice,
    ProxyScript,
    Tunnel,
    Answerer,
    Quote,
    Trail,
    HopName,
    Run,
)

# What drops packets, who sees to it, and whether they are on their way in there.


def check(facts: Facts) -> Judgement:
    """All addresses dead, or none with a page: an error. Some dead while others of their family live: a warning."""
    if portal(facts):
        return CLEAR
    if (script := endless_script(facts)) is not None:
        return [_endless(facts, script)]
    if unread_script(facts) is not None and not secure_pages(facts):
        return CouldNotTell(reason="proxy-script-not-run", ask=_NAME_THE_PROXY)
    if via(facts) is not None:
        return _by_proxy(facts)
    connects = web_connects(facts)
    if not connects:
        return NOT_APPLICABLE
    misplaced = {each.endpoint for pair in listening_elsewhere(facts) for each in pair[:1]}
    if shut_door(facts) or misplaced.issuperset(each.endpoint for each in connects):
        return CLEAR  # Janus is there, and the port that the target names is not: not-listening and its like
    connects = [each for each in connects if each.endpoint not in misplaced]
    dead = [each for each in connects if each.failure is not None]
    if len(dead) == len(connects):
        elsewhere = _insecure_page(facts) or lost_in_ipv6(facts, [each.endpoint for each in dead])
        return CLEAR if elsewhere else [_dead(facts, dead)]
    large_lost = page_held(facts)  # mtu-blackhole tells that
    if not (large_lost or secure_pages(facts)) and named_door(facts) is None and (hung := _hung(facts)):
        return [hung]
    partly = [each for each in dead if has_way_out(facts, 6) or family(split(each.endpoint)[0]) == 4]
    partly = [each for each in partly if tcp_answers(facts, family(split(each.endpoint)[0]))]
    return [_partly(partly)] if partly else CLEAR


def _by_proxy(facts: Facts) -> Judgement:
    """Who has no proxy to ask has none of the page. What the proxy itself refuses is proxy-refuses-port's matter, and
    proxy-authentication's; a name that is known nowhere, name-unresolved's.
    """
    tunnel = web_tunnel(facts) or _own_relays(facts)
    if dead := proxy_dead(facts):
        return [_proxy_silent(facts, dead)]
    if tunnel is None or (refused := refusal(tunnel)) is None:
        hung = None if secure_pages(facts) or named_door(facts) else _hung(facts)
        return [hung] if hung else CLEAR if web_connects(facts) else NOT_APPLICABLE
    if unsure(facts, tunnel):
        return CouldNotTell(reason="timeout", ask=_COMPARED)
    if refused == "dead":
        return [_unanswered(facts, tunnel) if heard(facts, tunnel.via) else _proxy_silent(facts, tunnel)]
    nowhere = unnamed(tunnel) and not target_addresses(facts)
    return CLEAR if refused != "unreachable" or nowhere else [_not_reached(facts, tunnel)]


def _endless(facts: Facts, script: ProxyScript) -> Found:
    choice = browser_way(facts)
    told = f"{choice.name} ({choice.by})" if choice is not None and choice.name else phrase("its settings")
    return Found(
        message="The script {url} that tells browsers here their proxy does not come to an end for {host}: they wait"
        " for it, and open no page",
        args={"url": script.url, "host": facts.target.host},
        evidence=ids(script, choice or []),
        where=Where.LOCAL_NETWORK,
        fixes=(
            Do(
                text=phrase("Mend the script {url}: its FindProxyForURL has to return", url=script.url),
                audience="network",
            ),
            Do(text=phrase("Until then, take the script out of {told}", told=told), audience="user"),
        ),
    )


def _own_relays(facts: Facts) -> Tunnel | None:
    """Of a `turn:` target: what a proxy said that answers nobody at all."""
    own = [each for each in tunnels(facts, "relay") if facts.target.kind == "turn" and each.host == facts.target.host]
    return next((each for each in own if not heard(facts, each.via)), None)


def _proxy_silent(facts: Facts, seen: ProxyChoice | Tunnel) -> Found:
    choice, proxy = browser_way(facts), via(facts)
    told = f"{choice.name} ({choice.by})" if choice is not None and choice.name else phrase("its settings")
    return Found(
        message="The proxy {proxy} that this machine is set to leads nowhere ({why}): nothing opens through it",
        args={"proxy": proxy, "why": _of_proxy(seen)},
        evidence=ids(seen, choice or [], web_connects(facts)),
        where=Where.PROXY,
        fixes=(
            Do(
                text=phrase("See whether the proxy {proxy} runs, and is still the one to be used", proxy=proxy),
                audience="network",
            ),
            Do(text=phrase("Where no proxy is needed any more, take it out of {told}", told=told), audience="user"),
        ),
    )


# What the reasons of paths would say in words of media servers, or not at all.
_PROXY_WORDS = {
    Failure.PROTOCOL: phrase("what answers there is no such proxy"),
    Failure.NXDOMAIN: phrase("its name does not exist"),
    Failure.NO_DATA: phrase("its name has no address"),
    Failure.SERVFAIL: phrase("the DNS servers fail to look its name up"),
    Failure.TLS_OTHER: phrase("what answers there does not speak TLS"),
}


def _of_proxy(seen: ProxyChoice | Tunnel) -> str:
    return _PROXY_WORDS.get(seen.failure or Failure.INTERNAL, sentence(str(seen.failure)))


_NAME_THE_PROXY = phrase("check again with --proxy URL, the proxy that the script names for this host, or --proxy none")
_COMPARED = phrase(
    "check again, with the probe tunnel: what else the proxy answers in time tells whether it is only slow"
)


def _not_reached(facts: Facts, tunnel: Tunnel) -> Found:
    """The proxy's own word: a status of 5xx, or a SOCKS reply."""
    why = f"HTTP {tunnel.status}" if tunnel.status is not None else sentence(str(tunnel.failure))
    told = (
        phrase("it says {why}, {error}", why=why, error=tunnel.error)
        if tunnel.error
        else phrase("it says {why}", why=why)
    )
    return _beyond(facts, tunnel, told)


def _unanswered(facts: Facts, tunnel: Tunnel) -> Found:
    """It lives, since it answered others, and leaves this one waiting, or hangs up."""
    answered = list(dict.fromkeys(f"{each.host}:{each.port}" for each in heard(facts, tunnel.via)))
    told = phrase(
        "{why}, while it answers for {others}",
        why=sentence(str(tunnel.failure)),
        others=listed(answered[:2]),
    )
    return _beyond(facts, tunnel, told, heard(facts, tunnel.via))


def _beyond(facts: Facts, tunnel: Tunnel, why: str, beside: Sequence[Tunnel] = ()) -> Found:
    return Found(
        message="The proxy {proxy} does not get to {host} on TCP port {port}: {why}",
        args={"proxy": tunnel.via, "host": tunnel.host, "port": tunnel.port, "why": why},
        evidence=ids(tunnel, web_connects(facts), list(beside)),
        where=Where.UNKNOWN,
        fixes=(
            Do(
                text=phrase(
                    "On the server, see that the web front runs and listens: ss -ltnp | grep :{port}", port=tunnel.port
                ),
                audience="server",
            ),
            Do(
                text=phrase(
                    "See whether {host}, port {port}, can be reached from the proxy itself: its DNS servers, and"
                    " the firewall between it and the internet",
                    host=tunnel.host,
                    port=tunnel.port,
                ),
                audience="network",
            ),
        ),
    )


def _insecure_page(facts: Facts) -> bool:
    """A page on plain HTTP in its place is insecure-context's matter."""
    return any(each.failure is None and each.status is not None and each.status < 300 for each in page_replies(facts))


def _dead(facts: Facts, dead: list[Connected]) -> Found:
    if all(each.failure is Failure.REFUSED for each in dead) and (other := by_another(facts, "tcp", dead)) is not None:
        return other
    where, at = _place(facts, dead), first(facts, [each.endpoint for each in dead], "tcp")
    beside = bindings(facts, "tcp") if where is Where.LOCAL_NETWORK else []
    found = Found(
        message=_MESSAGES[where],
        args={"host": facts.target.host, "port": page_port(facts), "why": _why(dead[0])},
        evidence=ids(dead, tcp_answers(facts, 4), tcp_answers(facts, 6), beside),
        where=at.where if at and at.before_server else where,
        fixes=web_fixes(facts, dead, where, at),
    )
    return placed(facts, at, found)


def _hung(facts: Facts) -> Found | None:
    """The first step after the connection that brought no page. Certificates are certificate-invalid's matter."""
    port = page_port(facts)
    sessions = [each for each in web_sessions(facts) if each.failure is not None]
    failed = [each for each in page_replies(facts) if each.failure is not None]
    steps: list[TlsSession | HttpReply] = [*sessions, *failed]
    there = [each for each in steps if each.via is not None or split(each.endpoint)[1] == port]
    if not there or any(each.failure is Failure.TLS_CERTIFICATE for each in there):
        return None
    status = there[0].status if isinstance(there[0], HttpReply) else None
    if status is not None and status < 500:
        return None
    return Found(
        message=_ERROR_PAGE if status else _SILENT_PAGE,
        args={"host": facts.target.host, "port": port, "status": status, "why": sentence(str(there[0].failure))},
        evidence=ids(web_connects(facts), list(there)),
        where=Where.SERVER_HOST if status else Where.UNKNOWN,
        fixes=(_LOOK_BEHIND,) if status else _COMPARE,
    )


_ERROR_PAGE = mark("The web front of {host} answers with an error of its own (HTTP {status}) instead of the page")
_SILENT_PAGE = mark("{host} takes the connection on TCP port {port}, and no page comes over it: {why}")
_LOOK_BEHIND = Do(
    text="Look into the web server's log, and start the service that it hands the page's requests to",
    audience="server",
)
_COMPARE = (
    Do(
        text="Open the page from another network: where it opens there, a firewall or a small MTU in this network is in"
        " the way (look for inspection of port 443, VPN, PPPoE)",
        audience="user",
    ),
    Do(text="Where it opens nowhere, restart the web server and look into its log", audience="server"),
)


def _place(facts: Facts, dead: list[Connected]) -> Where:
    """The server's edge, unless other servers' TCP is as dead: then this network, or no network at all."""
    local = all(each.failure is Failure.PERMISSION_DENIED for each in dead)
    others = bindings(facts, "tcp")
    if local:
        return Where.THIS_HOST
    if tcp_answers(facts, 4) or tcp_answers(facts, 6):
        return Where.SERVER_EDGE
    if others and (udp_works(facts) or _says_no(dead)):
        return Where.LOCAL_NETWORK
    return Where.SERVER_EDGE if udp_works(facts) or _says_no(dead) else Where.UNKNOWN


_MESSAGES = {
    Where.SERVER_EDGE: mark("{host} does not answer on TCP port {port}: {why}"),
    Where.LOCAL_NETWORK: mark("No TCP connection is answered, to {host} on port {port} or elsewhere: {why}"),
    Where.THIS_HOST: mark("This machine's own firewall does not let TCP out to {host} on port {port}"),
    Where.UNKNOWN: mark(
        "Neither {host} on TCP port {port} nor anything else answered ({why}): this machine is offline, or"
        " its network lets nothing out but through a proxy"
    ),
}


def _partly(dead: list[Connected]) -> Found:
    return Found(
        message="{endpoints} does not answer ({why}), while other addresses of the same name do",
        args={"endpoints": ", ".join(each.endpoint for each in dead), "why": _why(dead[0])},
        evidence=ids(dead),
        severity=Severity.WARNING,
        fixes=(
            Do(
                text="Repair the web front on this address, or take the address out of the DNS",
                audience="server",
            ),
        ),
    )


def _says_no(dead: list[Connected]) -> bool:
    return any(each.failure is not Failure.TIMEOUT for each in dead)


def _why(each: Connected) -> str:
    return sentence(str(each.failure))
