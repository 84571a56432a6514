"""Relays are offered, but the client's filter drops them for the bridge

Signalling hands out relays, and Jitsi's client uses none of them for a meeting: towards the bridge it keeps only
entries with transport=tcp, unless config.js says useTurnUdp. A `turns` entry that names no transport is dropped too.

How it shows: the relay works in every test and in calls of two; with the third, people in networks without UDP hear
and see nobody.

What to do: name the transport: `transport = "tcp"` in the entry of `external_services`; docker-jitsi-meet:
`TURN_TRANSPORT=tcp`, or `TURNS_HOST`. A relay over UDP helps towards the bridge only where UDP passes, and then the
direct way does mostly; `config.useTurnUdp = true` in config.js lets clients use it.

Sources: lib-jitsi-meet's own source (the filter of the bridge's leg), XEP-0215, RFC 7065.
"""

from natprobe.derive.advertised import installed
from natprobe.derive.handed_out import for_bridge, handed_out, uri
from natprobe.facts import Facts, JitsiConfig, Services, ids
from natprobe.model import Fix
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.servers.jitsi import fixes as jitsi
from natprobe.wording import listed, mark

READS = (Services, JitsiConfig)

_UNNAMED = mark(
    "{host} hands out {relays} without a transport: Jitsi's client then drops it for meetings of three and more"
)
_UDP = mark("{host} hands out {relays} only: for meetings of three and more Jitsi's client uses relays over TCP alone")


def check(facts: Facts) -> Judgement:
    """Only where nothing is left at all."""
    relays = handed_out(facts)
    if not relays:
        return CLEAR if facts.of(Services) else NOT_APPLICABLE
    if for_bridge(facts):
        return CLEAR
    unnamed = [each for each in relays if each.type == "turns" and each.transport is None]
    return [
        Found(
            message=_UNNAMED if unnamed else _UDP,
            args={"host": facts.target.host, "relays": listed(uri(each) for each in unnamed or relays)},
            evidence=ids(facts.ok(Services), facts.ok(JitsiConfig)),
            fixes=_fixes(facts),
        )
    ]


def _fixes(facts: Facts) -> tuple[Fix, ...]:
    service = jitsi.external_services(facts.target.host)
    return jitsi.installed_by(installed(facts), (jitsi.relay_transport(),), (service,))
