"""What can come of what arrives. Texts of the server are fit for a report; addresses are canonical."""

from __future__ import annotations

from typing import Literal, NamedTuple

from aioice.stun import Method

Endpoint = tuple[str, int]

# garbage: neither STUN nor channel data. wrong-transaction: an answer to nothing that was asked. duplicate: to what has
# been answered. unknown-attributes: some must be understood and aren't. unexpected: a client gets no such message.
# no-permission: data from a peer that was never permitted. unbound-channel: data on a channel that was never asked for.
Fault = Literal[
    "garbage",
    "wrong-transaction",
    "duplicate",
    "unknown-attributes",
    "unexpected",
    "no-permission",
    "unbound-channel",
]


class Request(NamedTuple):
    """What to send, and the id that its answer will have. Its repr shows no more: `data` names the user."""

    method: Method
    transaction_id: bytes
    data: bytes

    def __repr__(self) -> str:
        return f"Request({self.method.name}, {self.transaction_id.hex()})"


class Challenged(NamedTuple):
    """The server wants credentials (401) or a newer nonce (438); `request` is the same again, with them."""

    transaction_id: bytes
    code: int
    realm: str
    request: Request


class Allocated(NamedTuple):
    """A relay is ours for `lifetime` seconds. `authenticated` False: nobody asked who we are, the relay is open.

    `mapped` is our address as the server sees it, None when it keeps that to itself.
    """

    transaction_id: bytes
    relayed: Endpoint
    mapped: Endpoint | None
    lifetime: int
    authenticated: bool
    software: str


class Permitted(NamedTuple):
    """This peer may send to us, and we to it."""

    transaction_id: bytes
    peer: Endpoint


class Bound(NamedTuple):
    """This channel is bound to this peer, which is permitted thereby."""

    transaction_id: bytes
    number: int
    peer: Endpoint


class Refreshed(NamedTuple):
    """The allocation has `lifetime` seconds more; 0: it is gone."""

    transaction_id: bytes
    lifetime: int


class Redirected(NamedTuple):
    """300 Try Alternate: another server is to be asked. How often that goes on is the caller's to bound.

    `domain` is the name to verify its certificate with (RFC 8489 section 10), else empty.
    """

    transaction_id: bytes
    server: Endpoint
    domain: str
    signed: bool


class Refused(NamedTuple):
    """An error answer that ends the request.

    `authenticated`: the request had our credentials, so that a 401 says they are wrong and not that they are wanted.
    False, though there were some: the challenge was not to be answered (no realm or nonce, no algorithm of ours).
    `signed`: the answer verifies with our key, so that it is the server's; coturn doesn't sign 401, 437, 438 and 441.
    `realm` None: the answer has none, which differs from an empty one. `third_party`: the server that gives tokens
    where those are wanted (RFC 7635), else empty. `peer`: whom the request was about.
    """

    transaction_id: bytes
    method: Method
    code: int
    reason: str
    realm: str | None
    authenticated: bool
    signed: bool
    third_party: str
    software: str
    peer: Endpoint | None


class Suspicious(NamedTuple):
    """An answer that is not accepted. The request stays pending, since a proper answer may follow.

    unsigned, wrong-signature: a success that our key doesn't verify, though the request was signed with it.
    incomplete: it lacks what such an answer has to say.
    """

    transaction_id: bytes
    method: Method
    fault: Literal["unsigned", "wrong-signature", "incomplete"]


class Data(NamedTuple):
    """What a peer sent through the relay; `channel` is None when it came in a Data indication."""

    peer: Endpoint
    payload: bytes
    channel: int | None


class PeerIcmp(NamedTuple):
    """The server got an ICMP error for what it relayed to this peer (RFC 8656 section 11.5)."""

    peer: Endpoint
    type: int
    code: int


class Stray(NamedTuple):
    """What arrived is nothing that a server would send us now."""

    fault: Fault


Event = (
    Challenged | Allocated | Permitted | Bound | Refreshed | Redirected | Refused | Suspicious | Data | PeerIcmp | Stray
)
