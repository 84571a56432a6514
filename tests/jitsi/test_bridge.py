"""The bridge does what was measured of ice4j: each row of that table, then whole sessions with an ICE stack."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aioice
import pytest
from aioice.stun import Class, Message, Method, parse_message
from OpenSSL import SSL

from tests.jitsi import dtls, stun
from tests.jitsi.agent import Candidate, Remote
from tests.jitsi.bridge import INACTIVITY, Allocated, Bridge
from tests.jitsi.harvester import HELLO, REPLY, frame
from tests.jitsi.sockets import Sockets

LOCAL, CLIENT, OTHER = ("203.0.113.10", 10000), ("198.51.100.7", 40000), ("198.51.100.7", 40001)
OURS = Remote("ours", "password-of-the-client")


@pytest.fixture
def bridge() -> Bridge:
    return Bridge((LOCAL,), random.Random(1))


@pytest.fixture
def offered(bridge: Bridge) -> Allocated:
    return bridge.allocate("9c0f2a71", 0.0)


def request(username: str | None = None, key: str | None = None, **attributes: object) -> bytes:
    """A Binding request; PRIORITY and ICE-CONTROLLED are there unless set to None."""
    values: dict[str, object] = {"USERNAME": username, "PRIORITY": 1, "ICE-CONTROLLED": 5}
    values |= {name.replace("_", "-"): value for name, value in attributes.items()}
    message = Message(Method.BINDING, Class.REQUEST, attributes={k: v for k, v in values.items() if v is not None})
    if key is not None:
        message.add_message_integrity(key.encode())
    return bytes(message)


def said(bridge: Bridge, data: bytes, source: stun.Address = CLIENT, now: float = 0.0) -> list[Message]:
    packets = bridge.datagram(data, LOCAL, source, now)
    assert all((packet.local, packet.remote) == (LOCAL, source) for packet in packets)
    return [parse_message(packet.data) for packet in packets]


def test_strangers_hear_nothing(bridge: Bridge, offered: Allocated) -> None:
    assert said(bridge, request()) == []
    assert said(bridge, request("nobody:x", offered.pwd)) == []
    assert said(bridge, b"hello") == []
    assert said(bridge, b"\x00\x01\x00\x00" + bytes(16)) == []
    assert said(bridge, bytes(Message(Method.BINDING, Class.INDICATION, attributes={"USERNAME": offered.ufrag}))) == []


def test_right_check(bridge: Bridge, offered: Allocated) -> None:
    (answer,) = said(bridge, request(f"{offered.ufrag}:x", offered.pwd))
    assert answer.message_class is Class.RESPONSE
    assert list(answer.attributes) == [
        *("XOR-MAPPED-ADDRESS", "USERNAME", "SOFTWARE"),
        *("MESSAGE-INTEGRITY", "FINGERPRINT"),
    ]
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == CLIENT
    assert (answer.attributes["USERNAME"], answer.attributes["SOFTWARE"]) == (f"{offered.ufrag}:x", "ice4j.org")
    assert answer.check_message_integrity(offered.pwd.encode())


def test_missing_integrity_is_accepted(bridge: Bridge, offered: Allocated) -> None:
    (answer,) = said(bridge, request(f"{offered.ufrag}:x"))
    assert answer.message_class is Class.RESPONSE
    assert answer.check_message_integrity(offered.pwd.encode())


@pytest.mark.parametrize(
    ("username", "key", "more", "error"),
    [
        ("{}:x", "wrong", {}, (401, "Wrong MESSAGE-INTEGRITY value")),
        ("{}:x", None, {"PRIORITY": None}, (400, "Missing PRIORITY attribute!")),
        ("{}:x", None, {"REQUESTED_TRANSPORT": 17}, (420, "unknown attribute")),
        ("{}", None, {}, (500, "Oops! Something went wrong on our side :(")),
    ],
)
def test_refusals(
    bridge: Bridge, offered: Allocated, username: str, key: str, more: dict[str, object], error: tuple[int, str]
) -> None:
    (answer,) = said(bridge, request(username.format(offered.ufrag), key, **more))
    assert answer.message_class is Class.ERROR
    code, reason = answer.attributes["ERROR-CODE"]
    assert (code, reason.strip()) == error
    assert not answer.check_message_integrity(offered.pwd.encode())


def test_known_address_with_another_ufrag(bridge: Bridge, offered: Allocated) -> None:
    """The address came first: another endpoint's ufrag from there is no stranger's, and wrong."""
    other = bridge.allocate("4be1d0c2", 0.0)
    said(bridge, request(f"{offered.ufrag}:x", offered.pwd))
    (answer,) = said(bridge, request(f"{other.ufrag}:x", other.pwd))
    assert answer.attributes["ERROR-CODE"] == (401, f"unknown user {other.ufrag}:x")


def test_roles(bridge: Bridge, offered: Allocated) -> None:
    name, agent = f"{offered.ufrag}:x", bridge.agents[offered.ufrag]
    (smaller,) = said(bridge, request(name, offered.pwd, ICE_CONTROLLED=None, ICE_CONTROLLING=0))
    assert smaller.error_code == 487
    assert smaller.check_message_integrity(offered.pwd.encode())
    (larger,) = said(bridge, request(name, offered.pwd, ICE_CONTROLLED=None, ICE_CONTROLLING=2**64 - 1))
    assert larger.message_class is Class.RESPONSE
    assert not agent.controlling
    (after,) = said(bridge, request(name, offered.pwd, ICE_CONTROLLED=0))
    assert after.error_code == 487


def test_a_repeated_request_is_answered_alike(bridge: Bridge, offered: Allocated) -> None:
    data = request(f"{offered.ufrag}:x", offered.pwd)
    assert bridge.datagram(data, LOCAL, CLIENT, 0.0) == bridge.datagram(data, LOCAL, CLIENT, 0.1)


def test_checks_after_the_session_is_accepted(bridge: Bridge, offered: Allocated) -> None:
    said(bridge, request(f"{offered.ufrag}:x", offered.pwd))
    assert bridge.tick(1.0) == []
    bridge.accept(offered.ufrag, OURS, 1.0)
    (packet,) = bridge.tick(1.0)
    check = parse_message(packet.data)
    assert (packet.local, packet.remote) == (LOCAL, CLIENT)
    assert check.attributes["USERNAME"] == f"ours:{offered.ufrag}"
    assert {"PRIORITY", "ICE-CONTROLLING", "FINGERPRINT"} <= set(check.attributes)
    assert "USE-CANDIDATE" not in check.attributes
    assert check.check_message_integrity(OURS.pwd.encode())


def answered(bridge: Bridge, now: float, source: stun.Address = CLIENT) -> Message:
    """The one check that is due, after a success for it."""
    (packet,) = [each for each in bridge.tick(now) if each.remote == source]
    check = parse_message(packet.data)
    reply = Message(Method.BINDING, Class.RESPONSE, check.transaction_id, {"XOR-MAPPED-ADDRESS": LOCAL})
    reply.add_message_integrity(OURS.pwd.encode())
    bridge.datagram(bytes(reply), LOCAL, source, now)
    return check


def test_nominates_and_ends(bridge: Bridge, offered: Allocated) -> None:
    agent = bridge.agents[offered.ufrag]
    said(bridge, request(f"{offered.ufrag}:ours", offered.pwd))
    bridge.accept(offered.ufrag, OURS._replace(candidates=(Candidate(CLIENT),)), 1.0)
    assert "USE-CANDIDATE" not in answered(bridge, 1.0).attributes
    assert "USE-CANDIDATE" in answered(bridge, 1.1).attributes
    assert (agent.state, agent.selected is not None) == ("completed", True)
    (known,) = said(bridge, request(f"{offered.ufrag}:ours", offered.pwd), now=5.0)
    assert (agent.state, known.message_class) == ("terminated", Class.RESPONSE)
    (forbidden,) = said(bridge, request(f"{offered.ufrag}:ours", offered.pwd), OTHER, 5.0)
    assert forbidden.attributes["ERROR-CODE"] == (403, "Cannot add new remote candidates in current ICE state")


def test_relayed_candidates_wait(bridge: Bridge, offered: Allocated) -> None:
    said(bridge, request(f"{offered.ufrag}:ours", offered.pwd))
    bridge.accept(offered.ufrag, OURS._replace(candidates=(Candidate(CLIENT, "relay"),)), 1.0)
    answered(bridge, 1.0)
    assert bridge.tick(1.7) == []
    assert "USE-CANDIDATE" in answered(bridge, 1.81).attributes


def ticked(bridge: Bridge, offered: Allocated) -> tuple[int, float]:
    """Packets until its ICE has failed, and when that was."""
    sent, now = 0, 0.0
    while bridge.agents[offered.ufrag].state != "failed":
        sent += len(bridge.tick(now))
        now += 0.01
    return sent, now


def test_unanswered_checks_fail(bridge: Bridge, offered: Allocated) -> None:
    said(bridge, request(f"{offered.ufrag}:ours", offered.pwd))
    bridge.accept(offered.ufrag, OURS, 0.0)
    sent, now = ticked(bridge, offered)
    assert sent == 7
    assert now == pytest.approx(6.3 + 5, abs=0.1)


def test_sends_nothing_to_who_was_not_heard(bridge: Bridge, offered: Allocated) -> None:
    bridge.accept(offered.ufrag, OURS._replace(candidates=(Candidate(CLIENT), Candidate(OTHER))), 0.0)
    sent, now = ticked(bridge, offered)
    assert sent == 0
    assert now == pytest.approx(5, abs=0.1)
    assert said(bridge, request(f"{offered.ufrag}:ours", offered.pwd), OTHER, now) == []


def test_waits_without_candidates(bridge: Bridge, offered: Allocated) -> None:
    bridge.accept(offered.ufrag, OURS, 0.0)
    bridge.tick(30.0)
    assert said(bridge, request(f"{offered.ufrag}:ours", offered.pwd), now=30.0)[0].message_class is Class.RESPONSE


def test_expires(bridge: Bridge, offered: Allocated) -> None:
    bridge.tick(INACTIVITY)
    assert not bridge.agents
    assert said(bridge, request(f"{offered.ufrag}:x", offered.pwd)) == []


# --- on real sockets


def free_udp() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def free_tcp() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ICE stack leaves loopback out, and nothing may leave this machine."""
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: ["127.0.0.1"])


@asynccontextmanager
async def running(tcp: int = 0) -> AsyncIterator[tuple[Bridge, Sockets, int]]:
    port = free_udp()
    bridge = Bridge((("127.0.0.1", port),))
    sockets = Sockets(bridge, ["127.0.0.1"], port, tcp)
    await sockets.open()
    try:
        yield bridge, sockets, port
    finally:
        await sockets.close()


async def connected(bridge: Bridge, sockets: Sockets, port: int, fingerprint: str = "") -> aioice.Connection:
    """A client's ICE agent, controlled, through to the nominated pair; the bridge is told no candidates."""
    loop = asyncio.get_running_loop()
    offered = bridge.allocate("9c0f2a71", loop.time())
    ice = aioice.Connection(ice_controlling=False)
    await ice.gather_candidates()
    ice.remote_username, ice.remote_password = offered.ufrag, offered.pwd
    await ice.add_remote_candidate(aioice.Candidate("1", 1, "udp", 2130706431, "127.0.0.1", port, "host"))
    await ice.add_remote_candidate(None)
    bridge.accept(offered.ufrag, Remote(ice.local_username, ice.local_password, fingerprint), loop.time())
    sockets.wake()
    await ice.connect()
    return ice


async def test_whole_ice() -> None:
    async with running() as (bridge, sockets, port):
        begun = asyncio.get_running_loop().time()
        ice = await connected(bridge, sockets, port)
        assert asyncio.get_running_loop().time() - begun < 1.0
        await asyncio.sleep(0.05)  # the client is ready a packet earlier
        (agent,) = bridge.agents.values()
        assert agent.selected is not None
        assert agent.controlling
        await ice.close()


async def test_whole_dtls() -> None:
    """A client's handshake against the offered fingerprint, with the certificate that it has announced."""
    client, fingerprint = client_context()
    async with running() as (bridge, sockets, port):
        ice = await connected(bridge, sockets, port, fingerprint)
        session = SSL.Connection(client, None)
        session.set_connect_state()
        await asyncio.wait_for(handshake(session, ice), 5)
        (agent,) = bridge.agents.values()
        assert agent.session is not None
        assert (agent.session.done, agent.session.trusted) == (True, True)
        shown = session.get_peer_certificate()
        assert shown is not None
        assert shown.digest("sha256").decode() == dtls.identity()[1]
        await ice.close()


async def handshake(session: SSL.Connection, ice: aioice.Connection) -> None:
    while True:
        try:
            session.do_handshake()
        except SSL.WantReadError:
            for datagram in dtls.datagrams(session.bio_read(65536)):
                await ice.send(datagram)
            session.bio_write(await ice.recv())
        else:
            for datagram in dtls.datagrams(waiting(session)):
                await ice.send(datagram)
            await asyncio.sleep(0.05)
            return


def waiting(session: SSL.Connection) -> bytes:
    try:
        return session.bio_read(65536)
    except SSL.WantReadError:
        return b""


def client_context() -> tuple[SSL.Context, str]:
    context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
    return context, dtls.certified(context)


# --- an old bridge's TCP port


TCP = pytest.mark.parametrize("hello", [HELLO, b""], ids=["ssltcp", "tcp"])
LONG = "x" * 60  # so that a framed request alone has the 72 bytes that are waited for


async def exchanged(port: int, data: bytes) -> tuple[bytes, bool]:
    """What comes back within 200 ms, and whether the connection was ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    received, ended = b"", False
    try:
        async with asyncio.timeout(0.2):
            while not ended:
                got = await reader.read(4096)
                received, ended = received + got, not got
    except TimeoutError:
        pass
    writer.close()
    await writer.wait_closed()
    return received, ended


@asynccontextmanager
async def old_bridge() -> AsyncIterator[tuple[Bridge, Allocated, int]]:
    tcp = free_tcp()
    async with running(tcp) as (bridge, _, _):
        yield bridge, bridge.allocate("9c0f2a71", asyncio.get_running_loop().time()), tcp


async def test_hello_alone() -> None:
    async with old_bridge() as (_, _, port):
        assert await exchanged(port, HELLO) == (REPLY, False)


@TCP
async def test_wrong_ufrag_over_tcp(hello: bytes) -> None:
    async with old_bridge() as (_, _, port):
        back = await exchanged(port, hello + frame(request("nobody:" + LONG, "key")))
        assert back == (REPLY if hello else b"", True)


async def test_too_short_and_not_ours_is_waited_for() -> None:
    async with old_bridge() as (_, _, port):
        assert await exchanged(port, frame(request())[:22]) == (b"", False)
        assert await exchanged(port, b"\x16\x03\x01" + bytes(77)) == (b"", False)


@TCP
async def test_right_check_over_tcp(hello: bytes) -> None:
    async with old_bridge() as (_, offered, port):
        data = request(f"{offered.ufrag}:{LONG}", offered.pwd)
        back, ended = await exchanged(port, hello + frame(data))
        assert not ended
        answer = back.removeprefix(REPLY)
        assert back.startswith(REPLY) == bool(hello)
        assert int.from_bytes(answer[:2], "big") == len(answer) - 2
        assert parse_message(answer[2:]).message_class is Class.RESPONSE
