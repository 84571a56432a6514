"""The relay lets its users reach the server's inner addresses

With --audit-relay the relay was asked for permission to send to addresses that are nobody's outside: its own loopback,
the cloud's metadata service, private networks. It gave it. Nothing was sent there; whoever has credentials for a
meeting could, and every guest of a meeting has them.

How it shows: calls work. Attackers reach databases, administration pages and the cloud's credentials through the
relay, past the firewall, in the relay's own name.

What to do: deny these ranges in turnserver.conf with `denied-peer-ip`. The media server's own private address is a
legitimate exception where it advertises one to clients, or where it stands beside the relay: `allowed-peer-ip` with
that one address counts before the denied ranges. coturn denies loopback, 0.0.0.0 and multicast by itself, and from
4.13.1 on link-local and unique-local addresses too; private IPv4 ranges it never denies unless told. Loopback granted
means `allow-loopback-peers`: take it out. That an address is granted doesn't say that anything is there.

On the server `natprobe inspect` reads it from turnserver.conf, where private IPv4 ranges and 169.254.0.0/16 have to be
denied, and private IPv6 where the relay has an IPv6 address.

Sources: RFC 8656 sections 9 and 21; measured: coturn 4.6.1 grants all of them but loopback.
"""

import msgspec

from natprobe.addresses import address_class
from natprobe.derive.inner import INNER, Door, audited, door
from natprobe.facts import Allocation, Facts, Permission, ids
from natprobe.model import Address, Do, Fix
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement, _relay_files
from natprobe.servers import coturn
from natprobe.wording import enumerated, mark, phrase

READS = (Allocation, Permission, *_relay_files.KINDS)

_MESSAGE = mark("The relay {host} would let its users reach inner addresses: {doors}")


def check(facts: Facts) -> Judgement:
    """Only where --audit-relay asked; silence to a permission says nothing of it. On the server its file tells."""
    if _relay_files.there(facts):
        return _relay_files.inner(facts)
    relays = audited(facts)
    if not relays:
        return NOT_APPLICABLE
    if found := [_found(host, granted) for (_, host), asked in relays.items() if (granted := _granted(asked))]:
        return found
    answered = all(each.error_code is not None for asked in relays.values() for each in asked)
    return CLEAR if answered else CouldNotTell(reason="no-answer")


def _granted(asked: list[Permission]) -> list[Permission]:
    return [each for each in asked if each.failure is None]


def _found(host: str, granted: list[Permission]) -> Found:
    doors = {address: INNER[address] for each in granted if (address := door(each)) in INNER}
    return Found(
        message=_MESSAGE,
        args={
            "host": host,
            "doors": enumerated(
                phrase("{address} ({what})", address=each, what=found.what) for each, found in doors.items()
            ),
        },
        evidence=ids(granted),
        fixes=(*_denied(doors), _EXCEPTION),
    )


def _denied(doors: dict[Address, Door]) -> list[Fix]:
    fixes: list[Fix] = []
    for address, found in doors.items():
        if address_class(address) == "loopback":
            fixes.append(coturn.setting("allow-loopback-peers", why=found.what, op="remove"))
        else:
            fix = coturn.setting("denied-peer-ip", found.denied, found.what, op="add")
            fixes.append(msgspec.structs.replace(fix, until=found.until))
    return fixes


_EXCEPTION = Do(
    text=phrase(
        "Where the media server has a private address that clients are told, add it to {file} as"
        " allowed-peer-ip: it counts before the denied ranges",
        file=coturn.FILE,
    ),
    audience="server",
    why="calls through the relay would else be refused (403)",
    after=coturn.RESTART,
)
