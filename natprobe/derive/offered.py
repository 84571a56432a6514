"""The STUN and TURN servers that the server's own configuration has signalling hand out to clients. Pure.

Prosody has four ways for it: `external_services` (its own module), `turn_external_*` (a front of that), and two modules
of one name, `turncredentials`: Jitsi's old one takes a table, the one of prosody-modules takes `turncredentials_host`.
docker-jitsi-meet makes `external_services` of its .env.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from natprobe.addresses import address_class
from natprobe.derive.configured import last, port_number, settings
from natprobe.derive.docker import Deployment, deployments
from natprobe.derive.turnserver import Relay
from natprobe.facts import Facts, LocalAddress, Setting
from natprobe.target import host_in, is_address

# How a client is to sign in there: signed with a secret, by a fixed name and password, not at all.
Credential = Literal["secret", "account", "none"]
Way = Literal["external_services", "turn_external", "turncredentials", "table", "docker"]

_DEFAULT_PORTS = {"stuns": 5349, "turns": 5349}


class Offer(NamedTuple):
    """One of them. `said`: the setting that names it; `signed`: the one that has the secret or the account.

    `secret`: the number of the secret or the password, None: not known. `way`: what makes it.
    """

    type: str
    host: str
    port: int
    transport: str
    credential: Credential
    way: Way
    said: Setting
    signed: Setting | None = None
    secret: int | None = None
    user: str = ""

    @property
    def uri(self) -> str:
        """As clients get it."""
        tail = f"?transport={self.transport}" if self.transport else ""
        return f"{self.type}:{self.host}:{self.port}{tail}"

    @property
    def relay(self) -> bool:
        """Whether it is TURN."""
        return self.type in ("turn", "turns")

    @property
    def carrier(self) -> Literal["udp", "tcp"]:
        """What carries it (RFC 7065 section 3.1, RFC 7350): TLS goes over TCP."""
        return "tcp" if self.transport == "tcp" or self.type == "turns" else "udp"


def offers(facts: Facts) -> list[Offer]:
    """All of them, by whatever way, in the order of the files."""
    found = [*_services(facts), *_turn_external(facts), *_host(facts), *_table(facts)]
    return [*found, *(each for deployment in deployments(facts) for each in _docker(deployment))]


def meant(facts: Facts, offer: Offer, relay: Relay) -> bool:
    """Whether this relay is the offered one, as far as names tell: a name of the same domain, or an own address."""
    host = offer.host.lower()
    if is_address(host):
        own = {each.address for each in facts.of(LocalAddress)}
        told = [each.value.partition("/")[0] for key in ("external-ip", "listening-ip") for each in relay.all(key)]
        return not own or host in own or host in told or address_class(host) == "loopback"
    domains = {_domain(each) for each in (*_domains(facts), *relay.names)} - {""}
    return not domains or _domain(host) in domains


def _domains(facts: Facts) -> list[str]:
    """What this server is called in its own configuration."""
    hosts = [each.value for each in settings(facts, "prosody", "VirtualHost")]
    names = [name for each in settings(facts, "nginx", "server_name") for name in each.value.split()]
    urls = [host_in(each.value) for each in facts.of(Setting, lambda each: each.key == "PUBLIC_URL")]
    return [*hosts, *names, *(each for each in urls if each)]


def _domain(name: str) -> str:
    return ".".join(name.lower().rstrip(".").split(".")[-2:])


# --- Prosody


def _grouped(facts: Facts, list_name: str) -> Iterator[dict[str, Setting]]:
    """Of a list of tables, each one's fields."""
    groups: dict[tuple[str, str], dict[str, Setting]] = {}
    for each in settings(facts, "prosody"):
        if each.section.rpartition(" ")[2].startswith(f"{list_name}["):
            groups.setdefault((each.file, each.section), {})[each.key] = each
    yield from (each for each in groups.values() if "type" in each or "host" in each)


def _value(fields: dict[str, Setting], key: str, default: str = "") -> str:
    return fields[key].value if key in fields else default


def _services(facts: Facts) -> Iterator[Offer]:
    common = {each: last(settings(facts, "prosody", f"external_service_{each}")) for each in ("secret", "host", "port")}
    host, port = (said.value if (said := common[each]) else "" for each in ("host", "port"))
    for fields in _grouped(facts, "external_services"):
        kind = _value(fields, "type")
        said = fields.get("type") or fields["host"]
        credential, signed = _signed(fields, kind, common["secret"])
        secret = signed.secret if signed is not None else None
        yield Offer(
            kind,
            _value(fields, "host", host),
            port_number(_value(fields, "port", port)) or _DEFAULT_PORTS.get(kind, 3478),
            _value(fields, "transport"),
            credential,
            "external_services",
            said,
            signed,
            secret,
            _value(fields, "username"),
        )


def _signed(fields: dict[str, Setting], kind: str, common: Setting | None) -> tuple[Credential, Setting | None]:
    """The module makes credentials where `algorithm` is "turn", which is taken for granted of a `turn` alone."""
    own = fields.get("secret")
    makes = _value(fields, "algorithm", "turn" if kind == "turn" else "") == "turn"
    if own is not None and own.value != "false" and makes:
        signed = common if own.value == "true" else own
        return ("secret", signed) if signed is not None else ("none", own)
    if "username" in fields:
        return "account", fields.get("password")
    return "none", own


def _turn_external(facts: Facts) -> Iterator[Offer]:
    """mod_turn_external: STUN, TURN over UDP, over TCP unless that is off, and over TLS where its port is set."""
    host = last(settings(facts, "prosody", "turn_external_host"))
    secret = last(settings(facts, "prosody", "turn_external_secret"))
    said = host or secret
    if said is None:
        return
    name = host.value if host is not None else next(iter(_domains(facts)), "")
    port = _port_of(facts, "turn_external_port", 3478)
    number = secret.secret if secret is not None else None
    tcp = last(settings(facts, "prosody", "turn_external_tcp"))
    for transport in ("udp", "tcp") if tcp is None or tcp.value != "false" else ("udp",):
        yield Offer("turn", name, port, transport, "secret", "turn_external", said, secret, number)
    if tls := last(settings(facts, "prosody", "turn_external_tls_port")):
        yield Offer(
            "turns", name, port_number(tls.value) or 5349, "tcp", "secret", "turn_external", tls, secret, number
        )


def _host(facts: Facts) -> Iterator[Offer]:
    """The module of prosody-modules: one host and port for STUN and TURN, both over UDP."""
    host = last(settings(facts, "prosody", "turncredentials_host"))
    secret = last(settings(facts, "prosody", "turncredentials_secret"))
    if host is not None and secret is not None:
        port = _port_of(facts, "turncredentials_port", 3478)
        yield Offer("turn", host.value, port, "udp", "secret", "turncredentials", host, secret, secret.secret)


def _table(facts: Facts) -> Iterator[Offer]:
    """Jitsi's old module: every turn and turns of its table is signed."""
    secret = last(settings(facts, "prosody", "turncredentials_secret"))
    number = secret.secret if secret is not None else None
    for fields in _grouped(facts, "turncredentials"):
        kind = _value(fields, "type")
        port = port_number(_value(fields, "port")) or _DEFAULT_PORTS.get(kind, 3478)
        credential: Credential = "secret" if kind in ("turn", "turns") else "none"
        said = fields.get("type") or fields["host"]
        host, transport = _value(fields, "host"), _value(fields, "transport")
        yield Offer(kind, host, port, transport, credential, "table", said, secret, number)


def _port_of(facts: Facts, key: str, default: int) -> int:
    said = last(settings(facts, "prosody", key))
    return default if said is None else port_number(said.value) or default


# --- docker-jitsi-meet


def _docker(deployment: Deployment) -> Iterator[Offer]:
    """As the template of its Prosody has it, of stable-10000 and later."""
    secret, user = (deployment.env.get(each) for each in ("TURN_CREDENTIALS", "TURN_USERNAME"))
    password = deployment.env.get("TURN_PASSWORD")
    signed = secret if secret is not None and secret.secret is not None else password
    credential: Credential = "secret" if signed is secret and secret else "account" if user is not None else "none"
    number = signed.secret if signed is not None else None
    for key, kind, ports, ways in _DOCKER:
        said = deployment.env.get(key)
        if said is None or not said.value:
            continue
        port = _env(deployment, ports, "443")
        for transport in _env(deployment, ways, "tcp").split(",") if ways else ("tcp",):
            name = user.value if user is not None else ""
            yield Offer(
                kind,
                said.value,
                port_number(port) or 443,
                transport.strip(),
                credential,
                "docker",
                said,
                signed,
                number,
                name,
            )


_DOCKER = (("TURN_HOST", "turn", "TURN_PORT", "TURN_TRANSPORT"), ("TURNS_HOST", "turns", "TURNS_PORT", ""))


def _env(deployment: Deployment, key: str, default: str) -> str:
    said = deployment.env.get(key)
    return said.value if said is not None and said.value else default
