"""The request for a conference, as Jitsi's client makes it before it enters a room: by XMPP, or over HTTP."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, unquote, urlsplit

from natprobe.asking.lookups import Ways, beside_target
from natprobe.asking.pages import quoted
from natprobe.asking.secured import secured
from natprobe.asking.together import any_of
from natprobe.asking.xmpp import XmppSession
from natprobe.context import SIGN_IN, Context
from natprobe.derive.conference import mixed_content
from natprobe.facts import Facts, JitsiConfig, Resolved
from natprobe.model import Failure, Target, Text, clip
from natprobe.net.api import Stream
from natprobe.net.failure import failure_of
from natprobe.pairing import Login
from natprobe.servers.jitsi.rooms import hosts_of
from natprobe.target import BadTarget, parse
from natprobe.wire import jingle
from natprobe.wire.jingle import Conference
from natprobe.wire.text import clean
from natprobe.wire.urls import authority
from natprobe.wire.xmpp import XmppError

if TYPE_CHECKING:
    from natprobe.net.http import Reply

# All tries together (seconds). A focus that is not ready is asked again after 1, 2, 4 … seconds, as clients do.
REQUEST_SECONDS = 5.0
ADDRESSES_MAX = 6
_INSECURE = "an insecure address, which browsers refuse on a secure page"
# A user name shorter than this hides nothing, and would be found in any word.
_NAME_MIN = 3


class _NoAddress(OSError):
    """The name of the URL's host has none that could be connected to."""

    def __init__(self, failure: Failure) -> None:
        super().__init__("no address that could be connected to")
        self.failure = failure


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of it. `asked`: the focus' address; `focus`: the JID that it enters rooms with."""

    by: Literal["xmpp", "http"]
    asked: Text
    focus: str = ""
    ready: bool | None = None
    authentication: bool | None = None
    visitors: str | None = None
    condition: str | None = None
    status: int | None = None
    tries: int = 0
    rtt_ms: float | None = None
    failure: Failure | None = None
    detail: str = ""


async def ask_focus(ctx: Context, facts: Facts, session: XmppSession, room: str, config: JitsiConfig | None) -> Answer:
    """Asks until the focus is ready, refuses, or the time is over."""
    machine = f"{ctx.random.getrandbits(128):032x}"
    login = ctx.keep.get(SIGN_IN, Login) or Login()
    token = login.token
    if config is not None and config.conference_request is not None:
        if mixed_content(config.url, config.conference_request):
            return Answer(by="http", asked=config.conference_request, failure=Failure.PROTOCOL, detail=_INSECURE)
        return await _by_http(ctx, facts, config.conference_request, room, machine, token)
    focus = hosts_of(config, session.domain).focus

    async def ask(seconds: float) -> Answer:
        stanza_id = session.new_id()
        stanza = jingle.conference_request(stanza_id, focus, room, machine, token or None)
        said = jingle.read_conference(await session.request(stanza, stanza_id, seconds))
        words = harmless(said.text, room, token, login.user, login.password)
        return _answered(Answer(by="xmpp", asked=focus, detail=words), said)

    return await _patiently(ctx, Answer(by="xmpp", asked=focus), ask)


async def _by_http(ctx: Context, facts: Facts, url: str, room: str, machine: str, token: str) -> Answer:
    """As clients do it, the room's name in the query, so that a balancer finds the server of that room."""
    from natprobe.net.http import Client

    nothing = Answer(by="http", asked=url)
    try:
        place = parse(url).target
    except BadTarget:
        return replace(nothing, failure=Failure.PROTOCOL, detail="config.js names no usable URL for it")
    path = f"{quoted(urlsplit(url).path) or '/'}?room={quote(room.partition('@')[0], safe='')}"
    bearer = [(b"Authorization", b"Bearer " + token.encode())] if token else []

    async def ask(seconds: float) -> Answer:
        async with asyncio.timeout(seconds):
            with closing(await _reached(ctx, facts, place)) as stream:
                line = stream if place.scheme == "http" else await secured(ctx, stream, place.host)
                client = Client(line, authority(place.host, place.port, 80 if place.scheme == "http" else 443))
                body = jingle.conference_json(room, machine)
                return _of_reply(nothing, await client.post(path, body, "application/json", jingle.JSON_MAX, bearer))

    return await _patiently(ctx, nothing, ask)


async def _reached(ctx: Context, facts: Facts, place: Target) -> Stream:
    """By the first way that takes a connection."""
    ways = Ways(ctx, beside_target(ctx, facts))
    looked_up = [each async for each in ways.find([(place.host, place.port)]) if isinstance(each, Resolved)]
    usable = ways.to(place.host, place.port)[:ADDRESSES_MAX]
    if not usable:
        denied = any(each.failure is Failure.NXDOMAIN for each in looked_up)
        raise _NoAddress(Failure.NXDOMAIN if denied else Failure.NO_DATA)
    return await any_of([partial(each.open, ctx, place.host, place.port) for each in usable])


def _of_reply(nothing: Answer, reply: Reply) -> Answer:
    """Jicofo's statuses: 403 for whoever may not begin a conference, 400 with a word for a session that is over."""
    answer = replace(nothing, status=reply.status)
    if reply.status == 403:
        return _answered(answer, Conference(None, condition="not-authorized"))
    if reply.status == 400 and b"invalid-session" in reply.body:
        return _answered(answer, Conference(None, condition="session-invalid"))
    if reply.status != 200:
        return replace(answer, failure=Failure.HTTP_STATUS)
    try:
        return _answered(answer, jingle.read_conference_json(reply.body))
    except XmppError as exc:
        return replace(answer, failure=Failure.PROTOCOL, detail=str(exc))


async def _patiently(ctx: Context, nothing: Answer, ask: Callable[[float], Awaitable[Answer]]) -> Answer:
    """The last answer that came in time; `nothing` with the failure where none came."""
    from natprobe.net.http import FAULTS

    until = ctx.net.now() + REQUEST_SECONDS
    last = nothing
    for tries in count(1):
        began = ctx.net.now()
        try:
            answer = await ask(until - began)
        except (*FAULTS, XmppError) as exc:
            failure, detail = _told(exc)
            late = failure is Failure.TIMEOUT and last.ready is False
            return replace(last, tries=tries) if late else replace(nothing, failure=failure, detail=detail, tries=tries)
        last = replace(answer, tries=tries, rtt_ms=round((ctx.net.now() - began) * 1000, 2))
        pause = 2.0 ** (tries - 1)
        if answer.ready is not False or answer.visitors or answer.condition or ctx.net.now() + pause >= until:
            break
        await ctx.net.sleep(pause)
    return last


def _told(exc: Exception) -> tuple[Failure, str]:
    """What h11 says of a request may quote its headers."""
    failure, detail = failure_of(exc)
    if isinstance(exc, _NoAddress):
        failure = exc.failure
    return failure, detail if isinstance(exc, (OSError, EOFError, XmppError)) else ""


def harmless(words: str, room: str, token: str = "", user: str = "", password: str = "") -> str:
    """A server's words, unless they repeat what must not be shown: the room's name, a token, who signs in."""
    name = user.rpartition("@")[0] or user
    secrets = (room.partition("@")[0], token, password, name if len(name) >= _NAME_MIN else "")
    hidden, shown = {form for each in secrets if each for form in _forms(each)}, _forms(words)
    return "" if any(each in form for each in hidden for form in shown) else clip(clean(words), 200)


def _forms(text: str) -> tuple[str, str]:
    """As it stands, and with the escapes undone that a room's name has in its JID, and once more in a URL's query;
    both whatever their case.
    """
    return text.casefold(), unicodedata.normalize("NFKC", unquote(unquote(text))).casefold()


def _answered(answer: Answer, said: Conference) -> Answer:
    refused = Failure.UNAUTHORIZED if said.condition == "not-authorized" else Failure.ERROR_RESPONSE
    return replace(
        answer,
        focus=said.focus,
        ready=said.ready,
        authentication=said.authentication,
        visitors=said.visitors,
        condition=said.condition and clip(said.condition, 100),
        failure=refused if said.ready is None else None,
    )
