"""What an address is, from one table of ours. Documentation ranges count as public, so that the tests' internet is one.

Never ipaddress's is_private or is_global: they call 203.0.113.0/24 private.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from natprobe.facts import AddressClass

_TABLE: tuple[tuple[str, AddressClass], ...] = (
    ("0.0.0.0/8", "unspecified"),  # RFC 791 "this network"
    ("10.0.0.0/8", "private"),  # RFC 1918
    ("100.64.0.0/10", "carrier"),  # RFC 6598
    ("127.0.0.0/8", "loopback"),  # RFC 1122
    ("169.254.0.0/16", "link-local"),  # RFC 3927
    ("172.16.0.0/12", "private"),  # RFC 1918
    ("192.168.0.0/16", "private"),  # RFC 1918
    ("224.0.0.0/4", "multicast"),  # RFC 5771
    ("240.0.0.0/4", "multicast"),  # RFC 1112, reserved, with broadcast (RFC 919): no unicast peer either
    ("::/128", "unspecified"),  # RFC 4291
    ("::1/128", "loopback"),  # RFC 4291
    ("fe80::/10", "link-local"),  # RFC 4291
    ("fc00::/7", "unique-local"),  # RFC 4193
    ("ff00::/8", "multicast"),  # RFC 4291
)
_NETWORKS = tuple((ipaddress.ip_network(network), kind) for network, kind in _TABLE)
_CONTINUITY = ipaddress.ip_network("192.0.0.0/29")  # RFC 7335
# What container engines number their networks from unless told otherwise. 172.16.0.0/16 and Docker's last pool,
# 192.168.0.0/16, are left out: too many networks of people have them.
_CONTAINERS = tuple(
    map(
        ipaddress.ip_network,
        (
            "172.17.0.0/16",  # Docker's default bridge
            "172.18.0.0/15",  # its further networks, as Compose makes them, up to 172.31.255.255
            "172.20.0.0/14",
            "172.24.0.0/13",
            "10.88.0.0/16",  # Podman
            "10.42.0.0/16",  # pods of k3s and RKE2
            "10.244.0.0/16",  # pods by flannel, kind and minikube
        ),
    )
)


def blocks() -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Every network that a word of ours is about: an address outside of it, or beside it, means something else."""
    return (*(network for network, _ in _NETWORKS), _CONTINUITY, *_CONTAINERS)


def carried_by_ipv6(address: str) -> bool:
    """Whether this is a machine's own end of IPv4 in a network that has only IPv6: 464XLAT's or DS-Lite's."""
    return ipaddress.ip_address(address.partition("%")[0]) in _CONTINUITY


def of_containers(address: str) -> bool:
    """Whether a server that says this of itself most likely names its container's or pod's own network."""
    found = ipaddress.ip_address(address.partition("%")[0])
    return any(found.version == network.version and found in network for network in _CONTAINERS)


def far_apart(one: str, other: str) -> bool:
    """Whether these are of two networks, each as small as routes on the internet are: a /24 of IPv4, a /48 of IPv6.
    Addresses of two families can't be compared.
    """
    first, second = (ipaddress.ip_address(each.partition("%")[0]) for each in (one, other))
    prefix = {4: 24, 6: 48}[first.version]
    return first.version == second.version and second not in ipaddress.ip_network(f"{first}/{prefix}", strict=False)


def on_link(address: str, own: str, prefix: int) -> bool:
    """Whether this address is of the network that `own` is in, by its prefix; of another family it is not."""
    there, here = (ipaddress.ip_address(each.partition("%")[0]) for each in (address, own))
    network = ipaddress.ip_network(f"{here}/{min(prefix, here.max_prefixlen)}", strict=False)
    return there.version == here.version and there in network


@lru_cache(maxsize=4096)
def address_class(address: str) -> AddressClass:
    """The class of an address (a zone is ignored); IPv4-mapped ones count as their IPv4 address (RFC 4291 2.5.5.2)."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    for network, kind in _NETWORKS:
        if found.version == network.version and found in network:
            return kind
    return "public"
