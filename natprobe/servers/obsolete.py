"""Settings that are gone in some version, and settings that do nothing where they stand: one table for all systems.

From the public sources and change logs of each system. np517 and np518 judge by it; a row more is all that it takes.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from natprobe.facts.config import System
from natprobe.servers.coturn import RESTART
from natprobe.servers.jitsi.fixes import DOCKER, RECREATE, RESTART_BRIDGE
from natprobe.wording import phrase

What = Literal["obsolete", "renamed", "without-effect"]


class Row(NamedTuple):
    """`keys` of these systems. `gone`: the first version of `program` (facts.Program.name) that does not know them any
    more; empty: none ever did. `instead`: what to do, as the end of a sentence that begins with the key.

    `what`: obsolete, it was known once; renamed, it still counts where the new name is not set; without-effect, it
    never did anything there (a name misspelt, a wrong place). `after`: what makes the change count.
    `harmless`: what it was to do is done without it too.
    """

    systems: tuple[System, ...]
    keys: tuple[str, ...]
    program: str
    gone: str
    instead: str
    what: What = "obsolete"
    after: str = ""
    harmless: bool = False


_DOCKER: tuple[System, ...] = ("docker", "compose")
_OLD, _HARVEST = "org.jitsi.videobridge.", "org.ice4j.ice.harvest."
_RELAY = phrase("offer clients without UDP a TURN relay over TLS on 443")
_CHANNEL = phrase("the bridge's channel goes over SCTP by itself")


def _docker(keys: str, gone: str, instead: str, what: What = "obsolete") -> Row:
    return Row(_DOCKER, tuple(keys.split()), DOCKER, gone, instead, what, RECREATE)


def _bridge(keys: str, gone: str, instead: str, what: What = "obsolete") -> Row:
    return Row(("jvb",), tuple(keys.split()), "jitsi-meet", gone, instead, what, RESTART_BRIDGE)


ROWS: tuple[Row, ...] = (
    _docker("JVB_TCP_HARVESTER_DISABLED JVB_TCP_PORT JVB_TCP_MAPPED_PORT", "stable-7001", _RELAY),
    _docker("XMPP_CROSS_DOMAIN", "stable-7210", phrase("Prosody compares no origins any more")),
    _docker(
        "DOCKER_HOST_ADDRESS",
        "stable-7830",
        phrase("JVB_ADVERTISE_IPS has taken its place, and takes several addresses"),
        "renamed",
    ),
    _docker(
        "ENABLE_COLIBRI_WEBSOCKET ENABLE_COLIBRI_WEBSOCKET_UNSAFE_REGEX COLIBRI_WEBSOCKET_PORT COLIBRI_WEBSOCKET_REGEX"
        " COLIBRI_WEBSOCKET_JVB_LOOKUP_NAME JVB_WS_DOMAIN JVB_WS_SERVER_ID JVB_WS_TLS",
        "stable-11146",
        _CHANNEL,
    ),
    _docker("ENABLE_SCTP ENABLE_OCTO_SCTP", "stable-11146", phrase("SCTP is always on")),
    Row(
        ("coturn",),
        ("no-loopback-peers",),
        "coturn",
        "4.5.1",
        phrase("loopback is denied by itself, unless allow-loopback-peers is set"),
        after=RESTART,
        harmless=True,  # jitsi-meet-turnserver goes on writing it
    ),
    _docker("TURN_TLL", "", phrase("the name is TURN_TTL: the handbook has it misspelt"), "without-effect"),
    _docker("TURN_CREDENTIAL", "", phrase("the name is TURN_CREDENTIALS, in the plural"), "without-effect"),
    _docker(
        "NAT_HARVESTER_LOCAL_ADDRESS NAT_HARVESTER_PUBLIC_ADDRESS",
        "",
        phrase("JVB_ADVERTISE_IPS makes the mapping"),
        "without-effect",
    ),
    _bridge(
        f"{_OLD}DISABLE_TCP_HARVESTER {_OLD}TCP_HARVESTER_PORT {_OLD}TCP_HARVESTER_MAPPED_PORT"
        f" {_OLD}TCP_HARVESTER_SSLTCP videobridge.ice.tcp.enabled videobridge.ice.tcp.port"
        " videobridge.ice.tcp.mapped-port videobridge.ice.tcp.ssltcp",
        "jitsi-meet_9646",
        phrase("the bridge has no ICE over TCP any more: {relay}", relay=_RELAY),
    ),
    _bridge(
        f"{_OLD}NAT_HARVESTER_LOCAL_ADDRESS {_OLD}NAT_HARVESTER_PUBLIC_ADDRESS",
        "",
        phrase("the names begin with {prefix} since 2016", prefix=_HARVEST),
        "without-effect",
    ),
)


def row(system: System, key: str, what: What) -> Row | None:
    """The row of this setting, if there is one."""
    return next((each for each in ROWS if each.what == what and system in each.systems and key in each.keys), None)
