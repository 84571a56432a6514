"""The bridge's one UDP port, without I/O: datagrams are told apart by where they come from, then by the ufrag.

Silent to strangers, to ufrags that no endpoint has, to everything but Binding requests with a USERNAME, and to new
addresses of an endpoint whose ICE has failed. The runner on real sockets is tests/jitsi/sockets.py.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from aioice.stun import Class

from tests.jitsi import dtls, stun
from tests.jitsi.agent import Agent, Packet, Remote
from tests.jitsi.stun import Address

ALPHABET = "0123456789abcdefghijklmnopqrstuv"
INACTIVITY = 60.0  # seconds after which videobridge expires an endpoint that nothing came from


class Allocated(NamedTuple):
    """What an offer says of one endpoint's transport."""

    ufrag: str
    pwd: str
    fingerprint: str


class Bridge:
    """`locals`: the addresses that its port is bound to. Time is the caller's, in seconds."""

    def __init__(self, locals: Sequence[Address], chance: random.Random | None = None) -> None:
        self._locals = tuple(locals)
        self._chance = chance or random.SystemRandom()
        self._sockets: dict[tuple[Address, Address], Agent] = {}
        self.agents: dict[str, Agent] = {}
        self._heard: dict[str, float] = {}
        self.answered = self.allocated = 0

    def allocate(self, name: str, now: float) -> Allocated:
        """A new endpoint; its checks are answered from now on."""
        ufrag, pwd = self._text(14), self._text(26)
        agent = Agent(name, ufrag, pwd, self._locals, self._chance, lambda: dtls.Dtls(_fingerprint(agent)))
        self.agents[ufrag], self._heard[ufrag] = agent, now
        self.allocated += 1
        return Allocated(ufrag, pwd, dtls.identity()[1])

    def accept(self, ufrag: str, remote: Remote, now: float) -> None:
        """The session-accept: it begins to check. `tick` has the first packets."""
        if agent := self.agents.get(ufrag):
            agent.start(remote, now)

    def expire(self, ufrag: str) -> None:
        """The endpoint is gone, and what still comes for it is a stranger's."""
        if agent := self.agents.pop(ufrag, None):
            self._heard.pop(ufrag)
            self._sockets = {key: each for key, each in self._sockets.items() if each is not agent}

    def datagram(self, data: bytes, local: Address, remote: Address, now: float) -> list[Packet]:
        """What is sent because of this datagram, perhaps nothing."""
        agent = self._sockets.get((local, remote)) or self._stranger(data, local, remote)
        if agent is None:
            return []
        self._heard[agent.ufrag] = now
        packets = agent.datagram(data, local, remote, now)
        self.answered += bool(packets)
        return packets

    def knows(self, local: Address, remote: Address) -> bool:
        """Whether datagrams from there belong to an endpoint by now."""
        return (local, remote) in self._sockets

    def tick(self, now: float) -> list[Packet]:
        """Everything that is due by now."""
        for ufrag in [each for each, heard in self._heard.items() if now - heard >= INACTIVITY]:
            self.expire(ufrag)
        return [packet for agent in list(self.agents.values()) for packet in agent.tick(now)]

    def due(self) -> float | None:
        """When `tick` has something to do, or None."""
        times = [heard + INACTIVITY for heard in self._heard.values()]
        times += [due for agent in self.agents.values() if (due := agent.due()) is not None]
        return min(times, default=None)

    def _stranger(self, data: bytes, local: Address, remote: Address) -> Agent | None:
        message = stun.parse(data)
        if message is None or message.message_class is not Class.REQUEST:
            return None
        agent = self.agents.get(message.attributes.get("USERNAME", "").split(":")[0])
        if agent is None or agent.state == "failed":
            return None
        self._sockets[local, remote] = agent
        return agent

    def _text(self, length: int) -> str:
        return "".join(self._chance.choices(ALPHABET, k=length))


def _fingerprint(agent: Agent) -> str:
    return agent.remote.fingerprint if agent.remote else ""
