"""coturn's settings, as fixes: what in turnserver.conf opens a relay again. Meanings from its own manual."""

from __future__ import annotations

from typing import Literal

from natprobe.model import Address, Allow, Do, Fix, Set
from natprobe.wording import phrase

FILE = "/etc/turnserver.conf"
RESTART = phrase("systemctl restart coturn")
# RFC 8656 section 7.2: the range that relays take their ports from; coturn's default.
RELAY_PORTS = "49152-65535"
FIREWALL = phrase("the relay's own firewall and its cloud's security group")
# How Prosody's modules call what coturn calls static-auth-secret.
PROSODY = phrase(
    "`external_service_secret` (mod_external_services), `turn_external_secret` or `turncredentials_secret`"
)

_VALUES = {
    "secret": phrase("the very secret that the signalling server has"),
    "cert": "/etc/letsencrypt/live/{host}/fullchain.pem",
    "pkey": "/etc/letsencrypt/live/{host}/privkey.pem",
}


def setting(key: str, value: str = "", why: str = "", op: Literal["set", "add", "remove"] = "set") -> Set:
    """One line of the file; without a value it is a flag."""
    return Set(system="coturn", file=FILE, op=op, key=key, value=value, audience="server", why=why, after=RESTART)


def port_open(host: str, port: int, *, tcp: bool) -> Allow:
    """The listening port, in the relay's firewall."""
    return Allow(
        proto="tcp" if tcp else "udp",
        ports=(str(port),),
        direction="in",
        to=host,
        at=FIREWALL,
        audience="server",
        why="clients reach the relay on this port",
    )


def relay_range_open(host: str) -> tuple[Fix, ...]:
    """The ports that are relayed from."""
    return (
        Allow(
            proto="udp",
            ports=(RELAY_PORTS,),
            direction="in",
            to=host,
            at=FIREWALL,
            audience="server",
            why="peers send to the ports that the relay gives out; where min-port and max-port are set, those",
        ),
        Do(
            text=phrase(
                "On the relay, see that UDP from the ports {ports} (or min-port to max-port) may leave"
                " to anywhere, and the answers come back",
                ports=RELAY_PORTS,
            ),
            audience="server",
            why="the relay sends to peers from these ports",
        ),
    )


def external_ip(outside: Address, inside: Address | None) -> tuple[Fix, ...]:
    """The address that clients are told to hand on to their peers; `inside` is the relay's own, where it is known."""
    value = f"{outside}/{inside}" if inside else outside
    why = phrase("it is put into every relayed address unchecked; after it, behind /, the relay's own address")
    return (setting("external-ip", value, why),)


def listening(port: int, *, secure: bool, host: str) -> tuple[Fix, ...]:
    """Something has to listen on the port."""
    if secure:
        return (setting("tls-listening-port", str(port)), *certificate(host), _READABLE)
    return (
        Do(
            text=phrase(
                "On the relay, see that turnserver runs and listens on port {port} (ss -lntu):"
                " listening-port, listening-ip, and neither no-udp nor no-tcp",
                port=port,
            ),
            audience="server",
            after=RESTART,
        ),
    )


_READABLE = Do(
    text="On the relay, see that the user turnserver can read certificate and key: its log says `cannot start TLS and"
    " DTLS listeners` where it can't, and all else goes on",
    audience="server",
    why="without a certificate coturn opens no TLS port at all",
)


def certificate(host: str) -> tuple[Fix, ...]:
    """Whole chain and key."""
    return (
        setting("cert", _VALUES["cert"].format(host=host), phrase("the whole chain, not cert.pem")),
        setting("pkey", _VALUES["pkey"].format(host=host)),
    )


def realm(host: str) -> tuple[Fix, ...]:
    """Any will do, as long as it is not empty, but for users whose keys were made for another."""
    why = phrase(
        "it goes into every password's hash (RFC 8489 section 9.2.2): users made with keys are to be made anew for it"
    )
    return (setting("realm", host, why),)


def shared_secret() -> tuple[Fix, ...]:
    """Credentials that signalling makes and that end by themselves."""
    return (
        setting("use-auth-secret", why=phrase("users with user= stop working beside it")),
        setting("static-auth-secret", _VALUES["secret"], phrase("in Prosody: {prosody}", prosody=PROSODY)),
    )


def guarded() -> tuple[Fix, ...]:
    """Nobody without credentials."""
    return (setting("no-auth", op="remove"), *shared_secret())


def quota(words: str) -> tuple[Fix, ...]:
    """Of a 486, by its reason phrase."""
    if "andwidth" in words:
        per_session = Do(
            text=phrase(
                "In {file}, see that what is meant for one session stands as max-bps: bps-capacity is shared by all",
                file=FILE,
            ),
            audience="server",
            after=RESTART,
        )
        return setting("bps-capacity", "0", phrase("bytes per second of the whole server (0: no limit)")), per_session
    return (
        setting("user-quota", "0", phrase("allocations of one user name at a time (0: no limit)")),
        setting("total-quota", "0", phrase("allocations of all users at a time (0: no limit)")),
    )


def ports(address: Address) -> tuple[Fix, ...]:
    """Of a 508: every port is taken, or none can be opened."""
    return (
        setting("min-port", RELAY_PORTS.partition("-")[0], phrase("each allocation takes a port")),
        setting("max-port", RELAY_PORTS.partition("-")[2]),
        Do(
            text=phrase(
                "On the relay, see that relay-ip is an address of its own (ip address show): with another one"
                " it starts and allocates for nobody; clients reach it at {address}, which a NAT may have"
                " made of it",
                address=address,
            ),
            audience="server",
            after=RESTART,
        ),
    )
