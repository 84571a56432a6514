"""STUN over TLS and DTLS, and what else may listen on such a port."""

from __future__ import annotations

import dns.message
import dns.rrset
import pytest
from OpenSSL import SSL

from natprobe.facts import Binding, Certificate, StunServer, TlsSession
from natprobe.model import Failure, Observation
from natprobe.net.api import Datagram
from natprobe.target import stun_server
from natprobe.wire import stun
from tests.case import Network, Stun
from tests.lab import stuns
from tests.lab.build import Lab
from tests.lab.certificates import server_context
from tests.lab.client import lab_of
from tests.lab.sockets import LabUdp
from tests.lab.stuns import DtlsServer, dtls_context
from tests.lab.web import ServerTls
from tests.netns import addresses as at
from tests.probes.seen import Talk, floods, hangs, of, says, seen, shuts

PROBES = ("interfaces", "names", "stuns")
NAME = "stun1.example.test"
TARGET = f"stuns:{NAME}"
HERE = f"{at.STUN1}:{at.STUNS_PORT}"


def over(found: list[Observation], transport: str) -> Binding:
    (binding,) = [each for each in of(found, Binding) if each.transport == transport]
    return binding


def sessions(found: list[Observation], transport: str) -> list[TlsSession]:
    return [each for each in of(found, TlsSession) if each.transport == transport]


def dtls(lab: Lab, context: SSL.Context, answer: stuns.Answer = stuns.answered) -> list[bytes]:
    """This server on stun1; what came to it."""
    heard: list[bytes] = []
    sockets: list[LabUdp] = []
    server = DtlsServer(context, answer, lambda data, to: sockets[0].send(data, to))

    def arrived(_: LabUdp, datagram: Datagram) -> None:
        heard.append(datagram.data)
        server.received(datagram.data, datagram.source)

    sockets.append(lab.servers["stun1"].serve_udp(at.STUN1, at.STUNS_PORT, arrived))
    return heard


def test_both_answer() -> None:
    lab = lab_of(stun=Stun(tls="good"))
    found = seen(lab, TARGET, PROBES, stun=())
    for transport, protocol, proto in (("tls", "TLSv1.3", "tcp"), ("dtls", "DTLSv1.2", "udp")):
        (session,) = sessions(found, transport)
        assert (session.endpoint, session.name, session.verified, session.protocol) == (HERE, NAME, True, protocol)
        (leaf,) = [each for each in of(found, Certificate) if each.transport == transport]
        assert (leaf.endpoint, leaf.matches, leaf.chain) == (HERE, True, 2)
        binding = over(found, transport)
        assert (binding.failure, binding.tries, binding.server) == (None, 1, HERE)
        assert binding.local is not None
        assert binding.mapped == binding.local.replace("192.168.1.2", "198.51.100.7")
        assert session.flow == leaf.flow == binding.flow == f"{proto}/{binding.local}>{HERE}"
    assert sessions(found, "dtls")[0].alpn == "stun.nat-discovery"


def test_it_is_quick_and_says_goodbye() -> None:
    lab = lab_of(stun=Stun(tls="good"))
    began = lab.clock.now
    seen(lab, TARGET, ("interfaces", "names", "stuns"), stun=())
    assert lab.clock.now - began < 0.3  # 30 ms there and back


@pytest.mark.parametrize(("tls", "asked"), [("tcp", "tls"), ("udp", "dtls")])
def test_the_address_may_name_one(tls: str, asked: str) -> None:
    lab = lab_of(stun=Stun(tls="good"))
    found = seen(lab, f"{TARGET}?transport={tls}", PROBES, stun=())
    assert [each.transport for each in of(found, Binding)] == [asked]


def test_silence_is_sent_nine_hellos() -> None:
    lab = lab_of(stun=Stun(tls="good", udp="drop", tcp="drop"))
    found = seen(lab, TARGET, PROBES, stun=())
    assert (over(found, "dtls").failure, over(found, "dtls").tries) == (Failure.TIMEOUT, 9)
    assert over(found, "tls").failure is Failure.TIMEOUT
    assert not of(found, TlsSession)


def test_one_hello_is_enough_where_it_is_heard() -> None:
    lab = lab_of()
    heard = dtls(lab, dtls_context("good", NAME))
    assert over(seen(lab, TARGET, PROBES, stun=()), "dtls").failure is None
    assert sum(each[0] == 22 and each[13] == 1 for each in heard) == 1  # ClientHello


def test_a_lost_hello_costs_a_quarter_of_a_second() -> None:
    lab, began = lab_of(), []
    lost: list[bytes] = []
    heard = dtls(lab, dtls_context("good", NAME))
    (socket,) = lab.servers["stun1"]._udp[at.STUNS_PORT]
    serve = socket._handler
    assert serve is not None

    def losing(udp: LabUdp, datagram: Datagram) -> None:
        began.append(lab.clock.now)
        if lost:
            serve(udp, datagram)
        lost.append(datagram.data)

    socket._handler = losing
    found = seen(lab, TARGET, PROBES, stun=())
    assert (over(found, "dtls").failure, over(found, "dtls").tries) == (None, 1)
    assert heard
    assert 0.24 < began[1] - began[0] < 0.26


def test_of_several_hellos_the_one_that_was_heard_is_told() -> None:
    """Over a slow way a second one leaves before the first is answered."""
    binding = over(seen(lab_of(network=Network(delay=0.3), stun=Stun(tls="good")), TARGET, PROBES, stun=()), "dtls")
    assert binding.local is not None
    assert binding.mapped == binding.local.replace("192.168.1.2", "198.51.100.7")


def test_closed_is_told_by_icmp() -> None:
    found = seen(lab_of(), TARGET, PROBES, stun=())
    assert over(found, "tls").failure is Failure.REFUSED
    binding = over(found, "dtls")
    assert (binding.failure, binding.icmp, binding.reported_by) == (Failure.PORT_UNREACHABLE, "3/3", at.STUN1)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("expired", "expired"),
        ("self-signed", "self-signed"),
        ("wrong-name", "Hostname mismatch"),
        ("incomplete", "issuer"),
    ],
)
@pytest.mark.parametrize("transport", ["tls", "dtls"])
def test_a_refused_certificate_is_read(kind: str, words: str, transport: str) -> None:
    lab = lab_of(stun=Stun(tls=kind))  # type: ignore[arg-type]  # a word of Stun's
    found = seen(lab, TARGET, PROBES, stun=())
    refused, reading = sessions(found, transport)
    assert (refused.failure, refused.verified) == (Failure.TLS_CERTIFICATE, False)
    assert words in refused.detail
    assert (reading.failure, reading.verified) == (None, False)
    (leaf,) = [each for each in of(found, Certificate) if each.transport == transport]
    assert leaf.matches is (kind != "wrong-name")
    assert over(found, transport).failure is Failure.TLS_CERTIFICATE  # nothing was asked


def test_insecure_asks_all_the_same() -> None:
    lab = lab_of(stun=Stun(tls="expired"))
    found = seen(lab, TARGET, PROBES, stun=(), insecure=True)
    assert {each.failure for each in of(found, Binding)} == {None}
    assert [each.failure for each in sessions(found, "dtls")] == [Failure.TLS_CERTIFICATE, None]


def test_dtls_without_alpn_where_the_server_refuses_it() -> None:
    def refuses(_: SSL.Connection, offered: list[bytes]) -> bytes:
        raise SSL.Error(offered)  # OpenSSL then sends no_application_protocol (RFC 7301 section 3.2)

    lab, context = lab_of(), dtls_context.__wrapped__("good", NAME)
    context.set_alpn_select_callback(refuses)
    dtls(lab, context)
    found = seen(lab, TARGET, PROBES, stun=())
    first, again = sessions(found, "dtls")
    assert (first.failure, again.failure, again.alpn) == (Failure.TLS_ALERT, None, None)
    assert over(found, "dtls").failure is None


def test_tls_without_alpn_where_the_server_refuses_it() -> None:
    """As an HTTP server does, which Python's ssl can't: the alert comes ready-made to who offers some."""
    lab = lab_of()

    async def talk(stream: object) -> None:
        hello = await stream.read()  # type: ignore[attr-defined]
        if b"stun.nat-discovery" in hello:
            await stream.write(b"\x15\x03\x03\x00\x02\x02\x78")  # type: ignore[attr-defined]
            return
        await served(_Again(stream, hello))

    async def served(stream: object) -> None:
        tls = ServerTls(stream, server_context("good", NAME))  # type: ignore[arg-type]
        await tls.handshake()
        reply = stuns.answered(await tls.read(), tls.remote)
        assert reply is not None
        await tls.write(reply)

    lab.servers["stun1"].listen(at.STUNS_PORT, talk)
    found = seen(lab, TARGET, PROBES, stun=())
    first, again = sessions(found, "tls")
    assert (first.failure, again.failure) == (Failure.TLS_ALERT, None)
    assert "no application protocol" in first.detail.lower()
    assert over(found, "tls").failure is None


class _Again:
    """A stream whose first bytes were read already."""

    def __init__(self, stream: object, first: bytes) -> None:
        self._stream, self._first = stream, first

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    async def read(self, limit: int = 65536) -> bytes:
        first, self._first = self._first, b""
        return first or await self._stream.read(limit)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("talk", "failures"),
    [
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), {Failure.TLS_OTHER}),
        (says(b"\x15\x03\x03\x00\x02\x02\x28"), {Failure.TLS_ALERT}),
        (hangs, {Failure.TIMEOUT}),
        (shuts, {Failure.CLOSED}),
        (floods(b"\x16\x03\x03\x40\x00" + bytes(4096)), {Failure.TLS_OTHER}),
    ],
)
def test_what_is_no_tls(talk: Talk, failures: set[Failure]) -> None:
    lab = lab_of()
    lab.servers["stun1"].listen(at.STUNS_PORT, talk)
    found = seen(lab, TARGET, PROBES, stun=())
    assert sessions(found, "tls")[0].failure in failures
    assert over(found, "tls").failure in failures


def shrugs(content: bytes, _: tuple[str, int]) -> bytes | None:
    return b"\xff" * 40 if content else None


def strangers(content: bytes, client: tuple[str, int]) -> bytes | None:
    """The right answer to another request."""
    return stuns.answered(content[:8] + bytes(12) + content[20:], client)


def refuses(content: bytes, _: tuple[str, int]) -> bytes | None:
    return stun.error(stun.decode(content).message, 403, "Forbidden")


@pytest.mark.parametrize(
    ("answer", "failure", "tries"),
    [
        (lambda _c, _a: None, Failure.TIMEOUT, 5),
        (shrugs, Failure.TIMEOUT, 5),
        (strangers, Failure.TIMEOUT, 5),
        (refuses, Failure.ERROR_RESPONSE, 1),
    ],
)
def test_answers_inside_dtls_are_read_strictly(answer: stuns.Answer, failure: Failure, tries: int) -> None:
    lab = lab_of()
    dtls(lab, dtls_context("good", NAME), answer)
    binding = over(seen(lab, TARGET, PROBES, stun=()), "dtls")
    assert (binding.failure, binding.tries) == (failure, tries)


@pytest.mark.parametrize(
    ("data", "tries"),  # what looks like DTLS ends the hellos, and OpenSSL then waits for more
    [(b"\x16", 1), (b"\x16\xfe\xfd" + bytes(300), 1), (b"HTTP/1.1 400 Bad Request", 9), (b"\x80" * 900, 9)],
)
def test_what_is_no_dtls(data: bytes, tries: int) -> None:
    lab = lab_of()
    lab.servers["stun1"].serve_udp(at.STUN1, at.STUNS_PORT, lambda udp, datagram: udp.send(data, datagram.source))
    binding = over(seen(lab, TARGET, PROBES, stun=()), "dtls")
    assert (binding.failure, binding.tries) == (Failure.TIMEOUT, tries)


def test_a_server_of_the_option() -> None:
    lab = lab_of(stun=Stun(tls="good"))
    found = seen(lab, at.TARGET, PROBES, stun=(stun_server(TARGET),))
    assert {(each.transport, each.origin, each.failure) for each in of(found, Binding)} == {
        ("tls", "option", None),
        ("dtls", "option", None),
    }


@pytest.mark.parametrize(("service", "transport"), [("_stuns._udp", "dtls"), ("_stuns._tcp", "tls")])
def test_srv_names_a_server_and_the_domain_its_certificate(service: str, transport: str) -> None:
    """The certificate is to be for the name that the user gave (RFC 8489 section 6.2.3, RFC 9525 section 6.1)."""
    lab = lab_of()
    stuns.serve(lab.servers["stun1"], (at.STUN1,), at.STUNS_PORT, "good", at.TARGET)
    _answer_srv(lab, service)
    found = seen(lab, at.TARGET, PROBES, stun=())
    servers = of(found, StunServer)
    assert [(each.host, each.port, each.transport, each.origin) for each in servers] == [
        (NAME, at.STUNS_PORT, transport, "srv")
    ]
    (session,) = of(found, TlsSession)
    assert (session.name, session.verified) == (at.TARGET, True)
    assert over(found, transport).failure is None


def _answer_srv(lab: Lab, service: str) -> None:
    server = lab.servers["resolver"]
    (socket,) = server._udp[53]
    usual = socket._handler
    assert usual is not None

    def handler(udp: LabUdp, datagram: Datagram) -> None:
        query = dns.message.from_wire(datagram.data)
        if query.question[0].name.to_text() != f"{service}.{at.TARGET}.":
            return usual(udp, datagram)
        answer = dns.message.make_response(query)
        answer.answer.append(
            dns.rrset.from_text(query.question[0].name, 60, "IN", "SRV", f"0 0 {at.STUNS_PORT} {NAME}.")
        )
        return udp.send(answer.to_wire(), datagram.source)

    socket._handler = handler


def test_loss_is_no_silence() -> None:
    """What OpenSSL sends again goes by real time, so that only the hellos can be lost here; they are many."""
    answered = 0
    for seed in range(6):
        lab = lab_of(seed=seed, network=Network(loss=0.1), stun=Stun(tls="good"))
        answered += over(seen(lab, TARGET, PROBES, stun=()), "dtls").failure is None
    assert answered > 0
