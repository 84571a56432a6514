"""The bridge's private HTTP interface as the server's own files and sockets show it (np509)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from natprobe.addresses import address_class
from natprobe.derive.configured import files, settings
from natprobe.derive.docker import Port, deployments
from natprobe.facts import ConfigFile, Facts, Listening, Passage, Setting, ids
from natprobe.model import Address, Set, Severity, join
from natprobe.rules import Found
from natprobe.servers.jitsi.fixes import DOCKER, RECREATE
from natprobe.servers.jitsi.lines import bridge_line
from natprobe.servers.jitsi.settings import PRIVATE_HOST
from natprobe.wording import mark, phrase

_PUBLISHED = mark(
    "docker-compose.yml publishes the {part}'s private HTTP interface (port {port}) for others than this host"
)
_HOST = mark("The bridge's private HTTP interface is set to listen at {address}: others than this host get to it")
_LISTENS = mark("The bridge's private HTTP interface listens at {endpoint}: others than this host get to it")
_PRIVATE, _FOCUS = 8080, 8888
_BRIDGE = ("java", "jvb")
# The parts of `${VARIABLE:-8080}:8080`, of which a variable is one.
_PARTS = re.compile(r"(?:\$\{[^}]*\}|\[[^\]]*\]|[^:])+")


def bridge(facts: Facts) -> Iterator[Found]:
    """Published by Docker, set in jvb.conf, or only seen: each once."""
    published = [port for each in deployments(facts) for role in ("jvb", "jicofo") for port in each.ports(role)]
    yield from (_published(each) for each in published if each.to in (_PRIVATE, _FOCUS) and _open(each.address))
    told = list(_told(facts))
    yield from told
    if not told and files(facts, "jvb", container=False):
        yield from _seen(facts)


def _open(address: Address | None) -> bool:
    return address is None or address_class(address) != "loopback"


def _published(port: Port) -> Found:
    """Docker's rules let it in, whatever ufw says."""
    written = port.said.value
    bare = (_PARTS.findall(written)[-2:-1] or [str(port.port)])[0]
    return Found(
        message=_PUBLISHED,
        args={"part": phrase("bridge") if port.to == _PRIVATE else phrase("focus"), "port": port.port},
        evidence=ids(port.said),
        file=port.said.file,
        line=port.said.line,
        fixes=(
            Set(
                system=DOCKER,
                file=port.said.file,
                section=port.said.section,
                key="host_ip" if port.said.key != "ports" else "ports",
                value="127.0.0.1" if port.said.key != "ports" else f"127.0.0.1:{bare}:{port.to}",
                line=port.said.line if port.said.key == "ports" else None,
                text=f"- '127.0.0.1:{bare}:{port.to}'" if port.said.key == "ports" else "",
                audience="server",
                why="media and meetings never need it from outside; whoever reaches it can read and stop conferences",
                after=RECREATE,
            ),
        ),
    )


def _told(facts: Facts) -> Iterator[Found]:
    for each in settings(facts, "jvb", PRIVATE_HOST, "org.jitsi.videobridge.rest.private.jetty.host", container=False):
        if each.value in ("0.0.0.0", "::") or _is_outer(each):
            yield Found(
                message=_HOST,
                args={"address": each.value},
                evidence=ids(each),
                severity=Severity.WARNING if _shut(facts) else None,
                file=each.file,
                line=each.line,
                fixes=(bridge_line(each.key, "127.0.0.1", file=each.file, line=each.line),),
            )


def _is_outer(setting: Setting) -> bool:
    from natprobe.target import is_address

    return is_address(setting.value) and address_class(setting.value) == "public"


def _seen(facts: Facts) -> Iterator[Found]:
    """Without a setting: an old bridge listens everywhere. A firewall that shuts the port is enough."""
    found = facts.of(Listening, lambda each: each.proto == "tcp" and each.port == _PRIVATE and _is_bridge(each))
    outer = [each for each in found if not each.container and _open(each.address)]
    if outer and not _shut(facts):
        there = facts.of(ConfigFile, lambda each: each.system == "jvb" and not each.inside)
        yield Found(
            message=_LISTENS,
            args={"endpoint": join(outer[0].address, outer[0].port)},
            evidence=ids(outer, there[0]),
            severity=Severity.WARNING,
            fixes=(bridge_line(PRIVATE_HOST, "127.0.0.1", why=phrase("or close TCP 8080 in the firewall")),),
        )


def _is_bridge(each: Listening) -> bool:
    return each.process in _BRIDGE


def _shut(facts: Facts) -> bool:
    ways = facts.of(Passage, lambda each: each.proto == "tcp" and each.port <= _PRIVATE <= each.port_end)
    return bool(ways) and all(each.outcome in ("drop", "reject") for each in ways)
