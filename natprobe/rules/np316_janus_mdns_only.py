"""Only .local names on the client's side, and Janus can't look them up

A browser that has no leave to use camera or microphone hides its inner addresses behind names that end in .local, and
where the page names no STUN server it tells nothing else. Such names are looked up by multicast within one network, and
Janus may be set to drop them (`ignore_mdns`). As a rule that harms nobody: the browser's own checks reach Janus, which
learns the address from them. Here they don't: no address that Janus advertises answers, and what works, works only
since Janus sends to us first. To a client that told it nothing but .local names it would never send.

How it shows: who shares a camera is connected, who only watches isn't; or the same page works in one browser and not in
another.

What to do: first of all have Janus advertise an address that answers (wrong-address-advertised). Give the page a STUN
server, so that browsers tell an address that is of use everywhere. `ignore_mdns = false` helps only clients in Janus's
own network.

Where Janus is in this machine's own network and does look names up, natprobe can't see whether it finds any, and says
nothing.

Sources: draft-ietf-mmusic-mdns-ice-candidates, RFC 8445 section 7.3.1.3, Janus's sample configuration; measured with
Chromium: without a STUN server in the page it fails there, be `ignore_mdns` set or not, and with one it is connected at
once; field reports: janus-gateway 1692, 1960.
"""

from natprobe.addresses import on_link
from natprobe.derive.advertised import answered
from natprobe.derive.janus import lucky
from natprobe.facts import Candidate, Facts, IceCheck, IceEnded, JanusInfo, LocalAddress, ids
from natprobe.model import Address, Do, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.servers import janus
from natprobe.wording import mark, phrase

READS = (JanusInfo, IceEnded, IceCheck, Candidate, LocalAddress)

_DROPS = mark(
    "Janus drops the .local names that browsers tell instead of their addresses, and media passes only where Janus"
    " sends to an address first: a browser that tells no other, for want of a STUN server in the page, gets none"
)
_CANNOT = mark(
    "Janus cannot look up, from another network, the .local names that browsers tell instead of their addresses, and"
    " media passes only where Janus sends to an address first: a browser that tells no other, for want of a STUN server"
    " in the page, gets none"
)


def check(facts: Facts) -> Judgement:
    """Only where it would harm: Janus is met by its own checks to us, and by nothing that it advertises."""
    told = facts.ok(JanusInfo)
    if not told:
        return NOT_APPLICABLE
    met = lucky(facts)
    if not met or answered(facts):
        return CLEAR
    ignoring = [each for each in told if each.mdns is False]
    if not ignoring and any(each.endpoint is None or _same_network(facts, split(each.endpoint)[0]) for each in met):
        return CLEAR
    return [
        Found(
            message=_DROPS if ignoring else _CANNOT,
            args={"cannot": "drops" if ignoring else "cannot look up, from another network,"},
            evidence=ids(ignoring, met),
            fixes=(_STUN, _LOOK_UP) if ignoring else (_STUN,),
        )
    ]


def _same_network(facts: Facts, address: Address) -> bool:
    """Where multicast goes. Not knowing our own addresses, it may be."""
    own = facts.of(LocalAddress)
    return not own or any(on_link(address, each.address, each.prefix) for each in own)


_STUN = Do(
    text="Name a STUN server in the page (iceServers of its RTCPeerConnection, or janus.js), so that browsers tell an"
    " address that is of use outside their own network",
    audience="server",
)
_LOOK_UP = janus.setting(
    "nat",
    "ignore_mdns",
    "false",
    phrase("only clients in Janus's own network gain by it"),
    since=janus.IGNORE_MDNS_SINCE,
)
