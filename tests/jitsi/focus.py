"""The focus (jicofo) without I/O: stanzas in, stanzas out.

It answers requests for a conference, enters the room as `focus`, asks those who come what they can, and once there are
two invites all of them with the bridge's transport. Whoever leaves has no endpoint any more; who is alone for 20 s
has no session any more. Without a bridge its presence says so, once it has tried to invite.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from tests.jitsi import offers
from tests.jitsi.bridge import Allocated, Bridge
from tests.jitsi.offers import FOCUS, JINGLE
from tests.jitsi.settings import Settings

STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
DISCO = "http://jabber.org/protocol/disco#info"
MUC, MUC_USER = "http://jabber.org/protocol/muc", "http://jabber.org/protocol/muc#user"
# jicofo's reference.conf, and Smack's time for a reply there.
INITIAL, ALONE, REPLY = 15.0, 20.0, 15.0
MIN_PARTICIPANTS = 2
STARTING = 2  # requests for which a focus that starts is not ready


class Stanza(NamedTuple):
    """A stanza, and which of the focus's two domains it comes from."""

    domain: str
    text: str


@dataclass
class Member:
    """Somebody in the room. `ufrag` is the endpoint's, once there is one."""

    nick: str
    asked: str = ""  # the id of the question what it can
    ufrag: str = ""
    sid: str = ""
    invited: bool = False


@dataclass
class Conference:
    """A room; `waiting` are requests that are answered when the focus has entered it. `elsewhere`: on another bridge,
    which advertises what the first one does and gets no packets.
    """

    room: str
    began: float
    joined: bool = False
    bridgeless: bool = False
    elsewhere: bool = False
    waiting: list[Element] = field(default_factory=list)
    members: dict[str, Member] = field(default_factory=dict)
    alone: float | None = None


class Focus:
    """Time is the caller's, in seconds; `bridge` is told of endpoints."""

    def __init__(self, settings: Settings, bridge: Bridge, changed: Callable[[dict[str, int]], None]) -> None:
        self._settings, self._bridge, self._changed = settings, bridge, changed
        self._begun = 0
        self._user_domain = settings.user.partition("@")[2].partition("/")[0]
        self.conferences: dict[str, Conference] = {}
        self._asked: dict[str, tuple[Conference, Member, float]] = {}
        self._tries: dict[str, int] = {}
        self._counts = {"requests": 0, "joins": 0, "offers": 0, "accepted": 0, "acknowledged": 0}

    def stanza(self, element: Element, now: float) -> list[Stanza]:
        """What is sent because of this stanza."""
        kind = element.tag.rpartition("}")[2]
        if kind == "presence":
            out = self._presence(element, now)
        elif kind == "iq" and element.get("type") in ("get", "set"):
            out = self._request(element, now)
        else:
            out = self._reply(element, now) if kind == "iq" else []
        self._changed(self.status())
        return out

    def tick(self, now: float) -> list[Stanza]:
        """Timeouts: an unanswered question, nobody came, somebody is alone."""
        out: list[Stanza] = []
        for name, (conference, member, until) in list(self._asked.items()):
            if now >= until and self._asked.pop(name):
                out += self._invite(conference, member, offers.DEFAULT_FEATURES | {offers.SCTP}, now)
        for conference in list(self.conferences.values()):
            if not conference.members and now >= conference.began + INITIAL:
                out += self._leave(conference)
            elif conference.alone is not None and now >= conference.alone + ALONE:
                conference.alone = None
                out += [each for member in conference.members.values() for each in self._terminate(conference, member)]
        self._changed(self.status())
        return out

    def due(self) -> float | None:
        """When `tick` has something to do, or None."""
        times = [until for _, _, until in self._asked.values()]
        for conference in self.conferences.values():
            times += [] if conference.members else [conference.began + INITIAL]
            times += [] if conference.alone is None else [conference.alone + ALONE]
        return min(times, default=None)

    def status(self) -> dict[str, int]:
        """How much there is now, and has been."""
        members = sum(len(conference.members) for conference in self.conferences.values())
        here = {"rooms": len(self.conferences), "members": members, "endpoints": len(self._bridge.agents)}
        return here | self._counts | {"allocated": self._bridge.allocated}

    # --- requests

    def _request(self, element: Element, now: float) -> list[Stanza]:
        if (conference := element.find(f"{{{FOCUS}}}conference")) is not None:
            return self._conference(element, conference, now)
        if (jingle := element.find(f"{{{JINGLE}}}jingle")) is not None:
            return self._jingle(element, jingle, now)
        if element.find(f"{{{DISCO}}}query") is not None:
            identity = "<identity category='component' type='conference-focus' name='focus'/>"
            return [self._result(element, f"<query xmlns='{DISCO}'>{identity}</query>")]
        if element.find("{urn:xmpp:ping}ping") is not None:
            return [self._result(element)]
        return [self._error(element, "cancel", "service-unavailable")]

    def _conference(self, element: Element, asked: Element, now: float) -> list[Stanza]:
        """ConferenceIqHandler."""
        self._counts["requests"] += 1
        room, state = asked.get("room", ""), self._settings.focus
        if state == "silent":
            return []
        if not room:
            return [self._error(element, "modify", "bad-request", "No 'room' specified.")]
        stranger = self._settings.authority and element.get("from", "").partition("@")[2].partition("/")[0]
        refused = state == "not-authorized" or (stranger and stranger != self._settings.authority)
        if refused and room not in self.conferences:
            return [self._error(element, "auth", "not-authorized", "not authorized user domain")]
        self._tries[room] = self._tries.get(room, 0) + 1
        if state == "not-ready" or (state == "starting" and self._tries[room] <= STARTING):
            return [self._ready(element, room, False)]
        if (there := self.conferences.get(room)) and there.joined:
            return [self._ready(element, room, True)]
        begun = self.conferences.setdefault(room, Conference(room, now, elsewhere=self._elsewhere(there)))
        begun.waiting.append(element)
        return [self._present(begun)] if there is None else []

    def _ready(self, element: Element, room: str, ready: bool) -> Stanza:
        secured = str(bool(self._settings.authority)).lower()
        properties = {"authentication": secured} | ({"externalAuth": "false"} if self._settings.authority else {})
        listed = "".join(
            f"<property name='{name}' value='{value}'/>"
            for name, value in (properties | {"visitors-supported": "false"}).items()
        )
        values = {"xmlns": FOCUS, "room": room, "ready": str(ready).lower()}
        values["focusjid"] = self._settings.user.partition("/")[0]
        return self._result(element, f"<conference {offers.attributes(dict(values))}>{listed}</conference>")

    def _jingle(self, element: Element, jingle: Element, now: float) -> list[Stanza]:
        """What a participant says about its session."""
        member = self._member(element.get("from", ""))
        if member is None or not member.sid or member.sid != jingle.get("sid"):
            return [self._error(element, "cancel", "item-not-found")]
        match jingle.get("action"):
            case "session-accept":
                if (remote := offers.accepted(jingle)) is not None:
                    self._bridge.accept(member.ufrag, remote, now)
                    self._counts["accepted"] += 1
            case "transport-info":
                found = jingle.find(f"{{{JINGLE}}}content/{{{offers.ICE}}}transport")
                if found is not None and (agent := self._bridge.agents.get(member.ufrag)):
                    agent.add(offers.candidates(found))
            case "session-terminate":
                self._bridge.expire(member.ufrag)
                member.ufrag = member.sid = ""
            case "session-info" | "source-add" | "source-remove":
                pass
            case _:
                return [self._error(element, "cancel", "feature-not-implemented", "Unsupported 'action'")]
        return [self._result(element)]

    def _reply(self, element: Element, now: float) -> list[Stanza]:
        """To the question what a client can, or to an offer."""
        known = self._asked.pop(element.get("id", ""), None)
        if known is None:
            self._counts["acknowledged"] += element.get("type") == "result"
            if element.get("type") == "error" and (member := self._member(element.get("from", ""))):
                self._bridge.expire(member.ufrag)  # an offer that is refused
            return []
        conference, member, _ = known
        features = {each.get("var", "") for each in element.iterfind(f"{{{DISCO}}}query/{{{DISCO}}}feature")}
        failed = element.get("type") == "error"
        return self._invite(conference, member, offers.DEFAULT_FEATURES | {offers.SCTP} if failed else features, now)

    # --- the room

    def _presence(self, element: Element, now: float) -> list[Stanza]:
        room, _, nick = element.get("from", "").partition("/")
        conference, kind = self.conferences.get(room), element.get("type")
        if conference is None:
            return []
        if nick == "focus":
            return self._own(conference, kind)
        if kind == "unavailable":
            return self._left(conference, nick, now)
        if kind is None and nick not in conference.members:
            conference.members[nick] = Member(nick)
            self._counts["joins"] += 1
            return self._came(conference, now)
        return []

    def _own(self, conference: Conference, kind: str | None) -> list[Stanza]:
        if kind is not None:  # thrown out, or never let in
            self.conferences.pop(conference.room, None)
            return []
        first, conference.joined = not conference.joined, True
        waiting, conference.waiting = conference.waiting, []
        return [self._ready(each, conference.room, True) for each in waiting] if first else []

    def _came(self, conference: Conference, now: float) -> list[Stanza]:
        if len(conference.members) < MIN_PARTICIPANTS:
            return []
        conference.alone = None
        out = []
        for member in conference.members.values():
            if not member.invited:
                member.invited, member.asked = True, f"disco-{secrets.token_hex(4)}"
                self._asked[member.asked] = (conference, member, now + REPLY)
                out.append(self._to(conference, member, "get", member.asked, f"<query xmlns='{DISCO}'/>"))
        return out

    def _left(self, conference: Conference, nick: str, now: float) -> list[Stanza]:
        member = conference.members.pop(nick, None)
        if member is None:
            return []
        self._asked.pop(member.asked, None)
        self._bridge.expire(member.ufrag)
        if len(conference.members) == 1:
            conference.alone = now
        return [] if conference.members else self._leave(conference)

    def _leave(self, conference: Conference) -> list[Stanza]:
        self.conferences.pop(conference.room, None)
        self._tries.pop(conference.room, None)
        to, sender = quoteattr(f"{conference.room}/focus"), quoteattr(self._settings.user)
        return [Stanza(self._user_domain, f"<presence from={sender} to={to} type='unavailable'/>")]

    def _invite(
        self, conference: Conference, member: Member, features: set[str] | frozenset[str], now: float
    ) -> list[Stanza]:
        """ParticipantInviteRunnable: an endpoint of the bridge, then the offer."""
        if self._settings.bridge == "down":
            said, conference.bridgeless = conference.bridgeless, True
            return [] if said else [self._present(conference)]
        given = _unheard() if conference.elsewhere else self._bridge.allocate(member.nick, now)
        member.ufrag, member.sid = given.ufrag, secrets.token_hex(7)
        channel = self._settings.channel and f"{self._settings.channel}/{member.nick}?pwd={given.pwd}"
        inner = offers.transport(given, self._settings.candidates, channel)
        body = offers.contents(features, inner)
        jingle = offers.initiate(member.sid, self._settings.user, body, "bs-1")
        self._counts["offers"] += 1
        return [self._to(conference, member, "set", f"jingle-{secrets.token_hex(4)}", jingle)]

    def _elsewhere(self, there: Conference | None) -> bool:
        """Every other new conference, where two bridges share the load."""
        self._begun += there is None
        return self._settings.bridge == "shared" and self._begun % 2 == 0

    def _terminate(self, conference: Conference, member: Member) -> list[Stanza]:
        if not member.sid:
            return []
        sid, ufrag, member.sid, member.ufrag, member.invited = member.sid, member.ufrag, "", "", False
        self._bridge.expire(ufrag)
        return [self._to(conference, member, "set", f"jingle-{secrets.token_hex(4)}", offers.terminate(sid))]

    def _member(self, occupant: str) -> Member | None:
        room, _, nick = occupant.partition("/")
        conference = self.conferences.get(room)
        return conference.members.get(nick) if conference else None

    # --- texts

    def _present(self, conference: Conference) -> Stanza:
        """Enters the room, or says something new there."""
        to, sender = quoteattr(f"{conference.room}/focus"), quoteattr(self._settings.user)
        lacks = f"<bridgeNotAvailable xmlns='{FOCUS}'/>" if conference.bridgeless else ""
        versions = "<versions xmlns='http://jitsi.org/jitmeet'><component name='focus'>1.0.lab</component></versions>"
        text = f"<presence from={sender} to={to}><x xmlns='{MUC}'/>{versions}{lacks}</presence>"
        return Stanza(self._user_domain, text)

    def _to(self, conference: Conference, member: Member, kind: str, name: str, body: str) -> Stanza:
        to, sender = quoteattr(f"{conference.room}/{member.nick}"), quoteattr(self._settings.user)
        return Stanza(self._user_domain, f"<iq type='{kind}' id='{name}' from={sender} to={to}>{body}</iq>")

    def _result(self, element: Element, body: str = "") -> Stanza:
        return self._answer(element, "result", body)

    def _error(self, element: Element, kind: str, condition: str, text: str = "") -> Stanza:
        said = f"<text xmlns='{STANZAS}'>{text}</text>" if text else ""
        return self._answer(element, "error", f"<error type='{kind}'><{condition} xmlns='{STANZAS}'/>{said}</error>")

    def _answer(self, element: Element, kind: str, body: str) -> Stanza:
        sender, to = element.get("to", ""), element.get("from", "")
        values = {"type": kind, "id": element.get("id", ""), "from": sender, "to": to}
        return Stanza(sender.rpartition("@")[2].partition("/")[0], f"<iq {offers.attributes(dict(values))}>{body}</iq>")


def _unheard() -> Allocated:
    """An endpoint of the other bridge, whose certificate is another one too."""
    return Allocated(secrets.token_hex(7), secrets.token_hex(13), ":".join(["A1"] * 32))
