"""This machine: its addresses and its ways out."""

from __future__ import annotations

from typing import Literal

from natprobe.model import Address, Count, Family, Observation, Text

AddressClass = Literal[
    "public",
    "private",
    "carrier",
    "link-local",
    "unique-local",
    "tunnel",
    "container",
    "loopback",
    "unspecified",
    "multicast",
]


class LocalAddress(Observation, frozen=True, kw_only=True):
    """An address of this machine. `scope` is its class; `usable`: probes may bind to it."""

    address: Address
    interface: Text
    prefix: Count
    scope: AddressClass
    up: bool = True
    usable: bool = True


class DefaultRoute(Observation, frozen=True, kw_only=True):
    """A way out of one family, the best first; failure no-route when there is none.

    `gateway` None: straight onto the link.
    """

    family: Family
    interface: Text | None = None
    gateway: Address | None = None


class SourceAddress(Observation, frozen=True, kw_only=True):
    """The local address that the system picks for packets `towards` an address; failure no-route for none."""

    towards: Address
    local: Address | None = None
