"""Why nobody tried a way: what is not offered, and what is not known. Pure."""

from __future__ import annotations

from natprobe.derive import janus, target_addresses
from natprobe.derive.bridge import leg_of, relays_told, takes_relay, why_no_session
from natprobe.derive.handed_out import handed_out, port_of
from natprobe.derive.proxies import led_anywhere, looked, names_matter, proxy_dead, unread_script, via, via_to
from natprobe.facts import Candidate, Facts, Resolved, SessionOffer, TurnServer
from natprobe.model import PATHS, Failure, Kind, Path
from natprobe.paths.forecast import forecast
from natprobe.target import turn_transport

PROXY, BROWSER_USES_PROXY = "-proxy", "browser-uses-proxy"
_NOT_LOOKED = "proxy-not-looked-for"
_TRANSPORTS = {"direct-udp": ("udp",), "direct-tcp": ("tcp", "ssltcp")}
# Path -> (status, reason) where no probe of this version goes, by what the target is.
_RELAYS = ("turn-udp", "turn-tcp", "turn-tls", "turn-dtls", "turn-tcp-proxy", "turn-tls-proxy")
_DEFAULTS: dict[Kind, dict[str, tuple[str, str]]] = {
    "natprobe": dict.fromkeys(_RELAYS, ("not-offered", "serve-has-no-relay"))
    | {"direct-tcp-proxy": ("not-offered", "serve-has-no-proxy")},
    "stun": {name: ("not-offered", "no-media-server") for name in PATHS if name != "p2p"},
    "turn": dict.fromkeys(_RELAYS, ("not-offered", "not-named"))
    | dict.fromkeys(("turn-tcp-proxy", "turn-tls-proxy"), ("unknown", _NOT_LOOKED))
    | dict.fromkeys(("direct-udp", "direct-tcp", "direct-tcp-proxy"), ("not-offered", "no-media-server")),
}
_NO_PROXY: dict[Kind, tuple[str, str]] = {"stun": ("not-offered", "no-media-server")}
_OVER_TCP = ("turn-tcp", "turn-tls")
_NO_NAME = (Failure.NXDOMAIN, Failure.NO_DATA, Failure.SERVFAIL)
_NEEDS_SESSION = {name: ("unknown", "needs-session") for name in PATHS if not name.endswith("-proxy")} | {
    name: ("unknown", _NOT_LOOKED) for name in PATHS if name.endswith("-proxy")
}


def untried(facts: Facts, kind: Kind, name: str) -> Path:
    """The path without attempts. To relays that a browser goes to through a proxy nothing would be gained straight."""
    base = name.removesuffix(PROXY)
    if name == base:
        away = base in _OVER_TCP and _led(facts, base) is True
        status, reason = _nameless(facts, base) or _why(facts, kind, name)
        return Path(name=name, status=status, reason=reason, usable=not away and _taken(facts, base))  # type: ignore[arg-type]  # words of it
    if kind == "turn" and base == f"turn-{turn_transport(facts.target)}" and proxy_dead(facts):
        status, reason = "blocked", "proxy-unreachable"
    elif not looked(facts):
        status, reason = _DEFAULTS.get(kind, _NEEDS_SESSION)[name]
        unread = reason == _NOT_LOOKED and unread_script(facts) is not None
        reason = "proxy-script-not-run" if unread else reason
    elif _led(facts, base) is not False:
        status, reason = _why(facts, kind, base)
    else:
        status, reason = _NO_PROXY.get(kind, ("not-offered", "no-proxy"))
    return Path(name=name, status=status, reason=reason)  # type: ignore[arg-type]  # words of it


def _taken(facts: Facts, base: str) -> bool:
    """Whether the meeting's client would take any of the relays of this way; where there is none, it would take one."""
    relays = [each for each in handed_out(facts) if f"turn-{leg_of(each)}" == base]
    kept = [takes_relay(facts, leg_of(each) or "", each.host, port_of(each)) for each in relays]
    return not kept or any(kept)


def _nameless(facts: Facts, base: str) -> tuple[str, str] | None:
    """Past the proxy, relays are looked up on this machine, where in such a network no name may be known."""
    hosts = {each.host for each in handed_out(facts) if f"turn-{leg_of(each)}" == base}
    known = facts.of(Resolved, lambda each: each.name in hosts)
    lost = bool(known) and all(each.failure in _NO_NAME for each in known) and {e.name for e in known} == hosts
    return ("blocked", "no-address") if lost and via(facts) is not None else None


def _led(facts: Facts, base: str) -> bool | None:
    """Whether a browser goes this way through a proxy; None where no place to go to is known, and some proxy is."""
    places = [(each.host, each.port) for each in facts.of(TurnServer) if f"turn-{each.transport}" == base]
    places += [(each.host, port_of(each)) for each in handed_out(facts) if f"turn-{leg_of(each)}" == base]
    if places:
        return any(via_to(facts, host, port) for host, port in places)
    return None if led_anywhere(facts) else False


def _why(facts: Facts, kind: Kind, name: str) -> tuple[str, str]:
    status, reason = _DEFAULTS.get(kind, _NEEDS_SESSION).get(name, ("unknown", "not-tried"))
    if name == "p2p":
        return "unknown", forecast(facts)
    if kind == "natprobe" and reason == "not-tried":
        return _why_untried(facts, name)
    if kind == "turn" and name == f"turn-{turn_transport(facts.target)}":
        return "unknown", _why_unasked(facts)
    if reason != "needs-session":
        return status, reason
    if kind == "jitsi":
        return _why_no_session(facts, name)
    if kind == "janus":
        return _why_no_janus(facts, name)
    return status, reason if target_addresses(facts) or not names_matter(facts) else "no-address"


def _why_no_session(facts: Facts, name: str) -> tuple[str, str]:
    """Why this way to a Jitsi bridge was not tried."""
    if name.startswith("turn-"):
        offered = any(f"turn-{leg_of(each)}" == name for each in handed_out(facts))
        if relays_told(facts) and not offered:
            return "not-offered", "relay-not-offered"
    elif facts.ok(SessionOffer):
        return _unchecked(facts, name)
    return "unknown", "not-tried" if facts.ok(SessionOffer) else why_no_session(facts)


def _unchecked(facts: Facts, name: str) -> tuple[str, str]:
    """There is a session, and no check went this way."""
    over = _TRANSPORTS[name]
    if not facts.of(Candidate, lambda each: each.advertised and each.transport in over):
        return "not-offered", f"no-{over[0]}-candidates"
    ended = facts.probe("media" if name == "direct-udp" else "tcp")
    return "unknown", "out-of-time" if ended and ended.status == "cut" else "family-not-here"


def _why_no_janus(facts: Facts, name: str) -> tuple[str, str]:
    """Why this way to a Janus was not tried. It hands out no relays: those of --turn are all that is known."""
    if name.startswith("turn-"):
        over = name.removeprefix("turn-")
        named = facts.of(TurnServer, lambda each: each.transport == over)
        return ("unknown", "not-tried") if named else ("not-offered", "relay-not-named")
    if not janus.session_answered(facts):
        return "unknown", janus.why_no_session(facts)
    status, reason = _unchecked(facts, name)
    return status, "ice-tcp-off" if reason == "no-tcp-candidates" else reason


def _why_untried(facts: Facts, name: str) -> tuple[str, str]:
    transport = "udp" if name == "direct-udp" else "tcp"
    if not target_addresses(facts):
        return "unknown", "no-address"
    if not facts.ok(Candidate, lambda each: each.transport == transport):
        none_named = transport == "tcp" and facts.target.fallback_port is None
        return ("not-offered", "no-tcp-port") if none_named else ("unknown", "not-tried")
    probe = facts.probe("media" if transport == "udp" else "tcp")
    return "unknown", "out-of-time" if probe is not None and probe.status == "cut" else "not-tried"


def _why_unasked(facts: Facts) -> str:
    """Of the relay that a `turn:` target names."""
    probe = facts.probe("turn")
    cut = probe is not None and probe.status == "cut"
    named = target_addresses(facts) or not names_matter(facts)
    return "out-of-time" if cut else "not-tried" if named else "no-address"
