"""The ports that a turnserver.conf speaks of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from natprobe.derive.needs.kinds import Need, Role
from natprobe.derive.turnserver import CLI_PORT, MAX_PORT, MIN_PORT, PORT, TLS_PORT, WEB_PORT, Relay, relays
from natprobe.facts import Facts, Setting
from natprobe.target import is_address

Proto = Literal["udp", "tcp"]


def needs(facts: Facts) -> list[Need]:
    """All of them. Without an address in its file coturn takes every one of the host."""
    return [need for relay in relays(facts) if not relay.file.inside for need in _of(relay)]


def _of(relay: Relay) -> Iterator[Need]:
    for said, address in addresses(relay):
        yield from _listening(relay, said, address)
    low, high = relay.port("min-port", MIN_PORT), relay.port("max-port", MAX_PORT)
    said = relay.last("min-port") or relay.last("max-port")
    if 0 < low <= high and relay.on("stun-only") is None:
        yield _need(relay, "udp", None, low, "relay", said)._replace(port_end=high, lasting=False)
    yield from _admin(relay)


def addresses(relay: Relay) -> list[tuple[Setting | None, str | None]]:
    """Where it listens, by which line."""
    told = [each for each in relay.all("listening-ip") if is_address(each.value)]
    return [(each, each.value) for each in told] or [(None, None)]


def carriers(relay: Relay, *, secure: bool) -> tuple[Proto, ...]:
    """What it listens with on its plain port, and on its secure one."""
    off: dict[Proto, str] = {"udp": "no-dtls", "tcp": "no-tls"} if secure else {"udp": "no-udp", "tcp": "no-tcp"}
    return tuple(each for each, flag in off.items() if relay.on(flag) is None)


def _listening(relay: Relay, said: Setting | None, address: str | None) -> Iterator[Need]:
    for key, default, secure in (("listening-port", PORT, False), ("tls-listening-port", TLS_PORT, True)):
        port = relay.port(key, default)
        if not port or (secure and not relay.secured):
            continue
        for proto in carriers(relay, secure=secure):
            role: Role = "inner" if secure and proto == "udp" else "turn"  # no browser speaks TURN over DTLS
            yield _need(relay, proto, address, port, role, relay.last(key) or said)


def _admin(relay: Relay) -> Iterator[Need]:
    """The console listens on loopback unless it is told otherwise."""
    if relay.on("no-cli") is None and relay.last("cli-password") is not None:
        at = relay.text("cli-ip") or "127.0.0.1"
        port = relay.port("cli-port", CLI_PORT)
        if is_address(at) and port:
            yield _need(relay, "tcp", at, port, "admin", relay.last("cli-port") or relay.last("cli-password"))
    if relay.on("web-admin") is not None and (port := relay.port("web-admin-port", WEB_PORT)):
        at = relay.text("web-admin-ip") or "127.0.0.1"
        yield _need(relay, "tcp", at if is_address(at) else None, port, "admin", relay.last("web-admin"))


def _need(relay: Relay, proto: Proto, address: str | None, port: int, role: Role, said: Setting | None) -> Need:
    return Need(
        proto=proto,
        address=address,
        port=port,
        port_end=port,
        role=role,
        program="coturn",
        by="coturn",
        key=said.key if said else "",
        file=relay.file.path,
        line=said.line if said else 0,
        evidence=relay.evidence(said),
    )
