"""Jitsi's settings about media, as fixes: what the bridge advertises, its port, the bridge itself.

The names of the functions are those of servers/media.py: a rule about media gives the fixes of whichever server it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from natprobe.model import Address, Allow, Do, Fix, Forward, Set, join
from natprobe.servers.jitsi.fixes import BRIDGE_FILE, BRIDGE_LOG, RECREATE, RESTART_BRIDGE, System, env, installed_by
from natprobe.wording import phrase

NAME: str = phrase("the bridge")
LOG: str = BRIDGE_LOG
SETTINGS: str = phrase("its .env or jvb.conf")
OLD_BRIDGE_FILE = "/etc/jitsi/videobridge/sip-communicator.properties"
# stable-7830 renamed it, stable-10532 taught it ports (docker-jitsi-meet, 2022-09-26 and 2025-09-23).
ADVERTISE_IPS_SINCE, ADVERTISE_PORT_SINCE = "stable-7830", "stable-10532"
# The packages write jvb.conf alone from here on (jitsi-videobridge, 2025-03-06); the older file is still read.
BRIDGE_FILE_ONLY = "jitsi-meet_10133"
EDGE = "the server's firewall and its cloud's security group"
ROUTER = phrase("the router in front of the server")


def advertise(
    outside: tuple[Address, ...],
    inside: Address | None,
    system: System | None,
    port: int | None = None,
    own: int | None = None,
) -> tuple[Fix, ...]:
    """The addresses that the bridge has to tell its clients; `port` where the outside one is another than its `own`."""
    differing = None if port == own else port
    docker, package = _env_addresses(outside, differing), _mappings(outside, inside, differing, own or port)
    return installed_by(system, docker, package)


def _env_addresses(outside: tuple[Address, ...], port: int | None) -> tuple[Fix, ...]:
    why = phrase("addresses, separated by commas, and no host names: what clients are told to send media to")
    if port is not None:
        value = ",".join(f"{each}#{port}" for each in outside)
        return (env("JVB_ADVERTISE_IPS", value, why, since=ADVERTISE_PORT_SINCE),)
    new = env("JVB_ADVERTISE_IPS", ",".join(outside), why, since=ADVERTISE_IPS_SINCE)
    old = env(
        "DOCKER_HOST_ADDRESS", outside[0], phrase("its name until then, for one address"), until=ADVERTISE_IPS_SINCE
    )
    return (new, old) if len(outside) == 1 else (new,)


def _mappings(
    outside: tuple[Address, ...], inside: Address | None, port: int | None, own: int | None
) -> tuple[Fix, ...]:
    """The local address has to be one that the bridge is bound to: any other mapping is dropped without a word."""
    local = inside or "THE-BRIDGE'S-OWN-ADDRESS"
    ports = f", local-port = {own}, public-port = {port}" if port is not None else ""
    entries = ", ".join(f'{{ local-address = "{local}", public-address = "{e}"{ports} }}' for e in _not(outside, local))
    mapping = Set(
        system="jitsi-videobridge2",
        file=BRIDGE_FILE,
        key="ice4j.harvest.mapping.static-mappings",
        value=f"[ {entries} ]",
        audience="server",
        why="local-address is the one that `ip address show` tells on the bridge's host; any other has no effect",
        after=RESTART_BRIDGE,
    )
    return (mapping, *([] if port is not None else _old_mapping(_not(outside, local)[0], local)))


def _not(outside: tuple[Address, ...], local: str) -> tuple[Address, ...]:
    """Mapping an address to itself does nothing; its own the bridge advertises anyway."""
    return tuple(each for each in outside if each != local) or outside


def _old_mapping(outside: Address, local: str) -> list[Fix]:
    keys = {"NAT_HARVESTER_LOCAL_ADDRESS": local, "NAT_HARVESTER_PUBLIC_ADDRESS": outside}
    return [
        Set(
            system="jitsi-videobridge2",
            file=OLD_BRIDGE_FILE,
            key=f"org.ice4j.ice.harvest.{key}",
            value=value,
            until=BRIDGE_FILE_ONLY,
            audience="server",
            why="older installations have this file instead; both lines are needed",
            after=RESTART_BRIDGE,
        )
        for key, value in keys.items()
    ]


def advertise_inner(outside: Address, inside: Address, system: System | None) -> tuple[Fix, ...]:
    """Both addresses, for clients outside and inside. Without containers the bridge's own is advertised by itself."""
    why = phrase("each client takes the one that it reaches")
    docker = env("JVB_ADVERTISE_IPS", f"{outside},{inside}", why, since=ADVERTISE_IPS_SINCE)
    return installed_by(system, (docker,), (_private_candidates("true", why),))


def hide_inner(system: System | None, addresses: Sequence[Address]) -> tuple[Fix, ...]:  # it hides all or none
    """Advertise no address of a private or container's network."""
    why = phrase("only where no client is in the server's own network")
    docker = env("JVB_ADVERTISE_PRIVATE_CANDIDATES", "false", why, since="stable-7648-4")
    return installed_by(system, (docker,), (_private_candidates("false", why),))


def _private_candidates(value: str, why: str) -> Set:
    return Set(
        system="jitsi-videobridge2",
        file=BRIDGE_FILE,
        key="videobridge.ice.advertise-private-candidates",
        value=value,
        audience="server",
        why=why,
        after=RESTART_BRIDGE,
    )


def old_address(addresses: str) -> Do:
    """A public address that is advertised and is nobody's any more."""
    return Do(
        text=phrase(
            "See where {addresses} comes from, and take it out of JVB_ADVERTISE_IPS or jvb.conf if it is old",
            addresses=addresses,
        ),
        audience="server",
        after=phrase("{restart}, or {recreate}", restart=RESTART_BRIDGE, recreate=RECREATE),
    )


def ports(seen: Sequence[int]) -> tuple[str, ...]:
    """The bridge's one port."""
    return tuple(map(str, seen))


def port_open(address: Address, seen: Sequence[int]) -> Allow:
    """The media port, in whatever filters before the server."""
    return Allow(
        proto="udp",
        ports=ports(seen),
        direction="in",
        to=address,
        at=EDGE,
        audience="server",
        why="media arrives over UDP on this port; of Docker's published ports ufw filters none",
    )


def forwarded(outside: Address, inside: Address, seen: Sequence[int]) -> Forward:
    """Where the server is behind a router. A bridge has one port for all."""
    return Forward(
        proto="udp",
        outside=join(outside, seen[0]),
        inside=join(inside, seen[0]),
        at=ROUTER,
        audience="server",
        why="the bridge is in a private network, and media comes to the router's address",
    )


def published(port: int) -> str:
    """How to see whether its container's port is."""
    return f"docker compose port --protocol udp jvb {port}"


def running() -> Do:
    """A bridge that is there and not used says why in its log."""
    return Do(
        text=phrase(
            "On the server, see that the bridge runs and what its log says ({log}), and ask it for"
            " its health: curl -si http://127.0.0.1:8080/about/health",
            log=BRIDGE_LOG,
        ),
        audience="server",
        why="a bridge that is not healthy gets no conferences: 200 is healthy, 500 names the reason",
        after=phrase("{restart}, or docker compose restart jvb", restart=RESTART_BRIDGE),
    )


def restarted() -> Do:
    """Where the public address is asked for and not set."""
    return Do(
        text="Where no address is set, restart the bridge: it asks for its public address at its start only",
        audience="server",
        after=phrase("{restart}, or docker compose restart jvb", restart=RESTART_BRIDGE),
    )
