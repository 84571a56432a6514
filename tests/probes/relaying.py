"""What the tests of the turn probe share: relays of the lab, and whatever else may answer in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import msgspec

from natprobe.cli.access import Access
from natprobe.facts import Allocation
from natprobe.model import Observation
from natprobe.net.api import Datagram
from tests import access
from tests.case import Relay
from tests.lab.build import Lab
from tests.lab.sockets import LabUdp
from tests.lab.turn_server import TurnServer as Double
from tests.netns import addresses as at
from tests.probes.seen import Talk, of, seen

PROBES = ("interfaces", "names", "turn")
NAME = "turn.example.test"
ALICE = Access(username=access.USER, password=access.PASSWORD)
TARGETS = {
    "udp": f"turn:{NAME}",
    "tcp": f"turn:{NAME}?transport=tcp",
    "tls": f"turns:{NAME}",
    "dtls": f"turns:{NAME}?transport=udp",
}
# Another server's host, where no relay is, and a free port of it.
ODD = "stun1.example.test:5000"
USERS = {access.USER: access.PASSWORD}
HEALTHY = Relay(runs=True, tls="good")


def allocation(found: list[Observation]) -> Allocation:
    """The one that a browser could have made."""
    (one,) = [each for each in of(found, Allocation) if not each.offered]
    return one


def asked(lab: Lab, target: str, who: Access = ALICE) -> list[Observation]:
    return seen(lab, target, PROBES, access=who)


def took(lab: Lab, target: str, who: Access = ALICE) -> tuple[list[Observation], float]:
    """What was seen, and how long it took, names and goodbyes included."""
    began = lab.clock.now
    found = asked(lab, target, who)
    return found, lab.clock.now - began


Odd = Callable[[bytes, tuple[str, int]], Iterable[bytes]]


def odd(lab: Lab, answers: Odd, port: int = 5000) -> str:
    """The target of a server that answers this to every datagram."""

    def arrived(udp: LabUdp, datagram: Datagram) -> None:
        for each in answers(datagram.data, datagram.source):
            udp.send(each, datagram.source)

    lab.servers["stun1"].serve_udp(at.STUN1, port, arrived)
    return f"turn:stun1.example.test:{port}"


def odd_stream(lab: Lab, talk: Talk) -> str:
    lab.servers["stun1"].listen(5000, talk)
    return f"turn:{ODD}?transport=tcp"


def doubles(settings: Double) -> Callable[[tuple[str, int]], Double]:
    """One of these for every client."""
    there: dict[tuple[str, int], Double] = {}

    def of_client(client: tuple[str, int]) -> Double:
        fresh = replace(settings, client=client, permitted=set(), channels={}, relayed=[], seen=[])
        return there.setdefault(client, fresh)

    return of_client


def answering(settings: Double, more: Callable[[Double], Iterable[bytes]] = lambda _: ()) -> Odd:
    """A relay of these settings, and what else it says with every answer."""
    of_client = doubles(settings)

    def answers(data: bytes, source: tuple[str, int]) -> Iterable[bytes]:
        server = of_client(source)
        answer = server.receive(data)
        return [*([answer] if answer else []), *more(server)]

    return answers


def but(**conditions: str) -> Relay:
    """The relay that works, but for this."""
    return msgspec.structs.replace(HEALTHY, **conditions)
