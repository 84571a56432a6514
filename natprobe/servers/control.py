"""The public control servers: what tells "this network" from "that server"; docs/control-servers.md lists them.

Several operators, so that one outage is no blocked network; one in China, where others are far or shut out; different
ports, since filters go by port; some that listen on TCP too, as the control for UDP. `--stun` replaces the list.
"""

from __future__ import annotations

from typing import NamedTuple


class ControlServer(NamedTuple):
    """A public STUN server. `tcp`: it answers over TCP on the same port as well."""

    operator: str
    host: str
    port: int
    tcp: bool


CONTROL_SERVERS = (
    ControlServer("Google", "stun.l.google.com", 19302, False),
    ControlServer("Cloudflare", "stun.cloudflare.com", 3478, True),
    ControlServer("Nextcloud", "stun.nextcloud.com", 443, True),
    ControlServer("Xiaomi", "stun.miwifi.com", 3478, False),
)
