"""Something else answers on the relay's TLS port

The port that the URI names is open, and what is there does not speak TURN: it answered with something that is neither
STUN nor TLS (a web server, mostly), ended the handshake with an alert, or closed the session when it was asked for an
allocation. Or the relay is there for whoever offers ALPN `stun.turn` in TLS, and browsers, which offer none, get
something else: then what shares the port sorts by ALPN.

How it shows: the relay seems to be up, since the port is open; calls that need it stay dead.

What to do: relays on 443 share the port with the web front, by a multiplexer (nginx `stream` with `ssl_preread`,
HAProxy, sslh). It has to tell them apart by the name in SNI, so the relay needs a name of its own. It can't wait for a
relay's ALPN: browsers offer none to a relay. What works is the other way round, as Jitsi's packages once did it: `h2`
and `http/1.1` to the web front, everything else to the relay. An address in the URI gives no SNI at all. Without a
multiplexer, give the relay another address, or leave it on 5349.

Sources: RFC 8656 sections 3.1 and 12.5, RFC 6066 section 3, RFC 7301, RFC 7443; measured: Chromium 156 sends
SNI and no ALPN.
"""

from natprobe.derive.legs import handshakes
from natprobe.derive.relays import LegFacts, connected, legs_in, sorted_by_alpn
from natprobe.facts import Allocation, Connected, Facts, TlsSession, ids
from natprobe.model import Do, Failure, Fix, Where
from natprobe.rules import Found, Judgement, alternative
from natprobe.rules._legs import found, nothing, port
from natprobe.servers import nginx
from natprobe.wording import mark, phrase

READS = (Allocation, Connected, TlsSession)

_MESSAGES: dict[Failure, str] = {
    Failure.PROTOCOL: mark(
        "What answers over {transport} at the relay {host} ({server}) is no relay: it says something else than STUN"
    ),
    Failure.TLS_OTHER: mark(
        "What answers over {transport} at the relay {host} ({server}) is no relay: it does not speak TLS ({words})"
    ),
    Failure.TLS_ALERT: mark(
        "What answers over {transport} at the relay {host} ({server}) is no relay: it ends the handshake with"
        " an alert ({words})"
    ),
}
_SORTED: dict[Failure, str] = {
    Failure.TIMEOUT: mark(
        "What answers over {transport} at the relay {host} ({server}) goes by ALPN: with stun.turn it is the"
        " relay, and without ALPN, as browsers come, nothing answers"
    ),
    Failure.RESET: mark(
        "What answers over {transport} at the relay {host} ({server}) goes by ALPN: with stun.turn it is the"
        " relay, and without ALPN, as browsers come, the connection is cut"
    ),
    Failure.CLOSED: mark(
        "What answers over {transport} at the relay {host} ({server}) goes by ALPN: with stun.turn it is the"
        " relay, and without ALPN, as browsers come, the connection is cut"
    ),
}
_WEB_SORTED = mark(
    "What answers over {transport} at the relay {host} ({server}) goes by ALPN: with stun.turn it is the"
    " relay, and without ALPN, as browsers come, something else (a web server, mostly)"
)
_CUT = mark(
    "What answers over {transport} at the relay {host} ({server}) is no relay: it closes the session when"
    " asked for an allocation"
)


_OPENED = phrase(
    "ask who runs the proxy: does it open TLS to look inside? From another network: does the relay answer there?"
)


def check(facts: Facts) -> Judgement:
    """Only where something answered; a connection that is closed at once is turn-unreachable's."""
    return [_found(facts, group) for group in legs_in(facts, "not-turn")] or nothing(facts)


def _found(facts: Facts, group: list[LegFacts]) -> Found:
    allocation, behind = group[0].allocation, sorted_by_alpn(facts, group[0])
    led = allocation.via is not None and not behind
    failure = allocation.failure or Failure.CLOSED
    return found(
        facts,
        group,
        _SORTED.get(failure, _WEB_SORTED) if behind else _MESSAGES.get(failure, _CUT),
        more={"words": allocation.detail or str(allocation.failure)},
        evidence=ids(connected(facts, group[0]), handshakes(facts, allocation), [behind] if behind else []),
        where=Where.UNKNOWN if led else None,
        alternatives=(alternative("tls-intercepted", _OPENED),) if led else (),
        fixes=nginx.sorted_for_browsers(allocation.host) if behind else (_look(group[0]),),
    )


def _look(leg: LegFacts) -> Fix:
    return Do(
        text=phrase(
            "On the relay, see what listens on port {port} (ss -lntup); a multiplexer there must pass the"
            " name {host} in SNI on to the relay, without asking for ALPN",
            port=port(leg),
            host=leg.allocation.host,
        ),
        audience="server",
    )
