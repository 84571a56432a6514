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


class BindTry(Observation, frozen=True, kw_only=True):
    """A UDP socket of ours bound on the server (`natprobe inspect --iface`), at a port that the system chose.

    `asked`: an address, or an interface's name. `address`: what was bound, of an interface its first one, as Janus
    takes it; None: nothing, since no interface of that name has an address. `interface`: which one has the address;
    None: none, so that Janus finds it nowhere, even where the system would let anybody bind it (ip_nonlocal_bind).
    """

    asked: Text
    address: Address | None = None
    interface: Text | None = None


class Platform(Observation, frozen=True, kw_only=True):
    """What this machine is, by its firmware's word. `cloud`: the provider whose virtual machine it is; empty: none that
    is known, so most likely a machine of one's own.
    """

    vendor: Text
    cloud: Text = ""
