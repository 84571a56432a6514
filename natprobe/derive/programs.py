"""Which process is which program: by its name, its user where that is hidden, or what it passes on. Pure."""

from __future__ import annotations

from natprobe.facts import Listening

# Whose configuration says what its containers' ports are on the host.
CONTAINED = ("docker-jitsi-meet",)

# Program -> names of its processes; a `*` ends the beginning of one. An interpreter's name is not its program's
# own, but all that may be known.
_PROCESSES: dict[str, tuple[str, ...]] = {
    "jvb": ("jvb", "java"),
    "jitsi-videobridge": ("jvb", "java"),
    "jitsi-videobridge2": ("jvb", "java"),
    "jicofo": ("jicofo", "java"),
    "jigasi": ("jigasi", "java"),
    "java": ("java", "jvb", "jicofo", "jigasi"),
    "coturn": ("turnserver",),
    "turnserver": ("turnserver",),
    "prosody": ("prosody", "lua*"),
    "nginx": ("nginx", "openresty", "angie"),
    "web": ("nginx",),
    "natprobe": ("natprobe", "python*"),
}
# Program -> whom packages have it run as.
_USERS: dict[str, tuple[str, ...]] = {
    "jvb": ("jvb",),
    "jitsi-videobridge": ("jvb",),
    "jitsi-videobridge2": ("jvb",),
    "jicofo": ("jicofo",),
    "coturn": ("turnserver",),
    "turnserver": ("turnserver",),
    "prosody": ("prosody",),
    "janus": ("janus",),
}
# Who takes packets on the host for somebody in a container, or holds sockets for those that it starts.
_PASSERS = ("docker-proxy", "dockerd", "rootlessport", "rootlesskit", "slirp4netns", "pasta", "conmon", "systemd")
# Who takes checks of its own sessions alone (measured), or speaks no STUN.
_SILENT = ("jvb", "java", "systemd-resolve", "named", "unbound", "dnsmasq")
# What Linux keeps of a process's name.
_NAME_MAX = 15
# Program -> the unit that packages start it by.
UNITS = {
    "jvb": "jitsi-videobridge2",
    "jitsi-videobridge": "jitsi-videobridge2",
    "jitsi-videobridge2": "jitsi-videobridge2",
    "coturn": "coturn",
    "turnserver": "coturn",
}


def is_program(holder: Listening, program: str) -> bool | None:
    """Whether it is this program's. None: its process is hidden, and its user says nothing."""
    if holder.process is None:
        return True if holder.user in _USERS.get(program, ()) else None
    return any(_fits(holder.process, name) for name in _PROCESSES.get(program, (program,)))


def passes_on(holder: Listening) -> bool:
    """Whether another program stands behind it, which nobody here sees."""
    return holder.process in _PASSERS or (holder.process or "").startswith("pasta.")


def answers_no_strangers(holder: Listening) -> bool:
    """Whether it is known to say nothing to a STUN request that nobody signed, or has somebody else behind it."""
    return holder.process in _SILENT or passes_on(holder)


def unit(program: str) -> str:
    """What systemd knows it by."""
    return UNITS.get(program, program)


def _fits(process: str, name: str) -> bool:
    if name.endswith("*"):
        return process.startswith(name[:-1])
    return process == name[:_NAME_MAX]
