"""Words that several formats share: observations, fixes, places, in one line each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from natprobe.facts import (
    Allocation,
    Binding,
    BindTry,
    BridgeChannel,
    Candidate,
    Certificate,
    ConferenceReply,
    Connected,
    DefaultRoute,
    FilteringTest,
    Hairpin,
    Hop,
    HttpReply,
    IceCheck,
    IceEnded,
    IdleMapping,
    JitsiConfig,
    LocalAddress,
    MediaHandshake,
    NaptrAnswer,
    Opening,
    OtherPayload,
    PathBurst,
    PathHeld,
    Permission,
    Platform,
    PoolCheck,
    Probed,
    PseudoTls,
    RelayBurst,
    Relayed,
    Resolved,
    RoomEntry,
    RouterAnswer,
    Run,
    Services,
    SessionOffer,
    SignallingIdle,
    SignIn,
    SourceAddress,
    SrvAnswer,
    Stray,
    StunServer,
    TlsSession,
    TurnServer,
)
from natprobe.model import Allow, Do, Endpoint, Fix, Forward, Observation, Set, join, split
from natprobe.render import _firewalls as firewalls
from natprobe.render._figures import ms, tries
from natprobe.render._inspection import SAY as _INSPECTION
from natprobe.render._janus import SAY as _JANUS
from natprobe.render._proxy import SAY as _PROXIES
from natprobe.render._proxy import by, quiet

PLACES = {
    "this-host": "on this machine",
    "local-network": "in this network",
    "provider": "at the provider",
    "server-edge": "at the server's firewall or router",
    "server-host": "on the server",
    "server-process": "in the server's software",
    "turn": "at the TURN relay",
    "proxy": "at the proxy",
    "unknown": "place not known",
}
AUDIENCES = {
    "user": "You",
    "network": "Your network's administrator",
    "server": "The server's administrator",
}


def seen(each: Observation) -> str:
    """One observation in a few words: what was done, and what came of it."""
    say = _SAY.get(type(each))
    what = say(each) if say else type(each).__name__
    if each.failure is None:
        return what
    return f"{what}: {each.failure}" + (f" ({each.detail})" if each.detail else "")


def _binding(each: Binding) -> str:
    what = f"STUN {each.transport.upper()} {_from(each.local)} to {each.server}"
    if each.mapped:
        return f"{what} saw {each.mapped}" + ms(each.rtt_ms)
    by = f", ICMP {each.icmp} from {each.reported_by}" if each.icmp else ""
    return f"{what}, {tries(each.tries)}{by}"


def _platform(each: Platform) -> str:
    return f"this machine is {each.vendor}'s" + (f": {each.cloud}" if each.cloud else "")


def _bind_try(each: BindTry) -> str:
    where = f", on {each.interface}" if each.interface else ", on no interface"
    named = f" as the first address of {each.asked}" if each.address not in (each.asked, None) else ""
    return f"UDP bind to {each.address or each.asked}{named}{where}"


def _check(each: IceCheck) -> str:
    size = f" of {each.size} bytes" if each.size else ""
    through = f" through relay {each.relayed}" if each.relayed else ""
    what = f"ICE check{size} over {each.transport.upper()} to {each.endpoint}{through}{by(each.via)}"
    icmp = f", ICMP {each.icmp} from {each.reported_by}" if each.icmp else ""
    return what + (f" answered and verified{ms(each.rtt_ms)}" if each.verified else f", {tries(each.tries)}{icmp}")


def _ended(each: IceEnded) -> str:
    through = f" through relay {each.relayed}" if each.relayed else ""
    found = f" settles on {each.endpoint}{through}{ms(each.duration_ms)}" if each.endpoint else ""
    luck = ", which is not advertised" if each.pair == "peer-reflexive" else ""
    return f"ICE over {each.pairs} pairs{found}{luck}"


def _handshake(each: MediaHandshake) -> str:
    through = f" through relay {each.relayed}" if each.relayed else ""
    stands = f" stands{ms(each.duration_ms)}" if each.failure is None else f", {tries(each.tries)}"
    return f"DTLS with the media server at {each.endpoint}{through}{stands}"


def _pool(each: PoolCheck) -> str:
    if each.endpoint is None:
        return f"conference {each.conference}, no check"
    said = f" answered and verified{ms(each.rtt_ms)}" if each.verified else f", {tries(each.tries)}"
    return f"ICE check of conference {each.conference} to {each.endpoint}{said}"


def _path_held(each: PathHeld) -> str:
    through = f" through relay {each.relayed}" if each.relayed else ""
    answered = f"{each.answered} of {each.checks} consent checks answered"
    if each.failure is None:
        return f"media's path to {each.endpoint}{through} lived for {each.hold:g} s, {answered}"
    others = {True: ", a new socket's was answered", False: ", and so was a new socket's"}
    beside = others[each.control] if each.control is not None else ""
    unanswered = f"; then {tries(each.tries)} unanswered{beside}" if each.failure == "timeout" else ""
    over = f", ended by signalling: {each.ended}" if each.ended else ""
    return f"media's path to {each.endpoint}{through} stood after {each.lasted:g} s, {answered}{unanswered}{over}"


def _hairpin(each: Hairpin) -> str:
    arrived = f" arrived, seen as {each.seen_from}{ms(each.rtt_ms)}" if each.seen_from else f", {tries(each.tries)}"
    return f"from {each.sender} to our own outside endpoint {each.mapped}{arrived}"


def _idle(each: IdleMapping) -> str:
    what = f"mapping {each.mapped} of {each.local} after {each.idle:g} idle seconds"
    alive = " still there" if each.by == "response-port" and each.failure is None and each.idle else ""
    return f"{what}{alive}, asked by {each.by}, {tries(each.tries)}" + (
        f", then seen as {each.mapped_again}" if each.mapped_again else ""
    )


def _hop(each: Hop) -> str:
    who = f" reached {each.address}" if each.reached else f" ended at {each.address}" if each.address else ""
    return f"request to {each.towards} with {each.ttl} hops to live{who}{ms(each.rtt_ms)}"


def _opening(each: Opening) -> str:
    what = f"answer from {each.opened} after packets that lived for {each.ttl} routers"
    return what + (" and one that went there" if each.whole else "") + f", {tries(each.tries)}"


def _router(each: RouterAnswer) -> str:
    says = f" says that its outside address is {each.outside}" if each.outside else " asked for its outside address"
    return f"router {each.router}{says}" + (f", result {each.result}" if each.result else "")


def _payload(each: OtherPayload) -> str:
    answered = f"{each.answers} of {tries(each.tries)} answered"
    return f"{_PAYLOADS[each.payload]} to {each.server}{ms(each.rtt_ms)}, {answered}"


_PAYLOADS = {"classic-stun": "STUN without the magic cookie", "fingerprint": "STUN with FINGERPRINT"}


def _allocation(each: Allocation) -> str:
    offering = f", offering {' and '.join(each.offered)}" if each.offered else ""
    place = each.server if each.via is None or each.port is None else join(each.host, each.port)
    what = f"Allocate {each.transport.upper()} to {place}{by(each.via)}{offering}"
    got = f" gave {each.relayed}" if each.relayed else f", {tries(each.tries)}"
    icmp = f", ICMP {each.icmp} from {each.reported_by}" if each.icmp else ""
    return what + got + icmp


def _relayed(each: Relayed) -> str:
    ways = {"both": "to STUN server {peer} and back", "in": "from {peer} to us", "out": "from us to {peer}"}
    seen = f", seen from {each.seen_from}" if each.seen_from else ""
    way = ways[each.direction].format(peer=each.peer)
    return f"{each.size} bytes through relay {each.relayed} {way}{seen}{ms(each.rtt_ms)}"


def _burst(each: RelayBurst) -> str:
    ways = {"both": "to {peer} and back", "in": "from {peer} to us", "out": "from us to {peer}"}
    way = ways[each.direction].format(peer=each.peer)
    at = f", {each.bitrate / 1e6:g} Mbit/s," if each.bitrate else ""
    what = f"burst of {each.sent} packets of {each.size} bytes{at} through relay {each.relayed} {way}"
    halfway = "" if each.halfway is None else f", {each.halfway} got there"
    jitter = "" if each.jitter_ms is None else f", jitter {each.jitter_ms:.1f} ms"
    return f"{what}{halfway}, {each.arrived} arrived{ms(each.delay_median_ms)}{jitter}"


def _path_burst(each: PathBurst) -> str:
    through = f" through relay {each.relayed}" if each.relayed else ""
    what = f"train of {each.sent} ICE checks over {each.transport.upper()} to {each.endpoint}{through}{by(each.via)}"
    jitter = "" if each.jitter_ms is None else f", jitter {each.jitter_ms:.1f} ms"
    return f"{what}, {each.arrived} answered{ms(each.rtt_median_ms)}{jitter}"


def _permission(each: Permission) -> str:
    inner = ", an inner address," if each.purpose == "audit" else ""
    return f"permission for {each.peer}{inner} on {each.server} {each.transport}{ms(each.rtt_ms)}"


def _config(each: JitsiConfig) -> str:
    ways = " and ".join(word for word, url in (("WebSocket", each.websocket), ("BOSH", each.bosh)) if url)
    return f"{each.url} names the domain {each.domain or '?'} and {ways or 'no signalling'}"


def _sign_in(each: SignIn) -> str:
    place = f"{_SIGNALLING[each.transport]} {each.url}{by(each.via)}"
    what = f"signing in to {each.domain} by {place}, {_REACHED[each.reached]}"
    status = f", HTTP {each.status}" if each.status else ""
    return what + status + (f", {each.condition}" if each.condition else "") + ms(each.duration_ms)


def _left_alone(each: SignallingIdle) -> str:
    return f"{_SIGNALLING[each.transport]} {each.url}{by(each.via)} {quiet(each.lasted, each.idle)}{ms(each.rtt_ms)}"


_SIGNALLING = {"websocket": "WebSocket", "bosh": "BOSH"}
_REACHED = {
    "nothing": "no connection",
    "connection": "connected",
    "tls": "TLS stands",
    "upgrade": "HTTP answered",
    "stream": "the stream is open",
    "login": "logged in",
    "binding": "signed in",
}


def _services(each: Services) -> str:
    named = ", ".join(f"{e.type}:{e.host}" + (f":{e.port}" if e.port else "") for e in each.services)
    return f"STUN and TURN servers of {each.domain} by {each.by}: {named or 'none'}"


def _conference(each: ConferenceReply) -> str:
    says = "" if each.ready is None else ": ready" if each.ready else ": not ready"
    return f"conference asked of {each.focus}{says}, {tries(each.tries)}{ms(each.rtt_ms)}"


def _entry(each: RoomEntry) -> str:
    bridge = ", which has no bridge" if each.bridge is False else ""
    who = f" with the focus{bridge}" if each.focus else ""
    return f"participant {each.participant} enters the room{who}{ms(each.rtt_ms)}"


def _offer(each: SessionOffer) -> str:
    what = f"session for participant {each.participant}"
    return what + (f" with {each.candidates} candidates{ms(each.duration_ms)}" if each.failure is None else "")


def _resolved(each: Resolved) -> str:
    by = f"DNS server {each.server}" if each.server else "this system" if each.by == "system" else "the target"
    kind = "A" if each.family == 4 else "AAAA"
    return f"{each.name} {kind} by {by}" + (f": {', '.join(each.addresses)}" if each.addresses else "")


def _route(each: DefaultRoute) -> str:
    way = f" by {each.interface}" if each.interface else ""
    return f"IPv{each.family} default route{way}" + (f" via {each.gateway}" if each.gateway else "")


def _tls(each: TlsSession) -> str:
    how = "verified" if each.verified else "not verified"
    offering = f", offering {' and '.join(each.offered)}" if each.offered else ""
    what = f"{each.transport.upper()} to {each.endpoint}{by(each.via)} for {each.name}{offering}, {how}"
    return what + (f", {each.protocol}" if each.protocol else "")


def _http(each: HttpReply) -> str:
    says = f", says {' and '.join(each.says)}" if each.says else ""
    return f"GET {each.url}{by(each.via)}" + (f": HTTP {each.status}" if each.status else "") + says


def _from(local: Endpoint | None) -> str:
    """Port 0: no socket was bound there."""
    return "here" if local is None else split(local)[0] if split(local)[1] == 0 else local


_SAY: dict[type[Observation], Callable[[Any], str]] = (
    _JANUS
    | _PROXIES
    | _INSPECTION
    | {
        Run: lambda e: f"natprobe {e.version} on {e.system}, {e.started}",
        Probed: lambda e: f"probe {e.probe} {e.status}" + (f" ({e.detail})" if e.detail else ""),
        BindTry: _bind_try,
        Platform: _platform,
        LocalAddress: lambda e: f"{e.address}/{e.prefix} on {e.interface}, {e.scope}",
        DefaultRoute: _route,
        SourceAddress: lambda e: f"packets to {e.towards} leave from {e.local or 'nowhere'}",
        Resolved: _resolved,
        NaptrAnswer: lambda e: f"NAPTR of {e.name}" + "".join(f" {r.service} {r.replacement}" for r in e.records),
        SrvAnswer: lambda e: f"{e.service}.{e.name}" + "".join(f" {r.target}:{r.port}" for r in e.records),
        StunServer: lambda e: f"STUN server {e.host} ({e.operator}) at {e.address} port {e.port} {e.transport}",
        Candidate: lambda e: f"media candidate {e.endpoint} {e.transport}",
        Connected: lambda e: f"TCP to {e.endpoint}{by(e.via)}" + (ms(e.rtt_ms) if e.failure is None else ""),
        TlsSession: _tls,
        Certificate: lambda e: (
            f"certificate of {e.endpoint}{by(e.via)} for {', '.join(e.names[:3]) or e.subject}, until {e.not_after}"
        ),
        HttpReply: _http,
        Binding: _binding,
        FilteringTest: lambda e: f"answer from {e.expected} to {e.local} asked of {e.server}, {tries(e.tries)}",
        Stray: lambda e: f"{e.count} stray datagram{'s'[: e.count > 1]} from {e.sender} ({e.fault})",
        Hairpin: _hairpin,
        IdleMapping: _idle,
        Hop: _hop,
        RouterAnswer: _router,
        Opening: _opening,
        OtherPayload: _payload,
        TurnServer: lambda e: f"relay {e.host} at {e.address or 'no address'} port {e.port} {e.transport}",
        Allocation: _allocation,
        Permission: _permission,
        Relayed: _relayed,
        RelayBurst: _burst,
        IceCheck: _check,
        IceEnded: _ended,
        MediaHandshake: _handshake,
        PathBurst: _path_burst,
        PathHeld: _path_held,
        PoolCheck: _pool,
        JitsiConfig: _config,
        SignIn: _sign_in,
        SignallingIdle: _left_alone,
        Services: _services,
        ConferenceReply: _conference,
        RoomEntry: _entry,
        SessionOffer: _offer,
        BridgeChannel: lambda e: f"bridge's WebSocket {e.url}{by(e.via)}" + (f", HTTP {e.status}" if e.status else ""),
        PseudoTls: lambda e: (
            f"pseudo-TLS hello to {e.endpoint}" + (f" answered{ms(e.rtt_ms)}" if not e.failure else "")
        ),
    }
)


def advice(fix: Fix, evidence: Sequence[Observation] = ()) -> list[str]:
    """A fix in words; then, where one can be written for certain, the line to copy. `evidence`: what it rests on, which
    may say by which program a firewall is managed.
    """
    if isinstance(fix, Allow):
        return [_allow(fix), *(f"  {line}" for line in firewalls.lines(fix, evidence))]
    if isinstance(fix, Forward):
        at = f" at {fix.at}" if fix.at else ""
        return [f"Forward {fix.proto.upper()} {fix.outside} to {fix.inside}{at}"]
    if isinstance(fix, Set):
        return [_set(fix), *([f"  {fix.text.strip()}"] if fix.text and fix.op != "remove" else [])]
    assert isinstance(fix, Do)
    return [fix.text]


def _set(fix: Set) -> str:
    """Flags have no value; what holds for some versions only says so."""
    line = "" if fix.line is None else f" {'after' if fix.op == 'add' else 'in'} line {fix.line}," if fix.line else ""
    place = f"In {fix.file},{line}" + (f" {fix.section}," if fix.section else "")
    what = f"{place} {fix.op} {fix.key}" + (f" {'as' if fix.op == 'add' else 'to'} {fix.value}" if fix.value else "")
    versions = [f"from {fix.since} on" if fix.since else "", f"before {fix.until}" if fix.until else ""]
    told = " and ".join(each for each in versions if each)
    return what + (f" ({fix.system} {told})" if told else "")


def _allow(fix: Allow) -> str:
    ports = " and ".join(fix.ports)
    way = f"out to {fix.to}, and the answers back in," if fix.direction == "out" else f"in to {fix.to}"
    port = "port" if fix.ports[0][:1].isdigit() else "ports"  # those in words are several
    return f"Allow {fix.proto.upper()} {port} {ports} {way} at {fix.at or 'the firewall'}"
