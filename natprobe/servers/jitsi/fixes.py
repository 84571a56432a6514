"""Jitsi's settings, as fixes: by what it is installed with, and for the versions that know them.

From docker-jitsi-meet's, the bridge's and the handbook's public sources. What newer versions no longer know is only
given with the version that ended it, and never as the only advice: no ICE over TCP, no published private API.
"""

from __future__ import annotations

from typing import Literal

from natprobe.model import Address, Allow, Do, Fix, Forward, Set, join

System = Literal["docker", "package"]

DOCKER, ENV = "docker-jitsi-meet", ".env"
RECREATE = "docker compose up -d (a plain restart keeps the old values)"
BRIDGE_FILE, OLD_BRIDGE_FILE = "/etc/jitsi/videobridge/jvb.conf", "/etc/jitsi/videobridge/sip-communicator.properties"
RESTART_BRIDGE = "systemctl restart jitsi-videobridge2"
# stable-7830 renamed it, stable-10532 taught it ports (docker-jitsi-meet, 2022-09-26 and 2025-09-23).
ADVERTISE_IPS_SINCE, ADVERTISE_PORT_SINCE = "stable-7830", "stable-10532"
# The packages write jvb.conf alone from here on (jitsi-videobridge, 2025-03-06); the older file is still read.
BRIDGE_FILE_ONLY = "jitsi-meet_10133"
# Its Prosody is 0.12 from here on, which compares no origins (docker-jitsi-meet, 2022-05).
ORIGINS_UNTIL = "stable-7210"
COLIBRI_WEBSOCKET_UNTIL = "stable-11146"
TURN_SINCE, TURN_TRANSPORT_SINCE = "stable-6173", "stable-8138"
NO_DEFAULT_COLIBRI = "jitsi-meet_11031"

# How to look at what the services say, whatever they are installed with.
BRIDGE_LOG = "`journalctl -u jitsi-videobridge2` or `docker compose logs jvb`"
FOCUS_LOG = "`journalctl -u jicofo` or `docker compose logs jicofo`"
SIGNALLING_LOG = "`journalctl -u prosody` or `docker compose logs prosody`"
EDGE = "the server's firewall and its cloud's security group"
ROUTER = "the router in front of the server"


def installed_by(system: System | None, docker: tuple[Fix, ...], package: tuple[Fix, ...]) -> tuple[Fix, ...]:
    """Those of the way that it was installed; where that is not known, both."""
    return {"docker": docker, "package": package}.get(system or "", (*docker, *package))


def env(key: str, value: str = "", why: str = "", *, since: str = "", until: str = "", remove: bool = False) -> Set:
    """One line of docker-jitsi-meet's .env."""
    return Set(
        system=DOCKER,
        file=ENV,
        op="remove" if remove else "set",
        key=key,
        value=value,
        since=since,
        until=until,
        audience="server",
        why=why,
        after=RECREATE,
    )


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
    why = "addresses, separated by commas, and no host names: what clients are told to send media to"
    if port is not None:
        value = ",".join(f"{each}#{port}" for each in outside)
        return (env("JVB_ADVERTISE_IPS", value, why, since=ADVERTISE_PORT_SINCE),)
    new = env("JVB_ADVERTISE_IPS", ",".join(outside), why, since=ADVERTISE_IPS_SINCE)
    old = env("DOCKER_HOST_ADDRESS", outside[0], "its name until then, for one address", until=ADVERTISE_IPS_SINCE)
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
    why = "each client takes the one that it reaches"
    docker = env("JVB_ADVERTISE_IPS", f"{outside},{inside}", why, since=ADVERTISE_IPS_SINCE)
    package = Set(
        system="jitsi-videobridge2",
        file=BRIDGE_FILE,
        key="videobridge.ice.advertise-private-candidates",
        value="true",
        audience="server",
        why=why,
        after=RESTART_BRIDGE,
    )
    return installed_by(system, (docker,), (package,))


def hide_inner(system: System | None) -> tuple[Fix, ...]:
    """Advertise no address of a private or container's network."""
    why = "only where no client is in the server's own network"
    docker = env("JVB_ADVERTISE_PRIVATE_CANDIDATES", "false", why, since="stable-7648-4")
    package = Set(
        system="jitsi-videobridge2",
        file=BRIDGE_FILE,
        key="videobridge.ice.advertise-private-candidates",
        value="false",
        audience="server",
        why=why,
        after=RESTART_BRIDGE,
    )
    return installed_by(system, (docker,), (package,))


def port_open(address: Address, port: int) -> Allow:
    """The media port, in whatever filters before the server."""
    return Allow(
        proto="udp",
        ports=(str(port),),
        direction="in",
        to=address,
        at=EDGE,
        audience="server",
        why="media arrives over UDP on this port; of Docker's published ports ufw filters none",
    )


def forwarded(outside: Address, inside: Address, port: int) -> Forward:
    """Where the server is behind a router."""
    return Forward(
        proto="udp",
        outside=join(outside, port),
        inside=join(inside, port),
        at=ROUTER,
        audience="server",
        why="the bridge is in a private network, and media comes to the router's address",
    )


def restart_bridge() -> Do:
    """A bridge that is there and not used says why in its log."""
    return Do(
        text=f"On the server, see that the bridge runs and what its log says ({BRIDGE_LOG}), and ask it for its health:"
        " curl -si http://127.0.0.1:8080/about/health",
        audience="server",
        why="a bridge that is not healthy gets no conferences: 200 is healthy, 500 names the reason",
        after=f"{RESTART_BRIDGE}, or docker compose restart jvb",
    )


# --- signalling

_UPGRADE = (
    'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
    " proxy_set_header Host {host}; proxy_read_timeout 900s;"
)

_UPGRADE_WHY = "without these headers, and HTTP/1.1, the proxy swallows the upgrade (RFC 6455 section 4.1)"
_BOSH_WHY = "Prosody takes BOSH at this path, and under a host name that it knows"


def location(path: str, host: str, system: System | None) -> Set:
    """The nginx lines that lead a path of signalling on; `path` is one of the three below."""
    docker = system == "docker"
    match, upstream = _LOCATIONS[path]
    behind = "https://127.0.0.1:8443" if docker else upstream
    words = "" if path == "/http-bind" else _UPGRADE.format(host="$host")
    value = f"{{ proxy_pass {behind}{'' if docker else _TARGETS[path]}; {words or 'proxy_set_header Host $host;'} }}"
    return Set(
        system="nginx",
        file="the outer proxy's nginx server block" if docker else f"/etc/nginx/sites-available/{host}.conf",
        section="" if docker else "server block of port 443",
        op="add",
        key=f"location {match}",
        value=value,
        audience="server",
        why=_BOSH_WHY if path == "/http-bind" else _UPGRADE_WHY,
        after="nginx -t && systemctl reload nginx",
    )


_LOCATIONS = {
    "/xmpp-websocket": ("= /xmpp-websocket", "http://127.0.0.1:5280"),
    "/http-bind": ("= /http-bind", "http://127.0.0.1:5280"),
    "/colibri-ws": ("~ ^/colibri-ws/default-id/(.*)", "http://127.0.0.1:9090"),
}
_TARGETS = {
    "/xmpp-websocket": "/xmpp-websocket",
    "/http-bind": "/http-bind",
    "/colibri-ws": "/colibri-ws/default-id/$1$is_args$args",
}


def signalling_socket(host: str, system: System | None) -> tuple[Fix, ...]:
    """The way to signalling's WebSocket, in nginx and in what makes config.js."""
    switch = env("ENABLE_XMPP_WEBSOCKET", "1", "0 leaves BOSH alone, which works and is slower", since="stable-5142-1")
    lines = location("/xmpp-websocket", host, system)
    return (lines, switch) if system == "docker" else (lines,)


def public_url(url: str, until: str = "") -> Set:
    """What users type: docker-jitsi-meet makes the addresses of config.js from it."""
    why = "exactly as users open it, with https:// and the port where that is not 443"
    return env("PUBLIC_URL", url, why, until=until)


def config_line(key: str, value: str, host: str) -> Set:
    """One of config.js, as the packages lay it down; it is served as it stands."""
    return Set(
        system="jitsi-meet",
        file=f"/etc/jitsi/meet/{host}-config.js",
        key=key,
        value=f"'{value}'",
        audience="server",
        why="an address that every client reaches, of the page's own host and port",
        after="reload the page; nothing needs a restart",
    )


def signalling_up() -> Do:
    """Behind the proxy."""
    return Do(
        text=f"On the server, see that Prosody runs and what its log says ({SIGNALLING_LOG}); it listens for HTTP on"
        " port 5280: ss -ltnp | grep 5280",
        audience="server",
        after="systemctl restart prosody, or docker compose restart prosody",
    )


def domain(named: str, host: str) -> Do:
    """The XMPP domain is the same in three places."""
    return Do(
        text=f"See which domain Prosody has (VirtualHost in /etc/prosody/conf.avail/{host}.cfg.lua; docker-jitsi-meet:"
        f" XMPP_DOMAIN in .env), and have config.js name that one instead of {named} (hosts.domain)",
        audience="server",
        after=f"systemctl restart prosody, or {RECREATE}",
    )


def origin_allowed(origin: str, host: str) -> Set:
    """Prosody's own list of pages that may open its WebSocket."""
    return Set(
        system="Prosody",
        file=f"/etc/prosody/conf.avail/{host}.cfg.lua",
        op="set",
        key="cross_domain_websocket",
        value=f'{{ "{origin}" }}',
        until="0.12",
        audience="server",
        why="true allows every page; the list is safer. docker-jitsi-meet makes it from PUBLIC_URL",
        after="systemctl restart prosody",
    )


def without_channel(system: System | None) -> tuple[Fix, ...]:
    """The bridge's own WebSocket is not needed any more: clients talk to it over SCTP."""
    docker = env(
        "ENABLE_COLIBRI_WEBSOCKET",
        "0",
        "clients have taken SCTP for it since June 2024; later versions have no such switch and no such WebSocket",
        until=COLIBRI_WEBSOCKET_UNTIL,
    )
    package = Set(
        system="jitsi-videobridge2",
        file=BRIDGE_FILE,
        key="videobridge.websockets.enabled",
        value="false",
        until=NO_DEFAULT_COLIBRI,
        audience="server",
        why="clients have taken SCTP for it since June 2024; later packages have it off by themselves",
        after=RESTART_BRIDGE,
    )
    return installed_by(system, (docker,), (package,))


# --- relays

_SECRET = "the very secret that coturn has as static-auth-secret"
RELAY_FIRST = Do(
    text="Run coturn with TLS on TCP port 443, on an address of its own or behind a multiplexer that chooses by SNI",
    audience="server",
    why="docker-jitsi-meet brings no relay; a network that lets only the web out lets 443 out",
)


def relays(host: str, system: System | None) -> tuple[Fix, ...]:
    """A relay over TLS on 443, as clients use it for the bridge: only over TCP, and with the transport named."""
    docker = (
        env("TURNS_HOST", f"turn.{host}", since=TURN_SINCE),
        env("TURNS_PORT", "443", since=TURN_SINCE),
        env("TURN_CREDENTIALS", _SECRET, "in the plural: TURN_CREDENTIAL does nothing", since=TURN_SINCE),
    )
    package = (external_services(host), secret(host))
    return installed_by(system, docker, package)


def relay_transport() -> Set:
    """docker-jitsi-meet's plain relay."""
    return env("TURN_TRANSPORT", "tcp", "for the bridge clients use relays over TCP only", since=TURN_TRANSPORT_SINCE)


def external_services(host: str) -> Set:
    """Prosody's list of what it hands out (XEP-0215)."""
    entry = f'type = "turns", host = "turn.{host}", port = 443, transport = "tcp", secret = true, ttl = 86400'
    return Set(
        system="Prosody",
        file=f"/etc/prosody/conf.avail/{host}.cfg.lua",
        key="external_services",
        value=f'{{ {{ {entry}, algorithm = "turn" }} }}',
        audience="server",
        why="a turns entry without transport is dropped by the client; `secret = true` makes the credentials",
        after="systemctl restart prosody",
    )


def secret(host: str) -> Set:
    """What the credentials are made from."""
    return Set(
        system="Prosody",
        file=f"/etc/prosody/conf.avail/{host}.cfg.lua",
        key="external_service_secret",
        value=_SECRET,
        audience="server",
        why="mod_external_services has to be among modules_enabled",
        after="systemctl restart prosody",
    )


def credentials(host: str, system: System | None) -> tuple[Fix, ...]:
    """User names and passwords for the relays that are already handed out."""
    docker = env("TURN_CREDENTIALS", _SECRET, "in the plural: TURN_CREDENTIAL does nothing", since=TURN_SINCE)
    return installed_by(system, (docker,), (secret(host),))


PRIVATE_API = (
    Do(
        text="On the server, publish the bridge's HTTP interface on loopback only: in docker-compose.yml, under jvb,"
        " 127.0.0.1:8080:8080",
        audience="server",
        why="media and meetings never need it from outside; whoever reaches it can read and stop conferences",
        after=RECREATE,
    ),
    Set(
        system="jitsi-videobridge2",
        file=BRIDGE_FILE,
        key="videobridge.http-servers.private.host",
        value="127.0.0.1",
        audience="server",
        after=RESTART_BRIDGE,
    ),
)
