"""An ICE agent without I/O (RFC 8445): datagrams and the time in, datagrams and what was agreed on out.

One data stream with one component, as a browser has it with BUNDLE and rtcp-mux. All pairs are checked, one after the
other at PACE; the side that controls nominates. Candidates gathered elsewhere come in as `Base` and `Remote`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

from aioice.stun import Class, Message

from natprobe.pairing import IceCredentials
from natprobe.wire import stun
from natprobe.wire.stun import Packet, StunError

Endpoint = tuple[str, int]

# Between two first checks (seconds). RFC 8445 section 14.2 allows 5 ms, libwebrtc takes 48: with few candidates both
# are over before an answer can come.
PACE = 0.02
# A check goes out again so long after it went out last, then at the last of these intervals.
INTERVALS = (0.25, 0.5)
# Having control, so long after the first pair is valid the best one is nominated (section 8.1.1 leaves it to us).
SETTLE = 0.1
# Section 6.1.2.5 asks for a bound on pairs; peers that write to us make pairs too.
PAIRS_MAX = 100
# Section 5.1.2.1: type preferences.
_HOST, _RELAYED = 126, 0


class Base(NamedTuple):
    """A local way out: its name, the class of its candidate, and a preference among its like (0 to 65535)."""

    name: str
    family: int
    relayed: bool = False
    preference: int = 65535

    @property
    def priority(self) -> int:
        """Of its candidate (section 5.1.2.1)."""
        return ((_RELAYED if self.relayed else _HOST) << 24) + (self.preference << 8) + 255


class Remote(NamedTuple):
    """Where the other side may be reached. `advertised` False: a check came from there (peer-reflexive)."""

    endpoint: Endpoint
    priority: int
    advertised: bool = True


class Sending(NamedTuple):
    """A datagram to send from a base."""

    base: str
    data: bytes
    to: Endpoint


State = Literal["waiting", "asked", "valid", "failed"]


class Pair:
    """A base and a remote candidate, and how far their check is."""

    def __init__(self, base: Base, remote: Remote) -> None:
        self.base, self.remote = base, remote
        self.state: State = "waiting"
        self.tries = 0
        self.error: int | None = None
        self.mapped: Endpoint | None = None
        self.wanted = False  # the side that controls has nominated it, or we are about to
        self.transaction_id = b""
        self.asked_to_use = False
        self.next_at = 0.0

    def priority(self, controlling: bool) -> int:
        """Section 6.1.2.3."""
        ours, theirs = self.base.priority, self.remote.priority
        first, second = (ours, theirs) if controlling else (theirs, ours)
        return (min(ours, theirs) << 32) + 2 * max(ours, theirs) + (first > second)


class Agent:
    """One session. `sending()` is to be emptied after every call; `due()` says when `tick` has to be called.

    `nominated` is the pair that media goes over, None until there is one. `heard` counts the other side's checks.
    """

    def __init__(
        self,
        ours: IceCredentials,
        theirs: IceCredentials,
        remotes: Iterable[Remote],
        *,
        controlling: bool,
        tie_breaker: int,
        transaction_id: Callable[[], bytes],
    ) -> None:
        self._ours, self._theirs = ours, theirs
        self._remotes = list(remotes)
        self.controlling, self._tie_breaker = controlling, tie_breaker
        self._transaction_id = transaction_id
        self._bases: dict[str, Base] = {}
        self._pairs: list[Pair] = []
        self._out: list[Sending] = []
        self._next_first = 0.0
        self._valid_since: float | None = None
        self.nominated: Pair | None = None
        self.heard = 0

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """All there are, in the order in which they came."""
        return tuple(self._pairs)

    def add(self, base: Base) -> None:
        """One more way out, with a pair for every remote candidate of its family."""
        self._bases[base.name] = base
        for remote in self._remotes:
            if (6 if ":" in remote.endpoint[0] else 4) == base.family:
                self._pair(base, remote)

    def sending(self) -> list[Sending]:
        """What is to go out now."""
        out, self._out = self._out, []
        return out

    def due(self) -> float | None:
        """When something is to be done next, on the caller's clock; None: nothing until something arrives."""
        times = [each.next_at for each in self._pairs if each.state == "asked"]
        if any(each.state == "waiting" for each in self._pairs):
            times.append(self._next_first)
        if self.controlling and self._valid and not self._nominating:
            times.append((self._valid_since or 0.0) + SETTLE)
        return min(times, default=None)

    def tick(self, now: float) -> None:
        """Sends the checks whose time has come."""
        for pair in self._pairs:
            if pair.state == "asked" and pair.next_at <= now:
                self._send(pair, now)
        waiting = [each for each in self._pairs if each.state == "waiting"]
        if waiting and self._next_first <= now:
            self._ask(max(waiting, key=self._priority), now)
            self._next_first = now + PACE
        if self.controlling and not self._nominating:
            self._nominate(now)

    def receive(self, base: str, data: bytes, source: Endpoint, now: float) -> bool:
        """Whether this was STUN, and so the agent's business (RFC 7983)."""
        if not stun.is_stun(data):
            return False
        try:
            packet = stun.decode(data)
        except StunError:
            return True
        if packet.message.message_class is Class.REQUEST:
            self._request(base, packet, source, now)
        elif packet.message.message_class is not Class.INDICATION:
            self._answer(base, packet, source, now)
        return True

    # --- our checks

    def _pair(self, base: Base, remote: Remote) -> Pair | None:
        for each in self._pairs:
            if each.base.name == base.name and each.remote.endpoint == remote.endpoint:
                return each
        if len(self._pairs) >= PAIRS_MAX:
            return None
        self._pairs.append(Pair(base, remote))
        return self._pairs[-1]

    def _priority(self, pair: Pair) -> int:
        return pair.priority(self.controlling)

    def _ask(self, pair: Pair, now: float, *, use: bool = False) -> None:
        """A new transaction."""
        pair.state, pair.transaction_id, pair.asked_to_use = "asked", self._transaction_id(), use
        self._send(pair, now)

    def _send(self, pair: Pair, now: float) -> None:
        request = stun.ice_check(
            pair.transaction_id,
            user=f"{self._theirs.ufrag}:{self._ours.ufrag}",
            password=self._theirs.password,
            tie_breaker=self._tie_breaker,
            controlling=self.controlling,
            use_candidate=pair.asked_to_use,
        )
        pair.next_at = now + INTERVALS[min(pair.tries, len(INTERVALS) - 1)]
        pair.tries += 1
        self._out.append(Sending(pair.base.name, request, pair.remote.endpoint))

    def _nominate(self, now: float) -> None:
        """Regular nomination (section 8.1.1): the best valid pair, at once where none better is left."""
        if not self._valid:
            return
        best = max(self._valid, key=self._priority)
        better = any(each.state != "failed" and self._priority(each) > self._priority(best) for each in self._pairs)
        if not better or now >= (self._valid_since or now) + SETTLE:
            self._ask(best, now, use=True)

    @property
    def _valid(self) -> list[Pair]:
        return [each for each in self._pairs if each.state == "valid"]

    @property
    def _nominating(self) -> bool:
        """Whether a pair is nominated, or asked for; one that was refused counts no longer."""
        return self.nominated is not None or any(e.asked_to_use and e.state != "failed" for e in self._pairs)

    def _answer(self, base: str, packet: Packet, source: Endpoint, now: float) -> None:
        """Section 7.2.5: signed by the other side, and from where the check went to."""
        message = packet.message
        pair = next((e for e in self._pairs if e.transaction_id == message.transaction_id and e.state == "asked"), None)
        if pair is None or pair.base.name != base or pair.remote.endpoint != source or packet.unknown:
            return
        code = message.attributes.get("ERROR-CODE", (0, ""))[0]
        if message.message_class is Class.ERROR:
            pair.error = code
            if code == 487:  # section 7.2.5.1: in the other role, again
                self.controlling = not self.controlling
                self._ask(pair, now)
            else:
                pair.state = "failed"
        elif message.check_message_integrity(self._theirs.password.encode()):
            self._succeeded(pair, message, now)

    def _succeeded(self, pair: Pair, message: Message, now: float) -> None:
        pair.state, pair.mapped = "valid", message.attributes.get("XOR-MAPPED-ADDRESS")
        self._valid_since = now if self._valid_since is None else self._valid_since
        if pair.wanted or pair.asked_to_use:
            self._settle(pair)

    def _settle(self, pair: Pair) -> None:
        """Where several are nominated, the one of highest priority counts (RFC 5245 section 8.1.1.2: aggressive)."""
        if self.nominated is None or self._priority(pair) > self._priority(self.nominated):
            self.nominated = pair

    # --- the other side's checks

    def _request(self, base: str, packet: Packet, source: Endpoint, now: float) -> None:
        """Section 7.3. Whoever doesn't know our password gets no answer from us: we are a guest, not a server."""
        message = packet.message
        key, user = self._ours.password.encode(), message.attributes.get("USERNAME", "")
        if not user.startswith(f"{self._ours.ufrag}:") or not message.check_message_integrity(key):
            return
        self.heard += 1
        refusal = self._refusal(packet)
        if refusal is not None:
            self._out.append(Sending(base, stun.error(message, *refusal, key=key), source))
            return
        self._out.append(Sending(base, stun.response(message, key=key, XOR_MAPPED_ADDRESS=source), source))
        self._triggered(base, message.attributes, source, now)

    def _refusal(self, packet: Packet) -> tuple[int, str] | None:
        """Section 7.3.1.1: two that both control, or both don't, let the tie-breaker decide."""
        if packet.unknown:
            return 420, "Unknown Attribute"
        theirs = packet.message.attributes.get("ICE-CONTROLLING" if self.controlling else "ICE-CONTROLLED")
        if theirs is None:
            return None
        if (self._tie_breaker >= theirs) is self.controlling:
            return 487, "Role Conflict"
        self.controlling = not self.controlling
        return None

    def _triggered(self, base: str, attributes: dict[str, Any], source: Endpoint, now: float) -> None:
        """Section 7.3.1.4 and 7.3.1.5: the same pair is checked by us at once, and used where they say so."""
        pair = self._pair(self._bases[base], Remote(source, attributes.get("PRIORITY", 0), advertised=False))
        if pair is None:
            return
        if "USE-CANDIDATE" in attributes and not self.controlling:
            pair.wanted = True
        if pair.state == "valid":
            if pair.wanted:
                self._settle(pair)
        elif pair.state != "asked":
            self._ask(pair, now)
