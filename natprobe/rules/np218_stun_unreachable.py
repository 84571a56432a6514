"""The STUN server doesn't answer

The server that the `stun:` address names was asked over UDP (or TCP, where the address says so) and did not answer;
that of a `stuns:` address neither over TLS nor over DTLS.

How it shows: clients that have no other server find no outside address of theirs; calls between networks then fail or
go over a relay.

What to do: `port-unreachable` or `refused` means that nothing listens there: start the server, see its port and
listening address; for `stuns:`, that it found its certificate and key, without which coturn serves neither TLS nor
DTLS. Silence means that a firewall drops the packets, or that the host is off; where routers on the way
answer packets with few hops to live, the finding says how far they come. Of TLS and DTLS one is enough; browsers
use TLS.

Sources: RFC 8489 section 6, RFC 7064, RFC 7350.
"""

from natprobe.derive import ENOUGH, OWN, came_back, stun_asked, tcp_answers, udp_works
from natprobe.derive.arrival import Carrier
from natprobe.derive.cookie import stun_dropped
from natprobe.derive.ipv6 import lost_in_ipv6
from natprobe.derive.place import Place
from natprobe.facts import Binding, Facts, HopName, OtherPayload, Run, Trail, ids
from natprobe.fixes import more_servers
from natprobe.model import Allow, Do, Failure, Fix, Where
from natprobe.reasons import sentence
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement, alternative
from natprobe.rules._place import first, placed
from natprobe.target import stun_transports
from natprobe.wording import mark, phrase

READS = (Binding, HopName, OtherPayload, Run, Trail)

_CLOSED = (Failure.PORT_UNREACHABLE, Failure.REFUSED)
_ONE = mark("{server} does not answer STUN over {transport}: {why}")
_NEITHER = mark("{server} answers STUN neither over TLS nor over DTLS: {why}")
_NEITHER_AS = mark("{server} answers STUN neither over TLS ({tls}) nor over DTLS ({dtls})")


def check(facts: Facts) -> Judgement:
    """Only for a target that is a STUN server. Where no UDP comes back at all, udp-blocked says it; where all does
    but STUN, stun-filtered; where IPv6 leads nowhere, ipv6-broken; of a refused certificate, certificate-invalid.
    """
    if facts.target.kind != "stun":
        return NOT_APPLICABLE
    asked, over = stun_asked(facts), stun_transports(facts.target)
    if not asked:
        return NOT_APPLICABLE
    if any(each.failure in (None, Failure.TLS_CERTIFICATE) for each in asked):
        return CLEAR
    filtered = {each.endpoint for version in (4, 6) for each in stun_dropped(facts, version)}
    if lost_in_ipv6(facts, [each.server for each in asked]):
        return CLEAR
    if over == ("udp",) and (udp_works(facts) is False or filtered & {each.server for each in asked}):
        return CLEAR
    each_first = [next((e for e in asked if e.transport == each and e.failure not in OWN), None) for each in over]
    firsts = [each for each in each_first if each is not None]
    if len(firsts) < len(over):
        return CouldNotTell(reason=next((str(each.failure) for each in asked if each.failure in OWN), "not-tried"))
    for each in firsts:
        if came_back(each) and each.failure not in _CLOSED:
            return [_refusing(facts, each)]
    if any(_too_few(asked, each) for each in firsts):
        return CouldNotTell(reason="timeout", ask="natprobe check with more time: --timeout 30")
    return [_silent(facts, asked, firsts)]


def _too_few(asked: list[Binding], first: Binding) -> bool:
    tries = sum(each.tries for each in asked if each.transport == first.transport)
    return first.failure is Failure.TIMEOUT and tries < ENOUGH[first.transport]


def _silent(facts: Facts, asked: list[Binding], firsts: list[Binding]) -> Found:
    closed = all(each.failure in _CLOSED for each in firsts)
    compared = closed or _compared(facts, firsts[0])
    why: dict[str, str] = {each.transport: sentence(str(each.failure)) for each in firsts}
    only = firsts[0].transport
    found = Found(
        message=_ONE if len(firsts) == 1 else _NEITHER if len(set(why.values())) == 1 else _NEITHER_AS,
        args={"server": firsts[0].server, "transport": only.upper(), "why": why[only], **why},
        evidence=ids(asked),
        where=Where.SERVER_HOST if closed else Where.SERVER_EDGE if compared else Where.UNKNOWN,
        alternatives=() if compared else (alternative("udp-blocked", more_servers(facts)),),
        fixes=tuple(dict.fromkeys(_fix(facts, each) for each in firsts)),
    )
    return placed(facts, None if closed else _followed(facts, asked), found)


def _followed(facts: Facts, asked: list[Binding]) -> Place | None:
    """Over UDP, or over TCP what TLS lies on too."""
    over: tuple[tuple[Carrier, tuple[str, ...]], ...] = (("udp", ("udp",)), ("tcp", ("tcp", "tls")))
    for transport, kinds in over:
        if at := first(facts, [each.server for each in asked if each.transport in kinds], transport):
            return at
    return None


def _compared(facts: Facts, first: Binding) -> bool:
    """Whether other servers show that this network lets such packets pass."""
    if first.transport in ("udp", "dtls"):
        return udp_works(facts) is True
    return first.transport == "tcp" or bool(tcp_answers(facts, 4) or tcp_answers(facts, 6))


def _refusing(facts: Facts, binding: Binding) -> Found:
    """It answers, and not as a STUN server should: no firewall is to blame."""
    port = facts.target.port
    return Found(
        message="{server} answers, but gives no address: {why}",
        args={"server": binding.server, "why": binding.detail or sentence(str(binding.failure))},
        evidence=ids(binding),
        where=Where.SERVER_PROCESS,
        fixes=(
            Do(
                text=phrase("On the server, see what answers on port {port} and with which settings", port=port),
                audience="server",
            ),
        ),
    )


def _fix(facts: Facts, binding: Binding) -> Fix:
    port = str(facts.target.port)
    if binding.failure in _CLOSED:
        text = phrase("On the server, see that a STUN server listens on port {port}", port=port)
        if binding.transport in ("tls", "dtls"):
            text = phrase(
                "On the server, see that a STUN server listens on port {port} with a certificate (coturn: `cert=…`,"
                " `pkey=…`, `tls-listening-port=…`)",
                port=port,
            )
        return Do(text=text, audience="server")
    return Allow(
        proto="tcp" if binding.transport in ("tcp", "tls") else "udp",
        ports=(port,),
        direction="in",
        to=facts.target.host,
        at="the server's firewall and its cloud's security group",
        audience="server",
        why="STUN requests arrive on this port",
    )
