"""Two bridges advertise one address and port

Several conferences were asked for (`--sessions`), and two of them lie on different bridges: their offers announce
different certificates. Both bridges name the same public address and port. The checks of one conference were answered
there; those of the other, with its own credentials, were not.

How it shows: some rooms work and some never do, by chance; whoever tries again may be lucky. A single check finds the
media port open or silent, as it comes.

What to do: each bridge needs an address, or at least a port, of its own, and a forwarding of its own:
docker-jitsi-meet's `JVB_ADVERTISE_IPS` or `JVB_PORT` for each, jvb.conf's `ice4j.harvest.mapping.static-mappings` and
`videobridge.ice.udp.port` in packages.

Sources: jitsi-videobridge's own sources (one port for all of a bridge's clients, told apart by user fragment; silence
to those that it doesn't know); RFC 8122 section 5 (fingerprint).
"""

from natprobe.addresses import address_class
from natprobe.derive import SILENT_TRIES, media_checks
from natprobe.facts import Facts, IceCheck, PoolCheck, SessionOffer, ids
from natprobe.model import Do, Endpoint, Failure, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.wording import phrase

READS = (PoolCheck, SessionOffer, IceCheck)

_REFUSALS = (Failure.UNAUTHORIZED, Failure.ERROR_RESPONSE)


def check(facts: Facts) -> Judgement:
    """By endpoint: whose bridge it is, by its announced certificate, and whether it answered."""
    pool = facts.of(PoolCheck)
    if not pool:
        return NOT_APPLICABLE
    shared = [each for each in dict.fromkeys(_endpoints(pool)) if _missed(facts, each) and _shared(facts, each)]
    if shared:
        return [_found(facts, each) for each in shared]
    if not any(each.verified for each in pool) and not any(map(_unanswered, pool)):
        return CouldNotTell(reason="no-second-conference", ask="run the check again with --sessions 4")
    return CLEAR


def _endpoints(pool: list[PoolCheck]) -> list[Endpoint]:
    named = [each.endpoint for each in pool if each.endpoint is not None]
    return [each for each in named if address_class(split(each)[0]) == "public"]


def _at(facts: Facts, endpoint: Endpoint) -> list[PoolCheck]:
    return facts.of(PoolCheck, lambda each: each.endpoint == endpoint)


def _first(facts: Facts, endpoint: Endpoint) -> list[IceCheck]:
    """The first conference's checks there."""
    return [each for each in media_checks(facts) if each.endpoint == endpoint]


def _own(facts: Facts) -> str | None:
    """The first conference's certificate, as it is announced to the participant whose credentials checks go with."""
    return next((each.digest for each in facts.ok(SessionOffer) if each.digest), None)


def _missed(facts: Facts, endpoint: Endpoint) -> list[PoolCheck | IceCheck]:
    """Conferences whose checks came to nothing there, often enough to be no loss."""
    seen: list[PoolCheck | IceCheck] = [*_at(facts, endpoint), *_first(facts, endpoint)]
    return [each for each in seen if _unanswered(each)]


def _unanswered(seen: PoolCheck | IceCheck) -> bool:
    return seen.failure in _REFUSALS or (seen.failure is Failure.TIMEOUT and seen.tries >= SILENT_TRIES)


def _shared(facts: Facts, endpoint: Endpoint) -> bool:
    """Another certificate's conference was answered at the very same place."""
    at, first = _at(facts, endpoint), _first(facts, endpoint)
    good = {each.digest for each in at if each.verified}
    bad = {each.digest for each in at if _unanswered(each)}
    good |= {_own(facts)} if any(each.verified for each in first) else set()
    bad |= {_own(facts)} if first and all(map(_unanswered, first)) else set()  # what was never asked misses nothing
    return any(each is not None and other is not None and each != other for each in good for other in bad)


def _found(facts: Facts, endpoint: Endpoint) -> Found:
    seen, address = _at(facts, endpoint), split(endpoint)[0]
    return Found(
        message="Two bridges advertise {endpoint}: of {count} conferences {answered} were answered there, by their"
        " certificates they are on different bridges",
        args={
            "endpoint": endpoint,
            "count": len(seen) + bool(_first(facts, endpoint)),
            "answered": sum(each.verified for each in seen) + any(e.verified for e in _first(facts, endpoint)),
        },
        evidence=ids(facts.ok(SessionOffer), seen, _first(facts, endpoint)),
        fixes=(
            Do(
                text=phrase(
                    "Give each bridge a port of its own (docker-jitsi-meet: JVB_PORT; packages:"
                    " videobridge.ice.udp.port in jvb.conf) or an address of its own beside {address}"
                    " (JVB_ADVERTISE_IPS; static-mappings), and forward each to its bridge",
                    address=address,
                ),
                audience="server",
            ),
        ),
    )
