"""What the rules about relays say of a turnserver.conf on the server itself: `natprobe inspect`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from natprobe.addresses import address_class
from natprobe.derive.advertising import advertised
from natprobe.derive.configured import files, settings
from natprobe.derive.offered import meant, offers
from natprobe.derive.peer_ranges import denied, doors
from natprobe.derive.turnserver import Relay, relays
from natprobe.facts import AddressClass, Binding, ConfigFile, Facts, LocalAddress, Program, Setting, ids
from natprobe.model import Address, Do, Fix, Observation, Severity, split
from natprobe.rules import CLEAR, Found, Judgement
from natprobe.servers.coturn import RESTART
from natprobe.servers.coturn_lines import added, removed
from natprobe.target import is_address
from natprobe.wording import enumerated, listed, mark, phrase

# What rules read for it.
KINDS: tuple[type[Observation], ...] = (Setting, ConfigFile, LocalAddress, Program, Binding)

# Classes of addresses that only a network's own people reach.
_INNER: dict[AddressClass, str] = {
    "private": phrase("a private"),
    "carrier": phrase("a provider's inner"),
    "link-local": phrase("a link-local"),
    "unique-local": phrase("a unique-local"),
}
_NO_REALM = mark(
    "{file} names no realm: coturn then takes the machine's domain, and where that has none it refuses everybody (401)"
)
_OPEN = mark("Anybody may relay: {file} says no-auth")
_NO_ACCESS = mark("Anybody may relay: {file} says nothing of who may (neither a secret nor users)")
_RELAYED = mark("{file} has the relay give out {address}, {kind} address that peers outside cannot send to")
_UNTOLD = mark(
    "{file} has no external-ip, and this host has inner addresses only, while STUN servers see it as {seen}: the relay"
    " gives out {address}, which peers outside cannot send to"
)
_NO_UDP = mark("{file} has the relay carry no UDP towards peers (no-udp-relay), over which media travels")
_DOORS = mark("{file} lets the relay's users reach inner addresses: {doors}")
_LOOPBACK = mark("{file} lets the relay's users reach the server's own loopback (allow-loopback-peers)")
_SHUT = mark("{file} forbids the relay to talk to the media server at {peers}: it answers 403")


def there(facts: Facts) -> list[Relay]:
    """Those that could be read wholly: of half a file nothing is said that it lacks."""
    return [each for each in relays(facts) if each.there]


def realm(facts: Facts) -> Judgement:
    """Where it goes by a domain of the machine's, this is a warning in vain; so it is one and no error."""
    return [
        _no_realm(facts, each) for each in there(facts) if not each.text("realm") and each.access != "open"
    ] or CLEAR


def _no_realm(facts: Facts, relay: Relay) -> Found:
    behind = relay.last("lt-cred-mech") or relay.last("use-auth-secret") or relay.last("static-auth-secret")
    name = next((each.host for each in offers(facts) if each.relay and meant(facts, each, relay)), "")
    name = name or relay.text("server-name") or facts.target.host
    line = added(
        "realm", name, file=relay.file.path, behind=behind.line if behind else relay.end, why=phrase("any will do")
    )
    return _found(relay, _NO_REALM, {}, (line,), severity=Severity.WARNING)


def open_(facts: Facts) -> Judgement:
    """A coturn with users in a database that nobody named has lt-cred-mech all the same."""
    return [_open(each) for each in there(facts) if each.access == "open" and each.on("stun-only") is None] or CLEAR


def _open(relay: Relay) -> Found:
    said, path = relay.on("no-auth"), relay.file.path
    behind = said.line - 1 if said else relay.end
    fixes: tuple[Fix, ...] = (
        *([removed("no-auth", file=path, at=said.line)] if said else []),
        added(
            "use-auth-secret",
            file=path,
            behind=max(behind, 0),
            why=phrase("signalling makes credentials with the secret"),
        ),
        Do(
            text=phrase(
                "Add static-auth-secret= to {path} with a secret of its own (openssl rand -hex 32), and give"
                " Prosody the same",
                path=path,
            ),
            audience="server",
            after=RESTART,
        ),
    )
    return _found(relay, _OPEN if said else _NO_ACCESS, {}, fixes, [said] if said else [])


def address(facts: Facts) -> Judgement:
    """A relay in a private network that is offered under a private address is meant for that network."""
    found = []
    for relay in there(facts):
        told = relay.all("relay-ip") or relay.all("listening-ip")
        inner = [each for each in told if is_address(each.value) and address_class(each.value) in _INNER]
        near = [each.host for each in offers(facts) if is_address(each.host) and address_class(each.host) in _INNER]
        if told and len(inner) == len(told) and not relay.all("external-ip") and not near:
            found.append(_inner_relay(facts, relay, inner))
        elif not told and not relay.all("external-ip") and not near:
            found += _untold(facts, relay)
    return found or CLEAR


def _untold(facts: Facts, relay: Relay) -> list[Found]:
    """It takes the host's own addresses then. Whether it is for this network alone nobody can see; and a media server
    beside it is reached by them.
    """
    own = _own(facts)
    seen = [split(each.mapped)[0] for each in facts.ok(Binding) if each.mapped]
    outside = [each for each in seen if ":" not in each and address_class(each) == "public"]
    if not own or not outside or any(address_class(each) not in _INNER for each in own):
        return []
    why = phrase("the public address, and behind / the relay's own; it is put into every answer unchecked")
    fix = added("external-ip", f"{outside[0]}/{own[0]}", file=relay.file.path, behind=relay.end, why=why)
    severity = Severity.NOTE if _media(facts) else Severity.WARNING
    return [_found(relay, _UNTOLD, {"seen": outside[0], "address": own[0]}, (fix,), severity=severity)]


def _inner_relay(facts: Facts, relay: Relay, inner: Sequence[Setting]) -> Found:
    own = inner[0].value
    public = next((each.address for each in advertised(facts) if address_class(each.address) == "public"), None)
    why = phrase("the public address, and behind / the relay's own; it is put into every answer unchecked")
    last = relay.all("relay-ip")[-1:] or relay.all("listening-ip")[-1:]
    fix: Fix = Do(
        text=phrase(
            "Add external-ip=PUBLIC/{own} to {path}, with the address that clients outside reach the"
            " relay at (dig of its name tells it)",
            own=own,
            path=relay.file.path,
        ),
        audience="server",
        why=why,
        after=RESTART,
    )
    if public is not None:
        fix = added("external-ip", f"{public}/{own}", file=relay.file.path, behind=last[0].line, why=why)
    args = {"address": own, "kind": _INNER[address_class(own)]}
    return _found(relay, _RELAYED, args, (fix,), inner)


def no_udp(facts: Facts) -> Judgement:
    """Mostly meant to be `no-udp`, which is about the client's side."""
    found = []
    for relay in there(facts):
        if said := relay.on("no-udp-relay"):
            fix = removed("no-udp-relay", file=relay.file.path, at=said.line)
            found.append(_found(relay, _NO_UDP, {}, (fix,), [said], severity=Severity.ERROR))
    return found or CLEAR


def inner(facts: Facts) -> Judgement:
    """Whoever is in a meeting has credentials."""
    version = next((each.version for each in facts.of(Program) if each.name == "coturn"), "")
    found = []
    for relay in there(facts):
        if open_doors := doors(relay, version):
            denied_lines = relay.all("denied-peer-ip")
            behind = denied_lines[-1].line if denied_lines else relay.end
            lines = [
                added("denied-peer-ip", each.denied, file=relay.file.path, behind=behind, why=each.what)
                for each in open_doors.values()
            ]
            words = enumerated(
                phrase("{address} ({what})", address=each.denied, what=each.what) for each in open_doors.values()
            )
            found.append(_found(relay, _DOORS, {"doors": words}, (*lines, *_exceptions(facts, relay, behind))))
        if said := relay.on("allow-loopback-peers"):
            fix = removed("allow-loopback-peers", file=relay.file.path, at=said.line)
            found.append(_found(relay, _LOOPBACK, {}, (fix,), [said]))
    return found or CLEAR


def _exceptions(facts: Facts, relay: Relay, behind: int) -> list[Fix]:
    """A media server beside the relay is reached by its private address."""
    near = [each for each in _own(facts) if address_class(each) == "private"] if _media(facts) else []
    why = phrase("the media server is here: this counts before denied-peer-ip")
    return [added("allowed-peer-ip", each, file=relay.file.path, behind=behind, why=why) for each in near[:2]]


def peers(facts: Facts) -> Judgement:
    """Where every address is denied that clients are told of the media server beside it."""
    found = []
    for relay in there(facts):
        told = _media_addresses(facts)
        shut = {each: line for each in told if (line := denied(relay, each)) is not None}
        if told and len(shut) == len(told):
            lines = [each.said for each in shut.values()]
            fixes = tuple(
                added("allowed-peer-ip", each, file=relay.file.path, behind=max(e.line for e in lines)) for each in shut
            )
            found.append(_found(relay, _SHUT, {"peers": listed(shut)}, fixes, lines))
    return found or CLEAR


def _media(facts: Facts) -> bool:
    return bool(files(facts, "jvb") or files(facts, "docker") or settings(facts, "janus", "nat_1_1_mapping"))


def _media_addresses(facts: Facts) -> list[Address]:
    """What the configuration has clients told, and the host's own, which a media server tells by itself."""
    if not _media(facts):
        return []
    told = [each.address for each in advertised(facts) if each.system != "coturn"]
    return list(dict.fromkeys([*told, *_own(facts)]))


def _own(facts: Facts) -> list[Address]:
    """IPv4 alone: a relay gives browsers IPv4 addresses."""
    here = facts.of(LocalAddress, lambda each: each.up and each.scope in ("public", "private", "carrier"))
    return [each.address for each in here if ":" not in each.address]


def _found(
    relay: Relay,
    message: str,
    args: dict[str, Any],
    fixes: tuple[Fix, ...],
    said: Sequence[Setting] = (),
    severity: Severity | None = None,
) -> Found:
    line = said[0].line if said else None
    place = f"{relay.file.path}:{line}" if line else relay.file.path
    return Found(
        message=message,
        args={"file": place} | args,
        evidence=ids(list(said)) if said else ids(relay.file),
        severity=severity,
        file=relay.file.path,
        line=line,
        fixes=fixes,
    )
