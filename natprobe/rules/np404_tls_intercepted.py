"""Somebody between answers with another certificate

TLS to the server, or to its relay, is ended on the way: by a proxy of the network's, a firewall with inspection, or a
security program on this very machine. It shows a certificate of its own authority in the server's place. Known makers
are told by the issuer; else it is shown by the server's own certificate, which comes past the proxy.

How it shows: where the authority is in this machine's trust, the page opens and nothing seems odd; but what is inside
is read and made anew, and what is no HTTP does not pass: relays (TURN over TLS on 443) stay dead, and signalling's
WebSocket often too. Where it is not trusted, as on a guest's machine, browsers refuse the page.

What to do: have the names of the meeting server and of its relay left out of the inspection. A security program on this
machine has a list of exceptions for it ("HTTPS scanning", "SSL filtering", "Web shield").

A private authority alone is no sign of inspection: a company's own server may have one. Then certificate-invalid says
what there is to say. Nor are two public authorities for one name, as a CDN may have them: one that verifies and names
the public logs that have it (SCTs) is taken for the server's own.

Sources: RFC 8446 section 9.3, RFC 6962 section 3.3, RFC 8835 section 3.4; measured: Squid with ssl_bump, Chromium's
TURN over TLS behind it.
"""

from natprobe.derive.interception import Intercepted, intercepted, refused
from natprobe.facts import Certificate, Facts, ProxyChoice, TlsSession, Tunnel, ids
from natprobe.model import Do, Fix, Where
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.servers import squid
from natprobe.servers.middleboxes import on_this_machine
from natprobe.wording import listed, mark, phrase

READS = (Certificate, TlsSession, ProxyChoice, Tunnel)

_TRUSTED = mark("TLS to {name} is opened on the way, by somebody whom this machine trusts: {proof}")
_REFUSED = mark("TLS to {name} is opened on the way, by somebody whom browsers here do not trust: {proof}")
_KNOWN = mark("its certificate is signed by {by} ({issuer})")
_OTHER = mark("through the proxy {proxy} its certificate is signed by {issuer}, and past it by {own}")


def check(facts: Facts) -> Judgement:
    """Each name once, whatever the way."""
    if not facts.of(Certificate):
        return NOT_APPLICABLE
    by_name = {each.shown.name: each for each in reversed(intercepted(facts))}
    return [_found(facts, each) for each in reversed(by_name.values())] or CLEAR


def _found(facts: Facts, seen: Intercepted) -> Found:
    here = seen.by is not None and on_this_machine(seen.by)
    shown, other = seen.shown, seen.other
    args = {
        "name": shown.name,
        "by": seen.by,
        "issuer": shown.issuer,
        "proxy": shown.via,
        "own": other.issuer if other else None,
    }
    proof = phrase(_KNOWN if seen.by else _OTHER, **args)
    return Found(
        message=phrase(_REFUSED if refused(facts, seen) else _TRUSTED, name=shown.name, proof=proof),
        args=args,
        evidence=ids(shown, other or []),
        where=Where.THIS_HOST if here else None,
        fixes=_at_home(seen) if here else _in_the_network(facts, seen),
    )


def _at_home(seen: Intercepted) -> tuple[Fix, ...]:
    return (
        Do(
            text=phrase(
                "In {by} on this machine, put {name} on the list of exceptions from the scanning of encrypted"
                " connections",
                by=seen.by,
                name=seen.shown.name,
            ),
            audience="user",
            why="what is no web page does not pass through it",
        ),
    )


# Lines of its configuration are no help with another maker's device, unless the proxy itself says that it is one.
_MAY_BE_SQUID = (None, "Squid", phrase("an inspection of TLS"), phrase("a web filter"))


def _in_the_network(facts: Facts, seen: Intercepted) -> tuple[Fix, ...]:
    names = list(dict.fromkeys((seen.shown.name, facts.target.host)))
    ticket = Do(
        text=phrase(
            "Leave {names} out of the inspection of TLS, so that their own certificates arrive",
            names=listed(names),
        ),
        audience="network",
        why="relays speak TURN inside TLS, which no inspection of web pages passes on",
    )
    own = facts.of(Tunnel, lambda each: each.via == seen.shown.via and "squid" in each.software.lower())
    return (ticket, *(squid.not_opened(names) if own or seen.by in _MAY_BE_SQUID else ()))
