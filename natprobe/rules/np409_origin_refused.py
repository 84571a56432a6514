"""Signalling refuses this page's origin

Signalling refuses the WebSocket with 403, but greets a plain GET of the same address: it is there and does not want
pages of this origin.

How it shows: the page loads, then says that it was disconnected; "WebSocket connection … failed: Unexpected response
code: 403" in the browser's console.

What to do: Prosody lets in only the origins that it is told: `cross_domain_websocket`, with https:// and the port where
that is not 443. docker-jitsi-meet makes the list from `PUBLIC_URL`: it must be exactly what users open, not
https://localhost:8443 and not the server's address.

Sources: RFC 6455 section 10.2, Prosody's mod_websocket (`cross_domain_websocket`); field reports: docker-jitsi-meet
1154, 2035.
"""

from natprobe.derive.advertised import installed
from natprobe.facts import Facts, JitsiConfig, SignIn, ids
from natprobe.model import Severity
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.servers.jitsi import fixes as jitsi

READS = (SignIn, JitsiConfig)

_MESSAGE = "Signalling at {url} refuses pages of {origin} (HTTP 403), and greets whoever names no origin"


def check(facts: Facts) -> Judgement:
    """Both are needed: a 403 of whatever stands in front is websocket-refused."""
    sockets = facts.of(SignIn, lambda each: each.transport == "websocket")
    refused = [each for each in sockets if each.status == 403 and each.greets is True]
    if not refused or any(each.failure is None for each in sockets):
        return CLEAR if sockets else NOT_APPLICABLE
    host, system = facts.target.host, installed(facts)
    origin = f"https://{host}" + (f":{facts.target.port}" if facts.target.port != 443 else "")
    docker, prosody = jitsi.public_url(origin), jitsi.origin_allowed(origin, host)
    preferred = any(each.prefer_bosh for each in facts.ok(JitsiConfig))
    return [
        Found(
            message=_MESSAGE,
            args={"url": refused[0].url, "origin": origin},
            evidence=ids(refused),
            severity=Severity.WARNING if preferred else None,
            fixes=(docker,) if system == "docker" else (prosody,) if system == "package" else (docker, prosody),
        )
    ]
