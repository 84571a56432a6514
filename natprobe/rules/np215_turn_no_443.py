"""No relay on 443: networks that allow only the web stay out

Relays are handed out, and clients use them, but none is on port 443. Firewalls and proxies of offices, hotels and
hospitals often let nothing out but TCP to 80 and 443; a squid as it comes refuses CONNECT to any port but 443.

How it shows: calls work from most places, also where UDP is blocked, and not from the strictest networks.

What to do: have the relay listen for TLS on 443 as well: on an address of its own, or behind nginx's `stream` or
HAProxy, which choose by the name in SNI (browsers offer a relay no ALPN). Then hand out `turns:` with port 443 and
transport tcp.

Sources: RFC 7065, RFC 8656 section 3.1, squid's default `SSL_ports`.
"""

from natprobe.derive.advertised import installed
from natprobe.derive.handed_out import for_bridge, port_of, uri
from natprobe.facts import Facts, JitsiConfig, Services, ids
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.servers.jitsi import fixes as jitsi
from natprobe.wording import listed, mark

READS = (Services, JitsiConfig)

_MESSAGE = mark("{host} hands out {relays}, none on TCP port 443: networks that allow only the web stay out")
_WEB = 443


def check(facts: Facts) -> Judgement:
    """Not where there is no relay at all: turn-not-offered and turn-lists-nothing-for-bridge say that."""
    if not facts.of(Services):
        return NOT_APPLICABLE
    relays = for_bridge(facts)
    if not relays or any(port_of(each) == _WEB and each.transport == "tcp" for each in relays):
        return CLEAR
    return [
        Found(
            message=_MESSAGE,
            args={"host": facts.target.host, "relays": listed(uri(each) for each in relays)},
            evidence=ids(facts.ok(Services)),
            fixes=(jitsi.RELAY_FIRST, *jitsi.relays(facts.target.host, installed(facts))),
        )
    ]
