"""What one JSON file says of the focus and the bridge: `python -m tests.jitsi FILE`."""

from __future__ import annotations

from typing import Literal

import msgspec

from tests.jitsi.offers import Offered


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`domain` is the XMPP domain, `port` Prosody's for components. `addresses`, `udp` and `tcp` are the bridge's own
    (0: no TCP), `candidates` what it advertises, `channel` the address of its WebSocket in an offer, without what is
    the endpoint's own. `authority`: only users of this domain may begin a conference.
    `focus`: `not-ready` for ever, `starting` for the first two requests about a room; `down`: it is not connected.
    `http`: where conferences may be asked for over HTTP too, on loopback (0: nowhere). `status`: a file that says how
    much there is at the moment. `private`: the address that the bridge's private HTTP interface is published on,
    loopback unless somebody changed it; none: there is no such interface.
    """

    domain: str
    muc: str
    secret: str
    port: int
    addresses: tuple[str, ...]
    candidates: tuple[Offered, ...]
    status: str
    udp: int = 10000
    tcp: int = 0
    http: int = 0
    channel: str = ""
    authority: str = ""
    focus: Literal["works", "down", "not-authorized", "not-ready", "starting", "silent"] = "works"
    bridge: Literal["works", "down", "shared"] = "works"
    private: str = ""

    @property
    def service(self) -> str:
        """Where conferences are asked for."""
        return f"focus.{self.domain}"

    @property
    def user(self) -> str:
        """Whom the focus is signed in as."""
        return f"focus@auth.{self.domain}/focus"
