"""Only the container's or pod's address is advertised

The media server names the addresses at which it takes media, and all of them are those of the network inside its
container host (Docker's 172.17 to 172.31, Podman's, a cluster's pods). From no other machine is there a way to them.

How it shows: the meeting opens, two people hear each other (their media goes directly between them), and with the third
everybody is mute and dark: in the same office as well as from afar.

What to do: docker-jitsi-meet: set `JVB_ADVERTISE_IPS` in .env to the addresses that clients reach the host at, public
and inner ones, separated by commas (until stable-7830 `DOCKER_HOST_ADDRESS`, for one). Then make the containers anew:
an edit inside a container is lost at its next start. NAT_HARVESTER with the same address on both sides has no effect.
In a cluster, the node's public address, and the bridge's port on the node. Janus: `nat_1_1_mapping` in janus.jcfg, and
the whole of `rtp_port_range` published one to one; or the container in the host's own network.

Sources: docker-jitsi-meet's own sources; field reports: docker-jitsi-meet 492, 606, jitsi-helm 137.
"""

from natprobe.derive.advertised import state
from natprobe.facts import Candidate, Facts, IceCheck, IceEnded, JitsiConfig, Resolved
from natprobe.rules import Judgement
from natprobe.rules._candidates import nothing, only_inner
from natprobe.wording import mark

READS = (Candidate, IceCheck, IceEnded, Resolved, JitsiConfig)

_MESSAGE = mark(
    "The media server offers only its container's own address, {addresses}, which no other machine can reach"
)


def check(facts: Facts) -> Judgement:
    """Beside any other inner address the container's is of no account: private-address-advertised."""
    return [only_inner(facts, _MESSAGE)] if state(facts) == "container" else nothing(facts)
