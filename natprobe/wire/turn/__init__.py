"""A TURN client (RFC 8656) without I/O: bytes in, values out, and the time as an argument.

`Allocation` makes requests and says what each thing that arrives means; `Splitter` cuts a byte stream into such things.
TURN over TCP and TLS has no framing of its own: that of RFC 4571 is ICE-TCP's and wire/stun.py has it.
"""

from natprobe.wire.turn.allocation import Allocation, NotAllocatedError, State
from natprobe.wire.turn.credentials import Credentials, rest_credentials
from natprobe.wire.turn.events import (
    Allocated,
    Bound,
    Challenged,
    Data,
    Event,
    PeerIcmp,
    Permitted,
    Redirected,
    Refreshed,
    Refused,
    Request,
    Stray,
    Suspicious,
)
from natprobe.wire.turn.framing import CHANNELS, Splitter

__all__ = [
    "CHANNELS",
    "Allocated",
    "Allocation",
    "Bound",
    "Challenged",
    "Credentials",
    "Data",
    "Event",
    "NotAllocatedError",
    "PeerIcmp",
    "Permitted",
    "Redirected",
    "Refreshed",
    "Refused",
    "Request",
    "Splitter",
    "State",
    "Stray",
    "Suspicious",
    "rest_credentials",
]
