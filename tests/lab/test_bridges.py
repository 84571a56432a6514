"""The bridge in memory: it answers a check behind a NAT, and checks back once the session is accepted."""

from __future__ import annotations

from aioice.stun import Class, Message, Method, parse_message

from natprobe.net.api import Datagram
from tests.jitsi.agent import Remote
from tests.lab.bridges import BridgeHost
from tests.lab.client import lab_of
from tests.netns import addresses as at


def test_answers_and_checks_back() -> None:
    lab = lab_of()
    host = BridgeHost(lab.servers["web"], (at.WEB, at.WEB6))
    given = host.bridge.allocate("9c0f2a71", lab.clock.now)

    async def asked() -> list[Message]:
        request = Message(Method.BINDING, Class.REQUEST)
        request.attributes |= {"USERNAME": f"{given.ufrag}:ours", "PRIORITY": 1, "ICE-CONTROLLED": 1}
        request.add_message_integrity(given.pwd.encode())
        udp = lab.client.udp(4)
        udp.send(bytes(request), (at.WEB, 10000))
        answer = await udp.receive()
        host.bridge.accept(given.ufrag, Remote("ours", "password"), lab.clock.now)
        host.wake()
        check = await udp.receive()
        assert isinstance(answer, Datagram)
        assert isinstance(check, Datagram)
        return [parse_message(answer.data), parse_message(check.data)]

    answer, check = lab.clock.run(asked())
    assert answer.attributes["XOR-MAPPED-ADDRESS"][0] == "198.51.100.7"
    assert check.attributes["USERNAME"] == f"ours:{given.ufrag}"
