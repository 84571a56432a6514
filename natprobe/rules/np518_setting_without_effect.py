"""The setting does nothing here

A line stands in the configuration and nothing comes of it: a name that nobody reads, one half of a pair, a variable
that the compose file passes on to no container, a file that its container writes anew at each start, a relay in a place
from where it never serves the bridge. Who wrote it believes that it works.

How it shows: the change changed nothing; or it did, until the next start.

What to do: put the setting where it counts; each finding says where. Of docker-jitsi-meet only .env is edited, and
`docker compose up -d` makes new containers of it; files under CONFIG whose names begin with `custom-` are kept.

Sources: ice4j's HarvestConfig (both addresses or none), docker-jitsi-meet's compose files and templates (jvb.conf is
generated; addresses and no names, issue 1912), lib-jitsi-meet (p2p.stunServers serves two participants only).
"""

from collections.abc import Callable, Iterator

from natprobe.derive.obsolete import told
from natprobe.facts import ConfigFile, Facts, LocalAddress, Program, Setting, ids
from natprobe.model import Failure
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.rules._without_effect import jitsi
from natprobe.rules._without_effect_servers import servers
from natprobe.servers.jitsi.lines import removed
from natprobe.wording import listed

READS = (Setting, ConfigFile, Program, LocalAddress)


def check(facts: Facts) -> Judgement:
    """By the table, and what each system's files say. What nobody could read may say anything."""
    if not facts.of(ConfigFile):
        return NOT_APPLICABLE
    found = [each for source in _SOURCES for each in source(facts)]
    if not found and facts.failed(ConfigFile, Failure.PERMISSION_DENIED):
        return CouldNotTell(reason="files-unread", ask="sudo natprobe inspect")
    return found or CLEAR


def _listed(facts: Facts) -> Iterator[Found]:
    for each in told(facts, "without-effect"):
        first = each.said[0]
        yield Found(
            message="Set in vain: {keys}, which {program} never reads here: {instead}",
            args={
                "keys": listed(said.key for said in each.said),
                "program": each.row.program,
                "instead": each.row.instead,
            },
            evidence=ids(each.said),
            file=first.file,
            line=first.line,
            fixes=tuple(
                removed(each.row.program, said.file, said.line, said.key, each.row.instead, each.row.after)
                for said in each.said
            ),
        )


_SOURCES: tuple[Callable[[Facts], Iterator[Found]], ...] = (_listed, jitsi, servers)
