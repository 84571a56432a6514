"""Whatever else may answer where a relay should: bounded, no crash, and no secret of ours anywhere."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from aioice.stun import Class

from natprobe.asking.relays import Leg
from natprobe.cli.access import Access
from natprobe.codec import dump
from natprobe.context import Context
from natprobe.diagnose import diagnose
from natprobe.facts import Allocation, Permission, Probed, Relayed
from natprobe.model import Failure
from natprobe.render._manner import Manner
from natprobe.render.text import lines
from natprobe.run import load_probe
from natprobe.target import parse
from natprobe.wire import stun
from tests.lab import check
from tests.lab.client import lab_of
from tests.lab.relays import Shared
from tests.lab.turn_server import TurnServer as Double
from tests.lab.turn_server import indication, message
from tests.netns import addresses as at
from tests.probes.relaying import (
    HEALTHY,
    PROBES,
    TARGETS,
    USERS,
    Odd,
    allocation,
    answering,
    asked,
    odd,
    odd_stream,
    took,
)
from tests.probes.seen import Talk, floods, hangs, of, says, shuts


def refusal(data: bytes, code: int, **more: object) -> bytes:
    """An error for this request."""
    return bytes(message(stun.decode(data).message, Class.ERROR, ERROR_CODE=(code, "No"), **more))


class TestWhoeverElseAnswers:
    """No crash (tests/probes/seen.py looks), one Allocation, and never longer than silence takes."""

    @pytest.mark.parametrize(
        ("talk", "failure"),
        [
            (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Failure.PROTOCOL),
            (says(b"SSH-2.0-OpenSSH_9.2\r\n"), Failure.PROTOCOL),
            (says(b"\x15\x03\x03\x00\x02\x02\x28"), Failure.PROTOCOL),  # a TLS alert
            (says(b"\x01\x13\xff\xfc\x21\x12\xa4\x42" + bytes(9000), hangs), Failure.TIMEOUT),  # 64 KiB to come
            (says(b"\x01\x13"), Failure.CLOSED),
            (says(b"\x01\x13\x00\x08\x21\x12\xa4\x42" + bytes(16), hangs), Failure.TIMEOUT),
            (says(b"\x01\x13\xff\xfc\x21\x12\xa4\x42" + bytes(65548), hangs), Failure.TIMEOUT),
            (says(b"\x40\x00\x00\x04data", hangs), Failure.PROTOCOL),
            (floods(bytes(4)), Failure.PROTOCOL),
            (floods(b"\x01\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)), Failure.TIMEOUT),
            (floods(indication(XOR_PEER_ADDRESS=("198.51.100.9", 9), DATA=bytes(1200))), Failure.TIMEOUT),
            (hangs, Failure.TIMEOUT),
            (shuts, Failure.CLOSED),
        ],
    )
    def test_over_tcp(self, talk: Talk, failure: Failure) -> None:
        lab = lab_of()
        found, seconds = took(lab, odd_stream(lab, talk))
        assert allocation(found).failure is failure
        assert seconds < 3.2

    @pytest.mark.parametrize(
        "answers",
        [
            lambda *_: [bytes(20)],
            lambda *_: [b""],
            lambda *_: [bytes(4096)] * 5,
            lambda data, _: [data],
            lambda data, _: [b"\x01\x13" + data[2:]],
            lambda data, _: [refusal(data, 401)],
            lambda data, _: [b"\x01\x03\x00\x00" + data[4:20]],
        ],
        ids=["zeros", "empty", "long", "echo", "cut", "no-realm", "bare-success"],
    )
    def test_over_udp(self, answers: Odd) -> None:
        lab = lab_of()
        found, seconds = took(lab, odd(lab, answers))
        assert allocation(found).failure is not None
        assert not of(found, Relayed)
        assert seconds < 3.5

    def test_challenges_without_end(self) -> None:
        lab, numbers = lab_of(), iter(range(10**6))

        def answers(data: bytes, _: tuple[str, int]) -> Iterable[bytes]:
            nonce = b"nonce-%d" % next(numbers)
            return [refusal(data, 438, REALM="r", NONCE=nonce)]

        assert allocation(asked(lab, odd(lab, answers))).error_code == 438
        assert next(numbers) < 10

    def test_a_ring_of_redirects_is_not_walked(self) -> None:
        lab = lab_of()
        found = asked(lab, odd(lab, answering(Double(users=USERS, redirect=(at.STUN1, 5000)))))
        one = allocation(found)
        assert (one.failure, one.error_code, one.alternate) == (Failure.ERROR_RESPONSE, 300, f"{at.STUN1}:5000")

    def test_a_realm_of_control_characters(self) -> None:
        lab = lab_of()
        one = allocation(asked(lab, odd(lab, answering(Double(users=USERS, realm="a\x1b[31m\u202eb\n")))))
        assert one.failure is None
        assert one.realm is not None
        assert one.realm.isprintable()

    @pytest.mark.parametrize(
        "relayed",
        [("0.0.0.0", 0), ("255.255.255.255", 65535), ("127.0.0.1", 22), ("224.0.0.1", 9), (at.STUN2, 0), ("::1", 5)],
    )
    def test_relayed_addresses_that_are_none(self, relayed: tuple[str, int]) -> None:
        lab = lab_of()
        found, seconds = took(lab, odd(lab, answering(Double(users=USERS, relays={4: relayed}))))
        assert allocation(found).relayed is not None
        assert seconds < 3.5
        strange = {e.packet.destination[0] for e in lab.network.log if e.node == "client"} & {relayed[0]}
        assert strange <= {at.STUN2}

    def test_strangers_data_proves_nothing(self) -> None:
        """The relay hands on data of a peer that was never permitted, with whatever inside."""
        lab = lab_of()

        def more(server: Double) -> Iterable[bytes]:
            return [server.from_peer(("198.51.100.66", 9), data) for _, data in server.relayed]

        found, seconds = took(lab, odd(lab, answering(Double(users=USERS), more)))
        assert allocation(found).failure is None
        through = [each for each in of(found, Relayed) if each.by == "stun"]
        assert {each.failure for each in through} == {Failure.TIMEOUT}
        assert seconds < 4.0

    def test_an_answer_of_another_peer_is_told_apart(self) -> None:
        """What was sent to a STUN server comes from our own outside address, which is permitted too."""
        lab = lab_of()

        def more(server: Double) -> Iterable[bytes]:
            return [server.from_peer(("198.51.100.7", 9), data) for _, data in server.relayed]

        found = asked(lab, odd(lab, answering(Double(users=USERS), more)))
        assert {each.failure for each in of(found, Relayed) if each.by == "stun"} == {Failure.WRONG_SENDER}

    def test_an_echo_through_the_relay_is_no_answer(self) -> None:
        lab = lab_of()

        def more(server: Double) -> Iterable[bytes]:
            return [server.from_peer(peer, data) for peer, data in server.relayed]

        found = asked(lab, odd(lab, answering(Double(users=USERS), more)))
        assert {each.failure for each in of(found, Relayed) if each.by == "stun"} <= {
            Failure.ERROR_RESPONSE,
            Failure.PROTOCOL,
        }

    @pytest.mark.parametrize("transport", ["tcp", "tls"])
    def test_a_leg_that_breaks_ends_at_once(self, transport: str) -> None:
        """The relay shuts the connection as soon as data is to go through."""
        lab = lab_of(relay=HEALTHY)
        assert lab.relay is not None

        take = lab.relay.take

        def taking(client: object, data: bytes) -> None:
            if stun.decode(data).message.message_method == 6:  # Send
                raise EOFError
            take(client, data)  # type: ignore[arg-type]  # handed on

        lab.relay.take = taking  # type: ignore[method-assign]
        found, seconds = took(lab, TARGETS[transport])
        assert allocation(found).failure is None
        assert {each.failure for each in of(found, Relayed) if each.by == "stun"} <= {Failure.CLOSED, Failure.RESET}
        assert seconds < 1.0


class TestSecretsStaySecret:
    WHO = Access(username="the-user-name", password="the-pass-word", secret="")

    @pytest.mark.parametrize("who", [WHO, Access(secret="the-shared-secret", username="the-user-name")])
    @pytest.mark.parametrize("state", ["healthy", "crash", "wrong"])
    def test_in_reports_and_representations(
        self, who: Access, state: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def crashes(self: Leg, peer: tuple[str, int]) -> Permission:
            raise RuntimeError(f"{who.username} {who.password} {who.secret}")

        lab = lab_of(relay=HEALTHY)
        assert lab.relay is not None
        if state != "wrong":
            lab.relay.settings.users = Shared(who.secret) if who.secret else {who.username: who.password}
        if state == "crash":
            monkeypatch.setattr(Leg, "permit", crashes)
        session = check.session(lab, TARGETS["udp"], PROBES, access=who)
        report = diagnose(parse(TARGETS["udp"]).target, session.observations, [session.source])
        (end,) = [each for each in of(report.observations, Probed) if each.probe == "turn"]
        assert end.status == ("crashed" if state == "crash" else "complete")
        context: Context = session._context
        shown = [
            dump(report),
            "".join(each.text for each in lines(report, Manner(verbose=True))),
            caplog.text,
            repr(who),
        ]
        shown += [repr(context), repr(context.keep._things), repr(session)]
        assert "the-" not in end.detail
        for secret in {who.username, who.password, who.secret} - {""}:
            assert secret not in "".join(shown)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_user_name_that_the_relay_repeats_is_left_out(transport: str) -> None:
    """In every word that it may choose: of the challenge, of the refusal, of a permission's."""
    who = Access(username="the-user-name", password="the-pass-word")
    lab = lab_of(relay=HEALTHY)
    assert lab.relay is not None
    echo = f"no, {who.username}: {who.username}"
    lab.relay.settings.users, lab.relay.settings.realm = {who.username: who.password}, f"of {who.username}"
    lab.relay.settings.refuses = (486, echo)
    session = check.session(lab, TARGETS[transport], PROBES, access=who)
    (one,) = of(session.observations, Allocation)
    assert (one.error_code, one.realm, one.detail) == (486, "of …", "486 no, …: …")
    report = diagnose(parse(TARGETS[transport]).target, session.observations, [session.source])
    shown = dump(report) + "".join(each.text for each in lines(report, Manner(verbose=True)))
    assert who.username not in shown


def test_the_time_limit_holds_the_slowest() -> None:
    """Connection, handshake, Allocate and data each take their longest."""
    assert load_probe("turn").TIMEOUT >= 2.5 + 3.0 + 2.5 + 2.5
