"""The TURN client's state machine against a server that answers like coturn: every step, every refusal."""

from __future__ import annotations

from typing import Any

import pytest
from aioice.stun import Class, Method

from natprobe.wire import stun
from natprobe.wire.turn import (
    Allocated,
    Bound,
    Challenged,
    Credentials,
    Data,
    NotAllocatedError,
    Permitted,
    Redirected,
    Refreshed,
    Refused,
)
from tests.lab.turn_server import CLIENT, RELAYED, SOFTWARE, TurnServer
from tests.wire.turning import PEER, PEER6, allocation, answered, done, ready, steps

# --- the whole way


def test_from_the_first_request_to_the_last() -> None:
    server, machine = TurnServer(), allocation()
    assert machine.state == "idle"
    first, second = steps(machine, server, machine.allocate(lifetime=120), now=10.0)
    assert isinstance(first, Challenged)
    assert (first.code, first.realm) == (401, "example.org")
    assert second == Allocated(second.transaction_id, RELAYED[4], CLIENT, 120, True, SOFTWARE)  # type: ignore[union-attr]
    assert (machine.state, machine.relayed, machine.expires) == ("allocated", RELAYED[4], 130.0)

    permitted = done(machine, server, machine.permit(PEER))
    assert isinstance(permitted, Permitted)
    assert permitted.peer == PEER
    assert server.receive(machine.send(b"small", PEER)) is None
    assert machine.receive(server.from_peer(PEER, b"back"), 1.0) == Data(PEER, b"back", None)

    bound = done(machine, server, machine.bind(0x4000, PEER))
    assert isinstance(bound, Bound)
    assert (bound.number, bound.peer) == (0x4000, PEER)
    assert machine.send(b"abc", PEER) == b"\x40\x00\x00\x03abc"
    assert server.receive(machine.send(b"abc", PEER)) is None
    assert machine.receive(server.from_peer(PEER, b"more"), 1.0) == Data(PEER, b"more", 0x4000)
    assert server.relayed == [(PEER, b"small"), (PEER, b"abc")]

    refreshed = done(machine, server, machine.refresh(300), now=20.0)
    assert isinstance(refreshed, Refreshed)
    assert (refreshed.lifetime, machine.expires) == (300, 320.0)
    closed = done(machine, server, machine.close())
    assert isinstance(closed, Refreshed)
    assert closed.lifetime == 0
    assert (machine.state, server.allocation, machine.close()) == ("closed", None, None)
    unsigned = [message for message in server.seen if "MESSAGE-INTEGRITY" not in message.attributes]
    assert [message.message_method for message in unsigned] == [Method.ALLOCATE, Method.SEND]


def test_what_the_first_request_asks_for() -> None:
    plain = stun.decode(allocation().allocate().data).message
    assert plain.attributes == {"REQUESTED-TRANSPORT": 17 << 24}
    asked = stun.decode(allocation().allocate(family=6, lifetime=60, dont_fragment=True).data).message.attributes
    assert (asked["REQUESTED-ADDRESS-FAMILY"], asked["LIFETIME"], "DONT-FRAGMENT" in asked) == (2, 60, True)


def test_an_open_relay_asks_nobody_who_he_is() -> None:
    server, machine = TurnServer(users=None), allocation()
    (event,) = steps(machine, server, machine.allocate())
    assert isinstance(event, Allocated)
    assert not event.authenticated
    assert isinstance(done(machine, server, machine.permit(PEER)), Permitted)
    assert isinstance(done(machine, server, machine.close()), Refreshed)


def test_an_ipv6_relay() -> None:
    server, machine = TurnServer(families=(4, 6)), allocation()
    event = done(machine, server, machine.allocate(family=6))
    assert isinstance(event, Allocated)
    assert event.relayed == RELAYED[6]
    assert isinstance(done(machine, server, machine.permit(("2001:DB8:0::9%eth0", 7000))), Permitted)
    assert machine.receive(server.from_peer(PEER6, b"x"), 1.0) == Data(PEER6, b"x", None)


def test_dont_fragment_goes_with_send_indications() -> None:
    server, machine = TurnServer(), allocation()
    done(machine, server, machine.allocate(dont_fragment=True))
    sent = stun.decode(machine.send(b"x", PEER)).message
    assert list(sent.attributes) == ["XOR-PEER-ADDRESS", "DONT-FRAGMENT", "DATA"]
    assert sent.message_class is Class.INDICATION


# --- refusals


@pytest.mark.parametrize(
    ("options", "code", "reason", "signed"),
    [
        ({"users": {"alice": "other"}}, 401, "Unauthorized", False),
        ({"users": {"bob": "secret"}}, 401, "Unauthorized", False),
        ({"udp_relay": False}, 442, "UDP Transport is not allowed by the TURN Server configuration", True),
        ({"families": (6,)}, 440, "Unsupported address family", True),
        ({"refuses": (486, "Allocation Quota Reached")}, 486, "Allocation Quota Reached", True),
        ({"refuses": (508, "Cannot create socket")}, 508, "Cannot create socket", True),
    ],
)
def test_an_allocation_refused(options: dict[str, Any], code: int, reason: str, signed: bool) -> None:
    server, machine = TurnServer(**options), allocation()
    first, second = steps(machine, server, machine.allocate())
    assert isinstance(first, Challenged)
    assert isinstance(second, Refused)
    assert (second.method, second.code, second.reason) == (Method.ALLOCATE, code, reason)
    assert (second.authenticated, second.signed, second.software) == (True, signed, SOFTWARE)
    assert second.realm == ("example.org" if code == 401 else None)
    assert machine.state == "idle"


def test_a_second_allocation_where_one_is() -> None:
    """coturn says so before it asks for credentials."""
    server = TurnServer()
    ready(server)
    machine = allocation()
    (event,) = steps(machine, server, machine.allocate())
    assert isinstance(event, Refused)
    assert (event.code, event.reason) == (437, "Mismatched allocation: wrong transaction ID")
    assert (event.authenticated, machine.state) == (False, "idle")


def test_a_quota_may_be_free_again_later() -> None:
    server, machine = TurnServer(refuses=(486, "Allocation Quota Reached")), allocation()
    done(machine, server, machine.allocate())
    server.refuses = None
    (event,) = steps(machine, server, machine.allocate())  # nonce and key are known by now
    assert isinstance(event, Allocated)


def test_another_realm_than_the_servers() -> None:
    """Nobody changes it in the middle but an administrator; coturn has a code of its own for it."""
    server, machine = TurnServer(), allocation()
    challenge = answered(server, machine.allocate())
    server.realm = "example.net"
    again = machine.receive(challenge, 0.0)
    assert isinstance(again, Challenged)
    event = machine.receive(answered(server, again.request), 0.0)
    assert isinstance(event, Refused)
    assert (event.code, event.signed, machine.state) == (437, False, "idle")


def test_without_credentials_the_challenge_is_the_answer() -> None:
    server, machine = TurnServer(), allocation(None)
    (event,) = steps(machine, server, machine.allocate())
    assert isinstance(event, Refused)
    assert (event.code, event.realm, event.authenticated) == (401, "example.org", False)


@pytest.mark.parametrize(
    ("peer", "code", "reason"),
    [(("127.0.0.1", 9), 403, "Forbidden IP"), (PEER6, 443, "Peer Address Family Mismatch (4)")],
)
def test_a_peer_refused(peer: tuple[str, int], code: int, reason: str) -> None:
    server = TurnServer()
    machine = ready(server)
    for request in (machine.permit(peer), machine.bind(0x4001, peer)):
        event = done(machine, server, request)
        assert isinstance(event, Refused)
        assert (event.method, event.code, event.reason, event.peer) == (request.method, code, reason, peer)
    assert not machine.expects(0x4001)
    assert machine.state == "allocated"


def test_a_channel_that_is_taken_stays_whose_it_was() -> None:
    server = TurnServer()
    machine = ready(server)
    done(machine, server, machine.bind(0x4000, PEER))
    other = done(machine, server, machine.bind(0x4000, ("192.0.2.10", 1)))
    assert isinstance(other, Refused)
    assert machine.receive(server.from_peer(PEER, b"x"), 0.0) == Data(PEER, b"x", 0x4000)


def test_one_number_asked_for_twice_at_once() -> None:
    server = TurnServer()
    machine = ready(server)
    refused, bound = machine.bind(0x4000, ("127.0.0.1", 9)), machine.bind(0x4000, PEER)
    assert isinstance(machine.receive(answered(server, refused), 0.0), Refused)
    assert isinstance(machine.receive(answered(server, bound), 0.0), Bound)
    assert machine.receive(server.from_peer(PEER, b"x"), 0.0) == Data(PEER, b"x", 0x4000)


@pytest.mark.parametrize("closes", [True, False])
def test_an_allocation_that_is_gone(closes: bool) -> None:
    server = TurnServer()
    machine = ready(server)
    server.allocation = None
    event = done(machine, server, machine.close() if closes else machine.refresh(60))
    assert isinstance(event, Refused)
    assert (event.code, event.reason, event.signed) == (437, "Invalid allocation", True)
    assert (machine.state, machine.close()) == ("closed", None)


@pytest.mark.parametrize("users", [None, {"alice": "secret"}])
def test_another_server_is_named(users: dict[str, str] | None) -> None:
    authenticated = users is not None
    server = TurnServer(users=users, redirect=("203.0.113.99", 3479), redirects_known=authenticated)
    machine = allocation()
    event = done(machine, server, machine.allocate())
    assert event == Redirected(event.transaction_id, ("203.0.113.99", 3479), "other.example", authenticated)  # type: ignore[union-attr]
    assert machine.state == "idle"


# --- the end, whenever it comes


def test_what_is_not_there_cannot_be_used() -> None:
    machine = allocation()
    assert machine.close() is None
    for use in (
        lambda: machine.permit(PEER),
        lambda: machine.bind(0x4000, PEER),
        lambda: machine.refresh(1),
        lambda: machine.send(b"", PEER),
    ):
        with pytest.raises(NotAllocatedError, match="idle, not allocated"):
            use()
    machine.allocate()
    with pytest.raises(NotAllocatedError, match="allocating, not idle"):
        machine.allocate()


@pytest.mark.parametrize("number", [0, 0x3FFF, 0x5000])
def test_channel_numbers(number: int) -> None:
    machine = ready(TurnServer())
    with pytest.raises(ValueError, match="no channel number"):
        machine.bind(number, PEER)


def test_closing_while_the_challenge_is_on_its_way_allocates_nothing() -> None:
    server, machine = TurnServer(), allocation()
    challenge = answered(server, machine.allocate())
    request = machine.close()
    event = machine.receive(challenge, 0.0)
    assert isinstance(event, Refused)
    assert server.allocation is None
    last = done(machine, server, request)
    assert isinstance(last, Refused)
    assert (last.code, machine.state) == (437, "closed")


def test_closing_while_the_allocation_is_on_its_way() -> None:
    """The server's answer to the last request decides, in whichever order the two arrive."""
    for late in (False, True):
        server, machine = TurnServer(), allocation()
        challenge = machine.receive(answered(server, machine.allocate()), 0.0)
        assert isinstance(challenge, Challenged)
        last = machine.close()
        assert last is not None
        if late:  # the network turned the order round: nothing to close yet, then there is
            nothing = machine.receive(answered(server, last), 0.0)
            assert isinstance(nothing, Refused)
            assert machine.state == "closed"
        assert isinstance(machine.receive(answered(server, challenge.request), 0.0), Allocated)
        assert machine.state == "allocated"
        assert isinstance(done(machine, server, machine.close() if late else last), Refreshed)
        assert (machine.state, server.allocation) == ("closed", None)


# --- nothing secret shows


def test_nothing_secret_shows() -> None:
    server = TurnServer(users={"a-user": "pass-word"})
    machine = allocation(Credentials("a-user", "pass-word"))
    request = machine.allocate()
    events = list(steps(machine, server, request))
    machine.permit(PEER)
    shown = repr([request, *events, machine, machine.__dict__, Credentials("a-user", "pass-word")])
    assert "a-user" not in shown.replace("pass-word", "")
    assert "pass-word" not in shown
