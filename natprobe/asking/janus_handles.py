"""A handle of ours on Janus's echotest: our offer, its answer with all candidates, and the session that then waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from natprobe.asking.accepting import new_credentials
from natprobe.asking.association import Sides
from natprobe.asking.janus_session import JanusSession, Refusal
from natprobe.context import Context
from natprobe.facts import JanusEnd
from natprobe.pairing import IceCredentials
from natprobe.wire import janus, sdp
from natprobe.wire.ice import Endpoint, Remote
from natprobe.wire.janus import Event, Id, JanusError
from natprobe.wire.sdp import Answer, Candidates, SdpError
from natprobe.wire.srtp import Rtp

if TYPE_CHECKING:
    from natprobe.wire.identity import Identity

PLUGIN = "janus.plugin.echotest"
# Each request has so long (seconds), and the answer, which comes by itself.
STEP_SECONDS = 3.0
# From the answer on, for candidates in messages of their own.
TRICKLE_SECONDS = 2.0
# The candidates that the acceptance tells, at most.
_HOSTS_MAX = 20

Reached = Literal["nothing", "session", "handle", "offer", "answer"]


class Handle:
    """One of ours. What has happened to it so far stands in its attributes.

    `reached` is the last step that worked. `answer`, `answered` (on the net's clock): what it said to our offer.
    `refused`: the plugin's no. `up`: media stands; `hangup`: why Janus hung up, in its words; `over`: that, or why
    signalling ended. It is an accepting.Waiting once it is answered. `plugin`, `body`, `extension`: whom it calls, what
    goes with the offer, the header extension in it.
    """

    plugin = PLUGIN
    body: Mapping[str, object] = MappingProxyType({"audio": True, "video": False})
    extension: tuple[int, str] | None = None

    def __init__(self, ctx: Context, session: JanusSession, number: int) -> None:
        from natprobe.wire.identity import new_identity

        self.number, self.name = number, f"janus/{number}"
        self.reached: Reached = "session"
        self.answer: Answer | None = None
        self.answered: float | None = None
        self.refused: Event | None = None
        self.fault: SdpError | None = None
        self.candidates = Candidates()
        self.trickled = self.completed = self.up = False
        self.hangup: str | None = None
        self.began = ctx.net.now()
        self._session, self._now = session, ctx.net.now
        self._id: Id | None = None
        self._ended: str | None = None
        self._telling: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._ours = new_credentials(ctx)
        self._identity: Identity = new_identity(ctx.unix_time)
        self.ssrc, self._sdp_id = ctx.random.getrandbits(31) + 1, ctx.random.getrandbits(62)

    async def call(self) -> None:
        """Attaches the plugin, offers, waits for its answer and all candidates. What came stands in the attributes.

        Raises janus_session.Refusal, OSError, EOFError, TimeoutError, JanusError.
        """
        self.began = self._now()  # what was prepared before it is no time of the server's
        self._id = await self._session.attach(self.plugin, STEP_SECONDS)
        self.reached = "handle"
        self._session.listen(self._id, self._heard)
        offer = sdp.offer(self._ours, self._identity.fingerprint, self._sdp_id, self.ssrc, self.extension)
        await self._asked("message", body=dict(self.body), jsep=janus.jsep_offer(offer))
        self.reached = "offer"
        if not await self._wait(lambda: self._settled, STEP_SECONDS):
            raise TimeoutError
        if self.refused is not None:
            raise Refusal(self.refused)
        if self.fault is not None:
            raise self.fault
        if self.answer is None:
            raise EOFError(self._ended or self.hangup or "")
        await self._wait(lambda: self.completed or self._ended is not None, TRICKLE_SECONDS)

    # --- accepting.Waiting

    @property
    def theirs(self) -> IceCredentials:
        """See Waiting."""
        assert self.answer is not None
        return self.answer.credentials

    @property
    def remotes(self) -> Sequence[Remote]:
        """See Waiting."""
        return self._over("udp")

    @property
    def streams(self) -> Sequence[Remote]:
        """See Waiting."""
        return self._over("tcp")

    def _over(self, transport: Literal["udp", "tcp"]) -> Sequence[Remote]:
        found = [each for each in self.candidates.found if each.transport == transport]
        return tuple(Remote((each.address, each.port), each.priority or 1) for each in found)

    async def accept(self, ctx: Context, hosts: Sequence[Endpoint]) -> Sides:  # noqa: ARG002  # Waiting's own
        """See Waiting: our candidates go out, and our checks need not wait until they are acknowledged."""
        assert self.answer is not None
        if (why := self.over()) is not None:
            raise EOFError(why)
        self._telling = asyncio.create_task(self._tell(hosts))
        return Sides(
            session=self.name,
            ours=self._ours,
            theirs=self.theirs,
            identity=self._identity,
            announced=self.answer.announced,
            controlling=True,
            echo=Rtp(payload_type=sdp.OPUS, ssrc=self.ssrc),
        )

    async def _tell(self, hosts: Sequence[Endpoint]) -> None:
        """And that there are no more of them (RFC 8838 section 8)."""
        from natprobe.net.http import FAULTS

        lines = [sdp.host_candidate(rank, *each) for rank, each in enumerate(hosts[:_HOSTS_MAX], 1)]
        told: list[dict[str, object]] = [janus.trickled(each, sdp.MID) for each in lines]
        try:
            await self._asked("trickle", candidates=[*told, {"completed": True}])
        except (*FAULTS, JanusError, Refusal):
            self._ended = self._ended or "our candidates were not taken"

    def over(self) -> str | None:
        """See Waiting."""
        return self.hangup or self._ended

    async def awake(self) -> None:
        """See Waiting."""
        await self._session.awake(STEP_SECONDS)

    def told(self) -> JanusEnd:
        """See Waiting."""
        return JanusEnd(handle=self.number, session=self.name, up=self.up, reason=self.hangup)

    # --- what comes

    @property
    def _settled(self) -> bool:
        found = (self.answer, self.refused, self.fault, self._ended, self.hangup)
        return any(each is not None for each in found)

    async def _asked(self, word: str, **rest: object) -> Event:
        return await self._session.request(word, handle=self._id, seconds=STEP_SECONDS, **rest)

    def _heard(self, event: Event) -> None:
        if event.word == "event":
            self._of_plugin(event)
        elif event.word == "trickle":
            self.trickled = True
            self.candidates.add(event.lines)
            self.completed = self.completed or event.completed
        elif event.word == "webrtcup":
            self.up = True
        elif event.word == "hangup":
            self.hangup = self.hangup or self._session.harmless(event.reason) or "no reason"
        elif event.word in ("closed", "detached"):
            self._ended = self._ended or self._session.harmless(event.reason) or event.word
        self._changed.set()

    def _of_plugin(self, event: Event) -> None:
        if event.code is not None and self.answer is None:
            self.refused = event
        if event.sdp is None or self.answer is not None:
            return
        try:
            answer = sdp.read_answer(event.sdp)
        except SdpError as exc:
            self.fault = exc
            return
        if answer.refused:
            self.fault = SdpError("the stream that was offered is turned down")
            return
        self.answer, self.answered, self.reached = answer, self._now(), "answer"
        self.candidates.add(answer.lines)
        self.completed = self.completed or answer.ended

    async def _wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """Whether that came true in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not done():
                    self._changed.clear()
                    await self._changed.wait()
        return done()
