"""On the server: which versions of the programs that natprobe knows are installed, by the package manager's list."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from natprobe.context import Context
from natprobe.facts import Facts, Program
from natprobe.model import Observation

REQUIRES = ()
TAKES = ()
YIELDS = (Program,)
TIMEOUT = 2.0

# dpkg(1): the list of all packages with their state. A full desktop's has 5 MB.
_LIST = "/var/lib/dpkg/status"
_LIST_MAX = 16 << 20
# Package -> what it is called in a report.
_NAMES = {
    "janus": "janus",
    "coturn": "coturn",
    "prosody": "prosody",
    "nginx": "nginx",
    "jicofo": "jicofo",
    "jitsi-meet": "jitsi-meet",
    "jitsi-meet-web": "jitsi-meet-web",
    "jitsi-videobridge2": "jitsi-videobridge2",
}
_PACKAGE = re.compile(
    rb"^Package: (" + "|".join(_NAMES).encode() + rb"|libwebsockets[0-9]{1,3}(?:t64)?)\n((?:[^\n]+\n){0,60})",
    re.MULTILINE,
)
_VERSION = re.compile(rb"^Version: ([0-9A-Za-z.+:~-]{1,60})$", re.MULTILINE)
_INSTALLED = b"Status: install ok installed\n"


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Nothing where another package manager is at work."""
    if ctx.machine is None:
        return
    try:
        data = ctx.machine.read(_LIST, _LIST_MAX)
    except OSError:
        return
    for found in _PACKAGE.finditer(data):
        version = _VERSION.search(found[2])
        if version is not None and _INSTALLED in found[2]:
            package = found[1].decode()
            yield Program(name=_NAMES.get(package, "libwebsockets"), version=version[1].decode(), by="package")
