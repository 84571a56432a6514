"""STUN servers on bad days: what came is told for what it is, and a mapping is believed only where it was proven."""

from __future__ import annotations

import pytest

from natprobe.facts import Binding, Stray
from natprobe.model import Failure
from natprobe.net.api import Datagram
from natprobe.wire import stun
from tests.case import Network
from tests.lab import misbehaving
from tests.lab.client import lab_of
from tests.lab.sockets import Handler, LabUdp
from tests.netns import addresses as at
from tests.probes.seen import Talk, floods, hangs, of, says, seen, shuts

PROBES = ("interfaces", "names", "mapping")
OPEN = Network(mapping="none", filtering="endpoint-independent")
UDP, TCP = f"stun:{at.WEB}:7000", f"stun:{at.WEB}:7000?transport=tcp"


def asked(handler: Handler | None, network: Network = OPEN) -> tuple[Binding, list[Stray]]:
    lab = lab_of(network=network)
    if handler is not None:
        lab.servers["web"].serve_udp(at.WEB, 7000, misbehaving.modern(handler))
    found = seen(lab, UDP, PROBES, stun=())
    (binding,) = of(found, Binding)
    return binding, of(found, Stray)


def nothing_in_it(udp: LabUdp, datagram: Datagram) -> None:
    udp.send(stun.response(stun.decode(datagram.data).message), datagram.source)


def echo(udp: LabUdp, datagram: Datagram) -> None:
    udp.send(datagram.data, datagram.source)


def empty(udp: LabUdp, datagram: Datagram) -> None:
    udp.send(b"", datagram.source)


def unauthorized(udp: LabUdp, datagram: Datagram) -> None:
    reason = "Unauthorized\0\0\x1b[31m"
    udp.send(stun.error(stun.decode(datagram.data).message, 401, reason), datagram.source)


def port_zero(udp: LabUdp, datagram: Datagram) -> None:
    request = stun.decode(datagram.data).message
    udp.send(stun.response(request, XOR_MAPPED_ADDRESS=("0.0.0.0", 0), SOFTWARE="\u202eevil\n"), datagram.source)


def other_family(udp: LabUdp, datagram: Datagram) -> None:
    request = stun.decode(datagram.data).message
    udp.send(stun.response(request, XOR_MAPPED_ADDRESS=("2001:db8::1", 5)), datagram.source)


@pytest.mark.parametrize(
    ("handler", "failure", "detail", "stray", "count"),
    [
        (misbehaving.garbage, Failure.TIMEOUT, "", "garbage", 9),
        (misbehaving.truncated, Failure.PROTOCOL, "not whole: the length in the header", "altered", 9),
        (misbehaving.falsified, Failure.PROTOCOL, "not whole: STUN message fingerprint", "altered", 9),
        (empty, Failure.TIMEOUT, "", "garbage", 9),
        (misbehaving.wrong_transaction, Failure.TIMEOUT, "", "wrong-transaction", 9),
        (echo, Failure.TIMEOUT, "", "wrong-transaction", 9),
        (misbehaving.huge, Failure.TIMEOUT, "", "too-large", 9),
        (misbehaving.unknown_attribute, Failure.UNSUPPORTED, "must be understood", "unknown-attributes", 9),
        (misbehaving.refusing, Failure.ERROR_RESPONSE, "500 Server Error", None, 0),
        (unauthorized, Failure.UNAUTHORIZED, "401 Unauthorized", None, 0),
        (nothing_in_it, Failure.PROTOCOL, "without an address", None, 0),
        (None, Failure.PORT_UNREACHABLE, "", None, 0),
    ],
)
def test_bad_answers(handler: Handler | None, failure: Failure, detail: str, stray: str | None, count: int) -> None:
    binding, strays = asked(handler)
    assert binding.failure is failure
    assert detail in binding.detail
    assert (binding.mapped, binding.mapped_plain) == (None, None)
    assert [(each.fault, each.count) for each in strays] == ([(stray, count)] if stray else [])
    assert all(each.sender == f"{at.WEB}:7000" for each in strays)


def test_the_second_of_two_answers_is_a_duplicate() -> None:
    binding, strays = asked(misbehaving.twice)
    assert binding.failure is None
    assert binding.tries == 1
    assert [each.fault for each in strays] in (["duplicate"], [])  # it may come after the socket has closed


def test_an_altered_answer_does_not_end_the_wait_for_the_proper_one() -> None:
    binding, strays = asked(misbehaving.falsified_first)
    assert (binding.failure, binding.tries) == (None, 1)
    assert binding.mapped == binding.local
    assert {each.fault: each.count for each in strays} == {"altered": 2}


def test_altered_answers_of_strangers_are_garbage() -> None:
    """Who saw the request go by and answers from elsewhere."""
    lab = lab_of(network=OPEN)
    web = lab.servers["web"]
    elsewhere = web.serve_udp(at.WEB, 7001, lambda udp, datagram: None)
    web.serve_udp(at.WEB, 7000, misbehaving.modern(lambda _, datagram: misbehaving.falsified(elsewhere, datagram)))
    found = seen(lab, UDP, PROBES, stun=())
    assert of(found, Binding)[0].failure is Failure.TIMEOUT
    assert [(each.fault, each.sender) for each in of(found, Stray)] == [("garbage", f"{at.WEB}:7001")]


def test_an_answer_from_elsewhere_is_no_answer() -> None:
    lab = lab_of(network=OPEN)
    web = lab.servers["web"]
    web.serve_udp(at.WEB, 7000, misbehaving.modern(misbehaving.from_elsewhere(web, (at.WEB, 7001))))
    found = seen(lab, UDP, PROBES, stun=())
    (binding,), (stray,) = of(found, Binding), of(found, Stray)
    assert (binding.failure, binding.mapped, binding.tries) == (Failure.WRONG_SENDER, None, 9)
    assert (stray.fault, stray.sender, stray.count) == ("wrong-sender", f"{at.WEB}:7001", 9)


def test_strange_but_true_answers_are_kept() -> None:
    binding, _ = asked(port_zero)
    assert (binding.failure, binding.mapped, binding.software) == (None, "0.0.0.0:0", "evil")
    assert asked(other_family)[0].mapped == "[2001:db8::1]:5"


def test_a_prohibition_names_its_firewall() -> None:
    binding, _ = asked(None, Network(udp="reject"))
    assert (binding.failure, binding.icmp, binding.reported_by) == (Failure.PROHIBITED, "3/13", at.LAN_ROUTER)


def test_a_refusing_machine() -> None:
    binding, _ = asked(None, Network(local="udp-refused"))
    assert (binding.failure, binding.tries) == (Failure.PERMISSION_DENIED, 1)


START = b"\x01\x01\xff\xfc\x21\x12\xa4\x42"


@pytest.mark.parametrize(
    ("talk", "failure"),
    [
        (misbehaving.endless, Failure.PROTOCOL),
        (says(START, floods(b"\0" * 64)), Failure.TIMEOUT),
        (floods(b"\xff" * 10), Failure.PROTOCOL),
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Failure.PROTOCOL),
        (says(b"\x01\x01"), Failure.CLOSED),
        (says(stun.binding_request(bytes(12)), hangs), Failure.TIMEOUT),
        (floods(stun.binding_request(bytes(12)) * 200), Failure.TIMEOUT),
        (hangs, Failure.TIMEOUT),
        (shuts, Failure.CLOSED),
        (None, Failure.REFUSED),
    ],
)
def test_bad_streams(talk: Talk | None, failure: Failure) -> None:
    lab = lab_of(network=OPEN)
    if talk is not None:
        lab.servers["web"].listen(7000, talk)
    (binding,) = of(seen(lab, TCP, PROBES, stun=()), Binding)
    assert (binding.failure, binding.mapped, binding.transport) == (failure, None, "tcp")


def test_a_flood_is_counted_and_does_not_drown_the_answer() -> None:
    def flooding(udp: LabUdp, datagram: Datagram) -> None:
        for number in range(400):
            udp.send(bytes([number % 256]) * 30, datagram.source)
        misbehaving.twice(udp, datagram)

    binding, strays = asked(flooding)
    assert binding.failure is None
    assert sum(each.count for each in strays if each.fault == "garbage") == 800  # asked twice
