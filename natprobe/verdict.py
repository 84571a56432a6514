"""The answer: stages, the path a browser would end on, and one sentence. Pure."""

from __future__ import annotations

import msgspec

from natprobe.addresses import address_class
from natprobe.derive import (
    ENOUGH,
    OWN,
    janus,
    leads_to,
    page_replies,
    secure_pages,
    stun_asked,
    target_addresses,
    trusted,
    web_connects,
    web_sessions,
    withheld,
)
from natprobe.derive.bridge import breaks_calls
from natprobe.derive.conference import (
    bridge_available,
    conference_ready,
    focus_available,
    login_needed,
    rooms_answer,
    session_offered,
    signalling_works,
)
from natprobe.derive.proxies import (
    endless_script,
    names_matter,
    proxy_dead,
    taken_ok,
    unread_script,
    unsure,
    via,
    web_tunnel,
)
from natprobe.facts import Binding, Facts, Resolved, SignIn, server_kind
from natprobe.headline import Told, headline
from natprobe.model import (
    Failure,
    Finding,
    Kind,
    Path,
    Severity,
    Stages,
    StageStatus,
    Target,
    Verdict,
    VerdictStatus,
)
from natprobe.target import stun_transports, turn_transport
from natprobe.torn import proven
from natprobe.wording import listed

# What a browser prefers (libwebrtc's ICE type and relay preferences). No browser speaks TURN over DTLS.
PREFERENCE = (
    "direct-udp",
    "direct-tcp",
    "turn-udp",
    "turn-tcp",
    "turn-tls",
    "direct-tcp-proxy",
    "turn-tcp-proxy",
    "turn-tls-proxy",
)
_WEB_KINDS: tuple[Kind, ...] = ("auto", "jitsi", "janus")
_NAME_CAUSES = ("dns-filtered", "name-unresolved")
_UDP_CAUSES = ("udp-blocked", "stun-filtered")
_STAGE: dict[bool | None, StageStatus] = {True: "ok", False: "failed", None: "unknown"}
# What can break signalling and the session, beside this machine's own firewall: the rules of their codes and causes.
_SIGNALLING_CODES = ("NP404", "NP405", "NP406", "NP408", "NP409", "NP410", "NP501", "NP502")
_SESSION_CAUSES = (
    "bridge-unavailable",
    "focus-unavailable",
    "bridges-share-address",
    "janus-candidates-missing",
    "turn-without-credentials",
    "config-points-elsewhere",
)
# Errors that stay errors in a healthy call, because safety is concerned (contract).
_SAFETY = ("turn-open-relay", "turn-inner-addresses", "private-api-exposed", "tls-intercepted")
# What a proxy may say of the page or of relays alone: the finding's `page` tells which.
_PROXY_CAUSES = ("proxy-refuses-port", "proxy-authentication")
# What --cascade asked for is a question of its own: an answer that it will not work is an error beside good media, and
# explains nothing of bad one.
_CASCADE = ("iface-not-local", "port-not-forwarded", "egress-closed")


def stages(facts: Facts) -> Stages:
    """Where there is nothing to sign in to (stun, turn, natprobe), those stages are passed."""
    kind = server_kind(facts)
    web: StageStatus = _web(facts) if kind in _WEB_KINDS else "ok"
    if kind == "jitsi":
        return Stages(name=_name(facts), web=web, signalling=_signalling(facts), session=_session(facts))
    if kind == "janus":
        api, session = _STAGE[janus.api_answers(facts)], _STAGE[janus.session_answered(facts)]
        return Stages(name=_name(facts), web=web, signalling=api, session=session)
    later: StageStatus = "unknown" if kind in _WEB_KINDS else "ok"
    return Stages(name=_name(facts), web=web, signalling=later, session=later)


def _signalling(facts: Facts) -> StageStatus:
    """The way that the client takes: where config.js names a WebSocket it never falls back to BOSH. Whom the server
    wants to know can't be told from those whom it lets in.
    """
    if login_needed(facts) and not taken_ok(facts, SignIn):
        return "unknown"
    return _STAGE[signalling_works(facts)]


def _session(facts: Facts) -> StageStatus:
    """A focus, rooms, a bridge and its offer; and a list of relays that browsers take."""
    if login_needed(facts):
        return "unknown"
    needed = (focus_available, conference_ready, rooms_answer, bridge_available)
    if breaks_calls(facts) or any(each(facts) is False for each in needed):
        return "failed"
    return _STAGE[session_offered(facts)]


def _name(facts: Facts) -> StageStatus:
    """Where a proxy looks the name up, there is nothing that this machine could miss."""
    if unread_script(facts) is not None and not target_addresses(facts):
        return "unknown"
    if not names_matter(facts):
        return "ok"
    answers = facts.of(Resolved, lambda each: each.name == facts.target.host)
    if not answers:
        return "unknown"
    return "ok" if target_addresses(facts) and not withheld(facts) else "failed"


def _web(facts: Facts) -> StageStatus:
    """A page from a secure origin over a certificate that verified; failed when that was tried and did not work."""
    if facts.target.scheme == "http":
        return _plain_web(facts)
    if janus.shut_door(facts):
        return "ok"  # the host is there, and what the target names is signalling's
    if proxy_dead(facts) or endless_script(facts):
        return "failed"
    if unread_script(facts) is not None and not secure_pages(facts):
        return "unknown"
    if (asked := web_tunnel(facts)) is not None and unsure(facts, asked):
        return "unknown"
    connects = web_connects(facts)
    refused = any(each.failure is Failure.TLS_CERTIFICATE for each in web_sessions(facts))
    named = janus.named_door(facts) is not None  # no page is there: what answers behind TLS is the API
    if secure_pages(facts) or (named and _verified(facts)):
        return "ok"
    if (connects and all(each.failure is not None for each in connects)) or (refused and not _verified(facts)):
        return "failed"
    ended = facts.probe("web")
    return "failed" if connects and ended is not None and ended.status == "complete" else "unknown"


def _plain_web(facts: Facts) -> StageStatus:
    """http: is a secure origin on this very machine only (W3C Secure Contexts section 3.1); elsewhere it has to lead to
    https:, and that has to work. Another host or port that it leads to was not visited.
    """
    replies = [each for each in page_replies(facts) if each.url.startswith("http:") and each.status is not None]
    if not replies:
        return "failed" if web_connects(facts) else "unknown"
    if {address_class(each) for each in target_addresses(facts)} == {"loopback"}:
        return "ok"
    there = leads_to(facts)
    if there is not None and (there != facts.target.host or not web_connects(facts, 443)):
        return "unknown"
    return "ok" if there and secure_pages(facts) else "failed"


def _verified(facts: Facts) -> bool:
    return any(each.verified for each in web_sessions(facts))


def status(facts: Facts, ways: tuple[Path, ...], steps: Stages) -> tuple[VerdictStatus, str | None]:
    """The verdict's word and the path that media would take."""
    passed = (steps.name, steps.web, steps.signalling, steps.session)
    if "failed" in passed:
        return "broken", None
    kind = server_kind(facts)
    if kind == "stun":
        return _stun_status(facts), None
    if kind == "turn":
        return _turn_status(facts, ways)
    usable = [each for name in PREFERENCE for each in ways if each.name == name and each.usable]
    usable = [each for each in usable if not _moot(each, steps)]
    stuck = next((each for each in usable if each.status == "open" or _settles_on(each)), None)
    if stuck is not None and stuck.status == "blocked":
        return "broken", None
    if all(each.status in ("blocked", "not-offered") for each in usable):
        return "broken", None
    if stuck is None or "unknown" in passed:
        return "unknown", None
    return ("good" if stuck.name == "direct-udp" else "degraded"), stuck.name


def _moot(path: Path, steps: Stages) -> bool:
    """Nobody looked for a proxy, and the page came without one: it would lead to nothing that is shut without it."""
    return steps.web == "ok" and path.reason == "proxy-not-looked-for"


def _turn_status(facts: Facts, ways: tuple[Path, ...]) -> tuple[VerdictStatus, str | None]:
    """Good when what the URI names works (contract)."""
    named = _named_way(facts, ways)
    words: dict[str, VerdictStatus] = {"open": "good", "blocked": "broken"}
    return words.get(named.status, "unknown"), named.name if named.status == "open" else None


def _named_way(facts: Facts, ways: tuple[Path, ...]) -> Path:
    """What a `turn:` URI names, by the way that a browser takes there."""
    name = f"turn-{turn_transport(facts.target)}{'' if via(facts) is None else '-proxy'}"
    return next(each for each in ways if each.name == name)


def _settles_on(path: Path) -> bool:
    """ICE passes and something deeper does not: a browser stays there, and the call is dead."""
    return path.status == "blocked" and path.proof in ("ice", "media")


def _stun_status(facts: Facts) -> VerdictStatus:
    """Of the transports that the address means one is enough, and broken takes the proof that none works."""
    if _stun_answers(facts):
        return "good"
    asked = stun_asked(facts)
    told = [[e for e in asked if e.transport == each] for each in stun_transports(facts.target)]
    return "broken" if all(_told(each) for each in told) else "unknown"


def _stun_answers(facts: Facts) -> list[Binding]:
    return [each for each in stun_asked(facts) if each.failure is None and trusted(facts, each)]


def _over(facts: Facts) -> str:
    """What STUN was answered over, in words."""
    answered = {each.transport for each in _stun_answers(facts)}
    return listed(each.upper() for each in stun_transports(facts.target) if each in answered)


def _told(asked: list[Binding]) -> bool:
    """Whether these failures of one transport say something, and silence lasted long enough to count."""
    told = [each for each in asked if each.failure not in OWN]
    silent = all(each.failure is Failure.TIMEOUT for each in told)
    return bool(told) and not (silent and 0 < sum(each.tries for each in told) < ENOUGH[told[0].transport])


def explains(finding: Finding, verdict: VerdictStatus, steps: Stages, target: Target) -> bool:
    """Whether this error is of the part that broke: name before web before media; of a relay, its named transport."""
    if finding.cause in (*_SAFETY, *_CASCADE):
        return True
    if verdict != "broken":
        return False
    if steps.name == "failed":
        return finding.cause in _NAME_CAUSES
    if target.kind == "turn":
        return finding.cause not in _NAME_CAUSES and _of_leg(finding, target)
    over_tcp = finding.cause == "local-firewall" and finding.args.get("proto") == "TCP"
    if finding.cause in _PROXY_CAUSES:
        page = bool(finding.args.get("page"))
        return page if steps.web == "failed" else not page and "failed" not in (steps.signalling, steps.session)
    if steps.web == "failed":
        own = finding.code.startswith("NP4") and finding.cause != "proxy-ignores-media"
        too_large = finding.cause == "mtu-blackhole" and "segment" in finding.args  # the page's packets
        return over_tcp or too_large or finding.cause == "ipv6-broken" or own
    if steps.signalling == "failed":
        return over_tcp or finding.code in _SIGNALLING_CODES
    if steps.session == "failed":
        return finding.cause in _SESSION_CAUSES
    return finding.cause not in _NAME_CAUSES and (steps.session != "ok" or finding.code not in _SIGNALLING_CODES)


def _of_leg(finding: Finding, target: Target) -> bool:
    """Whether this error concerns the very leg that a `turn:` target names, or UDP where that goes over UDP."""
    over = turn_transport(target)
    if finding.cause.startswith("turn-"):
        return (finding.args.get("host"), finding.args.get("transport")) == (target.host, over.upper())
    carrier = "UDP" if over in ("udp", "dtls") else "TCP"
    if finding.cause == "local-firewall":
        return finding.args.get("proto") == carrier
    return finding.cause not in _UDP_CAUSES or carrier == "UDP"


def verdict(facts: Facts, ways: tuple[Path, ...], steps: Stages, found: tuple[Finding, ...]) -> Verdict:
    """Everything together, with the sentence that people read first."""
    word, media = proven(facts, *status(facts, ways, steps))
    told = Told(
        word=word,
        media=media,
        worth=_worth(found, word, steps, facts.target),
        found=found,
        ways=ways,
        asked=[_named_way(facts, ways)] if facts.target.kind == "turn" else ways,
        over=turn_transport(facts.target).upper() if facts.target.kind == "turn" else _over(facts),
        shut="failed" in (steps.name, steps.web, steps.signalling, steps.session),
    )
    return Verdict(status=word, media=media, summary=headline(facts, told), stages=steps)


def _worth(found: tuple[Finding, ...], word: VerdictStatus, steps: Stages, target: Target) -> Finding | None:
    """What the sentence names: of the errors one of the stage that fails first, which is the one that people meet."""
    errors = [each for each in found if each.severity is Severity.ERROR]
    first = [each for each in errors if each.cause not in (*_SAFETY, *_CASCADE) and explains(each, word, steps, target)]
    if errors or word == "broken":
        return next(iter(first or errors), None)
    return next((each for each in found if each.severity is Severity.WARNING), None)


def lowered(facts: Facts, ways: tuple[Path, ...], steps: Stages, finding: Finding) -> Severity:
    """An error that does not explain a broken verdict is a warning: a healthy call never fails the gate."""
    if finding.severity is not Severity.ERROR:
        return finding.severity
    looks = ((status(facts, ways, each)[0], each) for each in _beyond(steps))
    explained = any(explains(finding, word, each, facts.target) for word, each in looks)
    return Severity.ERROR if explained else Severity.WARNING


def _beyond(steps: Stages) -> list[Stages]:
    """Where BOSH went on without the WebSocket, what it found broken is still broken once the WebSocket works."""
    if (steps.signalling, steps.session) != ("failed", "ok"):
        return [steps]
    return [steps, msgspec.structs.replace(steps, signalling="ok")]
