"""The setting is gone in this version

A setting that an older version had stands in the configuration, and the version that is installed doesn't know it any
more: it is read over without a word. Guides on the web go on naming such settings for years. Where the version can't be
told, the finding is a note and says from which version on it is true.

How it shows: nothing changes, whatever the setting is set to.

What to do: take the line out, and set what came in its place, if anything did. Of docker-jitsi-meet's TCP harvester, of
the bridge's ICE over TCP and of the colibri WebSocket nothing did: clients without UDP need a TURN relay over TLS on
443, and the bridge's channel goes over SCTP.

Sources: docker-jitsi-meet's own history (docker-compose.yml, env.example), jitsi-videobridge's change of 2024-07-18
(ICE over TCP), the change logs of the other systems.
"""

from natprobe.derive.obsolete import Told, told
from natprobe.facts import ConfigFile, Facts, Program, Setting, ids
from natprobe.model import Fix, Severity
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.servers.jitsi.lines import removed
from natprobe.wording import listed, mark

READS = (Setting, ConfigFile, Program)

_GONE = mark("Set in vain: {keys}, which {program} does not know from {gone} on (this is {version}): {instead}")
_UNSURE = mark("Perhaps set in vain: {keys}, which {program} does not know from {gone} on: {instead}")


def check(facts: Facts) -> Judgement:
    """One finding for what was dropped together."""
    if not facts.of(ConfigFile):
        return NOT_APPLICABLE
    found = [_found(each) for each in told(facts, "obsolete")]
    return [*found, *(_renamed(each) for each in told(facts, "renamed"))] or CLEAR


def _renamed(each: Told) -> Found:
    """It still does what it did."""
    return Found(
        message="Old since {program} {gone}: {keys}; {instead}",
        args=_words(each),
        evidence=ids(each.said),
        severity=Severity.NOTE,
        file=each.said[0].file,
        line=each.said[0].line,
        fixes=_fixes(each),
    )


def _found(each: Told) -> Found:
    first = each.said[0]
    return Found(
        message=_GONE if each.version else _UNSURE,
        args=_words(each) | ({"version": each.version} if each.version else {}),
        evidence=ids(each.said),
        severity=None if each.version and not each.row.harmless else Severity.NOTE,
        file=first.file,
        line=first.line,
        fixes=_fixes(each),
    )


def _words(each: Told) -> dict[str, str]:
    keys = listed(said.key for said in each.said)
    return {"keys": keys, "instead": each.row.instead, "program": each.row.program, "gone": each.row.gone}


def _fixes(each: Told) -> tuple[Fix, ...]:
    return tuple(
        removed(each.row.program, said.file, said.line, said.key, each.row.instead, each.row.after)
        for said in each.said
    )
