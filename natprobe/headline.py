"""The one sentence that people read first: whether it works, by which way, and what is in the way. Pure.

Where it does not, the cause stands there in few words, and that nothing else is left, where something might be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from natprobe.derive.proxies import unsure, web_tunnel
from natprobe.facts import Facts, server_kind
from natprobe.model import Finding, Kind, Path, Severity, VerdictStatus, clip
from natprobe.reasons import sentence
from natprobe.torn import cut_short
from natprobe.wording import mark, phrase

_SUMMARIES: dict[str, str] = {
    "good": mark("Media will flow between here and {host}, directly over UDP"),
    "stun": mark("{host} answers STUN over {transport} from here"),
    "degraded": mark("Media will flow between here and {host}, but only by {path}"),
    "degraded-because": mark("Media will flow between here and {host}, but only by {path}: {cause}"),
    "degraded-unsure": mark(
        "Media will flow between here and {host} by {path}; whether directly over UDP is not known ({reason})"
    ),
    "broken": mark("Meetings on {host} will not work from here: {cause}"),
    "broken-bare": mark("Meetings on {host} will not work from here"),
    "unknown": mark("Could not tell whether meetings on {host} will work from here: {reason}"),
    "unknown-but": mark("Could not tell whether meetings on {host} will work from here ({reason}), but found: {cause}"),
}
# What is no meeting server has words of its own where they differ.
_OF_MEDIA = {
    "broken": mark("Media will not flow between here and {host}: {cause}"),
    "broken-bare": mark("Media will not flow between here and {host}"),
    "unknown": mark("Could not tell whether media will flow between here and {host}: {reason}"),
    "unknown-but": mark(
        "Could not tell whether media will flow between here and {host} ({reason}), but found: {cause}"
    ),
}
_OF_KIND: dict[Kind, dict[str, str]] = {
    "natprobe": _OF_MEDIA,
    "janus": _OF_MEDIA,  # meetings, streams and calls are its plugins'
    "stun": {
        "broken": mark("The STUN server {host} cannot be used from here: {cause}"),
        "broken-bare": mark("The STUN server {host} cannot be used from here"),
        "unknown": mark("Could not tell whether the STUN server {host} can be used from here: {reason}"),
        "unknown-but": mark(
            "Could not tell whether the STUN server {host} can be used from here ({reason}), but found: {cause}"
        ),
    },
    "turn": {
        "good": mark("The relay {host} works from here: data went through it over {transport} and back"),
        "broken": mark("The relay {host} cannot be used from here: {cause}"),
        "broken-bare": mark("The relay {host} cannot be used from here"),
        "unknown": mark("Could not tell whether the relay {host} can be used from here: {reason}"),
        "unknown-but": mark(
            "Could not tell whether the relay {host} can be used from here ({reason}), but found: {cause}"
        ),
    },
}
_JANUS_SHUT = {
    "broken": mark("Janus on {host} cannot be used from here: {cause}"),
    "broken-bare": mark("Janus on {host} cannot be used from here"),
}
_PATH_WORDS = {
    "direct-tcp": phrase("TCP straight to the media server"),
    "turn-udp": phrase("a relay over UDP"),
    "turn-tcp": phrase("a relay over TCP"),
    "turn-tls": phrase("a relay over TLS"),
    "direct-tcp-proxy": phrase("TCP through the proxy"),
    "turn-tcp-proxy": phrase("a relay over TCP through the proxy"),
    "turn-tls-proxy": phrase("a relay over TLS through the proxy"),
}
# What a finding's message says at length: cause -> the argument that it takes, and the words. The first that fits.
# `{relay}` is the relay by its name, or `it` where the sentence has named it already.
_BRIEFS: dict[str, tuple[tuple[str, str], ...]] = {
    "udp-blocked": (
        ("family", mark("no UDP over IPv{family} comes back to this network")),
        ("icmp", mark("the firewall at {router} rejects all of this network's UDP")),
        ("control", mark("no UDP comes back to this network, while TCP to {control} works")),
    ),
    "stun-filtered": (("server", mark("STUN to {server} is dropped, while other UDP passes")),),
    "media-port-blocked-here": (
        ("last", mark("UDP to {endpoint} is lost on its way, at {last} or right behind it")),
        ("next", mark("UDP to {endpoint} is lost before {next}, the first router that answers")),
    ),
    "media-port-silent": (
        (
            "last",
            mark("UDP to {endpoint} is never answered, though it comes as far as {last}"),
        ),
    ),
    "local-firewall": (("proto", mark("this machine's own firewall refuses to send {proto}")),),
    "proxy-ignores-media": (("proxy", mark("the proxy {proxy} carries the web alone, and past it no UDP comes back")),),
    "mtu-blackhole": (
        ("host", mark("packets of {size} bytes vanish on the way through the relay {host}: video will not arrive")),
    ),
    "turn-unreachable": (("server", mark("{relay} cannot be reached over {transport} at {server}: {why}")),),
    "turn-unauthorized": (("server", mark("{relay} refuses the credentials over {transport} (401)")),),
    "turn-realm-missing": (("server", mark("{relay} asks for credentials without naming its realm")),),
    "turn-443-not-turn": (("server", mark("what answers browsers over {transport} at {server} is no relay")),),
    "turn-capacity": (("words", mark("{relay} has no room left over {transport} ({words})")),),
    "turn-stalled": (("server", mark("{relay} answers STUN over {transport}, and no request for an address")),),
    "turn-relay-silent": (("server", mark("{relay} gives out addresses, and nothing comes through them")),),
    "turn-relay-address-wrong": (
        ("seen", mark("{relay} gives out the address {relayed}, and peers see it as {seen}")),
    ),
}
# Why nothing is known, where the reason's own words speak of a path.
_UNTOLD: dict[str | None, str] = {
    "needs-session": mark("no session with the media server was opened"),
    "login-needed": mark("the server wants a login or token for a session"),
    "token-bound-to-room": mark("the token is not for this room: name its own with --room"),
    "room-not-entered": mark("the room does not let natprobe in"),
    "rooms-unanswered": mark("the server's rooms do not answer"),
    "request-redirected": mark("a request of signalling's is redirected, which natprobe does not follow"),
    "rate-limited": mark("the server was asked for too much at once"),
    "signalling-failed": mark("signing in fails"),
    "not-joined": mark("no room was to be entered"),
    "bridge-unavailable": mark("no bridge is available for a session"),
    "focus-unavailable": mark("nobody runs conferences there"),
    "no-way-in": mark("Janus is at none of the usual ports and paths: name its own, by janus+https: or janus+wss:"),
    "no-session-offered": mark("the server offered no session"),
    "no-echo": mark("Janus has no plugin that natprobe may try it with (echotest)"),
    "sessions-refused": mark("Janus takes no new sessions"),
    "no-candidates": mark("the media server's answer names no address for media"),
    "not-tried": mark("it was not tried"),
}
_NO_KNOWN_SERVER = mark("nothing there is a Jitsi Meet or a Janus that natprobe knows")
# Causes that keep UDP from any media server, and from this one: a relay would be the way out.
_UDP_CAUSES = ("udp-blocked", "stun-filtered", "local-firewall", "proxy-ignores-media")
_PORT_CAUSES = ("media-port-silent", "media-port-refused", "media-port-prohibited", "media-port-blocked-here")
_RELAYS = ("turn-udp", "turn-tcp", "turn-tls", "turn-tcp-proxy", "turn-tls-proxy")
# How many warnings are named beside good news.
_NAMED_MAX = 3


class Told(NamedTuple):
    """What a verdict knows: `worth`: the finding to name; `asked`: the ways that were asked for; `over`: the transports
    that a STUN server or relay was asked over, in words; `shut`: a stage before media failed.
    """

    word: VerdictStatus
    media: str | None
    worth: Finding | None
    found: Sequence[Finding]
    ways: Sequence[Path]
    asked: Sequence[Path]
    over: str
    shut: bool


def headline(facts: Facts, told: Told) -> str:
    """The sentence, without its full stop."""
    kind = server_kind(facts)
    cause = _explaining(told) if told.word == "degraded" else told.worth
    words = {
        "host": facts.target.host,
        "path": _PATH_WORDS.get(told.media or "", told.media or ""),
        "transport": told.over,
        "cause": _cause(facts, told, cause) if cause else "",
        "reason": _reason(facts, told),
    }
    templates = _SUMMARIES | _OF_KIND.get(kind, {}) | (_JANUS_SHUT if kind == "janus" and told.shut else {})
    answer = phrase(templates[_key(told, cause)], **words)
    return clip(_beside(facts, told, answer) if told.word == "good" else answer)


def _key(told: Told, cause: Finding | None) -> str:
    if told.word == "good":
        return "stun" if told.media is None else "good"
    if told.word == "degraded":
        unsure_of_direct = told.ways[0].status == "unknown"
        return "degraded-unsure" if unsure_of_direct else "degraded-because" if cause else "degraded"
    if told.word == "broken":
        return "broken" if cause else "broken-bare"
    return "unknown-but" if cause else "unknown"


# --- the cause


def _explaining(told: Told) -> Finding | None:
    """What keeps media from going directly over UDP: what all UDP suffers from, or is read off that very way."""
    direct = {number for each in told.ways[0].attempts for number in each.evidence}
    milder = [each for each in told.found if each.severity is not Severity.NOTE]
    return next((each for each in milder if each.cause in _UDP_CAUSES or direct & set(each.evidence)), None)


def _cause(facts: Facts, told: Told, cause: Finding) -> str:
    """The finding in few words; where it takes only the direct way, also that there is no other."""
    said = _brief(facts, cause)
    none_left = _none_left(facts, told) if cause.cause in (*_UDP_CAUSES, *_PORT_CAUSES) else ""
    return phrase("{cause}, {none_left}", cause=said, none_left=none_left) if none_left else said


def _brief(facts: Facts, finding: Finding) -> str:
    named = facts.target.kind == "turn" and finding.args.get("host") == facts.target.host
    relay = phrase("it") if named else phrase("the relay {host}", host=finding.args.get("host", ""))
    for name, words in _BRIEFS.get(finding.cause, ()):
        if finding.args.get(name):
            return phrase(words, **{**finding.args, "relay": relay})
    return finding.message


def _none_left(facts: Facts, told: Told) -> str:
    """Where media itself does not get through: what became of the ways beside the direct one."""
    offline = told.worth is not None and bool(told.worth.args.get("protocols"))
    if told.word != "broken" or told.shut or offline:
        return ""
    if server_kind(facts) == "natprobe":
        tcp = next(each for each in told.ways if each.name == "direct-tcp")
        return phrase("and TCP to the server's own port does not pass either") if tcp.status == "blocked" else ""
    return _no_relay(facts, [each for each in told.ways if each.name in _RELAYS])


def _no_relay(facts: Facts, relays: Sequence[Path]) -> str:
    """Of a Janus nobody knows which relays its page hands out."""
    kind = server_kind(facts)
    if kind in ("jitsi", "janus") and any(each.status == "blocked" for each in relays):
        return phrase("and no relay (TURN) works either")
    straight = [each.reason for each in relays if not each.name.endswith("-proxy")]
    none = kind == "jitsi" and all(each == "relay-not-offered" for each in straight)
    return phrase("and the server offers no relay (TURN)") if none else ""


# --- what else


def _beside(facts: Facts, told: Told, answer: str) -> str:
    """Good news hide no error, and name the warnings."""
    error = next((each for each in told.found if each.severity is Severity.ERROR), None)
    if error is not None:
        return phrase("{answer}; but found: {cause}", answer=answer, cause=_brief(facts, error))
    warnings = list(dict.fromkeys(each.cause for each in told.found if each.severity is Severity.WARNING))
    named = ", ".join(warnings[:_NAMED_MAX]) + (", …" if len(warnings) > _NAMED_MAX else "")
    if not warnings:
        return answer
    template = mark("{answer}; warning: {causes}") if len(warnings) == 1 else mark("{answer}; warnings: {causes}")
    return phrase(template, answer=answer, causes=named)


def _reason(facts: Facts, told: Told) -> str:
    """Why something is not known."""
    if why := cut_short(facts):
        return sentence(why)
    if (page := web_tunnel(facts)) is not None and unsure(facts, page):
        return sentence("proxy-unreachable")
    reason = next(_reasons(told), "no-answer")
    if reason == "needs-session" and facts.target.kind == "auto" and server_kind(facts) == "auto":
        return phrase(_NO_KNOWN_SERVER)
    return phrase(_UNTOLD[reason]) if reason in _UNTOLD else sentence(reason)


def _reasons(told: Told) -> Iterator[str | None]:
    yield from (each.reason for each in told.asked if each.status == "unknown" and each.name != "p2p")
