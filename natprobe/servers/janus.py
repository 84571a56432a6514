"""Janus's settings, as fixes: where each stands in its configuration, and for the versions that know it.

From the samples that come with its sources, 0.9 to 1.4; what the ones used here do was measured with 1.1.2. The names
of the functions about media are those of servers/media.py: a rule gives the fixes of whichever server it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from natprobe.model import Address, Allow, Do, Fix, Forward, Set
from natprobe.wording import listed, phrase

System = Literal["docker", "package"]

NAME = "Janus"
CORE, WEBSOCKETS, HTTP = "janus.jcfg", "janus.transport.websockets.jcfg", "janus.transport.http.jcfg"
RESTART = phrase("systemctl restart janus, or docker restart with the container's name")
LOG: str = phrase("`journalctl -u janus` or `docker logs`")
SETTINGS: str = phrase("nat_1_1_mapping in janus.jcfg")
# In samples since 2020-05 and 2020-03. The WebSocket's address is bound as it is named since 2025-03.
KEEP_PRIVATE_SINCE, IGNORE_MDNS_SINCE = "0.9.5", "0.9.2"
WS_IP_MENDED, WS_IP_MENDED_OLD = "1.3.1", "0.15.1"
EDGE = "the server's firewall and its cloud's security group"
ROUTER = phrase("the router in front of the server")


def setting(
    section: str,
    key: str,
    value: str = "",
    why: str = "",
    *,
    file: str = CORE,
    since: str = "",
    until: str = "",
    remove: bool = False,
) -> Set:
    """One line of a .jcfg file; `value` as it has to stand there."""
    return Set(
        system="Janus",
        file=file,
        section=phrase("section {section}", section=section),
        op="remove" if remove else "set",
        key=key,
        value=value,
        since=since,
        until=until,
        audience="server",
        why=why,
        after=RESTART,
    )


def advertise(
    outside: tuple[Address, ...],
    inside: Address | None,  # Janus maps all of its addresses
    system: System | None,
    port: int | None = None,
    own: int | None = None,
) -> tuple[Fix, ...]:
    """The addresses that Janus has to tell its clients instead of its own. It can name no other port than its own."""
    if port != own:
        return (
            Do(
                text=phrase(
                    "Forward the ports of rtp_port_range (janus.jcfg, section media) one to one: Janus advertises"
                    " the port that it listens on ({own}) and can name no other",
                    own=own,
                ),
                audience="server",
            ),
        )
    why = phrase("every address that it advertises is replaced by it; ice_lite has to stay off with it")
    mapping = setting("nat", "nat_1_1_mapping", f'"{",".join(outside)}"', why)
    return (mapping, HOST_NETWORK) if system == "docker" else (mapping,)


def advertise_inner(outside: Address, inside: Address, system: System | None) -> tuple[Fix, ...]:
    """Both addresses, for clients outside and inside."""
    why = phrase(
        "its own address is then advertised beside the mapped one, and each client takes the one that it reaches"
    )
    return (
        setting("nat", "nat_1_1_mapping", f'"{outside}"'),
        setting("nat", "keep_private_host", "true", why, since=KEEP_PRIVATE_SINCE),
    )


def hide_inner(system: System | None, addresses: Sequence[Address]) -> tuple[Fix, ...]:
    """Advertise none of these: what nat_1_1_mapping keeps beside the mapped address, or other interfaces' addresses."""
    hidden = ",".join(dict.fromkeys(("vmnet", *addresses)))
    return (
        setting(
            "nat",
            "keep_private_host",
            "false",
            phrase("where nat_1_1_mapping is set, and no client is in the server's own network"),
        ),
        setting(
            "nat",
            "ice_ignore_list",
            f'"{hidden}"',
            phrase(
                "where it is not set, and only for interfaces that no client comes in by: Janus binds no socket there"
                " either; beside ice_enforce_list it is not read"
            ),
        ),
    )


def old_address(addresses: str) -> Do:
    """A public address that is advertised and is nobody's any more."""
    return Do(
        text=phrase(
            "See where {addresses} comes from, and take it out of nat_1_1_mapping (janus.jcfg, section"
            " nat) if it is old, or out of ice_enforce_list",
            addresses=addresses,
        ),
        audience="server",
        after=RESTART,
    )


def port_open(address: Address, seen: Sequence[int]) -> Allow:
    """The media ports, in whatever filters before the server. Which range they are from Janus tells nobody."""
    return Allow(
        proto="udp",
        ports=ports(seen),
        direction="in",
        to=address,
        at=EDGE,
        audience="server",
        why="media arrives over UDP on a port of its own for each client; without a range any from 1024 on",
    )


def forwarded(outside: Address, inside: Address, seen: Sequence[int]) -> Forward:
    """Where the server is behind a router."""
    return Forward(
        proto="udp",
        outside=phrase("{outside}, the ports {ports}", outside=outside, ports=ports(seen)[0]),
        inside=phrase("the same ports of {inside}", inside=inside),
        at=ROUTER,
        audience="server",
        why="Janus is in a private network, and media comes to the router's address",
    )


def ports(seen: Sequence[int]) -> tuple[str, ...]:
    """Media's ports as a firewall's administrator has to be told them: those that were seen are two of a range."""
    return (
        phrase(
            "of rtp_port_range in {file} (such as {ports})",
            file=CORE,
            ports=listed(map(str, seen)),
        ),
    )


def published(port: int) -> str:
    """How to see whether its container's ports are."""
    return phrase(
        "docker port with the container's name: is {port}, as the rest of rtp_port_range, published as it is?",
        port=port,
    )


def port_range() -> Set:
    """A range that firewalls can be told."""
    why = phrase("then open and forward exactly this range; plugins that take RTP besides have a range of their own")
    return setting("media", "rtp_port_range", '"20000-40000"', why)


def interfaces() -> tuple[Fix, ...]:
    """A list of interfaces that leaves none."""
    why = phrase(
        "a name as `ip address show` tells it, or the beginning of an address; an entry that is there has to match"
    )
    without = Do(
        text="Or leave ice_enforce_list out, and see that ice_ignore_list does not cover every interface (both in"
        " janus.jcfg, section nat)",
        audience="server",
        after=RESTART,
    )
    return (setting("nat", "ice_enforce_list", '"THE-INTERFACE"', why), without)


def running() -> Do:
    """A Janus that is there and does not answer says why in its log."""
    return Do(
        text=phrase(
            "On the server, see that Janus runs and what its log says ({log}), and ask it: curl -s"
            " http://127.0.0.1:8088/janus/info",
            log=LOG,
        ),
        audience="server",
        after=RESTART,
    )


def restarted() -> Do:
    """Where no address is set."""
    return Do(
        text="Where nat_1_1_mapping is not set, see which address Janus finds for itself: local-ip of /janus/info, and"
        " stun_server in janus.jcfg, which it asks at its start only",
        audience="server",
        after=RESTART,
    )


HOST_NETWORK = Do(
    text="Or run the container with --network host, so that Janus has the host's own addresses and ports",
    audience="server",
    why="published ports need the whole of rtp_port_range, one to one",
)

# --- signalling


def websocket_everywhere(key: str, version: str | None) -> tuple[Fix, ...]:
    """The WebSocket is bound to another address than `key` (ws_ip, wss_ip) says. A newer Janus has no such fault."""
    everywhere = setting(
        "general",
        key,
        why=phrase("without it, and without the key that ends in _interface, it listens on every address of the host"),
        file=WEBSOCKETS,
        remove=True,
    )
    update = Do(
        text=phrase(
            "Update Janus to {version} (of the old line: {old}) or newer, which binds"
            " the very address that {key} names; see it with: ss -ltnp",
            version=WS_IP_MENDED,
            old=WS_IP_MENDED_OLD,
            key=key,
        ),
        audience="server",
        why="before, it hands libwebsockets the name of the interface, and gets that interface's first address",
    )
    return (everywhere,) if _mended(version) else (update, everywhere)


def _mended(version: str | None) -> bool:
    """Whether this version, as `info` tells it, binds the address that it was told."""
    found = _number(version or "")
    return found >= _number(WS_IP_MENDED if found >= (1,) else WS_IP_MENDED_OLD)


def _number(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    return tuple(int(each) for each in parts) if all(each.isdecimal() and len(each) < 6 for each in parts) else ()


def websocket_on(port: int) -> Do:
    """Its transport is loaded, and nobody answers."""
    return Do(
        text=phrase(
            "On the server, see where Janus's WebSocket listens (ss -ltnp | grep janus), and compare with"
            " ws, ws_port, wss, wss_port and the keys ending in _ip and _interface of {file}:"
            " nothing was found on port {port}",
            file=WEBSOCKETS,
            port=port,
        ),
        audience="server",
        why="Janus's log says that its WebSocket server started even where no socket could be bound",
        after=RESTART,
    )


def http_on(port: int) -> Do:
    """As `websocket_on`, of its HTTP."""
    return Do(
        text=phrase(
            "On the server, see where Janus's HTTP listens (ss -ltnp | grep janus), and compare with"
            " http, port, https, secure_port, ip and secure_ip of {file}: nothing was found on port"
            " {port}",
            file=HTTP,
            port=port,
        ),
        audience="server",
        after=RESTART,
    )


_UPGRADE = (
    'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
    " proxy_set_header Host $host; proxy_read_timeout 900s;"
)


def location(path: str, websocket: bool) -> Set:
    """The nginx lines that lead a path on to Janus's API."""
    behind = "http://127.0.0.1:8188" if websocket else "http://127.0.0.1:8088"
    return Set(
        system="nginx",
        file=phrase("the server block of the page's host"),
        op="add",
        key=f"location {path}",
        value=f"{{ proxy_pass {behind}; {_UPGRADE if websocket else 'proxy_set_header Host $host;'} }}",
        audience="server",
        why="without these headers, and HTTP/1.1, the proxy swallows the upgrade (RFC 6455 section 4.1)"
        if websocket
        else "Janus takes the API at base_path (/janus) of its HTTP port",
        after="nginx -t && systemctl reload nginx",
    )


SUBPROTOCOL = Do(
    text="Have the proxy pass the header Sec-WebSocket-Protocol on, both ways: Janus speaks `janus-protocol` only",
    audience="server",
    why="browsers close a WebSocket whose answer does not name the sub-protocol that they asked for (RFC 6455, 4.1)",
)
