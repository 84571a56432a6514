"""The ways for media as people see them: who is on each, where it breaks, how fast it is. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from natprobe.addresses import address_class
from natprobe.derive.arrival import Carrier
from natprobe.derive.place import place
from natprobe.facts import Candidate, Facts, IceCheck, server_kind
from natprobe.model import Attempt, Endpoint, Path, Report, split
from natprobe.render._figures import first_of, states
from natprobe.render._outline import Leg, LegState, Stop, Way
from natprobe.render._spoken import tidy, why
from natprobe.target import is_address
from natprobe.wording import mark, say

STATES = {
    "open": mark("open"),
    "blocked": mark("blocked"),
    "not-offered": mark("not offered"),
    "unknown": mark("unknown"),
}
_LEG_STATES: dict[LegState, str] = {
    "open": mark("open"),
    "blocked": mark("blocked"),
    "unknown": mark("not known"),
    "none": mark("not reached"),
}
_PROOFS = {
    "media": mark("media's own handshake passed"),
    "ice": mark("ICE checks were answered"),
    "relay": mark("the relay passed data on"),
}
_BREAKS: dict[Stop, str] = {
    "proxy": mark("breaks at the proxy or before it"),
    "relay": mark("breaks at the relay or before it"),
}
_COMES: dict[Stop, str] = {
    "proxy": mark("comes as far as the proxy"),
    "relay": mark("comes as far as the relay"),
    "router": mark("packets come as far as the router {place}, and are lost there or behind it"),
}
_WHO: dict[Stop, str] = {
    "proxy": mark("proxy"),
    "relay": mark("relay"),
    "router": mark("router"),
    "server": mark("media server"),
    "peer": mark("peers"),
}
_PLACED: dict[Stop, str] = {
    "proxy": mark("proxy {place}"),
    "relay": mark("relay {place}"),
    "router": mark("router {place}"),
    "server": mark("media server {place}"),
    "peer": mark("peers {place}"),
}
# What a way's first stretch was followed over hop by hop, by what it is.
_CARRIERS: dict[str, Carrier] = {"udp": "udp", "tcp": "tcp", "tls": "tcp"}
_STREAMS = {"direct-udp": "UDP", "direct-tcp": "TCP", "direct-tcp-proxy": "TCP"}
# How far a way came, by the reason why it goes no further: the stop that was not reached.
_AT_PROXY = ("proxy-unreachable",)
_BEHIND_RELAY = (
    "relay-forbids-media-server",
    "media-server-silent",
    "relay-silent",
    "relay-address-wrong",
    "relay-other-family",
    "peers-forbidden",
    "peer-unreached",
    "media-not-through-relay",
    "needs-credentials",
)
_BEHIND_PROXY = (
    "proxy-refuses-port",
    "proxy-refuses",
    "proxy-wants-password",
    "proxy-cannot-reach",
    "proxy-leaves-unanswered",
    "proxy-breaks-relay",
)
_AT_RELAY = ("tls-certificate", "tls-intercepted")
# How many further fates, and how many addresses of each, are told.
_FATES_MAX, _PLACES_MAX = 3, 3


class Beyond(NamedTuple):
    """What is known of whom the ways lead to. `media`: the media server's endpoints; None: what is checked is the relay
    itself, and its peers lie beyond.
    """

    facts: Facts
    media: set[Endpoint] | None

    def router(self, path: Path, way: Attempt) -> tuple[str, str]:
        """The last one that packets come to which are lost on the way to the first stop, and over what they go there;
        else nothing.
        """
        direct = path.name == "direct-udp"
        transport = _CARRIERS.get("udp" if direct else (way.server or "").rpartition(" ")[2])
        if way.status != "blocked" or way.via or transport is None:
            return "", ""
        found = place(self.facts, way.endpoint if direct else _named(way)[1], transport)
        return (found.last or "" if found else ""), transport.upper()


def ways(report: Report) -> tuple[Way, ...]:
    """All of them; neighbours that were not tried and share a reason share a place."""
    facts = Facts(report.target, report.observations)
    media = {each.endpoint for each in report.observations if isinstance(each, Candidate | IceCheck)}
    beyond = Beyond(facts, None if server_kind(facts) == "turn" else media)
    return tuple(_way(report, list(group), beyond) for _, group in groupby(report.paths, key=_fate))


def _fate(path: Path) -> tuple[object, ...]:
    """What was tried has a picture of its own."""
    return path.status, path.reason, path.usable, path.name if path.attempts else ""


def _way(report: Report, same: Sequence[Path], beyond: Beyond) -> Way:
    path = same[0]
    decides = _deciding(path)
    legs = tuple(_legs(path, decides, beyond)) if decides else ()
    chosen = path.name == report.verdict.media
    return Way(
        names=tuple(each.name for each in same),
        status=path.status,
        state=say(STATES[path.status]),
        legs=legs,
        words=states(_words(path, legs, chosen)),
        usable=path.usable,
        chosen=chosen,
        rtt="" if path.rtt_ms is None else say("{time:.1f} ms", time=path.rtt_ms),
        others=tuple(_others(path, decides)) if decides else (),
    )


def _deciding(path: Path) -> Attempt | None:
    """The attempt whose status is the path's; of several that fared alike one to an address that is met anywhere."""
    key = (path.status, path.proof, path.rtt_ms, path.loss)
    fit = [each for each in path.attempts if (each.status, each.proof, each.rtt_ms, each.loss) == key]
    fit = fit or [each for each in path.attempts if each.status == path.status] or list(path.attempts)
    return min(fit, key=lambda each: _inner(each.endpoint), default=None)


def _inner(endpoint: str) -> bool:
    """Whether it is met in its own network only; a relay that nothing led to may stand there by its name."""
    host = split(endpoint)[0]
    return is_address(host) and address_class(host) != "public"


# --- legs


def _legs(path: Path, way: Attempt, beyond: Beyond) -> Iterator[Leg]:
    """From the one who asks on; behind the break nothing was reached."""
    stops = list(_stops(path, way, beyond))
    for (stop, proto, at), state in zip(stops, _states(path, way, [stop for stop, _, _ in stops]), strict=True):
        who = say(_WHO[stop])
        to = say(_PLACED[stop], place=at) if at else who
        yield Leg(proto=proto, to=to, state=state, stop=stop, who=who, at=at, word=say(_LEG_STATES[state]))


def _stops(path: Path, way: Attempt, beyond: Beyond) -> Iterator[tuple[Stop, str, str]]:
    """Who is on the way, over what one goes there, and where that is."""
    if way.via:
        yield "proxy", "TCP", tidy(way.via.partition("://")[2] or way.via)
    at, transport = beyond.router(path, way)
    if at:
        yield "router", transport, tidy(at)
    if path.name in _STREAMS:
        yield "server", _STREAMS[path.name], tidy(way.endpoint)
        return
    yield "relay", path.name.split("-")[1].upper(), _relay(way)
    if beyond.media is None:
        yield "peer", "UDP", ""
    else:
        yield "server", "UDP", tidy(way.endpoint) if way.endpoint in beyond.media else ""


def _relay(way: Attempt) -> str:
    """By its name and port."""
    host, place = _named(way)
    port = place.rpartition(":")[2]
    return tidy(f"{host}:{port}" if host and ":" not in host else place)


def _named(way: Attempt) -> tuple[str, str]:
    """The relay's name, if it is told, and its endpoint; the field is `HOST ENDPOINT TRANSPORT`."""
    *host, place = (way.server or "").rpartition(" ")[0].split(" ")[-2:]
    return (host[0] if host else ""), place


def _states(path: Path, way: Attempt, stops: Sequence[Stop]) -> list[LegState]:
    """Each leg's: open as far as it came, the one where it breaks, and nothing behind it."""
    if way.status == "open":
        return ["open"] * len(stops)
    reached = _reached(way, stops)
    if reached is None:
        return ["unknown"] * len(stops)
    at: LegState = "blocked" if way.status == "blocked" else "unknown"
    return [*(["open"] * reached), at, *(["none"] * (len(stops) - reached - 1))]  # type: ignore[list-item]


def _reached(way: Attempt, stops: Sequence[Stop]) -> int | None:
    """How many legs are open; None where that is not known: what is lost behind a relay that works, may be lost on
    any of them.
    """
    last, reason = len(stops) - 1, way.reason or ""
    if last == 0 or reason in _AT_PROXY:
        return 0
    if "router" in stops:
        return stops.index("router") + 1
    if way.via and reason in _BEHIND_PROXY:
        return 1
    if reason in _BEHIND_RELAY:
        return last
    if reason not in _AT_RELAY and way.proof is not None:
        return None if "relay" in stops else last
    return 1 if way.via else 0


# --- words


def _words(path: Path, legs: Sequence[Leg], chosen: bool) -> Iterator[str]:
    """One clause each: whether a browser takes it, what proves it, what it loses; else where it breaks, and why."""
    if chosen:
        yield say("a browser takes this way")
    if path.status == "open":
        yield from _measured(path)
    if path.status == "blocked" and len(legs) > 1:
        yield _break(legs)
    if path.reason:
        yield why(path.reason)


def _break(legs: Sequence[Leg]) -> str:
    """The picture's X in words."""
    came = [each for each in legs if each.state == "open"]
    if came:
        return say(_COMES[came[-1].stop], place=came[-1].at)
    return say(_BREAKS[legs[0].stop]) if legs[0].state == "blocked" else say("where it breaks is not known")


def _measured(path: Path) -> Iterator[str]:
    if path.rtt_ms is not None:
        yield say("round trip {time:.1f} ms", time=path.rtt_ms)
    if path.loss:
        yield say("{loss:.1f} % lost", loss=100 * path.loss)
    if path.proof:
        yield say(_PROOFS[path.proof])
    if any(each.large_up for each in path.attempts if each.status == path.status):
        yield say("full-size packets pass")


def _others(path: Path, decides: Attempt) -> Iterator[str]:
    """What became of the other addresses, those of one fate together. Of a way that works those of the other family
    tell something; more of the same don't.
    """
    fates: dict[tuple[str, str | None], list[str]] = {}
    for each in path.attempts:
        if _place(each) != _place(decides) and (each.status, each.family) != ("open", decides.family):
            fates.setdefault((each.status, each.reason), []).append(_place(each))
    for (status, reason), places in list(fates.items())[:_FATES_MAX]:
        named, state = first_of(list(dict.fromkeys(places)), _PLACES_MAX), say(STATES[status])
        if reason is not None and reason != path.reason:
            yield say("{state}: {places} ({why})", state=state, places=named, why=why(reason))
        else:
            yield say("{state} as well: {places}", state=state, places=named)


def _place(way: Attempt) -> str:
    """Where an attempt went: of a relay with its name."""
    at = " ".join(each for each in _named(way) if each) if way.server and not way.via else way.endpoint
    return tidy(at)
