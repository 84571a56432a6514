"""Resolvers on bad days: whatever they say, a name has addresses or it is told why not."""

from __future__ import annotations

from collections.abc import Callable

import dns.flags
import dns.message
import dns.rrset
import pytest

from natprobe.facts import Probed, Resolved, SrvAnswer, StunServer
from natprobe.model import Failure, Observation
from natprobe.net.api import Datagram, Stream
from tests.lab.build import Lab
from tests.lab.client import lab_of
from tests.lab.sockets import LabUdp
from tests.netns import addresses as at
from tests.probes.seen import of, seen

PROBES = ("interfaces", "names")
Answer = Callable[[dns.message.Message], bytes | None]


def answered(query: dns.message.Message, *lines: str) -> dns.message.Message:
    """An answer with these records, written as `TYPE DATA`; `@` is the name that was asked for."""
    answer = dns.message.make_response(query)
    for line in lines:
        kind, data = line.split(" ", 1)
        answer.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", kind, data))
    return answer


def good(query: dns.message.Message) -> bytes:
    kind = query.question[0].rdtype.name
    return answered(query, *(["A 192.0.2.1"] if kind == "A" else [])).to_wire()


def lab_with(udp: Callable[[LabUdp, Datagram], None], tcp: Answer | None = None) -> Lab:
    """The client's only resolver does this."""
    lab = lab_of()
    server = lab.servers["stun2"]
    server.serve_udp(at.STUN2, 53, udp)

    async def talk(stream: Stream) -> None:
        data = await stream.read()
        if tcp is not None and (wire := tcp(dns.message.from_wire(data[2:]))) is not None:
            await stream.write(len(wire).to_bytes(2, "big") + wire)

    if tcp is not None:
        server.listen(53, talk)
    vars(lab.client)["nameservers"] = lambda: [(at.STUN2, 53)]  # the system's own lookups are another matter
    return lab


def saying(answer: Answer) -> Callable[[LabUdp, Datagram], None]:
    def handler(udp: LabUdp, datagram: Datagram) -> None:
        if (wire := answer(dns.message.from_wire(datagram.data))) is not None:
            udp.send(wire, datagram.source)

    return handler


def by_dns(found: list[Observation]) -> Resolved:
    (resolved,) = [each for each in of(found, Resolved) if each.by == "dns" and each.family == 4]
    return resolved


def wrong_id(query: dns.message.Message) -> bytes:
    answer = answered(query, "A 192.0.2.66")
    answer.id = query.id ^ 1
    return answer.to_wire()


def wrong_question(query: dns.message.Message) -> bytes:
    other = dns.message.make_query("other.test", "A", id=query.id)
    return answered(other, "A 192.0.2.66").to_wire()


def wrong_class(query: dns.message.Message) -> bytes:
    answer = dns.message.make_response(query)
    answer.answer.append(dns.rrset.from_text(query.question[0].name, 60, "CH", "A", "ch.example. 1234"))
    return answer.to_wire()


def with_rcode(code: int) -> Answer:
    def answer(query: dns.message.Message) -> bytes:
        response = dns.message.make_response(query)
        response.set_rcode(code)  # type: ignore[arg-type]  # a number of dns.rcode's
        return response.to_wire()

    return answer


@pytest.mark.parametrize(
    ("answer", "failure", "addresses"),
    [
        (good, None, ("192.0.2.1",)),
        (lambda _: None, Failure.TIMEOUT, ()),
        (lambda _: b"", Failure.TIMEOUT, ()),
        (lambda _: b"\xff" * 100, Failure.TIMEOUT, ()),
        (lambda query: query.to_wire(), Failure.TIMEOUT, ()),
        (lambda query: good(query)[:-3], Failure.TIMEOUT, ()),
        (wrong_id, Failure.TIMEOUT, ()),
        (wrong_question, Failure.TIMEOUT, ()),
        (wrong_class, Failure.NO_DATA, ()),
        (with_rcode(2), Failure.SERVFAIL, ()),
        (with_rcode(3), Failure.NXDOMAIN, ()),
        (with_rcode(5), Failure.REFUSED, ()),
        (with_rcode(15), Failure.SERVFAIL, ()),
        (lambda query: answered(query).to_wire(), Failure.NO_DATA, ()),
        (lambda query: answered(query, "CNAME other.test.").to_wire(), Failure.NO_DATA, ()),
        (lambda query: answered(query, "TXT \"x\"").to_wire(), Failure.NO_DATA, ()),
        (lambda query: answered(query, *["A 192.0.2.1"] * 99).to_wire(max_size=65535), None, ("192.0.2.1",)),
    ],
)  # fmt: skip
def test_bad_answers(answer: Answer, failure: Failure | None, addresses: tuple[str, ...]) -> None:
    found = seen(lab_with(saying(answer)), at.TARGET, PROBES, stun=())
    resolved = by_dns(found)
    assert (resolved.failure, resolved.addresses[:1]) == (failure, addresses)


def test_a_forger_from_elsewhere_is_not_heard() -> None:
    def handler(udp: LabUdp, datagram: Datagram) -> None:
        query = dns.message.from_wire(datagram.data)
        elsewhere.send(answered(query, "A 192.0.2.66").to_wire(), datagram.source)

    lab = lab_with(handler)
    elsewhere = lab.servers["stun1"].serve_udp(at.STUN1, 5353, lambda udp, datagram: None)
    assert by_dns(seen(lab, at.TARGET, PROBES, stun=())).failure is Failure.TIMEOUT


def cut(query: dns.message.Message) -> bytes:
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.TC
    return answer.to_wire()


@pytest.mark.parametrize(
    ("tcp", "failure"),
    [
        (good, None),
        (None, Failure.REFUSED),
        (lambda _: None, Failure.CLOSED),
        (lambda _: b"", Failure.PROTOCOL),
        (lambda _: b"\xff" * 50, Failure.PROTOCOL),
        (wrong_id, Failure.PROTOCOL),
        (wrong_question, Failure.PROTOCOL),
    ],
)
def test_what_is_cut_is_asked_for_again_over_tcp(tcp: Answer | None, failure: Failure | None) -> None:
    resolved = by_dns(seen(lab_with(saying(cut), tcp), at.TARGET, PROBES, stun=()))
    assert resolved.failure is failure
    assert resolved.addresses == (() if failure else ("192.0.2.1",))


@pytest.mark.parametrize(
    ("records", "targets"),
    [
        (["SRV 0 0 3478 stun1.example.test."], ["stun1.example.test"]),
        (["SRV 0 0 0 ."], []),
        (["SRV 0 0 3478 evil\\032name\\027.test."], []),
        (["SRV 0 0 3478 \\255\\000.test."], []),
        ([f"SRV 0 0 {n} s{n}.test." for n in range(1, 30)], None),
    ],
)
def test_services(records: list[str], targets: list[str] | None) -> None:
    def answer(query: dns.message.Message) -> bytes:
        if query.question[0].rdtype.name != "SRV" or not str(query.question[0].name).startswith("_stun._udp"):
            return good(query)
        response = dns.message.make_response(query)
        data = [each.removeprefix("SRV ") for each in records]
        response.answer.append(dns.rrset.from_text_list(query.question[0].name, 60, "IN", "SRV", data))
        return response.to_wire()

    found = seen(lab_with(saying(answer)), at.TARGET, PROBES, stun=())
    (srv,) = [each for each in of(found, SrvAnswer) if each.service == "_stun._udp"]
    assert len(srv.records) <= 10
    if targets is not None:
        assert [each.target for each in srv.records] == targets
        assert {each.host for each in of(found, StunServer)} == set(targets)


@pytest.mark.parametrize(
    "host", ["x." * 120 + "example.test", "a" * 63 + ".test", "xn--a.test", "_x.test", "localhost", "x--y.test"]
)
def test_names_at_the_edge(host: str) -> None:
    found = seen(lab_of(), host, PROBES, stun=())
    assert {each.status for each in of(found, Probed)} == {"complete"}
    assert all(each.failure is not None for each in of(found, Resolved))
