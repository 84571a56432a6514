"""A media port that docker-compose.yml publishes under another number (np309)."""

from __future__ import annotations

from collections.abc import Iterator

from natprobe.derive.docker import Deployment, Port, deployments, evidence
from natprobe.derive.listening import unpublished
from natprobe.derive.needs.jitsi import inner_port, told_port
from natprobe.facts import Facts
from natprobe.model import Set
from natprobe.rules import Found
from natprobe.rules._mappings import outside
from natprobe.servers.jitsi.fixes import DOCKER, RECREATE
from natprobe.servers.jitsi.media import ADVERTISE_PORT_SINCE
from natprobe.wording import mark

_MESSAGE = mark("docker-compose.yml publishes the bridge's port {inner} as {outer}, and clients are told {inner}")


def remapped(facts: Facts) -> Iterator[Found]:
    """Where the host's sockets show it already, that is another finding (np508)."""
    seen = {standing.port for standing in unpublished(facts)}
    for deployment in deployments(facts):
        own = inner_port(deployment)
        if own is None or told_port(deployment) or own[0] in seen:
            continue
        ports = [each for each in deployment.ports("jvb") if each.proto == "udp" and each.to == own[0]]
        if ports and all(each.port != own[0] for each in ports):
            yield _found(facts, deployment, ports[0])


def _found(facts: Facts, deployment: Deployment, port: Port) -> Found:
    tell = deployment.in_env("JVB_ADVERTISE_IPS", f"{outside(facts)}#{port.port}", since=ADVERTISE_PORT_SINCE)
    alike = Set(
        system=DOCKER,
        file=port.said.file,
        section=port.said.section,
        key="ports",
        value=f"{port.to}:{port.to}/udp",
        line=port.said.line if port.said.key == "ports" else None,
        text=f"- '{port.to}:{port.to}/udp'" if port.said.key == "ports" else "",
        audience="server",
        why="the port is told as the bridge has it: outside it has to be the same one",
        after=RECREATE,
    )
    return Found(
        message=_MESSAGE,
        args={"inner": port.to, "outer": port.port},
        evidence=evidence(port.said),
        file=port.said.file,
        line=port.said.line,
        fixes=(alike, tell),
    )
