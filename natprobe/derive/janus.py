"""How far a client gets with a Janus before media: its API answers, a handle's offer is answered. True, False or None.
Pure.

Janus has two ways in, HTTP and a WebSocket, and a client takes the one that it was given: where the target names one,
that one counts; else whichever answers.
"""

from __future__ import annotations

from natprobe.addresses import address_class
from natprobe.derive import OWN, media_checks, silent, target_addresses
from natprobe.derive.proxies import names_matter, taken
from natprobe.facts import Candidate, Facts, IceCheck, IceEnded, JanusCall, JanusDoor, JanusInfo, server_kind
from natprobe.model import Address, Endpoint, Failure, family, split

# Janus's own error codes: the API's secret or a token is wanted, or one that is good for the plugin; no such plugin; no
# sessions are taken any more.
UNAUTHORIZED, NO_PLUGIN, DRAINING = (403, 405), 460, 472
# The ways in that a target's scheme names.
_NAMED = {"janus+https": "http", "janus+wss": "websocket"}


def named_door(facts: Facts) -> str | None:
    """The transport that the target names, if it names one."""
    return _NAMED.get(facts.target.scheme)


def doors(facts: Facts) -> list[JanusDoor]:
    """Those that a client of this target would go in by; what its siblings' addresses have is no way of its."""
    asked = taken(facts, JanusDoor, lambda each: each.why != "sibling")
    named = named_door(facts)
    return [each for each in asked if each.why == "target" and each.transport == named] if named else asked


def answers(door: JanusDoor) -> bool:
    """Whether Janus spoke there, be it to say no."""
    return door.reached == "answer"


def api_answers(facts: Facts) -> bool | None:
    """Whether a client gets to Janus's API. Where none is named, it may be at another place than the usual ones."""
    asked = doors(facts)
    if any(answers(each) for each in asked):
        return True
    due = named_door(facts) is not None or bool(listening_elsewhere(facts))
    return False if due and asked and all(_told(each) for each in asked) else None


def found_nowhere(facts: Facts) -> bool:
    """Whether no way in is named, and none of the usual ones answers."""
    asked = doors(facts)
    ended = bool(asked) and not _cut(facts, "gateway")
    return named_door(facts) is None and ended and not any(answers(each) for each in asked)


def _told(door: JanusDoor) -> bool:
    """The few seconds of a door are too short for silence to count."""
    return door.failure not in (None, Failure.TIMEOUT, *OWN)


def login_needed(facts: Facts) -> bool:
    """Whether Janus wants the API's secret or a token for what was asked."""
    refused = facts.of(JanusCall, lambda each: each.error_code in UNAUTHORIZED)
    kept_out = [each for each in doors(facts) if answers(each) and each.error_code in UNAUTHORIZED]
    return bool(refused or kept_out) and not _answered(facts)


def no_echo(facts: Facts) -> bool:
    """Whether there is no plugin that natprobe may try media with."""
    return any(each.error_code == NO_PLUGIN for each in facts.of(JanusCall)) and not _answered(facts)


def draining(facts: Facts) -> bool:
    """Whether it says that it takes no new sessions."""
    told = any(each.accepting is False for each in facts.of(JanusInfo))
    return told or any(each.error_code == DRAINING for each in facts.of(JanusCall))


def refused_calls(facts: Facts) -> list[JanusCall]:
    """What came to nothing by errors of its own. Whatever else answers in its place is no word of Janus's."""
    return facts.of(JanusCall, lambda each: each.failure is not None and each.error_code is not None)


def without_candidates(facts: Facts) -> list[JanusCall]:
    """Answers that name no address for media, where no other does."""
    answered = _answered(facts)
    return answered if not any(each.candidates for each in answered) else []


def session_answered(facts: Facts) -> bool | None:
    """Whether an offer of ours was answered with somewhere to send media to."""
    if any(each.candidates for each in _answered(facts)):
        return True
    if login_needed(facts) or no_echo(facts):
        return None
    return False if draining(facts) or without_candidates(facts) or refused_calls(facts) else None


def _answered(facts: Facts) -> list[JanusCall]:
    return facts.ok(JanusCall, lambda each: each.reached == "answer")


def why_no_session(facts: Facts) -> str:
    """In the words of reasons.py; what comes first in time counts."""
    told = (
        ("no-address", names_matter(facts) and not target_addresses(facts)),
        ("login-needed", login_needed(facts)),
        ("signalling-failed", api_answers(facts) is False),
        ("no-way-in", found_nowhere(facts)),
        ("not-joined", _left_out(facts)),
        ("no-echo", no_echo(facts)),
        ("sessions-refused", draining(facts)),
        ("no-candidates", bool(without_candidates(facts))),
        ("no-session-offered", bool(refused_calls(facts))),
        ("out-of-time", any(_cut(facts, each) for each in ("gateway", "echo"))),
        ("no-session-offered", any(each.failure is Failure.TIMEOUT for each in facts.of(JanusCall))),
    )
    return next((reason for reason, holds in told if holds), "needs-session")


def _left_out(facts: Facts) -> bool:
    """Whether the user wants no session opened."""
    ended = facts.probe("echo")
    return ended is not None and ended.status == "skipped" and ended.detail.startswith("not asked for")


def _cut(facts: Facts, probe: str) -> bool:
    ended = facts.probe(probe)
    return ended is not None and ended.status == "cut"


def listening_elsewhere(facts: Facts) -> list[tuple[JanusDoor, JanusDoor]]:
    """WebSockets that are refused where clients ask for them, each with the same port of another address of this very
    host, where Janus answers. A refusal, since silence may be a firewall's; and none where a proxy has it instead.
    Of a port that nobody named, only where the refusing address is Janus's own, and not that of a proxy before it.
    """
    asked = [each for each in doors(facts) if each.transport == "websocket"]
    served = {split(each.endpoint)[0] for each in asked if answers(each)}
    theirs = {split(each.endpoint)[0] for each in asked} if named_door(facts) else _own_addresses(facts)
    shut = [each for each in asked if each.failure is Failure.REFUSED and split(each.endpoint)[0] in theirs - served]
    known = facts.of(JanusDoor, lambda each: each.transport == "websocket" and answers(each))
    there = [each for each in known if _clients_reach(facts, each.endpoint)]
    by_port: dict[int, list[JanusDoor]] = {}
    for each in there:
        by_port.setdefault(split(each.endpoint)[1], []).append(each)
    found: dict[Endpoint, tuple[JanusDoor, JanusDoor]] = {}
    for each in shut:
        beside = by_port.get(split(each.endpoint)[1], [])
        other = next((one for one in beside if one.endpoint != each.endpoint), None)
        if other is not None:
            found.setdefault(each.endpoint, (each, other))
    return list(found.values())


def _own_addresses(facts: Facts) -> set[Address]:
    """Where Janus says that it is."""
    told = {address for each in facts.ok(JanusInfo) for address in (*each.public_ips, each.local_ip) if address}
    return told | {split(each.endpoint)[0] for each in facts.of(Candidate, lambda each: each.advertised)}


def _clients_reach(facts: Facts, endpoint: Endpoint) -> bool:
    """An inner address behind a public name is where a proxy finds it, and no mistake."""
    kinds = {address_class(each) for each in target_addresses(facts)}
    return address_class(split(endpoint)[0]) in {"public", *kinds}


def shut_door(facts: Facts) -> JanusDoor | None:
    """The way in that the target names, where all of its addresses refuse it though Janus answers by another way."""
    named = [each for each in doors(facts) if each.why == "target"]
    refused = bool(named) and all(each.failure is Failure.REFUSED for each in named)
    return named[0] if refused and any(answers(each) for each in facts.of(JanusDoor)) else None


# --- candidates


def unwanted(facts: Facts) -> list[Candidate]:
    """IPv6 addresses that Janus offers though it says that it has IPv6 off: a list of interfaces that matches none of
    them lets libnice take every address there is (measured with 1.1.2: link-local ones too).
    """
    if not any(each.ipv6 is False for each in facts.ok(JanusInfo)):
        return []
    return facts.of(Candidate, lambda each: each.advertised and family(split(each.endpoint)[0]) == 6)


def ports_apart(facts: Facts) -> list[tuple[IceCheck, list[IceCheck]]]:
    """Of several handles, each with a port of its own at one address: those that answered, with what never did.

    Of a Janus alone: whatever else has two ports behind one address has them for reasons of its own.
    """
    if server_kind(facts) != "janus":
        return []
    checks = media_checks(facts)
    sessions = {each.endpoint: each.session for each in facts.of(Candidate, lambda each: each.advertised)}
    tried = [each for each in checks if each.endpoint in sessions]
    good: dict[Address, dict[str, IceCheck]] = {}
    for each in tried:
        if each.verified and each.failure is None:
            good.setdefault(split(each.endpoint)[0], {}).setdefault(sessions[each.endpoint], each)
    found: dict[Address, tuple[IceCheck, list[IceCheck]]] = {}
    for each in tried:
        address, own = split(each.endpoint)[0], sessions[each.endpoint]
        beside = next((one for session, one in good.get(address, {}).items() if session != own), None)
        if beside is not None and silent(checks, each.endpoint):
            found.setdefault(address, (beside, []))[1].append(each)
    return list(found.values())


def lucky(facts: Facts) -> list[IceEnded]:
    """Where media passes though nothing that is advertised answers: the media server's own checks came first."""
    return facts.ok(IceEnded, lambda each: each.pair == "peer-reflexive" and each.leg is None)
