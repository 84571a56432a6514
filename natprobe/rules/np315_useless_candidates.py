"""Addresses that no client can reach are advertised beside good ones

Besides an address that works the media server names others that do not answer from here: those of a container's
network, of loopback, or of a private network that this client is not in.

How it shows: not at all, as a rule: clients try all and take what answers. It tells strangers the server's inner
addresses, and a private one may be somebody else's machine in the client's own network.

What to do: nothing has to be done. Clients in the server's own network need its private address, if the router does
not turn their packets round. Where there are none, the bridge can keep inner addresses to itself
(`JVB_ADVERTISE_PRIVATE_CANDIDATES=false`, `videobridge.ice.advertise-private-candidates = false`); Janus by
`keep_private_host = false`, and of interfaces that no client comes in by with `ice_ignore_list`.

Sources: RFC 8445 section 5.1.1, jitsi-videobridge's reference configuration.
"""

from natprobe.derive.advertised import answered, installed, kind_of, state, useless
from natprobe.facts import Candidate, Facts, IceCheck, JanusInfo, JitsiConfig, Resolved, ids
from natprobe.fixes import media_server
from natprobe.model import Fix, split
from natprobe.rules import CLEAR, Found, Judgement
from natprobe.rules._candidates import nothing, places
from natprobe.wording import listed, mark

READS = (Candidate, IceCheck, Resolved, JitsiConfig, JanusInfo)

_ONE = mark("The media server also offers {addresses}, which does not answer from here; {good} does")
_SEVERAL = mark("The media server also offers {addresses}, which do not answer from here; {good} does")


def check(facts: Facts) -> Judgement:
    """Of the same family only: where all of IPv6 is silent, that is no matter of one candidate."""
    if state(facts) != "open":
        return nothing(facts)
    checks = useless(facts)
    return [_found(facts, checks)] if checks else CLEAR


def _found(facts: Facts, checks: list[IceCheck]) -> Found:
    endpoints = list(dict.fromkeys(each.endpoint for each in checks))
    good = answered(facts)
    return Found(
        message=_SEVERAL if len(endpoints) > 1 else _ONE,
        args={
            "addresses": places(endpoints),
            "verb": "do" if len(endpoints) > 1 else "does",
            "good": good[0].endpoint,
        },
        evidence=ids(checks, good),
        fixes=_fixes(facts, endpoints),
    )


def _fixes(facts: Facts, endpoints: list[str]) -> tuple[Fix, ...]:
    public = [split(each)[0] for each in endpoints if kind_of(each) == "public"]
    if public:
        return (media_server(facts).old_address(listed(public)),)
    return media_server(facts).hide_inner(installed(facts), [split(each)[0] for each in endpoints])
