"""One endpoint of the bridge: ice4j's Agent as jitsi-videobridge uses it, without any I/O.

It waits until the session is accepted, answers checks all the while, then checks by itself (controlling, Ta of 20 ms)
and nominates the first pair that works: at once, or 800 ms later where the client's candidate is a relayed one.
Three seconds after the nomination it ends, and what comes from elsewhere is forbidden (403).

It only ever sends to addresses that a check came from: the single port has a socket for each of them and none for
others (NetAccessManager.getConnector), so that pairs with the client's other candidates fail at once. Five seconds
after all pairs have failed, it has failed for good, unless one of them was nominated meanwhile.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from aioice.stun import Class, Message

from tests.jitsi import stun
from tests.jitsi.dtls import Dtls
from tests.jitsi.stun import Address

PACE, TERMINATION, FAILURE, RELAY_WAIT, CONSENT = 0.02, 3.0, 5.0, 0.8, 5.0
# org.ice4j StunClientTransaction: six retransmissions, the wait doubled from 100 ms to 1.6 s.
WAITS = (0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6)
# RFC 8445 section 5.1.2: peer reflexive, local preference of a host candidate.
PRIORITY = 110 << 24 | 65535 << 8 | 255
REMEMBERED = 500  # answers that are repeated when a request comes again


class Packet(NamedTuple):
    """A datagram that goes out of `local`."""

    data: bytes
    local: Address
    remote: Address


class Candidate(NamedTuple):
    """The client's. Its type matters for the nomination."""

    address: Address
    type: str = "host"


class Remote(NamedTuple):
    """What the session-accept says of the client."""

    ufrag: str
    pwd: str
    fingerprint: str = ""
    candidates: tuple[Candidate, ...] = ()


@dataclass
class Pair:
    """Two addresses and the check between them."""

    local: Address
    remote: Address
    relayed: bool = False
    state: Literal["waiting", "running", "succeeded", "failed"] = "waiting"
    nominated: bool = False
    transaction: bytes = b""
    request: bytes = b""
    sent: int = 0
    next: float = 0.0


@dataclass
class Agent:
    """See the file's head. `locals` are the bridge's own addresses, for the checks that it begins."""

    name: str
    ufrag: str
    pwd: str
    locals: tuple[Address, ...]
    chance: random.Random
    dtls: Callable[[], Dtls]
    controlling: bool = True
    state: Literal["waiting", "running", "completed", "terminated", "failed"] = "waiting"
    remote: Remote | None = None
    selected: Pair | None = None
    session: Dtls | None = None
    pairs: dict[tuple[Address, Address], Pair] = field(default_factory=dict)
    tie_breaker: int = 0
    _triggered: list[Pair] = field(default_factory=list)
    _known: dict[bytes, bytes] = field(default_factory=dict)
    _heard: dict[tuple[Address, Address], None] = field(default_factory=dict)  # in their order
    _next: float = 0.0
    _ends: float | None = None  # when it terminates, or has failed
    _relayed: tuple[float, Pair] | None = None

    def __post_init__(self) -> None:
        self.tie_breaker = self.tie_breaker or self.chance.getrandbits(63)

    def start(self, remote: Remote, now: float) -> None:
        """The session is accepted. Without candidates it waits for the client's checks."""
        if self.state != "waiting":
            return
        self.remote, self.state, self._next = remote, "running", now
        self.add(remote.candidates)
        for pair in self._heard:
            self._trigger(*pair)

    def add(self, candidates: tuple[Candidate, ...]) -> None:
        """Further candidates, as transport-info brings them."""
        for candidate in candidates:
            for local in self.locals:
                if (":" in local[0]) == (":" in candidate.address[0]):
                    pair = Pair(local, candidate.address, candidate.type == "relay")
                    self.pairs.setdefault((local, candidate.address), pair)

    def datagram(self, data: bytes, local: Address, remote: Address, now: float) -> list[Packet]:
        """What is sent because of this datagram."""
        if data and 20 <= data[0] <= 63:  # RFC 7983: DTLS
            return self._dtls(data, local, remote, now)
        message = stun.parse(data)
        if message is None:
            return []
        if message.message_class is Class.REQUEST:
            answer = self._known.get(message.transaction_id) or self._answer(message, data, local, remote)
            return ([Packet(answer, local, remote)] if answer else []) + self.tick(now)
        if message.message_class in (Class.RESPONSE, Class.ERROR):
            self._response(message, local, remote, now)
        return self.tick(now)

    def tick(self, now: float) -> list[Packet]:
        """Everything that is due: checks, their repetitions, the end of waiting, DTLS' own timer."""
        self._time(now)
        packets = [self._repeat(pair, now) for pair in list(self.pairs.values())]
        if self.state in ("running", "completed") and now >= self._next and (pair := self._choose()):
            packets.append(self._begin(pair, now))
            self._next = now + PACE
        if self.selected and self.session:
            packets += self._flights(self.session.timeout(now))
        return [packet for packet in packets if packet]

    def due(self) -> float | None:
        """When tick has something to do."""
        times = [pair.next for pair in self.pairs.values() if pair.state == "running"]
        times += [self._ends] if self._ends is not None else []
        times += [self._relayed[0]] if self._relayed else []
        times += [self.selected.next] if self.selected else []
        times += [self.session.due] if self.session and self.session.due is not None else []
        if self.state in ("running", "completed") and self._choose():
            times.append(self._next)
        return min(times, default=None)

    # --- requests

    def _answer(self, asked: Message, data: bytes, local: Address, remote: Address) -> bytes | None:
        """ice4j's StunStack.validateRequestAttributes, then ConnectivityCheckServer.processRequest, in their order."""
        username = asked.attributes.get("USERNAME")
        invalid = self._invalid(asked, data, username)
        if invalid is not None or username is None:
            return invalid  # what is not valid is forgotten: the same request would be looked at again
        answer = self._processed(asked, username, local, remote)
        if len(self._known) >= REMEMBERED:
            self._known.pop(next(iter(self._known)))
        self._known[asked.transaction_id] = answer
        return answer

    def _invalid(self, asked: Message, data: bytes, username: str | None) -> bytes | None:
        if username is not None and username.split(":")[0] != self.ufrag:
            return stun.error(asked, 401, f"unknown user {username}")
        if "MESSAGE-INTEGRITY" in asked.attributes:
            if username is None:
                return stun.error(asked, 400, "missing username")
            if not asked.check_message_integrity(self.pwd.encode()):
                return stun.error(asked, 401, "Wrong MESSAGE-INTEGRITY value")
        if unknown := stun.unknown_attributes(data):
            listed = struct.pack(f"!{len(unknown)}H", *unknown)
            return stun.error(asked, 420, "unknown attribute ", [(stun.UNKNOWN_ATTRIBUTES, listed)])
        return None

    def _processed(self, asked: Message, username: str, local: Address, remote: Address) -> bytes:
        key = self.pwd.encode()
        if self._conflict(asked):
            return stun.error(asked, 487, "Role Conflict", key=key)
        if "PRIORITY" not in asked.attributes:
            return stun.error(asked, 400, "Missing PRIORITY attribute!")
        if ":" not in username:
            return stun.error(asked, 500, "Oops! Something went wrong on our side :(")
        if self._came(local, remote):
            return stun.success(asked, remote, username, key)
        reason = "Cannot add new remote candidates in current ICE state"
        return stun.error(asked, 403, reason, [(stun.USERNAME, username.encode())], key)

    def _conflict(self, asked: Message) -> bool:
        """RFC 8445 section 7.3.1.1: whether it is refused; else the roles change where they have to."""
        theirs = asked.attributes.get("ICE-CONTROLLING" if self.controlling else "ICE-CONTROLLED")
        if theirs is None:
            return False
        if self.tie_breaker >= theirs:
            return True
        self.controlling = not self.controlling
        return False

    def _came(self, local: Address, remote: Address) -> bool:
        """A check came over this pair: whether it is answered with a success."""
        self._heard[local, remote] = None
        return self.state in ("waiting", "failed") or self._trigger(local, remote)

    def _trigger(self, local: Address, remote: Address) -> bool:
        pair = self.pairs.get((local, remote))
        if pair is None and self.state == "terminated":
            return False
        if pair is None:
            pair = self.pairs[local, remote] = Pair(local, remote)
        if pair.state == "succeeded":
            return self.state != "terminated" or self.selected is pair
        pair.state = "waiting"
        if pair not in self._triggered:
            self._triggered.append(pair)
        return True

    # --- checks of its own

    def _choose(self) -> Pair | None:
        if self._triggered:
            return self._triggered[0]
        waiting = (pair for pair in self.pairs.values() if pair.state == "waiting")
        return next(waiting, None) if self.state == "running" else None

    def _begin(self, pair: Pair, now: float) -> Packet | None:
        if pair in self._triggered:
            self._triggered.remove(pair)
        if (pair.local, pair.remote) in self._heard:
            return self._check(pair, now)
        pair.state = "failed"
        self._maybe_fail(now)
        return None

    def _check(self, pair: Pair, now: float) -> Packet:
        assert self.remote is not None
        role = stun.ICE_CONTROLLING if self.controlling else stun.ICE_CONTROLLED
        attributes = [(stun.PRIORITY, struct.pack("!I", PRIORITY)), (role, struct.pack("!Q", self.tie_breaker))]
        if pair.nominated and self.controlling:
            attributes.append((stun.USE_CANDIDATE, b""))
        attributes.append((stun.USERNAME, f"{self.remote.ufrag}:{self.ufrag}".encode()))
        pair.transaction = self.chance.randbytes(12)
        pair.request = stun.request(pair.transaction, attributes, self.remote.pwd.encode())
        if pair is not self.selected:
            pair.state = "running"
        pair.sent, pair.next = 1, now + (WAITS[0] if pair is not self.selected else CONSENT)
        return Packet(pair.request, pair.local, pair.remote)

    def _repeat(self, pair: Pair, now: float) -> Packet | None:
        """The same request once more; seven unanswered ones are a failure. A selected pair is asked for consent."""
        if now < pair.next:
            return None
        if pair is self.selected:
            return self._check(pair, now)
        if pair.state != "running":
            return None
        if pair.sent < len(WAITS):
            pair.next, pair.sent = now + WAITS[pair.sent], pair.sent + 1
            return Packet(pair.request, pair.local, pair.remote)
        pair.state = "failed"
        self._maybe_fail(now)
        return None

    def _response(self, message: Message, local: Address, remote: Address, now: float) -> None:
        pair = self.pairs.get((local, remote))
        if pair is None or pair.transaction != message.transaction_id or self.remote is None:
            return
        if message.message_class is Class.ERROR:
            self._refused(message, pair, now)
        elif message.check_message_integrity(self.remote.pwd.encode()) and "XOR-MAPPED-ADDRESS" in message.attributes:
            pair.state = "succeeded"
            self._valid(pair, now)

    def _refused(self, message: Message, pair: Pair, now: float) -> None:
        if message.error_code == 487:
            self.controlling = not self.controlling
            pair.state = "waiting"
            self._triggered.append(pair)
        else:
            pair.state = "failed"
            self._maybe_fail(now)

    def _valid(self, pair: Pair, now: float) -> None:
        """NominateFirstHostOrReflexiveValid. A pair whose nomination was answered is the selected one."""
        if self.selected is not None:
            return
        if pair.nominated:
            self.selected, self.state, self._ends, self._relayed = pair, "completed", now + TERMINATION, None
            pair.next = now + CONSENT
            self.session = self.dtls()
        elif any(each.nominated for each in self.pairs.values()):
            return
        elif pair.relayed:
            self._relayed = self._relayed or (now + RELAY_WAIT, pair)
        else:
            self._nominate(pair)

    def _nominate(self, pair: Pair) -> None:
        pair.nominated = True
        self._triggered.append(pair)

    def _maybe_fail(self, now: float) -> None:
        if self.state == "running" and all(pair.state == "failed" for pair in self.pairs.values()):
            self._ends = self._ends or now + FAILURE

    def _time(self, now: float) -> None:
        if self._relayed and now >= self._relayed[0]:
            pair, self._relayed = self._relayed[1], None
            if not any(each.nominated for each in self.pairs.values()):
                self._nominate(pair)
        if self._ends is None or now < self._ends:
            return
        self._ends = None
        if self.state == "completed":
            self.state, self._triggered = "terminated", []
        elif self.state == "running":
            self.state = "failed"

    # --- DTLS

    def _dtls(self, data: bytes, local: Address, remote: Address, now: float) -> list[Packet]:
        """Over every pair that works; answered over the selected one."""
        pair = self.pairs.get((local, remote))
        if self.session is None or pair is None or pair.state != "succeeded":
            return []
        return self._flights(self.session.received(data, now))

    def _flights(self, datagrams: list[bytes]) -> list[Packet]:
        assert self.selected is not None
        return [Packet(data, self.selected.local, self.selected.remote) for data in datagrams]
