"""Clients get no relay to fall back on

Signalling was asked which STUN and TURN servers there are, as every client asks it (XEP-0215), and named no relay.
docker-jitsi-meet brings none with it.

How it shows: nothing, for most. From networks that let only the web out (offices, hotels, hospitals) people join, and
hear and see nobody.

What to do: run coturn with TLS on port 443 and have signalling hand it out. docker-jitsi-meet: `TURNS_HOST`,
`TURNS_PORT`, `TURN_CREDENTIALS` in .env; packages: `external_services` in Prosody's configuration. TURN servers in
config.js under `p2p.stunServers` are no substitute: they serve calls of two only and show their password to everybody.

Sources: XEP-0215, RFC 8656 section 3.1, lib-jitsi-meet's and docker-jitsi-meet's own sources.
"""

from natprobe.derive.advertised import installed
from natprobe.derive.handed_out import handed_out
from natprobe.facts import Facts, JitsiConfig, Services, ids
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.servers.jitsi import fixes as jitsi
from natprobe.wording import mark, phrase

READS = (Services, JitsiConfig)

# The server's word that no module of it hands anything out (XEP-0215 section 3, RFC 6120 section 8.3.3).
_NO_SUCH_THING = ("service-unavailable", "feature-not-implemented", "item-not-found")
_MESSAGE = mark(
    "{host} offers its clients no relay: from networks that let only the web out, nobody hears or sees the others"
)
_ASK = phrase(
    "on the server: is mod_external_services among Prosody's modules_enabled, and external_service_access set?"
)


def check(facts: Facts) -> Judgement:
    """An answer without relays is a fact; a refusal to answer is none."""
    answers = facts.of(Services)
    if not answers:
        return NOT_APPLICABLE
    if handed_out(facts):
        return CLEAR
    told = [each for each in answers if each.failure is None or each.condition in _NO_SUCH_THING]
    if not told:
        return CouldNotTell(reason="services-not-told", ask=_ASK)
    return [
        Found(
            message=_MESSAGE,
            args={"host": facts.target.host},
            evidence=ids(told),
            fixes=(jitsi.RELAY_FIRST, *jitsi.relays(facts.target.host, installed(facts))),
        )
    ]
