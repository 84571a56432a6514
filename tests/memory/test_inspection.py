"""A network that drops STUN, told from one that loses packets, from one that drops all UDP, and from a dead server."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.derive import udp_works
from natprobe.derive.cookie import stun_filtered
from natprobe.facts import Binding, Facts, IceCheck, OtherPayload
from natprobe.model import Failure, Report
from natprobe.net.api import Datagram
from natprobe.target import stun_server
from natprobe.wire import classic, stun
from tests.case import Case, Expect, Network, Peer
from tests.lab import misbehaving
from tests.lab.build import Lab, build
from tests.lab.check import report
from tests.lab.client import lab_of
from tests.lab.sockets import Handler, LabUdp
from tests.netns import addresses as at
from tests.probes.seen import of, seen

PROBES = ("interfaces", "names", "mapping")
OPEN = Network(mapping="none", filtering="endpoint-independent")
UDP = f"stun:{at.WEB}:7000"


def built(seed: int = 0, **network: Any) -> Lab:
    case = Case(title="", expect=Expect(verdict="good", exit=0), peer=Peer(runs=True), network=Network(**network))
    return build(case, seed)


def facts_of(found: Report) -> Facts:
    return Facts(found.target, found.observations)


def controls(found: Report) -> list[OtherPayload]:
    return [each for each in of(found.observations, OtherPayload) if each.payload == "classic-stun"]


def test_nobody_who_answers_is_asked_in_the_old_way() -> None:
    found = report(built(), at.TARGET)
    assert controls(found) == []
    assert {(each.payload, each.failure, each.answers) for each in of(found.observations, OtherPayload)} == {
        ("fingerprint", None, 1)
    }


@pytest.mark.parametrize("seed", range(60))
def test_loss_is_never_taken_for_a_filter(seed: int) -> None:
    lab = built(seed, loss=0.15)
    assert stun_filtered(facts_of(report(lab, lab.peer_target))) is False


@pytest.mark.parametrize("loss", [0.3, 0.5])
@pytest.mark.parametrize("seed", range(40))
def test_nor_is_much_loss(seed: int, loss: float) -> None:
    lab = built(seed, loss=loss)
    assert stun_filtered(facts_of(report(lab, lab.peer_target))) is not True


@pytest.mark.parametrize("seed", range(30))
def test_a_filter_is_found_through_loss_and_udp_is_not_called_blocked(seed: int) -> None:
    lab = built(seed, loss=0.1, dpi="stun-cookie")
    found = report(lab, lab.peer_target)
    assert stun_filtered(facts_of(found)) is True
    assert udp_works(facts_of(found)) is True
    assert [each.cause for each in found.findings] == ["stun-filtered"]


def test_a_network_without_udp_is_asked_nine_times_more_and_takes_no_longer() -> None:
    """The last packet leaves before anybody gives up."""
    lab = built(udp="drop")
    found = report(lab, lab.peer_target)
    assert {(each.tries, each.answers, each.failure) for each in controls(found)} == {(9, 0, Failure.TIMEOUT)}
    assert stun_filtered(facts_of(found)) is None
    bindings = of(found.observations, Binding, "mapping")
    asked = [each for each in bindings if each.transport == "udp" and each.origin == "option"]
    assert {each.tries for each in asked} == {5}
    assert max(each.at for each in asked) < stun.GIVE_UP + 0.2


def test_one_server_that_is_asked_five_times_is_enough() -> None:
    """Once the old kind is answered, the new one is sent as often as silence needs."""
    found = report(built(dpi="stun-cookie"), at.TARGET, stun=(stun_server("stun1.example.test"),))
    (binding,) = [each for each in of(found.observations, Binding, "mapping") if each.transport == "udp"]
    (control,) = controls(found)
    assert (binding.tries, control.answers) == (9, 6)
    assert control.local == binding.local
    assert [(each.cause, each.where) for each in found.findings] == [("stun-filtered", "unknown")]


def test_the_media_port_alone() -> None:
    """STUN's own port is let through, as some products do. Where it is dropped, packets with few hops to live show."""
    lab = built(dpi="stun-cookie", udp_open=(at.STUN_PORT, at.STUN_PORT + 1))
    found = report(lab, lab.peer_target)
    (finding,) = found.findings
    assert (finding.cause, finding.where) == ("stun-filtered", "local-network")
    assert (finding.args["last"], finding.args["next"]) == ("192.168.1.1", "203.0.113.1")
    assert finding.args["server"] == f"{at.WEB}:{at.MEDIA_UDP}"
    checks = [each for each in of(found.observations, IceCheck) if each.transport == "udp"]
    assert {each.failure for each in checks} == {Failure.TIMEOUT}


def old_kind(udp: LabUdp, datagram: Datagram) -> None:
    """A server that knows nothing of the cookie, or a filter before it."""
    if classic.is_request(datagram.data):
        udp.send(classic.response(datagram.data, datagram.source), datagram.source)


def wrong_id(udp: LabUdp, datagram: Datagram) -> None:
    if classic.is_request(datagram.data):
        udp.send(classic.response(classic.request(bytes(16)), datagram.source), datagram.source)


def in_new_words(udp: LabUdp, datagram: Datagram) -> None:
    """The very bytes of the id, and no cookie before them that anybody sent."""
    if classic.is_request(datagram.data):
        udp.send(b"\x01\x01\x00\x00" + datagram.data[4:], datagram.source)


def ten_times(udp: LabUdp, datagram: Datagram) -> None:
    """To the first request only: answers are counted by request."""
    if classic.is_request(datagram.data) and udp.local not in TEN:
        TEN.append(udp.local)
        for _ in range(10):
            old_kind(udp, datagram)


TEN: list[tuple[str, int]] = []


@pytest.mark.parametrize(("handler", "answers"), [(old_kind, 6), (wrong_id, 0), (in_new_words, 0), (ten_times, 1)])
def test_only_an_answer_to_the_very_request_counts(handler: Handler, answers: int) -> None:
    TEN.clear()
    lab = lab_of(network=OPEN)
    lab.servers["web"].serve_udp(at.WEB, 7000, handler)
    (control,) = of(seen(lab, UDP, PROBES, stun=()), OtherPayload)
    assert control.answers == answers
    assert control.failure is (None if answers else Failure.TIMEOUT)


def test_and_only_one_from_where_it_was_asked() -> None:
    lab = lab_of(network=OPEN)
    web = lab.servers["web"]
    elsewhere = web.serve_udp(at.WEB, 7001, lambda udp, datagram: None)
    web.serve_udp(at.WEB, 7000, lambda _, datagram: old_kind(elsewhere, datagram))
    (control,) = of(seen(lab, UDP, PROBES, stun=()), OtherPayload)
    assert control.answers == 0


def test_a_falsified_fingerprint_is_told() -> None:
    """Answers that have a FINGERPRINT only where one was sent: browsers would never know."""
    lab = lab_of(network=OPEN)

    def handler(udp: LabUdp, datagram: Datagram) -> None:
        request = stun.decode(datagram.data).message
        if "FINGERPRINT" in request.attributes:
            misbehaving.falsified(udp, datagram)
        else:
            udp.send(stun.response(request, fingerprint=False, XOR_MAPPED_ADDRESS=datagram.source), datagram.source)

    lab.servers["web"].serve_udp(at.WEB, 7000, handler)
    found = seen(lab, UDP, PROBES, stun=())
    (binding,), (told,) = of(found, Binding), of(found, OtherPayload)
    assert binding.failure is None
    assert (told.payload, told.failure, told.answers) == ("fingerprint", Failure.PROTOCOL, 0)
    assert "fingerprint does not match" in told.detail
