"""What a server could bind when it was asked to (`natprobe inspect --iface`), and its own addresses. Pure."""

from __future__ import annotations

from natprobe.facts import BindTry, Facts, LocalAddress
from natprobe.model import Address

# Of no use to another Janus, wherever it stands.
_NEAR = ("loopback", "link-local", "container")


def can_bind(tried: BindTry) -> bool | None:
    """Whether Janus could bind it, which looks for it on the interfaces first. None: it is there, and yet refused."""
    if tried.interface is None:
        return False
    return True if tried.failure is None else None


def host_addresses(facts: Facts) -> tuple[Address, ...]:
    """Those of this host that others may know it by."""
    kept = facts.of(LocalAddress, lambda each: each.up and each.scope not in _NEAR)
    return tuple(dict.fromkeys(each.address for each in kept))
