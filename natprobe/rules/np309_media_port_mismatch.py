"""Another port answers than the one advertised

The media server advertises a port that does not answer, and a check to another port of the same address is answered by
this very media server.

How it shows: the meeting opens, two people hear each other (their media goes directly between them), and with the third
everybody is mute and dark.

What to do: the port outside and the one that the bridge tells have to be the same. Forward the advertised port to it;
or have it advertise the one that is open: docker-jitsi-meet from stable-10532 on `JVB_ADVERTISE_IPS=ADDRESS#PORT`,
packages a static mapping with ports. Changing only what Docker publishes (`12000:10000/udp`) leaves the bridge telling
10000; `JVB_PORT` changes both. A Janus can name no other port than the one that it listens on: forward the ports of
`rtp_port_range` one to one.

Sources: docker-jitsi-meet's and ice4j's own sources (single-port harvester, static mappings with ports).
"""

from natprobe.derive.advertised import failed, forced, inner_address, installed, offered, state
from natprobe.facts import Candidate, ConfigFile, Facts, IceCheck, JitsiConfig, Resolved, Setting, ids
from natprobe.fixes import media_server
from natprobe.model import Fix, split
from natprobe.rules import CLEAR, Found, Judgement
from natprobe.rules._candidates import checks_to, nothing, places
from natprobe.rules._published import remapped
from natprobe.wording import mark

READS = (Candidate, IceCheck, Resolved, JitsiConfig, Setting, ConfigFile)

_MESSAGE = mark("The media server advertises {advertised}, which does not answer, and answers at {right}: another port")


def check(facts: Facts) -> Judgement:
    """Proven by a verified check to the other port; that some port is open says nothing. On the server, what
    docker-compose.yml publishes.
    """
    if facts.of(ConfigFile):
        return list(remapped(facts)) or CLEAR
    return [_found(facts)] if state(facts) == "other-port" else nothing(facts)


def _found(facts: Facts) -> Found:
    told = failed(facts)
    addresses = {split(each)[0] for each in told}
    proven = [each for each in forced(facts) if split(each.endpoint)[0] in addresses]
    return Found(
        message=_MESSAGE,
        args={"advertised": places(told), "right": places(each.endpoint for each in proven)},
        evidence=ids(checks_to(facts, told), proven),
        fixes=_fixes(facts, told[0], proven[0].endpoint),
    )


def _fixes(facts: Facts, wrong: str, right: str) -> tuple[Fix, ...]:
    """Have it tell the port that is open; its own is that of its host candidates."""
    address, port = split(right)
    hosts = [split(each.endpoint)[1] for each in offered(facts) if each.type == "host"]
    own = next(iter(hosts), split(wrong)[1])
    return media_server(facts).advertise((address,), inner_address(facts), installed(facts), port=port, own=own)
