"""The relay has no realm

The relay asks for credentials with an empty REALM, or with none. Everything a client shows it is hashed with
the realm, so that no password fits.

How it shows: as if the password were wrong: every allocation ends with 401, whatever is tried.

What to do: set `realm` in turnserver.conf to the relay's domain, and start it again. Users that were made with keys
(turnadmin) have to be made anew for that realm; what a shared secret makes needs nothing.

On the server `natprobe inspect` reads it from turnserver.conf. coturn takes the machine's domain where there is no
realm, so that this is a warning there.

Sources: RFC 8489 sections 9.2.2 and 9.2.4, RFC 8656 section 5; measured: coturn 4.6.1 without a realm
on a machine without a domain.
"""

from natprobe.derive.relays import LegFacts, legs_in
from natprobe.facts import Allocation, Facts, TurnServer
from natprobe.rules import Found, Judgement, _relay_files
from natprobe.rules._legs import found, nothing
from natprobe.servers import coturn
from natprobe.wording import mark

READS = (Allocation, TurnServer, *_relay_files.KINDS)

_EMPTY = mark(
    "The relay {host} asks for credentials with an empty realm over {transport} ({server}), and refuses them (401)"
)
_NONE = mark(
    "The relay {host} asks for credentials without a realm over {transport} ({server}), so that none can be made"
)


def check(facts: Facts) -> Judgement:
    """An empty one counts where credentials were refused with it; a missing one always."""
    if _relay_files.there(facts):
        return _relay_files.realm(facts)
    return [_found(facts, group) for group in legs_in(facts, "no-realm")] or nothing(facts)


def _found(facts: Facts, group: list[LegFacts]) -> Found:
    allocation = group[0].allocation
    message = _NONE if allocation.realm is None else _EMPTY
    return found(facts, group, message, fixes=coturn.realm(allocation.host))
