"""Where configuration lies, and whose it is: by its place and name, else by what is in it. Pure."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import NamedTuple

from natprobe.facts.config import Form, System


class Place(NamedTuple):
    """Files whose paths end like `pattern` are this system's, in this form."""

    system: System
    form: Form
    pattern: str


# By name; the first that fits counts.
_NAMES: tuple[Place, ...] = (
    Place("compose", "yaml", "docker-compose*.y*ml"),
    Place("compose", "yaml", "compose*.y*ml"),
    Place("docker", "env", ".env"),
    Place("docker", "env", "*.env"),
    Place("jicofo", "properties", "jicofo/*sip-communicator.properties"),
    Place("jvb", "properties", "*sip-communicator.properties"),
    Place("jicofo", "hocon", "*jicofo*.conf"),
    Place("jvb", "hocon", "*jvb*.conf"),
    Place("jitsi-meet", "javascript", "*-config.js"),
    Place("jitsi-meet", "javascript", "config.js"),
    Place("prosody", "lua", "*.cfg.lua"),
    Place("janus", "libconfig", "*.jcfg"),
    Place("coturn", "flat", "*turnserver*.conf"),
    Place("nginx", "nginx", "nginx*.conf"),
    Place("nginx", "nginx", "sites-*/*"),
)
# Not settings, though their names look like it.
_NOT = ("interface_config.js", "*interface-config.js", "*.bak", "*~", "*.example", "*.dpkg-*", "*.sample", "*.swp")
# By content, for names that say nothing. A line that only this system's files have.
_LINES: tuple[tuple[System, Form, str], ...] = (
    ("jvb", "hocon", r"(?:videobridge|ice4j)\s*[.{=:]"),
    ("jicofo", "hocon", r"jicofo\s*[.{=:]"),
    ("jvb", "properties", r"org\.(?:ice4j|jitsi\.videobridge)\."),
    ("prosody", "lua", r"(?:VirtualHost|Component)\s*[(\"']"),
    (
        "coturn",
        "flat",
        r"(?:listening-port|lt-cred-mech|use-auth-secret|static-auth-secret|external-ip|tls-listening-port)\b",
    ),
    ("janus", "libconfig", r"(?:rtp_port_range|nat_1_1_mapping|admin_key|wss?_port|https?_port)\s*[=:]"),
    ("nginx", "nginx", r"(?:server|http|upstream\s+\S{1,100})\s*\{"),
    ("compose", "yaml", r"services:\s*$"),
    ("jitsi-meet", "javascript", r"var\s+config\s*="),
    ("docker", "env", r"(?:PUBLIC_URL|JVB_[A-Z_]{1,40}|HTTPS?_PORT|XMPP_DOMAIN)="),
)
_CONTENT = tuple((system, form, re.compile(rf"^[ \t]*{line}", re.MULTILINE)) for system, form, line in _LINES)
# So much of a file is looked at.
_LOOKED_AT = 1 << 16
_JITSI_IMAGE = re.compile(r"\bimage:[^\n]{0,200}(?:jitsi|JITSI_IMAGE)[^\n]{0,40}/(?:web|jvb|prosody|jicofo)\b")


def by_name(path: str) -> tuple[System, Form] | None:
    """Whose file has this name; None: the name does not say."""
    lower = path.lower().replace("\\", "/")
    name, parent = lower.rpartition("/")[2], "/".join(lower.split("/")[-2:])
    if any(fnmatchcase(name, each) for each in _NOT):
        return None
    fits = (each for each in _NAMES if fnmatchcase(parent if "/" in each.pattern else name, each.pattern))
    return next(((each.system, each.form) for each in fits), None)


def by_content(text: str) -> tuple[System, Form] | None:
    """Whose settings these look like; None: nobody's that natprobe knows."""
    start = text[:_LOOKED_AT]
    return next(((system, form) for system, form, line in _CONTENT if line.search(start)), None)


def of_jitsi(compose: str) -> bool:
    """Whether this is docker-jitsi-meet's, or made after it."""
    return _JITSI_IMAGE.search(compose[: 1 << 18]) is not None


# --- the usual places

# A path may have `*`, in its last two parts.
USUAL: tuple[Place, ...] = (
    Place("jvb", "hocon", "/etc/jitsi/videobridge/jvb.conf"),
    Place("jvb", "properties", "/etc/jitsi/videobridge/sip-communicator.properties"),
    Place("jicofo", "hocon", "/etc/jitsi/jicofo/jicofo.conf"),
    Place("jicofo", "properties", "/etc/jitsi/jicofo/sip-communicator.properties"),
    Place("jitsi-meet", "javascript", "/etc/jitsi/meet/*-config.js"),
    Place("prosody", "lua", "/etc/prosody/prosody.cfg.lua"),
    Place("prosody", "lua", "/etc/prosody/conf.d/*.cfg.lua"),
    Place("coturn", "flat", "/etc/turnserver.conf"),
    Place("coturn", "flat", "/etc/coturn/turnserver.conf"),
    Place("coturn", "flat", "/usr/local/etc/turnserver.conf"),
    *(
        Place("janus", "libconfig", f"{folder}/janus{name}.jcfg")
        for folder in ("/etc/janus", "/opt/janus/etc/janus", "/usr/local/etc/janus")
        for name in ("", ".transport.http", ".transport.websockets")
    ),
    Place("nginx", "nginx", "/etc/nginx/nginx.conf"),
    Place("nginx", "nginx", "/etc/nginx/sites-enabled/*"),
    Place("nginx", "nginx", "/etc/nginx/conf.d/*.conf"),
    Place("nginx", "nginx", "/etc/nginx/modules-enabled/*jitsi*.conf"),
)
# Folders in which docker-jitsi-meet may lie.
DOCKER_FOLDERS = (".", "/opt/*", "/srv/*", "/root", "/root/*", "/home/*", "/home/*/*", "/usr/local/src/*")
COMPOSE_NAMES = (
    "docker-compose.yml",
    "docker-compose.yaml",
    "compose.yml",
    "compose.yaml",
    "docker-compose.override.yml",
)
# What the containers read, below docker-jitsi-meet's CONFIG. True: it is written anew at each start.
CONTAINER_FILES: tuple[tuple[Place, bool], ...] = (
    (Place("jvb", "hocon", "jvb/jvb.conf"), True),
    (Place("jvb", "properties", "jvb/sip-communicator.properties"), True),
    (Place("jvb", "hocon", "jvb/custom-jvb.conf"), False),
    (Place("jvb", "properties", "jvb/custom-sip-communicator.properties"), False),
    (Place("jicofo", "hocon", "jicofo/jicofo.conf"), True),
    (Place("jitsi-meet", "javascript", "web/config.js"), True),
    (Place("jitsi-meet", "javascript", "web/custom-config.js"), False),
    (Place("prosody", "lua", "prosody/config/prosody.cfg.lua"), True),
    (Place("prosody", "lua", "prosody/config/conf.d/*.cfg.lua"), True),
    (Place("nginx", "nginx", "web/nginx/meet.conf"), True),
    (Place("nginx", "nginx", "web/nginx/site-confs/default"), True),
)
# Where CONFIG points unless it is set, from its owner's home.
CONTAINER_FOLDER = ".jitsi-meet-cfg"
# By form, how a file names others.
INCLUDES: dict[Form, tuple[str, ...]] = {
    "hocon": ("include",),
    "lua": ("Include",),
    "nginx": ("include",),
    "libconfig": ("@include",),
}
# What nginx includes everywhere and is about nothing here.
NOT_INCLUDED = ("mime.types", "*_params", "*fastcgi*.conf", "koi-*", "win-utf")
