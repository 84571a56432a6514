"""A relay is offered without a user name: calls break

Signalling hands out a relay without user name and password. A browser that is given such an entry refuses to open the
call at all: `RTCPeerConnection` throws an InvalidAccessError.

How it shows: people join and nothing happens; the browser's console says that a username is required. The relay itself
may be in perfect order.

What to do: docker-jitsi-meet: `TURN_CREDENTIALS`, in the plural; `TURN_CREDENTIAL` does nothing. Packages: `secret =
true` in the entry of `external_services`, and `external_service_secret`, the same as coturn's `static-auth-secret`.

On the server `natprobe inspect` reads it from Prosody's configuration or .env: an entry whose credentials nobody
makes. Of `turns` Prosody makes none without `algorithm = "turn"`, and mod_turn_external of 0.12 makes none at all.

Sources: W3C WebRTC section 4.4.1.6 (set the configuration), XEP-0215; field reports: docker-jitsi-meet 1774.
"""

from natprobe.derive.advertised import installed
from natprobe.derive.handed_out import handed_out, uri
from natprobe.facts import Facts, JitsiConfig, Services, ids
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement, _relay_offers
from natprobe.servers.jitsi import fixes as jitsi
from natprobe.wording import listed, mark

READS = (Services, JitsiConfig, *_relay_offers.KINDS)

_MESSAGE = mark("{host} hands out {relays} without a user name: browsers then refuse to open the call at all")


def check(facts: Facts) -> Judgement:
    """Even one such entry among good ones breaks every call."""
    if _relay_offers.told(facts):
        return _relay_offers.bare(facts)
    if not facts.of(Services):
        return NOT_APPLICABLE
    bare = [each for each in handed_out(facts) if not each.credentials]
    if not bare:
        return CLEAR
    answers = facts.ok(Services, lambda each: any(service in bare for service in each.services))
    return [
        Found(
            message=_MESSAGE,
            args={"host": facts.target.host, "relays": listed(uri(each) for each in bare)},
            evidence=ids(answers),
            fixes=jitsi.credentials(facts.target.host, installed(facts)),
        )
    ]
