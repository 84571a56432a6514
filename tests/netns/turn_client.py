"""natprobe's TURN machine over real sockets, run inside a namespace.

turn_client.py ADDRESS SCENARIOS  goes through them (JSON) and prints what came of each step. A scenario names a port,
a transport, credentials and steps; its socket stays open until all are done.
turn_client.py echo PORT          sends back what arrives.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

from natprobe.wire.turn import Allocation, Challenged, Credentials, Event, Refused, Request, Splitter, rest_credentials

WAIT = 3.0  # seconds: nothing is lost here, so silence is a fault


class Client:
    """One 5-tuple."""

    def __init__(self, address: str, scenario: dict[str, Any]) -> None:
        self.stream = scenario.get("transport", "udp") == "tcp"
        kind = socket.SOCK_STREAM if self.stream else socket.SOCK_DGRAM
        self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.settimeout(WAIT)
        self.socket.connect((address, scenario["port"]))
        self.credentials = credentials(scenario)
        self.machine = Allocation(lambda: os.urandom(12), self.credentials, stream=self.stream)
        self.splitter = Splitter(lambda number: self.machine.expects(number))
        self.arrived = self._arrive()

    def step(self, name: str, *given: Any) -> list[str]:
        peer = tuple(given[-2:])
        match name:
            case "small" | "large":
                return [self.echo(peer, 20 if name == "small" else 1201)]
            case "wait":
                time.sleep(given[0])
                return []
            case "anew":  # on the same 5-tuple
                self.machine = Allocation(lambda: os.urandom(12), self.credentials, stream=self.stream)
                request: Request | None = self.machine.allocate()
            case "allocate":
                request = self.machine.allocate(family=given[0] if given else 4)
            case "permit" | "bind":
                request = getattr(self.machine, name)(*given[:-2], peer)
            case _:
                request = getattr(self.machine, name)(*given)
        return [shown(event) for event in self.ask(request)]

    def ask(self, request: Request | None) -> Iterator[Event]:
        while request is not None:
            self.socket.sendall(request.data)
            event = next(self.arrived)
            yield event
            request = event.request if isinstance(event, Challenged) else None

    def echo(self, peer: Any, size: int) -> str:
        payload = os.urandom(size)
        self.socket.sendall(self.machine.send(payload, peer))
        event = next(self.arrived)
        way = "channel" if getattr(event, "channel", None) else "indication"
        same = (getattr(event, "peer", None), getattr(event, "payload", None)) == (peer, payload)
        return f"back by {way}" if same else f"not back: {event!r}"

    def _arrive(self) -> Iterator[Event]:
        while data := self.socket.recv(65536):
            for part in self.splitter.feed(data) if self.stream else [data]:
                yield self.machine.receive(part, time.monotonic())


def credentials(scenario: dict[str, Any]) -> Credentials | None:
    if "secret" in scenario:
        return rest_credentials(scenario["secret"], int(time.time()) + scenario.get("lasts", 60))
    return Credentials(*scenario["user"]) if "user" in scenario else None


def shown(event: Event) -> str:
    """The kind of event, and what matters in it."""
    if isinstance(event, Refused):
        words = f"Refused {event.code} {event.reason}" + (", signed" if event.signed else "")
        return words if event.authenticated else f"{words}, not authenticated"
    fields = {name: getattr(event, name, None) for name in ("code", "relayed", "authenticated", "lifetime", "fault")}
    found = [each[0] if isinstance(each, tuple) else each for each in fields.values() if each is not None]
    return " ".join(map(str, [type(event).__name__, *found]))


def main(address: str, scenarios: str) -> list[list[str]]:
    clients, found = [], []
    for scenario in json.loads(scenarios):
        clients.append(client := Client(address, scenario))
        found.append([words for step in scenario["steps"] for words in client.step(*step)])
    return found


def echo(port: int) -> None:
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(("::", port))
    while True:
        sock.sendto(*sock.recvfrom(65536))


if __name__ == "__main__":
    if sys.argv[1] == "echo":
        echo(int(sys.argv[2]))
    print(json.dumps(main(*sys.argv[1:])))
