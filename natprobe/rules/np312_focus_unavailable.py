"""Signalling works, nobody runs conferences

Signing in works, but the focus (jicofo), which begins conferences and sends out the bridge's sessions, is not there, or
does not answer.

How it shows: people open the link and wait before an empty screen; the page says that it connects again and again.

What to do: start jicofo and read its log. Usually it cannot sign in to the signalling server: its password there is
another one, or the name of its component is. Where config.js names a `conferenceRequestUrl`, the web server has to lead
`/conference-request/v1` to jicofo's port 8888.

Sources: jicofo's own source, XEP-0045, RFC 6120 section 8.3.3 (service-unavailable, remote-server-not-found).
"""

from natprobe.derive.conference import conference_ready, focus_available, not_for_us, rate_limited
from natprobe.facts import ConferenceReply, Facts, RoomEntry, ids
from natprobe.model import Do
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.servers.jitsi import fixes as jitsi

READS = (ConferenceReply, RoomEntry)

_ABSENT = "{host} lets people sign in, but its focus ({focus}) is not there to begin a conference ({words})"
_NEVER_READY = "{host} lets people sign in, but its focus ({focus}) is never ready to begin a conference"
_REFUSES = "{host} lets people sign in, but its focus ({focus}) refuses to begin a conference ({words})"
_ASK = f"on the server: {jitsi.FOCUS_LOG}"


def check(facts: Facts) -> Judgement:
    """A focus that does not know us is there: login-required."""
    replies = facts.of(ConferenceReply)
    if not replies:
        return NOT_APPLICABLE
    there, ready = focus_available(facts), conference_ready(facts)
    if rate_limited(facts):
        return CouldNotTell(reason="rate-limited", ask="natprobe check again, a minute later")
    if there is None:
        return CouldNotTell(reason="no-answer", ask=_ASK)
    refused = [each for each in replies if not each.ready and not not_for_us(each)]
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


def _words(reply: ConferenceReply) -> str:
    return reply.condition or (f"HTTP {reply.status}" if reply.status else str(reply.failure))


_START = Do(
    text=f"On the server, see that jicofo runs and that its log has no failed login ({jitsi.FOCUS_LOG}); its password"
    " and component must be those that Prosody knows",
    audience="server",
    after="systemctl restart prosody jicofo, or docker compose restart prosody jicofo",
)
_PROXY = Do(
    text="In nginx, lead /conference-request/v1 to http://127.0.0.1:8888, where jicofo listens",
    audience="server",
    after="nginx -t && systemctl reload nginx",
)
