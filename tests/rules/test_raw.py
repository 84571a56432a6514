"""What raw sockets add: who refuses in the server's name, and NP901 where nobody may look. No verdict rests on it."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.derive.forged import forged, refused
from natprobe.facts import Answerer, IceCheck, Quote, RawAccess, Trail, TrailHop
from natprobe.model import Failure, Observation, Where, split
from natprobe.rules import CLEAR, NOT_APPLICABLE
from tests.made import MEDIA, WEB, connected, facts, found, judged, named, report
from tests.made_jitsi import JITSI

LOCAL, PAGE = "192.168.1.2:40009", f"{WEB}:443"
HERE = split(MEDIA)[0]
DENIED = RawAccess(failure=Failure.PERMISSION_DENIED, detail="Operation not permitted")


def answers(endpoint: str, what: str, hops: int | None, transport: str = "tcp") -> Answerer:
    ttl = 64 - (hops or 0)
    return Answerer(endpoint=endpoint, local=LOCAL, transport=transport, what=what, ttl=ttl, hops=hops)  # type: ignore[arg-type]


def shut(**more: Any) -> IceCheck:
    fields: dict[str, Any] = {"failure": Failure.PORT_UNREACHABLE, "icmp": "3/3", "reported_by": HERE} | more
    return IceCheck(endpoint=MEDIA, transport="udp", local=LOCAL, size=100, tries=1, **fields)


def trail(*addresses: str | None, **more: Any) -> Trail:
    hops = tuple(TrailHop(ttl=n, sent=3, answered=3 if a else 0, address=a) for n, a in enumerate(addresses, 1))
    return Trail(subject=MEDIA, payload="check", towards=MEDIA, local=LOCAL, hops=hops, **more)


def quote(ttl: int, address: str) -> Quote:
    fields: dict[str, Any] = {"towards": PAGE, "local": LOCAL, "transport": "tcp", "size": 52, "icmp": "11/0"}
    seen: dict[str, Any] = {"source_seen": LOCAL, "towards_seen": PAGE, "ttl_seen": 1, "tos_seen": 0, "size_seen": 52}
    return Quote(ttl=ttl, address=address, **fields, **seen)


UDP_NO, UDP_OTHER = answers(MEDIA, "port-unreachable", 1, "udp"), answers(f"{HERE}:443", "syn-ack", 5)
TCP_NO, TCP_OTHER = answers(PAGE, "rst", 2), answers(f"{WEB}:10000", "port-unreachable", 6, "udp")
DEAD = (named(WEB), connected(PAGE, Failure.REFUSED))


@pytest.mark.parametrize(
    ("seen", "nearer"),
    [
        ((UDP_NO, UDP_OTHER), 4),
        ((UDP_NO, answers(f"{HERE}:443", "syn-ack", 3)), 2),
        ((UDP_NO, answers(f"{HERE}:443", "syn-ack", 2)), None),  # a container behind its host
        ((UDP_NO, answers(f"{HERE}:443", "syn-ack", 1)), None),
        ((UDP_NO, answers(f"{HERE}:443", "syn-ack", 0)), None),  # what is nearer is the other one
        ((UDP_NO, answers(f"{HERE}:443", "rst", 4)), 3),
        ((UDP_NO, answers("203.0.113.99:443", "syn-ack", 9)), None),  # another host
        ((UDP_NO, answers(f"{HERE}:443", "syn-ack", None)), None),
        ((answers(MEDIA, "answer", 1, "udp"), UDP_OTHER), None),  # it is no refusal
        ((answers(MEDIA, "rst", 1, "tcp"), UDP_OTHER), None),  # nor this port's
        ((UDP_NO,), None),
        ((UDP_OTHER,), None),
        ((), None),
    ],
)
def test_who_says_no(seen: tuple[Observation, ...], nearer: int | None) -> None:
    told = forged(facts(*seen), MEDIA, "udp")
    assert (told.nearer if told else None) == nearer


@pytest.mark.parametrize(
    ("beside", "where"),
    [
        ((), Where.UNKNOWN),
        ((trail("192.168.1.1", "10.0.0.1"),), Where.LOCAL_NETWORK),
        ((trail("192.168.1.1", "100.64.0.1"),), Where.UNKNOWN),
        ((trail("192.168.1.1", "198.51.100.1"),), Where.UNKNOWN),
        ((trail("192.168.1.1", None),), Where.UNKNOWN),
        ((quote(2, "10.0.0.1"),), Where.LOCAL_NETWORK),
        ((quote(2, "10.0.0.1"), quote(2, "198.51.100.1")), Where.UNKNOWN),
        ((quote(1, "192.168.1.1"),), Where.UNKNOWN),
    ],
)
def test_whose_it_is(beside: tuple[Observation, ...], where: Where) -> None:
    """Behind one router it is the second's place."""
    told = forged(facts(UDP_NO, UDP_OTHER, *beside), MEDIA, "udp")
    assert told is not None
    assert told.where is where


@pytest.mark.parametrize(
    ("cause", "seen", "target", "also"),
    [
        ("media-port-refused", (shut(),), JITSI, (UDP_NO, UDP_OTHER)),
        ("web-unreachable", DEAD, JITSI, (TCP_NO, TCP_OTHER)),
    ],
)
def test_the_finding_says_that_it_is_another(
    cause: str, seen: tuple[Observation, ...], target: Any, also: tuple[Observation, ...]
) -> None:
    """In place of the server's administrator it sends the network's to work. Its weight and the verdict stay."""
    plain, with_raw = (found(cause, *seen, *more, target=target) for more in ((), also))
    assert "is not what answers there otherwise" not in plain.message
    assert "is not what answers there otherwise" in with_raw.message
    assert with_raw.where is Where.UNKNOWN
    assert with_raw.severity == plain.severity
    assert {each.audience for each in with_raw.fixes} == {"network"}
    verdicts = [report(*seen, *more, target=target).verdict for more in ((), also, (DENIED,))]
    assert len({(each.status, each.media, each.stages) for each in verdicts}) == 1


def test_in_this_network_it_says_what_to_open() -> None:
    near = trail("192.168.1.1", "10.0.0.1")
    only = found("media-port-refused", shut(), UDP_NO, UDP_OTHER, near, target=JITSI)
    assert only.where is Where.LOCAL_NETWORK
    assert [type(each).__name__ for each in only.fixes] == ["Allow", "Do"]


# --- NP901


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        ((DENIED, shut()), MEDIA),
        ((DENIED, *DEAD), PAGE),
        ((DENIED, trail(None, None)), "No router on the way"),
        ((DENIED, trail("192.168.1.1", unattributed=2)), "No router on the way"),
    ],
)
def test_what_only_raw_sockets_tell(seen: tuple[Observation, ...], word: str) -> None:
    only = found("no-raw-sockets", *seen, target=JITSI)
    assert word in only.message.format_map(only.args)
    made = report(*seen, target=JITSI)
    (finding,) = [each for each in made.findings if each.code == "NP901"]
    assert (finding.severity, finding.where) == ("note", Where.THIS_HOST)
    assert any("--copies" in each.text and "forge" in each.why for each in finding.fixes if hasattr(each, "text"))
    assert made.verdict.status == report(*seen[1:], target=JITSI).verdict.status


@pytest.mark.parametrize(
    ("seen", "judgement"),
    [
        ((shut(),), NOT_APPLICABLE),
        ((DENIED, trail("192.168.1.1", None)), CLEAR),  # the way was told
        ((DENIED, trail(None), trail("192.168.1.1", control="port")), CLEAR),
        ((DENIED, shut(reported_by="198.51.100.1")), CLEAR),  # a router says so itself
        ((DENIED, shut(failure=Failure.TIMEOUT, reported_by=None)), CLEAR),
        ((RawAccess(sent=12), shut()), CLEAR),
        ((RawAccess(failure=Failure.UNSUPPORTED), shut()), CLEAR),  # nobody could have it here
    ],
)
def test_no_question_is_left(seen: tuple[Observation, ...], judgement: Any) -> None:
    assert judged("no-raw-sockets", *seen, target=JITSI) is judgement


def test_what_is_refused() -> None:
    assert refused(facts(shut(), *DEAD, target=JITSI)) == [("udp", MEDIA), ("tcp", PAGE)]
    elsewhere = connected(f"{WEB}:5349", Failure.REFUSED, probe="reach")
    here = connected("127.0.0.1:443", Failure.REFUSED)
    assert refused(facts(named(WEB), elsewhere, here, connected(PAGE, Failure.TIMEOUT), target=JITSI)) == []
