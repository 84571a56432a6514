"""Facts of a server made by hand: sockets, needed ports, configuration. The addresses are the lab's (tests/made.py)."""

from __future__ import annotations

from typing import Any

import msgspec

from natprobe.addresses import address_class
from natprobe.diagnose import diagnose
from natprobe.facts import ConfigFile, Expected, Listening, LocalAddress, Program, Published, Setting
from natprobe.facts.config import Form, System
from natprobe.model import Observation, Report, Target
from tests.made import SOURCE, numbered

SERVER = Target(input="server", host="server", port=0, scheme="")
PUBLIC, PUBLIC_OTHER, INNER, CONTAINER = "203.0.113.222", "203.0.113.223", "192.168.1.223", "172.18.0.5"
_FORMS: dict[System, Form] = {
    "docker": "env",
    "compose": "yaml",
    "jvb": "hocon",
    "jicofo": "hocon",
    "jitsi-meet": "javascript",
    "prosody": "lua",
    "coturn": "flat",
    "janus": "libconfig",
    "nginx": "nginx",
}
# Where each system's settings stand unless a test says otherwise.
PATHS: dict[System, str] = {
    "docker": "/opt/jitsi/.env",
    "compose": "/opt/jitsi/docker-compose.yml",
    "jvb": "/etc/jitsi/videobridge/jvb.conf",
    "jicofo": "/etc/jitsi/jicofo/jicofo.conf",
    "jitsi-meet": "/etc/jitsi/meet/meet.example.test-config.js",
    "prosody": "/etc/prosody/conf.avail/meet.example.test.cfg.lua",
    "coturn": "/etc/turnserver.conf",
    "janus": "/etc/janus/janus.jcfg",
    "nginx": "/etc/nginx/sites-enabled/meet.conf",
}


def listening(
    proto: str = "udp", address: str = "0.0.0.0", port: int = 10000, process: str | None = "java", **more: Any
) -> Listening:
    """A socket that waits for others."""
    return Listening(proto=proto, address=address, port=port, process=process, pid=more.pop("pid", 77), **more)  # type: ignore[arg-type]


def published(proto: str = "udp", port: int = 10000, to: str = f"{CONTAINER}:10000", **more: Any) -> Published:
    """One port of a container, for every address."""
    words = {"address": "0.0.0.0", "port_end": port, "by": "docker-proxy"} | more
    return Published(proto=proto, port=port, to=to, **words)  # type: ignore[arg-type]


def expected(proto: str = "tcp", address: str | None = None, port: int = 443, **more: Any) -> Expected:
    """What --expect says."""
    return Expected(proto=proto, address=address, port=port, port_end=more.pop("port_end", port), **more)  # type: ignore[arg-type]


def own(address: str = PUBLIC, interface: str = "eth0", **more: Any) -> LocalAddress:
    """An address of the server's own."""
    words = {"prefix": 24, "scope": address_class(address)} | more
    return LocalAddress(address=address, interface=interface, **words)


def file(system: System, **more: Any) -> ConfigFile:
    """A configuration file in its usual place, read well."""
    return ConfigFile(
        path=more.pop("path", PATHS[system]), system=system, form=more.pop("form", _FORMS[system]), **more
    )


def setting(system: System, key: str, value: str = "", line: int = 1, **more: Any) -> Setting:
    """One line of it. `secret`: its number."""
    return Setting(file=more.pop("file", PATHS[system]), line=line, system=system, key=key, value=value, **more)


def program(name: str, version: str, by: str = "package") -> Program:
    """What is installed."""
    return Program(name=name, version=version, by=by)  # type: ignore[arg-type]


def inspected(*observations: Observation) -> Report:
    """The diagnosis of a server's own vantage."""
    server = msgspec.structs.replace(SOURCE, vantage="server")
    return diagnose(SERVER, numbered(*observations), [server])
