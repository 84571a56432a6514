"""A case's proxies (tests/case.py)."""

from __future__ import annotations

from typing import Literal

import msgspec


class Proxy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A real squid or dante, proxy.example.test, in the kernel ring only: at 10.30.0.3 (squid on port 3128, dante on
    1080), which the client's router always lets through to, and out by 198.51.100.80. It looks names up in a file of
    its own. `state`: nothing listens there (`dead`).

    `rules`: squid's CONNECT, Debian's `usual` to 443 alone, to `all-ports`, to none (`deny-all`), or to 443 but not to
    the relay (`no-relay`). dante knows no ports: it lets everything through or nothing.
    `lines`: of squid.conf, as the report's fix has them, above the others.
    `auth`: who asks is to be known (Basic; a user and a password of SOCKS5); `given`: what the check is told, of
    tests/access.py. `udp`: dante passes UDP on.
    `told`: how the client's machine is set: by `option`, by the `environment`, by a `pac` script that its environment
    names or that the network offers (`wpad`, by DNS), or it is told `nothing`. `pac`: what that script says: the proxy
    for `all`, `direct` for meet.example.test, direct `fallback` behind the proxy; or it `loops` or is `broken`.
    `bumps`: squid opens TLS and shows certificates of its own authority: of what it is asked to lead to (`explicit`)
    or of all that leaves for 443 (`transparent`; then it stands on the client's router); or it takes what leaves for
    port 80, without TLS (`http`, likewise). `authority`: its name; `trusted`: the client knows it. `upgrades`: it
    passes WebSockets on.
    """

    kind: Literal["none", "squid", "dante"] = "none"
    state: Literal["works", "dead"] = "works"
    rules: Literal["usual", "all-ports", "deny-all", "no-relay"] = "usual"
    lines: tuple[str, ...] = ()
    auth: Literal["none", "basic"] = "none"
    given: Literal["nothing", "right", "wrong"] = "nothing"
    udp: bool = True
    told: Literal["nothing", "option", "environment", "pac", "wpad"] = "environment"
    pac: Literal["all", "direct", "fallback", "loops", "broken"] = "all"
    bumps: Literal["none", "explicit", "transparent", "http"] = "none"
    authority: str = "Web filter of the lab"
    trusted: bool = True
    upgrades: bool = False

    @property
    def on_router(self) -> bool:
        """Whether it takes what was meant for others, on the client's router."""
        return self.kind == "squid" and self.bumps in ("transparent", "http")

    @property
    def apart(self) -> bool:
        """Whether it is a host of its own, that clients ask."""
        return self.kind != "none" and not self.on_router

    @property
    def scripted(self) -> bool:
        """Whether a web server hands out a PAC script."""
        return self.apart and self.told in ("pac", "wpad")
