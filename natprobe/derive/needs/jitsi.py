"""The ports that Jitsi's configuration speaks of: docker-jitsi-meet's on the host, the packages' bridge."""

from __future__ import annotations

from collections.abc import Iterator

from natprobe.addresses import address_class
from natprobe.derive.configured import files, last, port_number, settings, true
from natprobe.derive.docker import Deployment, Port, deployments, evidence, version
from natprobe.derive.needs.kinds import Need, Role
from natprobe.derive.versions import older
from natprobe.facts import Facts, Setting, ids
from natprobe.servers.jitsi.settings import OLD_PORT, PRIVATE_HOST, PRIVATE_PORT, UDP_PORT

MEDIA_PORT = 10000
# What listens in the web container: before stable-11146, and since.
_HTTPS, _HTTP = (443, 8443), (80, 8000)
_PRIVATE, _FOCUS = 8080, 8888
# ICE over TCP was dropped by docker-jitsi-meet here.
NO_TCP_SINCE = "stable-7001"


def needs(facts: Facts) -> list[Need]:
    """All of them."""
    return [*(need for each in deployments(facts) for need in _docker(facts, each)), *_package(facts)]


# --- docker-jitsi-meet


def _docker(facts: Facts, deployment: Deployment) -> Iterator[Need]:
    yield from _media(deployment)
    yield from _tcp(facts, deployment)
    yield from _web(deployment)
    for port in (*deployment.ports("jvb"), *deployment.ports("jicofo")):
        if port.proto == "tcp" and port.to in (_PRIVATE, _FOCUS):
            yield _published(port, "admin", "jvb" if port.to == _PRIVATE else "jicofo")


def inner_port(deployment: Deployment) -> tuple[int, Setting | None] | None:
    """The bridge's own UDP port, and who says so; None: it can't be known."""
    passed = deployment.passed("JVB_PORT", "jvb")
    if passed is None:
        return None
    port = port_number(passed.value or str(MEDIA_PORT))
    return None if port is None else (port, passed.said)


def told_port(deployment: Deployment) -> bool:
    """Whether clients are told a port of their own (`JVB_ADVERTISE_IPS=ADDRESS#PORT`)."""
    passed = deployment.passed("JVB_ADVERTISE_IPS", "jvb")
    return passed is not None and "#" in passed.value


def _media(deployment: Deployment) -> Iterator[Need]:
    """The port that clients are told; where they are told one of a router's, what is published of the bridge's."""
    own = inner_port(deployment)
    if own is None:
        return
    port, said = own
    shown = [each for each in deployment.ports("jvb") if each.proto == "udp" and each.to == port]
    if told_port(deployment) and shown:
        yield from (_published(each, "media", "jvb") for each in shown)
        return
    source = said or (shown[0].said if shown else None)
    yield Need(
        proto="udp",
        address=None,
        port=port,
        port_end=port,
        role="media",
        program="jvb",
        by="docker-jitsi-meet",
        key="JVB_PORT",
        file=source.file if source else f"{deployment.folder}/.env",
        line=source.line if source else 0,
        evidence=evidence(source),
    )


def _tcp(facts: Facts, deployment: Deployment) -> Iterator[Need]:
    """Only of versions that surely still have it."""
    off = deployment.passed("JVB_TCP_HARVESTER_DISABLED", "jvb")
    if (
        off is None
        or not off.value
        or true(off.value)
        or older(version(facts, deployment) or "", NO_TCP_SINCE) is not True
    ):
        return
    for port in deployment.ports("jvb"):
        if port.proto == "tcp" and port.to != _PRIVATE:
            yield _published(port, "media", "jvb")


def _web(deployment: Deployment) -> Iterator[Need]:
    secure = deployment.passed("DISABLE_HTTPS", "web")
    plain = secure is not None and true(secure.value)
    for port in deployment.ports("web"):
        if port.proto == "tcp" and port.to in (_HTTP if plain else (*_HTTP, *_HTTPS)):
            near = port.address is not None and address_class(port.address) == "loopback"
            yield _published(port, "inner" if near else "web", "nginx")


def _published(port: Port, role: Role, program: str) -> Need:
    return Need(
        proto=port.proto,
        address=port.address,
        port=port.port,
        port_end=port.port_end,
        role=role,
        program=program,
        by="docker-jitsi-meet",
        key="ports",
        file=port.said.file,
        line=port.said.line,
        evidence=ids(port.said),
    )


# --- packages


def _package(facts: Facts) -> Iterator[Need]:
    there = files(facts, "jvb", container=False)
    if not there:
        return
    said = last(settings(facts, "jvb", UDP_PORT, OLD_PORT, container=False))
    port = port_number(said.value) if said else MEDIA_PORT
    if port is not None:
        yield _own(said, "udp", port, "media", there[0].path, ids(there))
    private = last(settings(facts, "jvb", PRIVATE_PORT, container=False))
    host = last(settings(facts, "jvb", PRIVATE_HOST, container=False))
    if private is not None and (port := port_number(private.value)) is not None:
        yield _own(private, "tcp", port, "admin", private.file, ids(private))
    elif host is not None:
        yield _own(host, "tcp", _PRIVATE, "admin", host.file, ids(host))


def _own(said: Setting | None, proto: str, port: int, role: Role, path: str, evidence: tuple[int, ...]) -> Need:
    return Need(
        proto="udp" if proto == "udp" else "tcp",
        address=None,
        port=port,
        port_end=port,
        role=role,
        program="jvb",
        by="jitsi-videobridge2",
        key=said.key if said else UDP_PORT,
        file=said.file if said else path,
        line=said.line if said else 0,
        evidence=ids(said) if said else evidence,
    )
