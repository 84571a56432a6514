"""Signalling that says nothing for some seconds is cut before clients ping

Somebody on the way ends signalling's connection, a WebSocket or BOSH's long poll, when nothing was said on it for a few
seconds. natprobe asks this with `--idle SECONDS` only: it signs in once more, says nothing for so long, and then sends
a ping. Jitsi's client looks every ten seconds whether the server said anything since, and pings where it did not: up to
twenty seconds may be quiet. What is cut after twenty, as by nginx after a minute, harms nobody.

How it shows: the meeting works while people come, go and talk, and breaks off when it is quiet: "You have been
disconnected", the page joins anew, again and again. Over BOSH the client asks again by itself and gives up after five
failures without an answer between them, so that only a cut within four seconds ends it.

What to do: raise the idle timeout of whoever cuts. In nginx it is `proxy_read_timeout` of the path (a minute unless
told), in Squid `read_timeout` (15 minutes unless told), at load balancers and CDNs the idle timeout. Behind a proxy
natprobe leaves an empty tunnel to the same port alone beside the stream: cut at the same moment, the proxy does it;
where the tunnel lives on, the server's front does. Without a proxy a connection that is closed is taken for the front's
work; one that is reset or leads nowhere any more may as well be a firewall's on the way.

Sources: RFC 7395, RFC 6455 section 5.5.2, XEP-0124 section 7, XEP-0199, lib-jitsi-meet (a ping every 10 seconds, 5 for
its answer, two in vain), Strophe (BOSH), nginx's and Squid's manuals; measured with nginx 1.22 and Squid 5.7.
"""

from typing import Literal

from natprobe.derive.advertised import installed
from natprobe.derive.proxies import is_socks
from natprobe.facts import Facts, IdleTunnel, SignallingIdle, ids
from natprobe.model import Do, Failure, Fix, Severity, Where
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.servers import squid
from natprobe.servers.jitsi import fixes as jitsi
from natprobe.wording import mark, phrase

READS = (SignallingIdle, IdleTunnel)

# So long a client may say nothing (seconds): it looks every ten, and what the server said just after one look counts
# at the next. Below the second figure the cut comes before any ping, or, over BOSH, too often to be mended.
QUIET_SECONDS = 20.0
BREAKS_SECONDS = {"websocket": 12.0, "bosh": 4.0}
# Two that one timer cuts end within so long (seconds) of each other: Squid looks at its timers every second or two
# (measured: a read_timeout of 2 seconds cut after 1.9 to 3.6).
SAME_SECONDS = 2.0

_CUT = mark("{what} {url} is cut when nothing is said on it for {lasted} seconds: {pings}")
_BY_PROXY = mark("{what} {url} is cut when nothing is said on it for {lasted} seconds, by the proxy {proxy}: {pings}")
_PINGS = {
    Severity.WARNING: phrase("clients ping every ten"),
    Severity.NOTE: phrase("clients mostly say something before, or ask again"),
}
_WHAT = {"websocket": phrase("Signalling's WebSocket"), "bosh": phrase("Signalling's long poll")}
By = Literal["proxy", "front", "unknown"]
_PLACES: dict[By, Where] = {"proxy": Where.PROXY, "front": Where.SERVER_EDGE, "unknown": Where.UNKNOWN}


def check(facts: Facts) -> Judgement:
    """Only where --idle asked, and a stream stood."""
    asked = facts.of(SignallingIdle)
    stood = [each for each in asked if each.lasted is not None]
    if asked and not stood:
        return CouldNotTell(reason="not-signed-in-again", ask="check again with --idle")
    cut = [each for each in stood if each.failure is not None and (each.lasted or 0) < QUIET_SECONDS]
    if cut:
        return [_found(facts, each) for each in cut]
    return CLEAR if stood else NOT_APPLICABLE


def _found(facts: Facts, cut: SignallingIdle) -> Found:
    beside = [each for each in facts.of(IdleTunnel) if each.via == cut.via]
    by = _by(cut, beside)
    lasted = cut.lasted or 0.0
    severity = Severity.WARNING if lasted < BREAKS_SECONDS[cut.transport] else Severity.NOTE
    args = {"what": _WHAT[cut.transport], "url": cut.url, "lasted": f"{lasted:.2g}", "proxy": cut.via or ""}
    return Found(
        message=phrase(_BY_PROXY if by == "proxy" else _CUT, pings=_PINGS[severity], **args),
        args=args,
        evidence=ids(cut, beside),
        severity=severity,
        where=_PLACES[by],
        fixes=_fixes(facts, cut, by),
    )


def _by(cut: SignallingIdle, beside: list[IdleTunnel]) -> By:
    """A status is the front's own word, through any tunnel. What the proxy cuts ends with the empty tunnel."""
    if cut.failure is Failure.HTTP_STATUS:
        return "front"
    if cut.via is None:
        return "front" if cut.failure is Failure.CLOSED else "unknown"
    for each in beside:
        later = (each.lasted or 0.0) - (cut.lasted or 0.0)
        if each.lasted is not None and later > SAME_SECONDS:
            return "front"
        if each.lasted is not None and each.failure is not None and later >= -SAME_SECONDS:
            return "proxy"
    return "unknown"


def _fixes(facts: Facts, cut: SignallingIdle, by: By) -> tuple[Fix, ...]:
    path = "/xmpp-websocket" if cut.transport == "websocket" else "/http-bind"
    front = (jitsi.quiet_allowed(path, facts.target.host, installed(facts)), _IN_FRONT)
    if by == "front":
        return front
    proxy = (_ticket(facts, cut), *(() if is_socks(cut.via or "") else squid.quiet_tunnels())) if cut.via else (_WAY,)
    return proxy if by == "proxy" else (_COMPARE, *proxy, *front)


def _ticket(facts: Facts, cut: SignallingIdle) -> Do:
    return Do(
        text=phrase(
            "Let the proxy {via} leave tunnels to {host} be that carry nothing for a minute",
            via=cut.via,
            host=facts.target.host,
        ),
        audience="network",
        why="a meeting's signalling is quiet while nobody comes or goes",
    )


_WAY = Do(
    text="At firewalls and NATs on the way, let TCP connections live that carry nothing for a minute",
    audience="network",
    why="RFC 5382 REQ-5 asks for two hours and four minutes",
)
_IN_FRONT = Do(
    text="Look for one more in front of the server, a load balancer, a CDN or a container's own nginx, and raise its"
    " idle timeout to a minute or more",
    audience="server",
)
_COMPARE = Do(
    text="Run the same check with --idle from another network: where the stream lives there, it is cut in this network,"
    " else before the server",
    audience="user",
)
