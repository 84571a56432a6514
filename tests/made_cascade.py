"""A cascade made by hand, as facts: a Janus behind NAT that another one's publishers are forwarded to."""

from __future__ import annotations

from typing import Any, Literal

from natprobe.derive.cascade import ADD, requests
from natprobe.facts import CascadeFlow, CascadeRelay, CascadeRequest
from natprobe.model import Failure

URL, OUTSIDE, INSIDE = "https://cascade.example.test:8089/janus", "203.0.113.60", "10.0.1.60"
NO_IFACE = "Invalid network interface configuration for remote publisher"


def relay(**more: Any) -> CascadeRelay:
    """Its echotest has answered, and nat_1_1_mapping names its outside address."""
    fields: dict[str, Any] = {
        "endpoint": f"{OUTSIDE}:8089",
        "reached": "echo",
        "version": 1102,
        "version_string": "1.1.2",
        "rooms": True,
        "local_ip": INSIDE,
        "public_ips": (OUTSIDE,),
        "hosts": (OUTSIDE,),
        "host": OUTSIDE,
    } | more
    made = CascadeRelay(relay=1, url=URL, **fields)
    return CascadeRelay(relay=1, url=URL, **fields, requests=requests(made, "https://meet.example.test/janus"))


def added(iface: str | None = None, **more: Any) -> CascadeRequest:
    """A port for a remote publisher."""
    fields: dict[str, Any] = {"iface": iface, "port": 10000, "rtcp_port": 10001} | more
    return CascadeRequest(relay=1, of="relay", request=ADD, url=URL, **fields)


def refused(iface: str | None = OUTSIDE, code: int = 499, words: str = NO_IFACE) -> CascadeRequest:
    return CascadeRequest(
        relay=1,
        of="relay",
        request=ADD,
        url=URL,
        iface=iface,
        error_code=code,
        failure=Failure.ERROR_RESPONSE,
        detail=words,
    )


def flow(by: Literal["target", "here"], arrived: int, **more: Any) -> CascadeFlow:
    """Forty packets to that port."""
    failure = None if arrived else Failure.TIMEOUT
    fields: dict[str, Any] = {"sent": 40, "passed": 40 if by == "target" else None, "failure": failure} | more
    return CascadeFlow(relay=1, by=by, endpoint=f"{OUTSIDE}:10000", arrived=arrived, **fields)
