"""docker-jitsi-meet: what its compose file makes of its .env. Pure.

A variable reaches a container only where the compose file passes it on; what is not in .env has the default that the
compose file gives. Where .env could not be read, or a variable is none that natprobe knows, nothing is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from natprobe.derive.configured import folder, port_number
from natprobe.derive.versions import older
from natprobe.facts import ConfigFile, Facts, Program, Setting, ids
from natprobe.model import Observation, Set
from natprobe.servers.jitsi.lines import env_line
from natprobe.servers.jitsi.settings import DOCKER
from natprobe.target import is_address

Role = Literal["web", "jvb", "prosody", "jicofo"]

NAME = "docker-jitsi-meet"
# From here on containers keep what they generate to themselves (docker-jitsi-meet, 2026-06-16).
UNREAD_SINCE = "stable-11146"
# Compose's interpolation: `$$`, `${NAME}`, `${NAME:-default}` and its kin, `$NAME`.
_VARIABLE = re.compile(r"\$(?:(\$)|\{([A-Za-z_]\w*)(?:(:?[-?+])([^{}]*))?\}|([A-Za-z_]\w*)|(\{))")
_IMAGE = re.compile(r"(?:^|/)(?P<role>web|jvb|prosody|jicofo)(?::(?P<tag>[\w.-]{1,128}))?(?:@|$)")
_SHORT = re.compile(
    r"(?:(?:(?P<address>\[[0-9A-Fa-f:.]+\]|[0-9.]+):)?(?P<port>[0-9-]*):)?(?P<to>[0-9-]+)(?:/(?P<proto>tcp|udp))?"
)
# With these a service gets more variables than stand in it.
_WHOLE = ("env_file", "<<", "extends")


class Passed(NamedTuple):
    """What a container gets for a variable, and the setting that says so; None: its own default."""

    value: str
    said: Setting | None


class Port(NamedTuple):
    """Ports of a container that the compose file publishes. `address` None: every one of the host."""

    service: str
    proto: Literal["tcp", "udp"]
    address: str | None
    port: int
    port_end: int
    to: int
    said: Setting


class Deployment(NamedTuple):
    """One folder of it. `env`: what .env says, the last of each name; `complete`: .env was read, or there is none;
    `lines`: how many it has.
    """

    folder: str
    env: dict[str, Setting]
    compose: tuple[Setting, ...]
    complete: bool
    lines: int | None = None

    def filled(self, text: str) -> str | None:
        """With the variables set in; None where one can't be known."""
        unknown = False

        def value(found: re.Match[str]) -> str:
            nonlocal unknown
            name = found[2] or found[5]
            if not name:
                unknown = unknown or found[6] is not None
                return "$"
            known = self.env.get(name)
            unknown = unknown or DOCKER.get(name) not in ("plain", "url") or not self.complete
            return _with_default(None if known is None else known.value, found[3] or "", found[4] or "")

        filled = _VARIABLE.sub(value, text)
        return None if unknown else filled

    def services(self, role: Role) -> list[str]:
        """The services of this kind: by their image, else by their name."""
        found = [each for each in self.compose if each.key == "image" and _role(each) == role]
        names = [_service(each) for each in found]
        named = [_service(each) for each in self.compose if _service(each) == role]
        return list(dict.fromkeys(names or named))

    def passed(self, key: str, role: Role) -> Passed | None:
        """What a container of this kind gets for the variable; None: it gets nothing, or that can't be known."""
        if not self.compose:
            said = self.env.get(key)
            return Passed(said.value, said) if said is not None else Passed("", None) if self.complete else None
        services = self.services(role)
        found = [each for each in self._environment(services) if each.key == key]
        if not found:
            whole = any(each.key in _WHOLE and _service(each) in services for each in self.compose)
            said = self.env.get(key) if whole else None
            return Passed(said.value, said) if said is not None else Passed("", None)
        filled = self.filled(found[-1].value)
        plain = found[-1].value == f"${{{key}}}"
        return None if filled is None else Passed(filled, self.env.get(key) if plain else found[-1])

    def passes(self, key: str) -> bool:
        """Whether anything in the compose file takes this variable, as far as natprobe reads it."""
        whole = any(each.key in _WHOLE for each in self.compose)
        return whole or any(re.search(rf"\$\{{?{key}\b", each.value) for each in self.compose)

    def _environment(self, services: list[str]) -> list[Setting]:
        wanted = {f"services {each} environment" for each in services}
        return [each for each in self.compose if each.section in wanted]

    def _behind(self) -> int | None:
        """The last line of .env that surely is no secret's: a new one behind it shows none. None: there is no .env."""
        shown = [each.line for each in self.env.values() if each.secret is None]
        return max(shown, default=0) if self.lines is not None else None

    def in_env(self, key: str, value: str, **more: str) -> Set:
        """The line of .env that says so: the one that is there, or one more."""
        said = self.env.get(key)
        return env_line(
            key,
            value,
            file=f"{self.folder}/.env",
            line=said.line if said is not None else self._behind(),
            there=said is not None,
            **more,
        )

    def version(self) -> str | None:
        """The images' tag, as `stable-10532`; None: it can't be known."""
        for each in self.compose:
            filled = self.filled(each.value) if each.key == "image" else None
            if filled and (found := _IMAGE.search(filled)) is not None and found["tag"]:
                return found["tag"]
        return None

    def host_network(self, role: Role) -> bool:
        """Whether these containers use the host's own addresses."""
        services = self.services(role)
        return any(
            each.key == "network_mode" and each.value == "host" and _service(each) in services for each in self.compose
        )

    def ports(self, role: Role) -> list[Port]:
        """What is published of these containers on ports that are known."""
        services = self.services(role)
        return [each for each in self.compose_ports() if each.service in services]

    def compose_ports(self) -> list[Port]:
        """What is published of any container."""
        return list(_ports(self))


def deployments(facts: Facts) -> list[Deployment]:
    """Every folder of docker-jitsi-meet that was found."""
    ours = facts.of(ConfigFile, lambda each: each.system in ("docker", "compose") and not each.inside)
    return [_deployment(facts, each) for each in dict.fromkeys(folder(each.path) for each in ours)]


def _deployment(facts: Facts, place: str) -> Deployment:
    here = facts.of(Setting, lambda each: folder(each.file) == place)
    env = {each.key: each for each in here if each.system == "docker"}
    compose = tuple(each for each in here if each.system == "compose")
    files = facts.of(ConfigFile, lambda each: each.system == "docker" and folder(each.path) == place)
    unread = any(each.failure is not None and not each.lines for each in files)
    return Deployment(place, env, compose, not unread, files[0].lines if files and not unread else None)


def stale(facts: Facts) -> set[str]:
    """Files below CONFIG that the containers wrote once and, in this version, don't read any more."""
    versions = [version(facts, each) for each in deployments(facts)]
    new = bool(versions) and all(older(each or "", UNREAD_SINCE) is False for each in versions)
    return {each.path for each in facts.of(ConfigFile) if each.generated and new}


def version(facts: Facts, deployment: Deployment) -> str | None:
    """Its version: what its images' tag says, else what is known of the host."""
    told = facts.of(Program, lambda each: each.name == NAME)
    return deployment.version() or (told[0].version if told else None)


def evidence(*said: Setting | None) -> tuple[int, ...]:
    """The ids of what was said at all."""
    there: list[Observation] = [each for each in said if each is not None]
    return ids(there)


def _with_default(value: str | None, how: str, word: str) -> str:
    """Compose's `-` takes its word for what is unset, `:-` also for what is empty; `+` the other way round."""
    missing = not value if how.startswith(":") else value is None
    if how.endswith("-"):
        return word if missing else value or ""
    if how.endswith("+"):
        return "" if missing else word
    return value or ""


def _service(setting: Setting) -> str:
    words = setting.section.split(" ")
    return words[1] if len(words) > 1 and words[0] == "services" else ""


def _role(image: Setting) -> str:
    """By the image's name, without the variables before and behind it."""
    found = _IMAGE.search(_VARIABLE.sub("x", image.value))
    return found["role"] if found else ""


def _ports(deployment: Deployment) -> Iterator[Port]:
    lists: dict[str, dict[str, Setting]] = {}
    for each in deployment.compose:
        if each.key == "ports":
            filled = deployment.filled(each.value)
            found = _SHORT.fullmatch(filled) if filled is not None else None
            if found is not None:
                yield from _port(
                    each, found["address"] or "", found["port"] or "", found["to"], found["proto"] or "tcp"
                )
        elif " ports[" in each.section:
            lists.setdefault(f"{each.file} {each.section}", {})[each.key] = each
    for long in lists.values():
        words = {key: deployment.filled(each.value) for key, each in long.items()}
        if words.get("target") and None not in words.values():
            said = long.get("published", long["target"])
            yield from _port(
                said,
                words.get("host_ip") or "",
                words.get("published") or "",
                words["target"] or "",
                words.get("protocol") or "tcp",
            )


def _port(said: Setting, address: str, port: str, to: str, proto: str) -> Iterator[Port]:
    """Without a port of the host Docker takes any: nobody knows which."""
    begin, _, end = port.partition("-")
    first, last, inner = (port_number(each) for each in (begin, end or begin, to.partition("-")[0]))
    if first is None or last is None or inner is None:
        return
    at = address.strip("[]")
    where = None if at in ("", "0.0.0.0", "::") or not is_address(at) else at
    kind: Literal["tcp", "udp"] = "udp" if proto == "udp" else "tcp"
    yield Port(_service(said), kind, where, first, last, inner, said)
