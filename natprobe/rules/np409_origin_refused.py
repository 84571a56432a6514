"""Signalling refuses this page's origin

Signalling refuses the WebSocket, or BOSH where clients take that, with 403, but greets a plain GET of the same address:
it is there and does not want pages of this origin.

How it shows: the page loads, then says that it was disconnected; "WebSocket connection … failed: Unexpected response
code: 403" in the browser's console.

What to do: Prosody before 0.12 lets in only the origins that it is told: `cross_domain_websocket`, with https:// and
the port where that is not 443. docker-jitsi-meet makes the list from `PUBLIC_URL`: it must be exactly what users open,
not https://localhost:8443 and not the server's address. From 0.12 on (docker-jitsi-meet: stable-7210) Prosody compares
no origins itself, and never did for BOSH: then a web server or proxy in front of it does.

Sources: RFC 6455 section 10.2, Prosody's mod_websocket (`cross_domain_websocket`, without effect since 0.12); field
reports: docker-jitsi-meet 1154, 2035.
"""

from natprobe.derive.advertised import installed
from natprobe.derive.conference import takes_bosh
from natprobe.derive.proxies import taken
from natprobe.facts import Facts, JitsiConfig, SignIn, ids
from natprobe.model import Do, Fix, Severity
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.servers.jitsi import fixes as jitsi
from natprobe.wording import mark, phrase

READS = (SignIn, JitsiConfig)

_MESSAGE = mark("Signalling at {url} refuses pages of {origin} (HTTP 403), and greets whoever names no origin")


def check(facts: Facts) -> Judgement:
    """Both are needed: a 403 of whatever stands in front is websocket-refused."""
    over_bosh = takes_bosh(facts)
    asked = taken(facts, SignIn, lambda each: over_bosh or each.transport == "websocket")
    works = {each.transport for each in facts.ok(SignIn)}
    refused = [each for each in asked if each.status == 403 and each.greets is True and each.transport not in works]
    if not refused:
        return CLEAR if asked else NOT_APPLICABLE
    first = next((each for each in refused if over_bosh and each.transport == "bosh"), refused[0])
    beside = over_bosh and first.transport == "websocket"
    origin = f"https://{facts.target.host}" + (f":{facts.target.port}" if facts.target.port != 443 else "")
    return [
        Found(
            message=_MESSAGE,
            args={"url": first.url, "origin": origin},
            evidence=ids(refused),
            severity=Severity.WARNING if beside else None,
            fixes=_fixes(facts, first, origin),
        )
    ]


def _fixes(facts: Facts, refused: SignIn, origin: str) -> tuple[Fix, ...]:
    """For BOSH nothing of Jitsi's own compares origins."""
    docker = jitsi.public_url(origin, until=jitsi.ORIGINS_UNTIL)
    prosody = jitsi.origin_allowed(origin, facts.target.host)
    if refused.transport == "bosh":
        return (_in_front(origin),)
    return (*jitsi.installed_by(installed(facts), (docker,), (prosody,)), _in_front(origin))


def _in_front(origin: str) -> Do:
    return Do(
        text=phrase(
            "In the web server and in every proxy before it, find what compares the Origin header on the"
            " way to signalling, and have it let {origin} through",
            origin=origin,
        ),
        audience="server",
        why="Prosody itself compares no origins since 0.12",
        after="nginx -t && systemctl reload nginx",
    )
