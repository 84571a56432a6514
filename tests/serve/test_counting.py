"""What the responder counts: bounded, by kind and sender; and that counting makes it no reflector."""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from natprobe.facts import Arrived, Watched
from natprobe.pairing import credentials
from natprobe.serve.counting import ENTRIES_MAX, Counts, Sent
from natprobe.serve.limits import Limits, Rate
from natprobe.serve.responder import ANSWER_MAX, Answer, Responder
from natprobe.serve.watching import Watcher
from natprobe.wire import classic, counts, seen, stun
from natprobe.wire.capture import Seen

OURS = credentials("A" * 22)
HERE, CLIENT = ("203.0.113.1", 10000), ("198.51.100.7", 40000)
ID = b"transaction1"
STRANGER = Sent("udp", HERE, CLIENT, "stun")


def plenty() -> Limits:
    rate = Rate(1e9, 1e9)
    return Limits(rate, rate, rate)


def server() -> tuple[Responder, Counts]:
    counted = Counts(100.0)
    counted.ports = (("udp", 10000), ("tcp", 4443))
    return Responder(OURS, limits=plenty(), counted=counted), counted


def check(
    size: int = 0,
    *,
    word: str = "abcd",
    asks: bool = False,
    password: str = OURS.password,
    which: bytes = ID,
    seen: bool = False,
) -> bytes:
    return stun.ice_check(
        which,
        user=f"{OURS.ufrag}:{word}",
        password=password,
        tie_breaker=7,
        size=size,
        counts=asks,
        both_ways=size > 1200,
        seen=seen,
    )


def ask(responder: Responder, data: bytes, now: float = 101.0, source: tuple[str, int] = CLIENT) -> Answer | None:
    answer = responder.answer(data, HERE, source, now)
    if answer is not None:
        responder.sent(answer)
    return answer


def told(answer: Answer | None) -> counts.Told:
    assert answer is not None
    return counts.unpack(stun.decode(answer.data).message.attributes["X-COUNTS"])


def arrived(counted: Counts) -> dict[tuple[str, bool, str], tuple[int, int, int]]:
    came = [each for each in counted.facts(110.0) if isinstance(each, Arrived)]
    return {(each.what, each.verified, each.session): (each.packets, each.full_size, each.answered) for each in came}


def test_by_kind_and_session() -> None:
    responder, counted = server()
    for data in (check(), check(1200), check(word="other"), check(password="wrong" * 5), stun.binding_request(ID)):
        ask(responder, data)
    ask(responder, b"\x16\xfe\xfd" + bytes(1300))
    unsent = responder.answer(check(), HERE, CLIENT, 102.0)
    assert unsent is not None  # nobody says that it left
    assert arrived(counted) == {
        ("check", True, "abcd"): (3, 1, 2),
        ("check", True, "other"): (1, 0, 1),
        ("check", False, ""): (1, 0, 1),
        ("stun", False, ""): (1, 0, 1),
        ("dtls", False, ""): (1, 1, 0),
    }
    assert [each.seconds for each in counted.facts(110.0) if isinstance(each, Watched)] == [10.0, 10.0]


def test_whoever_has_the_token_is_told_of_his_own_session() -> None:
    responder, counted = server()
    for data in (check(), check(1200), check(word="other"), stun.binding_request(ID)):
        ask(responder, data)
    answer = ask(responder, check(asks=True), 105.0)
    found = told(answer)
    assert answer is not None
    assert stun.decode(answer.data).message.check_message_integrity(OURS.password.encode())
    assert (found.seconds, found.ports) == (5.0, (("udp", 10000), ("tcp", 4443)))
    assert found.counts == (counts.Count("udp", HERE, CLIENT, "check", True, 2, 1, 2, 1.0, 1.0),)
    before = arrived(counted)
    ask(responder, check(asks=True), 106.0)
    assert arrived(counted) == before  # asking counts for nothing


def test_nobody_else_is_told() -> None:
    responder, _ = server()
    message = stun.binding_request(ID, X_COUNTS=b"", X_SEEN=b"")
    for data in (message, check(asks=True, seen=True, password="wrong" * 5)):
        answer = ask(responder, data)
        assert answer is not None
        assert not {"X-COUNTS", "X-SEEN"} & stun.decode(answer.data).message.attributes.keys()


def test_of_a_train_each_is_told_what_it_was_seen_as() -> None:
    responder, _ = server()
    for tos in (184, 0, None):
        answer = responder.answer(check(seen=True), HERE, CLIENT, 101.25, tos=tos)
        assert answer is not None
        assert seen.unpack(stun.decode(answer.data).message.attributes["X-SEEN"]) == seen.Seen(1.25, tos)
    plain = responder.answer(check(), HERE, CLIENT, 101.25, tos=184)
    assert plain is not None
    assert "X-SEEN" not in stun.decode(plain.data).message.attributes


def test_copies_of_a_train_are_counted_apart() -> None:
    """Only of a train: a request that is sent again, as STUN does, is no copy that the way made."""
    responder, _ = server()
    names = [bytes([number]) * 12 for number in range(40)]
    for which in (*names, names[-1], names[-2], names[-2]):
        ask(responder, check(which=which, word="train", seen=True))
    for _ in range(3):
        ask(responder, check(word="train"))
    (count,) = told(ask(responder, check(asks=True, word="train"))).counts
    assert (count.packets, count.repeated) == (46, 3)


def test_strangers_push_out_strangers_only() -> None:
    counted = Counts(0.0)
    known = Sent("udp", HERE, CLIENT, "check", True, "abcd")
    counted.arrived(known, 100, 1.0)
    for number in range(ENTRIES_MAX + 100):
        counted.arrived(STRANGER._replace(sender=(str(ipaddress.IPv4Address(number)), 1)), 100, 1.0)
    assert len(counted) == ENTRIES_MAX + 1
    assert counted.told("abcd", 2.0).counts[0].packets == 1
    counted.answered(STRANGER._replace(sender=("0.0.0.0", 1)))  # forgotten by now


def test_no_more_answers_than_packets() -> None:
    counted = Counts(0.0)
    counted.arrived(STRANGER, 20, 1.0)
    for _ in range(3):
        counted.answered(STRANGER)
    assert arrived(counted) == {("stun", False, ""): (1, 0, 1)}


BOTH = {"asks": st.booleans(), "seen": st.booleans()}
SIGNED = st.builds(check, st.sampled_from([0, 300, 1200, 1204, 4000]), **BOTH)
FORGED = st.builds(check, st.sampled_from([0, 1200]), password=st.just("wrong" * 5), **BOTH)
PADDED = stun.binding_request(ID, PADDING=bytes(900))
OTHERS = st.sampled_from([stun.binding_request(ID), classic.request(b"sixteen bytes!!!"), PADDED])
DATA = st.lists(SIGNED | FORGED | OTHERS | st.binary(max_size=60), max_size=20)


@given(DATA, st.sampled_from([CLIENT, ("2001:db8::7", 40000)]))
def test_no_reflector(several: list[bytes], source: tuple[str, int]) -> None:
    """Nothing larger than what came in without the token, and with it a kilobyte for whoever asks for counts."""
    responder, counted = server()
    for data in several:
        answer = ask(responder, data, source=source)
        if answer is not None:
            bound = max(len(data), ANSWER_MAX)
            assert len(answer.data) <= (max(bound, counts.SIZE_MAX + ANSWER_MAX) if answer.verified else bound)
            assert answer.to == source
    assert sum(packets for packets, _, _ in arrived(counted).values()) <= len(several)


def watching() -> tuple[Watcher, Counts, list[Sent]]:
    counted, news = Counts(0.0, "interface"), list[Sent]()
    counted.ports = (("udp", 10000), ("tcp", 443))
    return Watcher(counted, news.append), counted, news


def test_watch_counts_one_interfaces_packets_and_their_answers() -> None:
    watcher, counted, news = watching()
    packet = Seen("udp", CLIENT, HERE, check(1200)[:600], 1200)
    watcher.left(packet._replace(source=HERE, to=CLIENT), "eth0")  # to somebody of whom nothing came
    for interface in ("eth0", "br0", "eth0"):
        watcher.came(packet, interface, 1.0)
    back = Seen("udp", HERE, CLIENT, b"", 100)
    for interface in ("br0", "eth0"):
        watcher.left(back, interface)
    assert arrived(counted) == {("check", False, "abcd"): (2, 2, 1)}
    assert [each.session for each in news] == ["abcd"]


def test_watch_of_tcp() -> None:
    """A refusal (RST) is no answer; bare acknowledgements are nothing."""
    watcher, counted, news = watching()
    here = (HERE[0], 443)
    opens = Seen("tcp", CLIENT, here, b"", 0, opens=True)
    back = Seen("tcp", here, CLIENT, b"", 0)
    watcher.came(opens, "eth0", 1.0)
    watcher.left(back, "eth0")
    assert arrived(counted) == {("connection", False, ""): (1, 0, 0)}
    watcher.left(back._replace(takes=True), "eth0")
    watcher.came(opens._replace(opens=False), "eth0", 1.1)
    watcher.came(Seen("tcp", CLIENT, here, b"\x16\x03\x01", 500), "eth0", 1.2)
    watcher.left(back, "eth0")
    watcher.left(back._replace(size=900), "eth0")
    assert arrived(counted) == {("connection", False, ""): (1, 0, 1), ("tls", False, ""): (1, 0, 1)}
    watcher.came(opens._replace(to=(HERE[0], 10000)), "eth0", 2.0)  # UDP's port
    assert len(news) == 2


def test_watch_is_bounded() -> None:
    watcher, counted, _ = watching()
    for number in range(ENTRIES_MAX + 50):
        watcher.came(Seen("udp", (str(ipaddress.IPv4Address(number)), 1), HERE, b"", 0), "eth0", 1.0)
    assert len(counted) == ENTRIES_MAX
