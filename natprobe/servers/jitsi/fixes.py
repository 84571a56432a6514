"""Jitsi's settings, as fixes: by what it is installed with, and for the versions that know them.

From docker-jitsi-meet's, the bridge's and the handbook's public sources. What newer versions no longer know is only
given with the version that ended it, and never as the only advice: no ICE over TCP, no published private API.
"""

from __future__ import annotations

from typing import Literal

from natprobe.model import Do, Fix, Set
from natprobe.wording import phrase

System = Literal["docker", "package"]

DOCKER, ENV = "docker-jitsi-meet", ".env"
RECREATE = phrase("docker compose up -d (a plain restart keeps the old values)")
BRIDGE_FILE = "/etc/jitsi/videobridge/jvb.conf"
RESTART_BRIDGE = phrase("systemctl restart jitsi-videobridge2")
# Its Prosody is 0.12 from here on, which compares no origins (docker-jitsi-meet, 2022-05).
ORIGINS_UNTIL = "stable-7210"
COLIBRI_WEBSOCKET_UNTIL = "stable-11146"
TURN_SINCE, TURN_TRANSPORT_SINCE = "stable-6173", "stable-8138"
NO_DEFAULT_COLIBRI = "jitsi-meet_11031"

# How to look at what the services say, whatever they are installed with.
BRIDGE_LOG = phrase("`journalctl -u jitsi-videobridge2` or `docker compose logs jvb`")
FOCUS_LOG = phrase("`journalctl -u jicofo` or `docker compose logs jicofo`")
SIGNALLING_LOG = phrase("`journalctl -u prosody` or `docker compose logs prosody`")


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


# --- signalling

_UPGRADE = (
    'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
    " proxy_set_header Host {host}; proxy_read_timeout 900s;"
)

_UPGRADE_WHY = "without these headers, and HTTP/1.1, the proxy swallows the upgrade (RFC 6455 section 4.1)"
_BOSH_WHY = phrase("Prosody takes BOSH at this path, and under a host name that it knows")


def location(path: str, host: str, system: System | None) -> Set:
    """The nginx lines that lead a path of signalling on; `path` is one of the three below."""
    docker = system == "docker"
    match, upstream = _LOCATIONS[path]
    behind = "https://127.0.0.1:8443" if docker else upstream
    words = "" if path == "/http-bind" else _UPGRADE.format(host="$host")
    value = f"{{ proxy_pass {behind}{'' if docker else _TARGETS[path]}; {words or 'proxy_set_header Host $host;'} }}"
    return Set(
        system="nginx",
        file=_site(host, system),
        section="" if docker else phrase("server block of port 443"),
        op="add",
        key=f"location {match}",
        value=value,
        audience="server",
        why=_BOSH_WHY if path == "/http-bind" else _UPGRADE_WHY,
        after=_RELOAD_SITE,
    )


def quiet_allowed(path: str, host: str, system: System | None) -> Set:
    """How long nginx leaves a path of signalling be on which nothing is said."""
    return Set(
        system="nginx",
        file=_site(host, system),
        section=f"location {_LOCATIONS[path][0]}",
        key="proxy_read_timeout",
        value="900s",
        audience="server",
        why="a minute unless told, which is enough for clients that ping every ten seconds",
        after=_RELOAD_SITE,
    )


def _site(host: str, system: System | None) -> str:
    return (
        phrase("the outer proxy's nginx server block")
        if system == "docker"
        else f"/etc/nginx/sites-available/{host}.conf"
    )


_RELOAD_SITE = "nginx -t && systemctl reload nginx"
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
    switch = env(
        "ENABLE_XMPP_WEBSOCKET", "1", phrase("0 leaves BOSH alone, which works and is slower"), since="stable-5142-1"
    )
    lines = location("/xmpp-websocket", host, system)
    return (lines, switch) if system == "docker" else (lines,)


def public_url(url: str, until: str = "") -> Set:
    """What users type: docker-jitsi-meet makes the addresses of config.js from it."""
    why = phrase("exactly as users open it, with https:// and the port where that is not 443")
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
        text=phrase(
            "On the server, see that Prosody runs and what its log says ({log}); it listens"
            " for HTTP on port 5280: ss -ltnp | grep 5280",
            log=SIGNALLING_LOG,
        ),
        audience="server",
        after="systemctl restart prosody, or docker compose restart prosody",
    )


def domain(named: str, host: str) -> Do:
    """The XMPP domain is the same in three places."""
    return Do(
        text=phrase(
            "See which domain Prosody has (VirtualHost in /etc/prosody/conf.avail/{host}.cfg.lua;"
            " docker-jitsi-meet: XMPP_DOMAIN in .env), and have config.js name that one instead of"
            " {named} (hosts.domain)",
            host=host,
            named=named,
        ),
        audience="server",
        after=phrase("systemctl restart prosody, or {recreate}", recreate=RECREATE),
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
        phrase(
            "clients have taken SCTP for it since June 2024; later versions have no such switch and no such WebSocket"
        ),
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

_SECRET = phrase("the very secret that coturn has as static-auth-secret")
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
        env("TURN_CREDENTIALS", _SECRET, phrase("in the plural: TURN_CREDENTIAL does nothing"), since=TURN_SINCE),
    )
    package = (external_services(host), secret(host))
    return installed_by(system, docker, package)


def relay_transport() -> Set:
    """docker-jitsi-meet's plain relay."""
    return env(
        "TURN_TRANSPORT", "tcp", phrase("for the bridge clients use relays over TCP only"), since=TURN_TRANSPORT_SINCE
    )


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
    docker = env("TURN_CREDENTIALS", _SECRET, phrase("in the plural: TURN_CREDENTIAL does nothing"), since=TURN_SINCE)
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
