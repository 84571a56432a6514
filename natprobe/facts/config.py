"""Configuration files of the server: what was found, and what they say. No secret is ever in these facts."""

from __future__ import annotations

from typing import Literal

from natprobe.model import Count, Observation, Text, Time

# Whose settings a file has. `docker`: docker-jitsi-meet's .env; `compose`: its docker-compose.yml; `unknown`: it was
# named, and is no configuration that natprobe knows.
System = Literal["docker", "compose", "jvb", "jicofo", "jitsi-meet", "prosody", "coturn", "janus", "nginx", "unknown"]
Form = Literal["env", "yaml", "hocon", "properties", "lua", "flat", "libconfig", "nginx", "javascript", "unknown"]


class ConfigFile(Observation, frozen=True, kw_only=True):
    """A configuration file. failure: it could not be read (permission-denied), not wholly (limit), or makes no sense
    from `lines` on (protocol); what was read before that counts.

    `why`: looked for in its usual place, named by the user, or named by another file. `generated`: it is written anew
    at each start of its container, so that an edit in it is lost. `inside`: a container reads it, so that its
    addresses, ports and paths are the container's.
    """

    path: Text
    system: System
    form: Form
    why: Literal["found", "given", "included"] = "found"
    lines: Count = 0
    generated: bool = False
    inside: bool = False


class Setting(Observation, frozen=True, kw_only=True):
    """A setting that natprobe knows, as it stands in `file` at `line`. What it does not know is left alone.

    `section`: what it stands in, outermost first, as the file's syntax names it. `value`: as written; empty where it is
    a secret. `secret`: of a secret its number in this report: equal secrets, and no others, have equal numbers.
    """

    file: Text
    line: Count
    system: System
    section: Text = ""
    key: Text
    value: Text = ""
    secret: Count | None = None


class CertificateFile(Observation, frozen=True, kw_only=True):
    """A certificate or key file that a setting names (`file`, `line`), looked at. failure no-data: it is not there;
    permission-denied: not readable for us, so that nothing more is known; protocol: it is no such file.

    `user`: whom the service runs as, empty: not known; `readable`: whether that user may read it. `names`,
    `not_before`, `not_after`: of the first certificate in it; `days_left`: from the time of the run. `chain`: how many
    certificates it has. `matches`: whether the key is that of the certificate beside it.
    """

    path: Text
    role: Literal["certificate", "key"]
    system: System
    file: Text
    line: Count
    user: Text = ""
    readable: bool | None = None
    names: tuple[Text, ...] = ()
    not_before: Time | None = None
    not_after: Time | None = None
    days_left: float | None = None
    chain: Count = 0
    self_signed: bool | None = None
    matches: bool | None = None


class Program(Observation, frozen=True, kw_only=True):
    """A program of the server with its version, by whom it is told. `name`: `janus`, `coturn`, `prosody`,
    `jitsi-videobridge2`, `jitsi-meet`, `docker-jitsi-meet`, `libwebsockets`, `nginx` …
    """

    name: Text
    version: Text
    by: Literal["package", "image", "file"]
