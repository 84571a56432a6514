"""What of Jitsi's configuration does nothing where it stands (np518)."""

from __future__ import annotations

from collections.abc import Iterator

from natprobe.derive.advertising import mappings
from natprobe.derive.configured import files, folder, settings
from natprobe.derive.docker import Deployment, deployments, evidence, stale, version
from natprobe.derive.needs.jitsi import inner_port
from natprobe.derive.versions import older
from natprobe.facts import ConfigFile, Facts, Setting, ids
from natprobe.model import Do, Fix
from natprobe.rules import Found
from natprobe.rules._mappings import corrected, said
from natprobe.servers.jitsi.fixes import RECREATE
from natprobe.servers.jitsi.lines import removed
from natprobe.servers.jitsi.media import ADVERTISE_PORT_SINCE
from natprobe.servers.jitsi.settings import UDP_PORT
from natprobe.servers.obsolete import ROWS
from natprobe.target import is_address
from natprobe.wording import mark, phrase

_HALF = mark("Of the bridge's mapping only {there} is set: with one half it does nothing")
_NOT_PASSED = mark("{key} is set in .env, and no container gets it: this docker-compose.yml does not pass it on")
_LOST = mark(
    "{key} is {value} in a file that its container writes at each start, and .env makes {made}: either the file was"
    " edited, which is lost, or .env was, and the container has not been made anew since"
)
_NAME = mark("{key} has {word}, which is no address: docker-jitsi-meet takes addresses only, and no names")
_PORT = mark("{key} names a port ({word}), which {program} takes from {since} on: this is {version}")
_P2P = phrase("A TURN server stands under p2p.stunServers: it never serves the bridge")
_P2P_OPEN = phrase(
    "A TURN server stands under p2p.stunServers: it never serves the bridge, and its password is there for everybody to"
    " read"
)


def jitsi(facts: Facts) -> Iterator[Found]:
    """All of it."""
    yield from _halves(facts)
    yield from _relays(facts)
    for deployment in deployments(facts):
        yield from _unpassed(facts, deployment)
        yield from _words(facts, deployment)
        yield from _edited(facts, deployment)


def _halves(facts: Facts) -> Iterator[Found]:
    for each in mappings(facts):
        if each.local is None or each.public is None or not each.local.value or not each.public.value:
            there = said(each)
            yield Found(
                message=_HALF,
                args={"there": there.key},
                evidence=ids(there),
                file=there.file,
                line=there.line,
                fixes=corrected(facts, each),
            )


def _relays(facts: Facts) -> Iterator[Found]:
    found = settings(facts, "jitsi-meet", "urls", "url", "stunServers")
    turns = [each for each in found if "stunServers" in f"{each.section} {each.key}" and each.value.startswith("turn")]
    if not turns:
        return
    sections = {(each.file, each.section) for each in turns}
    secrets = [each for each in settings(facts, "jitsi-meet", "credential") if (each.file, each.section) in sections]
    yield Found(
        message=_P2P_OPEN if secrets else _P2P,
        args={"leak": ", and its password is there for everybody to read" if secrets else ""},
        evidence=ids(turns, secrets),
        file=turns[0].file,
        line=turns[0].line,
        fixes=(
            Do(
                text="Take the turn: entries out of p2p.stunServers, change the password that stood there, and have"
                " Prosody hand out the relay (external_services; docker-jitsi-meet: TURNS_HOST, TURN_CREDENTIALS)",
                audience="server",
                why="what signalling hands out serves the bridge too, and its credentials end by themselves",
            ),
        ),
    )


def _unpassed(facts: Facts, deployment: Deployment) -> Iterator[Found]:
    """Only where the compose file was read whole. What the table has is said there."""
    listed = {"CONFIG"} | {key for row in ROWS for key in row.keys if "docker" in row.systems}
    broken = facts.of(ConfigFile, lambda each: each.system == "compose" and each.failure is not None)
    here = [each for each in broken if folder(each.path) == deployment.folder]
    if here or not deployment.services("jvb") or not deployment.services("web"):
        return
    for key, each in deployment.env.items():
        if (each.value or each.secret) and key not in listed and not deployment.passes(key):
            yield Found(
                message=_NOT_PASSED,
                args={"key": key},
                evidence=ids(each),
                file=each.file,
                line=each.line,
                fixes=(
                    Do(
                        text=phrase(
                            "Take docker-compose.yml from the release that knows {key}, and its images; or, where it is"
                            " not needed, take it out",
                            key=key,
                        ),
                        audience="server",
                        after=RECREATE,
                    ),
                    removed("docker-jitsi-meet", each.file, each.line, key, phrase("where it is not needed"), RECREATE),
                ),
            )


def _words(facts: Facts, deployment: Deployment) -> Iterator[Found]:
    """JVB_ADVERTISE_IPS: addresses, from some version on with a port."""
    passed = deployment.passed("JVB_ADVERTISE_IPS", "jvb")
    if passed is None or passed.said is None:
        return
    installed = version(facts, deployment) or ""
    for word in filter(None, map(str.strip, passed.value.split(","))):
        address, mark, _ = word.partition("#")
        old = mark and older(installed, ADVERTISE_PORT_SINCE) is True
        if is_address(address) and not old:
            continue
        args = {"key": passed.said.key, "word": word}
        if old:
            args |= {"program": "docker-jitsi-meet", "since": ADVERTISE_PORT_SINCE, "version": installed}
        yield Found(
            message=_PORT if old else _NAME,
            args=args,
            evidence=evidence(passed.said),
            file=passed.said.file,
            line=passed.said.line,
            fixes=(deployment.in_env("JVB_ADVERTISE_IPS", address if old else "THE-PUBLIC-ADDRESS"),),
        )


def _edited(facts: Facts, deployment: Deployment) -> Iterator[Found]:
    """What a generated file says otherwise than .env. One deployment's: with several nobody knows whose file it is."""
    if len(deployments(facts)) > 1 or not deployment.complete:
        return
    unread = stale(facts)
    generated = {each.path for each in files(facts, "jvb", container=True) if each.generated} - unread
    own = inner_port(deployment)
    for each in settings(facts, "jvb", UDP_PORT, container=True):
        if each.file in generated and own is not None and each.value != str(own[0]):
            yield _lost(deployment, each, "JVB_PORT", str(own[0]), own[1], each.value)
    told = [deployment.passed(key, "jvb") for key in ("JVB_ADVERTISE_IPS", "DOCKER_HOST_ADDRESS")]
    words = [word.partition("#")[0].strip() for each in told if each for word in each.value.split(",") if word]
    for mapping in mappings(facts):
        half = mapping.public
        if half is not None and half.file in generated and half.value not in words and None not in told:
            says = next((each.said for each in told if each is not None and each.said is not None), None)
            good = mapping.local is not None and mapping.local.value != half.value
            wanted = half.value if good else ""
            yield _lost(deployment, half, "JVB_ADVERTISE_IPS", ",".join(words) or phrase("no mapping"), says, wanted)


def _lost(deployment: Deployment, each: Setting, key: str, made: str, said: Setting | None, wanted: str) -> Found:
    """`wanted`: what the edit would be in .env; empty: nothing that helps. What stands in .env is somebody's word: it
    is not taken back by a line to apply.
    """
    keep: Fix = deployment.in_env(key, wanted, why=phrase("if what was edited is what is meant"))
    if said is not None:
        keep = Do(
            text=phrase("Where the file is right, set {key}={wanted} in .env", key=key, wanted=wanted),
            audience="server",
            after=RECREATE,
        )
    anew = Do(
        text=phrase("Where .env is right, have the container write it anew: {recreate}", recreate=RECREATE),
        audience="server",
    )
    return Found(
        message=_LOST,
        args={"key": each.key, "value": each.value, "made": made},
        evidence=tuple(sorted({*ids(each), *evidence(said)})),
        file=each.file,
        line=each.line,
        fixes=(anew, keep) if wanted else (anew,),
    )
