"""Web goes through the proxy, UDP has no way out

The page comes through the proxy that this machine is set to. Media travels over UDP, which goes straight, and straight
nothing comes back.

How it shows: people sign in, see their own picture and the names of the others, and hear and see nobody. Everybody else
is fine, and on the server nothing of them arrives on UDP port 10000.

How browsers behave behind a proxy:

- UDP never goes through an HTTP proxy, nor, in browsers, through a SOCKS proxy: direct media and TURN over UDP go
  straight to the server, past the proxy, and a firewall drops them.
- TURN over TCP and over TLS, and ICE over TCP, do go through it: by CONNECT to the relay's name and port, as pages do.
- Chrome's and Edge's policy WebRtcIPHandling may forbid UDP past the proxy altogether (`disable_non_proxied_udp`): then
  only those ways are left, even in an open network. `chrome://policy` shows it. natprobe does not read it.
- Firefox has `media.peerconnection.ice.proxy_only` for the same (about:config; off unless somebody set it).
- What native apps do is not known: many know no proxy at all.

What to do: one of the two is enough. The network lets UDP out to the server's media port, and the answers back in: in
the firewall, not in the proxy. Or the server offers a relay over TLS on port 443, and the proxy passes CONNECT to its
name without inspection.

Sources: RFC 8835 section 3.4, RFC 8828 section 5.2, RFC 9110 section 9.3.6, Chromium's and Firefox's own sources;
measured: Chromium 156 behind Squid; field reports: docker-jitsi-meet 1869.
"""

from natprobe.derive.handed_out import handed_out, port_of
from natprobe.derive.proxies import is_socks, reached, via
from natprobe.derive.unproxied import no_way_for_udp, tcp_instead
from natprobe.facts import (
    Allocation,
    Binding,
    Connected,
    Facts,
    HttpReply,
    IceCheck,
    ProxyChoice,
    Services,
    Tunnel,
    ids,
)
from natprobe.fixes import let_media_out, media_place, media_port
from natprobe.model import Do, Fix, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement, alternative
from natprobe.wording import mark, phrase

READS = (ProxyChoice, Tunnel, Connected, HttpReply, Binding, IceCheck, Allocation, Services)

_LOST = mark(
    "{host} is reached through the proxy {proxy}, which carries no UDP, and past it no UDP comes back: {tries} requests"
    " to {hosts} hosts got nothing"
)
_LOST_BY_SOCKS = mark(
    "{host} is reached through the proxy {proxy}, over which browsers send no UDP, and past it no UDP comes back:"
    " {tries} requests to {hosts} hosts got nothing"
)


def check(facts: Facts) -> Judgement:
    """In place of udp-blocked and of the rules about the media port, since there is one cause for all of it. Not where
    media goes through the proxy over TCP, or would, if the proxy did not refuse or open it: then that is told.
    """
    if via(facts) is None or facts.target.kind == "turn":
        return NOT_APPLICABLE
    lost = no_way_for_udp(facts)
    return [_found(facts, lost)] if lost and not tcp_instead(facts) else CLEAR


def _found(facts: Facts, lost: list[Binding | IceCheck]) -> Found:
    hosts = {split(each.server if isinstance(each, Binding) else each.endpoint)[0] for each in lost}
    alone = not any(isinstance(each, Binding) for each in lost)
    return Found(
        message=_LOST_BY_SOCKS if is_socks(via(facts) or "") else _LOST,
        args={
            "host": facts.target.host,
            "proxy": via(facts),
            "tries": sum(each.tries for each in lost),
            "hosts": len(hosts),
        },
        evidence=ids(lost, reached(facts)),
        alternatives=(alternative("media-port-silent", _ELSEWHERE),) if alone else (),
        fixes=(_ticket(facts), *let_media_out(facts)),
    )


_ELSEWHERE = phrase(
    "run the same check from another network, or here without --stun: no other server was asked over UDP"
)


_ONE_PORT = mark("UDP from the clients to {host}, port {port}, and the answers back in")
_ITS_PORTS = mark("UDP from the clients to {host}, to its media ports, and the answers back in")
_TICKET = mark(
    "For the ticket: video calls on {host} fail here, since browsers send media over UDP and past the proxy. Please let"
    " through {udp}; {instead}, without inspection of TLS"
)


def _ticket(facts: Facts) -> Fix:
    """As somebody without any knowledge of it can hand it on."""
    host, port = media_place(facts), media_port(facts)
    udp = phrase(_ONE_PORT if port else _ITS_PORTS, host=host, port=port)
    return Do(
        text=phrase(_TICKET, host=facts.target.host, udp=udp, instead=_instead(facts)),
        audience="network",
        why="one of the two is enough; the first gives the better quality",
    )


def _instead(facts: Facts) -> str:
    """What is to be let through to a relay that there is, or to one that the server's side has to have first."""
    secure = [each for each in handed_out(facts) if each.type == "turns"]
    first = min(secure, key=lambda each: port_of(each) != 443, default=None)
    what = "TCP" if is_socks(via(facts) or "") else "CONNECT"
    if first is None:
        return phrase(
            "or else, once the server has a relay (TURN over TLS on port 443), {what} to that through the proxy",
            what=what,
        )
    return phrase("or else {what} to {host}:{port} through the proxy", what=what, host=first.host, port=port_of(first))
