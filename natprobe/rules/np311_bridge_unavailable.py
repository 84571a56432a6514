"""Signalling works, no bridge is available

Signing in works and the focus runs conferences, but it has no healthy bridge to send two participants' media to, or no
session ever came from it.

How it shows: everybody joins, sees the others' names, and hears and sees nobody; in calls of two all may be well.

What to do: look at the bridge itself. It is not running; or it has not signed in to the signalling server (password,
certificate, domain); or it calls itself unhealthy, and then its log says why: another process holds its port, or it has
private addresses only and no mapping ("No valid IP addresses available for harvesting"), or, before December 2023, its
STUN server did not answer. After an upgrade: health checks became mandatory, and a bridge that was never healthy is no
longer used.

From the client all of these look the same; the bridge's log tells them apart.

A Janus is its own bridge. Where it says that it takes no new sessions, somebody has told it so by its admin API
(`accept_new_sessions`), as before a restart; where it takes an offer and never answers it, its log says why.

Sources: jicofo's and jitsi-videobridge's own sources; field reports: docker-jitsi-meet 823, 1566, jitsi-meet 14287.
"""

from natprobe.derive import janus
from natprobe.derive.conference import bridge_available, session_offered
from natprobe.facts import ConferenceReply, Facts, JanusCall, JanusInfo, RoomEntry, SessionOffer, ids
from natprobe.fixes import JITSI_MEDIA_PORT, media_server
from natprobe.model import Do
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement, alternative
from natprobe.servers.jitsi import fixes as jitsi
from natprobe.servers.jitsi import media
from natprobe.wording import mark, phrase

READS = (ConferenceReply, RoomEntry, SessionOffer, JanusCall, JanusInfo)

_NONE = mark("{host} takes participants in and has no bridge for their media: the focus says that none is available")
_NO_WORD = mark("{host} takes participants in, but no session came from its focus: it and the bridge do not get on")
_HEALTH = mark("on the server: curl -si http://127.0.0.1:8080/about/health (200: healthy), and {log}")


def check(facts: Facts) -> Judgement:
    """The focus's own word, or two participants in the room and no session."""
    if facts.of(JanusCall) or janus.draining(facts):
        return _of_janus(facts)
    if not facts.of(RoomEntry) and not facts.of(SessionOffer):
        return NOT_APPLICABLE
    if bridge_available(facts) or session_offered(facts):
        return CLEAR
    if bridge_available(facts) is None and session_offered(facts) is None:
        return CouldNotTell(reason="no-session-offered", ask=phrase(_HEALTH, log=jitsi.BRIDGE_LOG))
    said = bridge_available(facts) is False
    return [
        Found(
            message=_NONE if said else _NO_WORD,
            args={"host": facts.target.host},
            evidence=ids(facts.of(RoomEntry), facts.of(SessionOffer)),
            alternatives=(
                alternative(
                    "not-listening",
                    phrase(
                        "on the server: ss -ulpn | grep {port}, for a bridge at all",
                        port=JITSI_MEDIA_PORT,
                    ),
                ),
                alternative(
                    "port-held-by-other",
                    phrase(
                        "on the server: ss -ulpn | grep {port}, for another name",
                        port=JITSI_MEDIA_PORT,
                    ),
                ),
                alternative(
                    "private-address-advertised",
                    phrase(
                        "on the server: {log}, for `No valid IP addresses available for harvesting`",
                        log=jitsi.BRIDGE_LOG,
                    ),
                ),
            ),
            fixes=(media.running(), _FOCUS),
        )
    ]


def _of_janus(facts: Facts) -> Judgement:
    """Its own word that it takes nobody, or offers that it refuses or leaves unanswered."""
    if janus.session_answered(facts) is not False or janus.without_candidates(facts):
        return CLEAR
    full, refused = janus.draining(facts), janus.refused_calls(facts)
    words = next((each.detail for each in refused if each.detail), phrase("no answer"))
    return [
        Found(
            message=_DRAINING if full else _UNANSWERED,
            args={"host": facts.target.host, "words": words},
            evidence=ids(facts.of(JanusCall), facts.ok(JanusInfo)),
            fixes=(media_server(facts).running(),),
        )
    ]


_DRAINING = mark("Janus on {host} takes no new sessions: somebody told it so (accept_new_sessions)")
_UNANSWERED = mark("Janus on {host} answers, and lets no call of ours begin: {words}")
_FOCUS = Do(
    text=phrase(
        "See in the focus's log whether the bridge ever signed in ({log}); if not, compare the"
        " bridge's account, password and domain with the signalling server's",
        log=jitsi.FOCUS_LOG,
    ),
    audience="server",
    after="systemctl restart jitsi-videobridge2 jicofo, or docker compose restart jvb jicofo",
)
