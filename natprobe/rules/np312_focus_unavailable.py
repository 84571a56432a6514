"""Signalling works, nobody runs conferences

Signing in works, but the focus (jicofo), which begins conferences and sends out the bridge's sessions, is not there, or
does not answer; or it is there, and the rooms that people are to meet in are not.

How it shows: people open the link and wait before an empty screen; the page says that it connects again and again.

What to do: start jicofo and read its log. Usually it cannot sign in to the signalling server: its password there is
another one, or the name of its component is. Where config.js names a `conferenceRequestUrl`, the web server has to lead
`/conference-request/v1` to jicofo's port 8888, and the URL has to be one that every client reaches, with a certificate
that browsers accept. Where the focus is ready and nobody can enter a room, the signalling server lacks the component
for rooms that config.js names (`hosts.muc`).

Sources: jicofo's own source, XEP-0045, RFC 6120 section 8.3.3 (service-unavailable, remote-server-not-found).
"""

from natprobe.derive import REJECTED
from natprobe.derive.advertised import installed
from natprobe.derive.conference import (
    conference_ready,
    focus_available,
    not_for_us,
    rate_limited,
    redirected,
    rooms_answer,
    unusable,
)
from natprobe.facts import ConferenceReply, Facts, JitsiConfig, RoomEntry, ids
from natprobe.model import Do, Failure, Fix, Where
from natprobe.reasons import sentence
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.servers.jitsi import fixes as jitsi
from natprobe.target import url_parts
from natprobe.wording import mark, phrase

READS = (ConferenceReply, RoomEntry, JitsiConfig)

_ABSENT = mark("{host} lets people sign in, but its focus ({focus}) is not there to begin a conference ({words})")
_NEVER_READY = mark("{host} lets people sign in, but its focus ({focus}) is never ready to begin a conference")
_REFUSES = mark("{host} lets people sign in, but its focus ({focus}) refuses to begin a conference ({words})")
_UNUSABLE = mark("config.js sends the conference request to {url}, which cannot be used: {why}")
_ROOMLESS = mark("{host} begins conferences, but nobody can enter one: its rooms{muc} do not answer ({words})")
_ASK = phrase("on the server: {look}", look=jitsi.FOCUS_LOG)
_WHY = {
    Failure.NXDOMAIN: phrase("its name has no address"),
    Failure.NO_DATA: phrase("its name has no address that this machine could connect to"),
    Failure.PROTOCOL: phrase("that is no URL that browsers take on such a page"),
    Failure.TLS_CERTIFICATE: phrase("its certificate is not one that browsers accept"),
}


def check(facts: Facts) -> Judgement:
    """A focus that does not know us is there: login-required."""
    replies = facts.of(ConferenceReply)
    if not replies:
        return NOT_APPLICABLE
    there, ready = focus_available(facts), conference_ready(facts)
    if rate_limited(facts):
        return CouldNotTell(reason="rate-limited", ask="natprobe check again, a minute later")
    if there is None:
        return _unheard(facts, replies)
    refused = [each for each in replies if not each.ready and not not_for_us(each)]
    if there and ready and rooms_answer(facts) is False:
        return [_roomless(facts)]
    if there and (ready or not refused):
        return CLEAR
    first = (refused if there else replies)[0]
    return [
        Found(
            message=_ABSENT if not there else _REFUSES if first.failure else _NEVER_READY,
            args={"host": facts.target.host, "focus": first.focus, "words": _words(first)},
            evidence=ids(replies, facts.of(RoomEntry)),
            fixes=(_START, _PROXY) if first.by == "http" else (_START,),
        )
    ]


def _unheard(facts: Facts, replies: list[ConferenceReply]) -> Judgement:
    """No word of the focus' own, for or against it."""
    lost = [each for each in replies if unusable(each)]
    if lost:
        return [_unusable(facts, lost)]
    reason = "request-redirected" if any(map(redirected, replies)) else "no-answer"
    return CouldNotTell(reason=reason, ask=_ASK)


def _unusable(facts: Facts, lost: list[ConferenceReply]) -> Found:
    first, configs = lost[0], facts.ok(JitsiConfig)
    why = _WHY.get(first.failure or Failure.PROTOCOL) or sentence(str(first.failure))
    page = url_parts(configs[-1].url).netloc if configs else facts.target.host
    moved = _moved(page, facts)
    return Found(
        message=_UNUSABLE,
        args={"url": first.focus, "why": why},
        evidence=ids(lost, configs),
        where=Where.UNKNOWN if first.failure in REJECTED else Where.SERVER_HOST,
        fixes=(_CERTIFICATE, *moved) if first.failure is Failure.TLS_CERTIFICATE else moved,
    )


def _roomless(facts: Facts) -> Found:
    entries, configs = facts.of(RoomEntry), facts.ok(JitsiConfig)
    muc = next((each.muc for each in configs if each.muc), None)
    words = next((each.condition for each in entries if each.condition), None) or sentence("timeout")
    return Found(
        message=_ROOMLESS,
        args={"host": facts.target.host, "muc": f" ({muc})" if muc else "", "words": words},
        evidence=ids(facts.of(ConferenceReply), entries, configs),
        fixes=(_rooms(muc, facts.target.host),),
    )


def _moved(page: str, facts: Facts) -> tuple[Fix, ...]:
    """Where clients ask, on the meeting's own host and port; `page` is those."""
    docker = jitsi.public_url(f"https://{page}")
    package = jitsi.config_line("conferenceRequestUrl", f"https://{page}/conference-request/v1", facts.target.host)
    return jitsi.installed_by(installed(facts), (docker,), (package,))


def _rooms(muc: str | None, host: str) -> Do:
    meant = f" ({muc})" if muc else ""
    return Do(
        text=phrase(
            'See that Prosody has the component that config.js names as hosts.muc{meant}: Component "…"'
            ' "muc" in /etc/prosody/conf.avail/{host}.cfg.lua (docker-jitsi-meet: XMPP_MUC_DOMAIN in'
            " .env), and what its log says ({log})",
            meant=meant,
            host=host,
            log=jitsi.SIGNALLING_LOG,
        ),
        audience="server",
        after=phrase("systemctl restart prosody jicofo, or {recreate}", recreate=jitsi.RECREATE),
    )


def _words(reply: ConferenceReply) -> str:
    return reply.condition or (f"HTTP {reply.status}" if reply.status else str(reply.failure))


_START = Do(
    text=phrase(
        "On the server, see that jicofo runs and that its log has no failed login ({log}); its"
        " password and component must be those that Prosody knows",
        log=jitsi.FOCUS_LOG,
    ),
    audience="server",
    after="systemctl restart prosody jicofo, or docker compose restart prosody jicofo",
)
_PROXY = Do(
    text="In nginx, lead /conference-request/v1 to http://127.0.0.1:8888, where jicofo listens",
    audience="server",
    after="nginx -t && systemctl reload nginx",
)
_CERTIFICATE = Do(
    text="Give what answers at that address a certificate that browsers accept: of its name, not expired, with its"
    " intermediates",
    audience="server",
    after="nginx -t && systemctl reload nginx",
)
