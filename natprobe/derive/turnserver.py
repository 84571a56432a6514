"""What a turnserver.conf says, as coturn takes it. Pure.

Defaults and precedence by coturn's manual; who is let in as measured with 4.6.1.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from natprobe.derive.configured import files, port_number
from natprobe.facts import ConfigFile, Facts, Listening, Setting, ids

PORT, TLS_PORT, MIN_PORT, MAX_PORT = 3478, 5349, 49152, 65535
CLI_PORT, WEB_PORT = 5766, 8080
# Whom it lets in: nobody is asked; users with passwords; names with an expiry, signed with a shared secret; OAuth.
Access = Literal["open", "users", "secret", "oauth"]

# What stands in the file as packages bring it: nobody has set up anything then.
_STOCK = ("syslog", "no-rfc5780", "no-stun-backward-compatibility", "response-origin-only-with-rfc5780", "no-cli")
_PROCESS = "turnserver"
_OFF = ("0", "n", "f")


class Relay(NamedTuple):
    """One turnserver.conf that could be read. `there`: whether all of it was."""

    file: ConfigFile
    settings: tuple[Setting, ...]
    there: bool

    def all(self, key: str) -> list[Setting]:
        """Every line with this option."""
        return [each for each in self.settings if each.key == key]

    def last(self, key: str) -> Setting | None:
        """The one that counts, where an option is given once."""
        return next((each for each in reversed(self.settings) if each.key == key), None)

    def on(self, key: str) -> Setting | None:
        """The line that switches this on; None: it is off."""
        said = self.last(key)
        off = said is None or said.value[:1].lower() in _OFF or said.value.lower() == "off"
        return None if off else said

    def port(self, key: str, default: int) -> int:
        """A port; 0 where something is set that is none."""
        said = self.last(key)
        return default if said is None else port_number(said.value) or 0

    def text(self, key: str) -> str:
        """The value of an option that is given once, empty without one."""
        said = self.last(key)
        return said.value if said is not None else ""

    @property
    def access(self) -> Access:
        """Whom it lets in. A secret beside users shuts the users out; users alone switch lt-cred-mech on."""
        if self.on("oauth"):
            return "oauth"
        if self.on("use-auth-secret") or self.all("static-auth-secret"):
            return "secret"
        return "users" if self.on("lt-cred-mech") or self.all("user") else "open"

    @property
    def secrets(self) -> set[int]:
        """The numbers of the secrets that it takes; empty where they are in a database, or none."""
        return {each.secret for each in self.all("static-auth-secret") if each.secret is not None}

    @property
    def in_database(self) -> bool:
        """Whether users and secrets may stand in a database that was named."""
        return any(self.all(f"{each}-userdb") for each in ("psql", "mysql", "mongo", "redis"))

    @property
    def accounts(self) -> dict[str, int | None]:
        """Users by name, and the numbers of their passwords; None: a key stands there instead of one."""
        return {each.value: each.secret for each in self.all("user")}

    @property
    def secured(self) -> bool:
        """Whether it is told a certificate, a key, and not to leave TLS alone."""
        return bool(self.text("cert") and self.text("pkey")) and self.on("no-tls") is None

    @property
    def names(self) -> list[str]:
        """What it calls itself."""
        return [each for each in (self.text("server-name"), self.text("realm")) if each]

    def evidence(self, *said: Setting | None) -> tuple[int, ...]:
        """The ids of these lines, or of the file."""
        there = [each for each in said if each is not None]
        return ids(there) if there else ids(self.file)

    @property
    def end(self) -> int:
        """After which line more may be written."""
        return self.file.lines


def relays(facts: Facts) -> list[Relay]:
    """Each turnserver.conf that is somebody's: not as the package left it, or named, or that of a coturn that runs."""
    found = [_relay(facts, each) for each in files(facts, "coturn")]
    runs = bool(facts.of(Listening, lambda each: each.process == _PROCESS))
    return [each for each in found if runs or each.file.why == "given" or _set_up(each)]


def _set_up(relay: Relay) -> bool:
    return any(each.key not in _STOCK for each in relay.settings)


def _relay(facts: Facts, file: ConfigFile) -> Relay:
    said = facts.of(Setting, lambda each: each.system == "coturn" and each.file == file.path)
    return Relay(file, tuple(said), file.failure is None)
