"""What the rules about relays say of the configuration that has signalling hand them out: `natprobe inspect`."""

from __future__ import annotations

from natprobe.derive.offered import Offer, meant, offers
from natprobe.derive.served import Reason, unserved
from natprobe.derive.turnserver import PORT, TLS_PORT, Relay, relays
from natprobe.derive.versions import older
from natprobe.facts import ConfigFile, Facts, LocalAddress, Passage, Program, Published, Setting, ids
from natprobe.model import Do, Fix, Observation, Set, Severity
from natprobe.rules import CLEAR, Found, Judgement
from natprobe.servers.coturn import RESTART
from natprobe.servers.coturn_lines import line, removed
from natprobe.servers.jitsi.fixes import RECREATE
from natprobe.wording import listed, mark, phrase

KINDS: tuple[type[Observation], ...] = (Setting, ConfigFile, LocalAddress, Program, Published, Passage)

_RESTART = "systemctl restart prosody"
# mod_turn_external hands out `turns` without credentials in this version (measured with 0.12.3).
_BARE_UNTIL = "13.0.0"
_BARE = mark(
    "{file} has {relay} handed out without user name and password: browsers then refuse to open the call at all"
)
_BARE_TURNS = mark(
    "mod_turn_external of Prosody {version} hands out {relay} ({file}) without user name and password: browsers then"
    " refuse to open the call at all"
)
_UNSERVED: dict[Reason, str] = {
    "no-tls": mark("{file} has {relay} handed out, and {conf} leaves TLS out (no-tls): nothing listens there"),
    "no-certificate": mark(
        "{file} has {relay} handed out, and {conf} names no certificate and key: without them coturn opens no TLS port"
    ),
    "no-transport": mark("{file} has {relay} handed out, and {conf} has coturn not listen over {transport} ({flag})"),
    "other-port": mark("{file} has {relay} handed out, and coturn listens on other ports ({ports} in {conf})"),
}


def told(facts: Facts) -> bool:
    """Whether any configuration here hands out relays."""
    return bool(facts.of(ConfigFile)) and any(each.relay for each in offers(facts))


def bare(facts: Facts) -> Judgement:
    """Credentials that are made nowhere, and those that a version forgets."""
    version = next((each.version for each in facts.of(Program) if each.name == "prosody"), "")
    found = [_bare(each) for each in offers(facts) if each.relay and each.credential == "none"]
    forgotten = [
        each
        for each in offers(facts)
        if each.way == "turn_external" and each.type == "turns" and older(version, _BARE_UNTIL) is True
    ]
    return [*found, *(_forgotten(each, version) for each in forgotten)] or CLEAR


def _bare(offer: Offer) -> Found:
    return Found(
        message=_BARE,
        args={"file": f"{offer.said.file}:{offer.said.line}", "relay": offer.uri},
        evidence=ids(offer.said, offer.signed or offer.said),
        file=offer.said.file,
        line=offer.said.line,
        fixes=(_credentials(offer),),
    )


def _credentials(offer: Offer) -> Fix:
    if offer.way == "docker":
        text = phrase(
            "Set TURN_CREDENTIALS in {file} to the relay's static-auth-secret (the name is in the"
            " plural), or TURN_USERNAME and TURN_PASSWORD",
            file=offer.said.file,
        )
        return Do(text=text, audience="server", after=RECREATE)
    return Do(
        text=phrase(
            'Give the entry at line {line} of {file} secret = true and algorithm = "turn", and set'
            " external_service_secret to coturn's static-auth-secret",
            line=offer.said.line,
            file=offer.said.file,
        ),
        audience="server",
        why="of turns the module makes no credentials without algorithm",
        after=_RESTART,
    )


def _forgotten(offer: Offer, version: str) -> Found:
    said = offer.said
    return Found(
        message=_BARE_TURNS,
        args={"version": version, "relay": offer.uri, "file": f"{said.file}:{said.line}"},
        evidence=ids(said),
        file=said.file,
        line=said.line,
        fixes=(
            Set(
                system="prosody",
                file=said.file,
                op="remove",
                key=said.key,
                line=said.line,
                until="0.12",
                audience="server",
                after=_RESTART,
            ),
            Do(
                text='Hand it out by external_services instead, with secret = true and algorithm = "turn" in the entry',
                audience="server",
                after=_RESTART,
            ),
        ),
    )


def dead(facts: Facts) -> Judgement:
    """Each offer that this server's relay surely does not serve; a warning where another one is served."""
    found = []
    for relay in [each for each in relays(facts) if each.there]:
        ours = {each.uri: each for each in offers(facts) if each.relay and meant(facts, each, relay)}
        reasons = {uri: unserved(facts, each, relay) for uri, each in ours.items()}
        works = any(each is None for each in reasons.values())
        found += [_dead(relay, ours[uri], why, works) for uri, why in reasons.items() if why is not None]
    return found or CLEAR


def _dead(relay: Relay, offer: Offer, why: Reason, works: bool) -> Found:
    flag = relay.on("no-tls") if why == "no-tls" else relay.on(f"no-{offer.carrier}") if why == "no-transport" else None
    path = relay.file.path
    args = {
        "file": f"{offer.said.file}:{offer.said.line}",
        "relay": offer.uri,
        "conf": f"{path}:{flag.line}" if flag else path,
        "transport": offer.carrier.upper(),
        "flag": flag.key if flag else "",
        "ports": listed([str(relay.port("listening-port", PORT)), str(relay.port("tls-listening-port", TLS_PORT))]),
    }
    return Found(
        message=_UNSERVED[why],
        args={key: value for key, value in args.items() if f"{{{key}}}" in _UNSERVED[why]},
        evidence=ids(offer.said, flag or relay.file),
        severity=Severity.WARNING if works else None,
        file=offer.said.file,
        line=offer.said.line,
        fixes=_served(relay, offer, why),
    )


def _served(relay: Relay, offer: Offer, why: Reason) -> tuple[Fix, ...]:
    path = relay.file.path
    flags = [each for key in ("no-tls", f"no-{offer.carrier}") if (each := relay.on(key)) is not None]
    if why in ("no-tls", "no-transport"):
        return tuple(removed(each.key, file=path, at=each.line) for each in flags)
    if why == "no-certificate":
        return (
            Do(
                text=phrase(
                    "Add cert= and pkey= to {path}: the whole chain and the key, readable for the user turnserver",
                    path=path,
                ),
                audience="server",
                after=RESTART,
            ),
        )
    key = "tls-listening-port" if offer.type == "turns" else "listening-port"
    own = relay.last(key)
    listen: Fix = Do(
        text=phrase(
            "Set {key}={port} in {path}, or lead port {port} to the relay (nginx stream), or hand out the"
            " port that it has",
            key=key,
            port=offer.port,
            path=path,
        ),
        audience="server",
        after=RESTART,
    )
    return (line(key, str(offer.port), file=path, at=own.line), listen) if own else (listen,)
