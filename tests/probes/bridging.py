"""What the tests of the media probes share: a session with a bridge in the lab, as the join probe leaves it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import msgspec

from natprobe.asking.invitations import Invitation
from natprobe.asking.rooms import Participant
from natprobe.cli.access import Access
from natprobe.codec import dump, load
from natprobe.context import Keep
from natprobe.diagnose import diagnose
from natprobe.facts import Candidate, Probed, SessionOffer
from natprobe.model import Observation, Path, Report
from natprobe.net.api import Datagram, Stream
from natprobe.pairing import IceCredentials
from natprobe.run import load_probe
from natprobe.target import parse
from natprobe.wire.candidates import BridgeCandidate
from natprobe.wire.jingle import Offer
from tests.jitsi.bridge import Bridge
from tests.jitsi.harvester import Framing, frame
from tests.lab import check, misbehaving
from tests.lab.build import Lab
from tests.lab.host import LabHost
from tests.lab.sockets import LabUdp
from tests.netns import addresses as at
from tests.probes.seen import Talk, of
from tests.schema import VALIDATOR

MEDIA = f"{at.WEB}:{at.MEDIA_UDP}"
SESSION = "media/1"
DIRECT = ("interfaces", "names", "media", "tcp")
Talks = Callable[[LabUdp, Datagram], None]


def bridge_at(host: LabHost, *endpoints: tuple[str, int]) -> tuple[Bridge, IceCredentials]:
    """A bridge that listens there, and the credentials of one session with it."""
    bridge = Bridge(endpoints, host.chance)
    for endpoint in endpoints:
        host.serve_udp(*endpoint, misbehaving.modern(answers(bridge, endpoint)))
    one = bridge.allocate("one", host.now())
    return bridge, IceCredentials(ufrag=one.ufrag, password=one.pwd)


def answers(bridge: Bridge, local: tuple[str, int]) -> Talks:
    """What the bridge says to a datagram."""

    def arrived(udp: LabUdp, datagram: Datagram) -> None:
        for each in bridge.datagram(datagram.data, local, datagram.source, datagram.at):
            udp.send(each.data, each.remote)

    return arrived


def over_tcp(bridge: Bridge, local: tuple[str, int]) -> Talk:
    """The same on a connection, as old bridges had it."""

    async def talk(stream: Stream) -> None:
        framing = Framing()
        while data := await stream.read():
            back, messages = framing.feed(data)
            if back:
                await stream.write(back)
            for message in messages:
                for each in bridge.datagram(message, local, stream.remote, 0.0):
                    await stream.write(frame(each.data))

    return talk


def offered(endpoint: str = MEDIA, transport: str = "udp", **more: Any) -> Candidate:
    """A candidate of the session, advertised unless told."""
    return Candidate(endpoint=endpoint, transport=transport, session=SESSION, **more)  # type: ignore[arg-type]


def report(
    lab: Lab,
    keys: IceCredentials,
    candidates: Sequence[Candidate] = (offered(),),
    probes: Sequence[str] = DIRECT,
    *,
    access: Access = check.NOBODY,
    kept: Mapping[str, object] | None = None,
    **options: Any,
) -> Report:
    """The report of a run that begins where these candidates are known; `kept` lies in the drawer besides."""
    pasted = parse(at.TARGET)
    pasted = msgspec.structs.replace(pasted, target=msgspec.structs.replace(pasted.target, kind="jitsi"))
    run = check.prepared(lab, pasted, check.usual(lab, access, **{"stun": ()} | options), access)
    for each in (SessionOffer(participant=1, candidates=len(candidates)), *candidates):
        run._stamp("join", each)
    for key, thing in {SESSION: keys, **(kept or {})}.items():
        run._context.keep.put(key, thing)
    began = lab.clock.now
    lab.clock.run(run.go(probes))
    assert lab.clock.now - began <= sum(load_probe(name).TIMEOUT for name in probes) + 1.0
    ends = of(run.observations, Probed)
    assert [each.detail for each in ends if each.status == "crashed"] == []
    made = diagnose(pasted.target, run.observations, [run.source])
    text = dump(made)
    assert load(text).observations == made.observations
    VALIDATOR.validate(json.loads(text))
    assert keys.password not in text
    assert keys.ufrag not in text
    return made


def invited(keys: IceCredentials, address: str) -> Invitation:
    """A further participant, whose bridge is there."""
    candidate = BridgeCandidate(address=address, port=at.MEDIA_UDP, transport="udp", type="host", priority=1)
    words = {"sid": "s", "initiator": "f", "sender": "f", "content": "audio", "creator": "initiator"}
    offer = Offer(**words, credentials=keys, candidates=(candidate,))  # type: ignore[arg-type]
    return Invitation(Keep(), cast(Participant, None), offer, "media/3")


def path(made: Report, name: str = "direct-udp") -> Path:
    return next(each for each in made.paths if each.name == name)


def fate(made: Report, name: str = "direct-udp") -> tuple[str, str | None, str | None]:
    """Status, reason, proof."""
    found = path(made, name)
    return found.status, found.reason, found.proof


def facts_of(made: Report, kind: type[Any], probe: str | None = None) -> list[Any]:
    observed: Sequence[Observation] = made.observations
    return of(observed, kind, probe)
