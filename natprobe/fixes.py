"""Fixes that several rules give, as data."""

from __future__ import annotations

from natprobe.derive import target_addresses
from natprobe.derive.advertised import within_reach
from natprobe.derive.handed_out import handed_out, port_of
from natprobe.derive.proxies import relay_port
from natprobe.facts import Allocation, Facts, Run, server_kind
from natprobe.model import Allow, Do, Fix, split
from natprobe.servers import media
from natprobe.servers.media import MediaServer
from natprobe.wording import phrase

# The bridge's single port (jvb.conf: ice.udp.port), Jitsi's default; a Janus takes any of its configured range.
JITSI_MEDIA_PORT = 10000
_WEB = 443
# What `Run.stun` says where no server was named.
CONTROL_SERVERS = "public control servers"


def media_server(facts: Facts) -> MediaServer:
    """The fixes for what this server is."""
    return media.media_server(server_kind(facts))


def media_port(facts: Facts) -> str | None:
    """The UDP port that media needs: the session's, where it has one for all, else what is known without one."""
    kind = server_kind(facts)
    if kind in ("natprobe", "stun", "turn"):
        return str(facts.target.port)
    if kind == "janus":
        return None
    told = {split(each.endpoint)[1] for each in within_reach(facts)}
    return str(told.pop() if len(told) == 1 else JITSI_MEDIA_PORT)


def media_place(facts: Facts) -> str:
    """Where media goes, as a firewall would name it: the target, unless its session has another address than its name,
    as that of a bridge on a machine of its own.
    """
    told, names = {split(each.endpoint)[0] for each in within_reach(facts)}, set(target_addresses(facts))
    apart = len(told) == 1 and names and not told & names
    return told.pop() if apart else facts.target.host


def certificate_user(facts: Facts, beside: bool = False) -> tuple[str, str]:
    """The server that shows the target's certificate, or one `beside` its page, and the line of its settings that names
    the chain.
    """
    if beside or server_kind(facts) in ("stun", "turn"):
        name = phrase("TURN server") if server_kind(facts) == "turn" else phrase("STUN server")
        return name, phrase("coturn: `cert=…/fullchain.pem`")
    return phrase("web server"), phrase("nginx: `ssl_certificate …/fullchain.pem;`")


def more_servers(facts: Facts) -> str:
    """How to get independent answers, where too few STUN servers could be compared."""
    if any(CONTROL_SERVERS not in run.stun for run in facts.of(Run)):
        return phrase("check again without --stun: public servers of several operators are asked then")
    return phrase("check again with --stun stun:HOST, twice: for two servers that should be reachable from here")


# Where this network ends, as far as nobody knows more.
BORDER = phrase("the firewall between this network and the internet")


def let_media_out(facts: Facts, at: str = BORDER) -> tuple[Fix, ...]:
    """Open UDP towards the server in this network's firewall, `at` where it is; and what the server's side can do
    instead.
    """
    port = media_port(facts)
    if port is None:
        opening: Fix = Do(
            text=phrase(
                "Let UDP out to {place}, to the ports of its rtp_port_range, and the answers back in",
                place=media_place(facts),
            ),
            audience="network",
            why="media travels over UDP",
        )
    else:
        opening = Allow(
            proto="udp",
            ports=(port,),
            direction="out",
            to=media_place(facts),
            at=at,
            audience="network",
            why="media travels over UDP; the answers must be let back in",
        )
    return (opening, *relay_over_tls(facts))


def relay_over_tls(facts: Facts) -> tuple[Fix, ...]:
    """What the server's side can do for networks that will not change; nothing where the target is no such server, or
    it is done.
    """
    given = any((each.type, port_of(each)) == ("turns", _WEB) for each in handed_out(facts))
    if facts.target.kind in ("natprobe", "stun") or given or facts.ok(Allocation, _over_tls):
        return ()
    relay = Do(
        text=phrase(
            "Offer a TURN relay with TLS on port 443 beside {host}: it reaches networks without UDP",
            host=facts.target.host,
        ),
        audience="server",
        why="some networks will never open UDP",
    )
    return (relay,)


def _over_tls(allocation: Allocation) -> bool:
    """On the port that such networks let out, and in the way browsers ask."""
    return allocation.transport == "tls" and relay_port(allocation) == _WEB and not allocation.offered
