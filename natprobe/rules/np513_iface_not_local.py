"""The cascade's interface is not on this host

A Janus forwards a publisher to another one, and that one binds a port for it (videoroom's remote publishers). `iface`
in add_remote_publisher says at which of its own addresses. Behind NAT the public address is on none of its interfaces:
the request fails with 499, "Invalid network interface configuration for remote publisher". Janus does nothing about NAT
for cascades: who sets one up tells both sides where packets have to go.

How it shows: add_remote_publisher fails, or, with an inner address as `iface`, the `ip` of its answer leads nowhere
from the other server. On the server itself `natprobe inspect --iface ADDRESS` tells it without Janus's API: the
address is on no interface there. Of an interface's name Janus takes the first address.

What to do: leave `iface` out, and the port is bound at all addresses. Ignore the `ip` of the answer, if there is one.
Give publish_remotely the public address as `host`, with the answer's ports. Forward those ports to the server, UDP,
with the same numbers on both sides: videoroom takes any two free ones from 10000 to 60000, unless `port` and
`rtcp_port` stand in the request, so that a few forwarded ports are enough.

Sources: videoroom's own source (1.1.0 and later), janus-gateway 3536; measured: 1.1.2.
"""

from natprobe.derive.binding import can_bind, host_addresses
from natprobe.derive.cascade import asked, bound, iface_local, iface_refused, own_addresses
from natprobe.facts import BindTry, CascadeRelay, CascadeRequest, Facts, ids
from natprobe.model import Severity
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.servers import cascade
from natprobe.wording import mark, phrase

READS = (CascadeRelay, CascadeRequest, BindTry)

# A server with many containers has hundreds.
_OWN_MAX = 8
_MESSAGE = mark("{iface} is no address of {host}'s own ({own}): as iface add_remote_publisher would refuse it with 499")
_REFUSED = mark("{iface} is no address of {host}'s own: as iface add_remote_publisher refuses it with 499")
_NO_NAME = mark(
    "{iface} is no interface of {host}'s with an address: as iface add_remote_publisher would refuse it with 499"
)


def check(facts: Facts) -> Judgement:
    """Only where --iface says what would be bound."""
    return _tried(facts, facts.of(BindTry)) if facts.of(BindTry) else _told(facts)


def _tried(facts: Facts, tries: list[BindTry]) -> Judgement:
    """On the server itself."""
    if found := [_not_here(facts, each) for each in tries if can_bind(each) is False]:
        return found
    return CLEAR if all(map(can_bind, tries)) else CouldNotTell(reason="bind-failed", ask="-v shows what it said")


def _not_here(facts: Facts, tried: BindTry) -> Found:
    own = host_addresses(facts)
    shown = ", ".join([*own[:_OWN_MAX], *(["…"] if own[_OWN_MAX:] else [])])
    return Found(
        message=_NO_NAME if tried.address is None else _MESSAGE,
        args={"host": facts.target.host, "iface": tried.asked, "own": shown or "none"},
        evidence=ids(tried),
        severity=Severity.ERROR,
        fixes=cascade.without_foreign(tried.address, own),
    )


def _told(facts: Facts) -> Judgement:
    """By what the API of the other server shows, or answers to the request."""
    named = [each for each in asked(facts) if each.iface is not None]
    if not named:
        return NOT_APPLICABLE
    if found := [_found(facts, each) for each in named if iface_local(facts, each) is False]:
        return found
    if all(iface_local(facts, each) for each in named):
        return CLEAR
    return CouldNotTell(reason="own-addresses-untold", ask="--apply makes the request in a room of natprobe's own")


def _found(facts: Facts, relay: CascadeRelay) -> Found:
    refused = iface_refused(facts, relay)
    own = ", ".join(own_addresses(relay)) or phrase("which it does not tell")
    return Found(
        message=_REFUSED if refused else _MESSAGE,
        args={"host": cascade.host(relay), "iface": relay.iface, "own": own},
        evidence=ids(relay, refused),
        severity=Severity.ERROR,
        fixes=cascade.without_iface(relay, own_addresses(relay), bound(facts, relay)),
    )
