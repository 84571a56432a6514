"""Networks with a proxy made by hand, as facts: what a browser is set to, and what comes of a Jitsi through it."""

from __future__ import annotations

from typing import Any

import msgspec

from natprobe.facts import Allocation, IceCheck, ProxyChoice, Services, Tunnel
from natprobe.model import Failure, Observation, Report, flow
from tests.made import (
    HOST,
    LOCAL,
    MEDIA,
    RELAY_HOST,
    STUN1,
    STUN2,
    TIMEOUT,
    WEB,
    allocated,
    certificate,
    connected,
    named,
    page,
    permitted,
    relay,
    report,
    saw,
    session,
    silent,
    through,
    unheard,
)
from tests.made_jitsi import JITSI, JOINED, TURNS, Scenario, candidate, config, services, socket

PROXY, AT = "http://proxy.example.test:3128", "10.30.0.3:3128"
LEG = "192.168.1.2:40009"
DENIED, ASKS = Failure.HTTP_STATUS, Failure.UNAUTHORIZED
RELAY_443 = msgspec.structs.replace(TURNS, host=RELAY_HOST, port=443)
RELAY_5349 = msgspec.structs.replace(TURNS, host=RELAY_HOST, port=5349)
NO_RELAYS = services()
SOCKETS_DEAD: Scenario = (unheard(STUN1), unheard(STUN2), unheard(STUN1, transport="tcp", tries=1))
UDP_WORKS: Scenario = (saw(STUN1), saw(STUN2))


def choice(via: str | None = PROXY, host: str = HOST, port: int = 443, **more: Any) -> ProxyChoice:
    """What a browser is set to for this place."""
    fields: dict[str, Any] = {"ways": (via or "direct",), "by": "environment", "name": "https_proxy"} | more
    return ProxyChoice(host=host, port=port, via=via, endpoint=AT if via else None, **fields)


def tunnel(
    host: str = HOST,
    port: int = 443,
    purpose: str = "web",
    status: int | None = 200,
    failure: Failure | None = None,
    **more: Any,
) -> Tunnel:
    """The proxy's answer to CONNECT; with another status than 200 it failed."""
    known = {200: None, 407: ASKS}.get(status or 0, DENIED)
    fields: dict[str, Any] = {"via": PROXY, "endpoint": AT, "failure": failure or known} | more
    return Tunnel(host=host, port=port, purpose=purpose, status=status, **fields)  # type: ignore[arg-type]


def led(*observations: Observation) -> Scenario:
    """These, as they come through the proxy."""
    return tuple(_led(each) for each in observations)


def _led(each: Observation) -> Observation:
    name = "server" if isinstance(each, Allocation) else "endpoint"
    return msgspec.structs.replace(each, **{name: AT, "via": PROXY})


def leg(port: int = 443, transport: str = "tls", **more: Any) -> Allocation:
    """A leg through the proxy to the relay."""
    return allocated(transport, AT, LEG, via=PROXY, port=port, **more)


def relayed(port: int = 443, transport: str = "tls") -> Scenario:
    """A relay that works through the proxy, up to the media server."""
    on = leg(port, transport)
    check = msgspec.structs.replace(silent(MEDIA), failure=None, verified=True, tries=1)
    over = msgspec.structs.replace(check, server=AT, leg=on.transport, relayed=on.relayed, flow=on.flow)
    large = msgspec.structs.replace(over, size=1200)
    permission = msgspec.structs.replace(permitted(MEDIA, on), probe="relayed")
    return (relay(transport, f"203.0.113.40:{port}"), tunnel(RELAY_HOST, port, "relay"), on, through(leg=on),
            permission, over, large)  # fmt: skip


def ice_tcp(endpoint: str, via: str | None = PROXY, **more: Any) -> IceCheck:
    """A check over TCP, through the proxy or straight."""
    fields: dict[str, Any] = {"size": 100, "tries": 1, "verified": "failure" not in more} | more
    return IceCheck(
        endpoint=endpoint, transport="tcp", via=via, local=LOCAL, flow=flow("tcp", LOCAL, endpoint), **fields
    )


FRONT: Scenario = (tunnel(), *led(connected(), session(), certificate(), page(says=("jitsi",))))
SIGNED: Scenario = (config(), *led(socket()))
# Straight to the page's port nothing stands, on either port.
SHUT: Scenario = (connected(failure=TIMEOUT), connected(f"{WEB}:80", failure=TIMEOUT))
UNHEARD: Scenario = (candidate(), silent(), silent(size=1200))
CONTROL = tunnel("stun.other.test", 443, "control")


def behind(
    *media: Observation,
    name: Observation | None = None,
    network: Scenario = SOCKETS_DEAD,
    straight: Scenario = SHUT,
    front: Scenario = FRONT,
    relays: Services = NO_RELAYS,
    chosen: ProxyChoice | None = None,
    joined: Scenario = JOINED,
    signed: Scenario = SIGNED,
) -> Scenario:
    """A Jitsi as it is seen from behind a proxy that alone leads out; media is as given."""
    return (chosen or choice(), name or named(WEB), *network, *straight, *front, *signed, relays, *joined, *media)


def problem_a(**parts: Any) -> Scenario:
    """Users behind Squid who see only themselves."""
    return behind(*UNHEARD, **parts)


def judged(*observations: Observation) -> Report:
    return report(*observations, target=JITSI)
