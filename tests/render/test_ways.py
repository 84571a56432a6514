"""The picture of the ways for media: who is on each, and where it breaks."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from natprobe.facts import Candidate
from natprobe.model import PATHS, Attempt, Path, Report
from natprobe.render._outline import Way
from natprobe.render._ways import ways
from natprobe.render.text import lines
from tests.made import MEDIA, MEDIA6, PAGE, RELAYED, TURN, report

PROXY = "http://proxy.example.test:3128"
STRAIGHT, THROUGH = "turn.example.test 203.0.113.40:443", "turn.example.test:443"
INNER = "10.0.0.10:10000"
CANDIDATE = Candidate(endpoint=MEDIA, transport="udp")


def attempt(endpoint: str = MEDIA, status: str = "blocked", **more: Any) -> Attempt:
    return Attempt(endpoint=endpoint, family=6 if endpoint.startswith("[") else 4, status=status, **more)  # type: ignore[arg-type]


def relay(reason: str | None, *, via: str | None = None, **more: Any) -> Attempt:
    server = f"{THROUGH if via else STRAIGHT} tls"
    return attempt(reason=reason, server=server, via=via, **more)


def told(name: str, *attempts: Attempt, target: Any = PAGE, media: str | None = None, **more: Any) -> Report:
    """A report with this way as those attempts leave it; the others were not tried."""
    best = attempts[0]
    fields = {"status": best.status, "reason": best.reason, "proof": best.proof, "rtt_ms": best.rtt_ms} | more
    way = Path(name=name, attempts=attempts, **fields)
    others = {each: Path(name=each, status="unknown", reason="not-tried") for each in PATHS}
    made = report(CANDIDATE, target=target)
    verdict = msgspec.structs.replace(made.verdict, media=media)
    return msgspec.structs.replace(made, paths=tuple((others | {name: way}).values()), verdict=verdict)


def only(found: Report, name: str) -> Way:
    return next(each for each in ways(found) if name in each.names)


def picture(found: Report, name: str) -> str:
    """Its legs in one line, as the text report draws them."""
    shown = " ".join(line.text for line in lines(found, width=100))
    start = shown.index(f" {name}: ") + len(name) + 3
    return " ".join(shown[start:].split())


@pytest.mark.parametrize(
    ("name", "way", "drawn", "words"),
    [
        ("direct-udp", attempt(reason="silence"), f"you -UDP-X media server {MEDIA}", "nothing came back"),
        (
            "turn-tls",
            relay("relay-refuses-credentials"),
            f"you -TLS-X relay turn.example.test:443 ... media server {MEDIA}",
            "breaks at the relay or before it; the relay refuses the credentials",
        ),
        (
            "turn-tls",
            relay("media-server-silent", proof="relay"),
            f"you -TLS-> relay turn.example.test:443 -UDP-X media server {MEDIA}",
            "comes as far as the relay; the relay sends, and nothing comes back",
        ),
        (
            "turn-tls",
            relay("relay-forbids-media-server"),
            f"you -TLS-> relay turn.example.test:443 -UDP-X media server {MEDIA}",
            "comes as far as the relay",
        ),
        (
            "turn-tls",
            relay("tls-certificate", proof="relay"),
            f"you -TLS-X relay turn.example.test:443 ... media server {MEDIA}",
            "breaks at the relay or before it; the certificate",
        ),
        (
            "turn-tls",
            relay("large-packets-lost", proof="ice"),
            f"you -TLS-? relay turn.example.test:443 -UDP-? media server {MEDIA}",
            "where it breaks is not known; small packets pass",
        ),
        (
            "turn-tls-proxy",
            relay("proxy-unreachable", via=PROXY),
            f"you -TCP-X proxy proxy.example.test:3128 ... relay turn.example.test:443 ... media server {MEDIA}",
            "breaks at the proxy or before it",
        ),
        (
            "turn-tls-proxy",
            relay("proxy-refuses-port", via=PROXY),
            f"you -TCP-> proxy proxy.example.test:3128 -TLS-X relay turn.example.test:443 ... media server {MEDIA}",
            "comes as far as the proxy; the proxy refuses to lead there",
        ),
        (
            "turn-tls-proxy",
            relay("media-server-silent", via=PROXY, proof="relay"),
            f"you -TCP-> proxy proxy.example.test:3128 -TLS-> relay turn.example.test:443 -UDP-X media server {MEDIA}",
            "comes as far as the relay",
        ),
        (
            "direct-tcp-proxy",
            attempt(reason="proxy-cannot-reach", via=PROXY),
            f"you -TCP-> proxy proxy.example.test:3128 -TCP-X media server {MEDIA}",
            "comes as far as the proxy",
        ),
        (
            "direct-tcp-proxy",
            attempt(reason="silence", via=PROXY),
            f"you -TCP-> proxy proxy.example.test:3128 -TCP-X media server {MEDIA}",
            "comes as far as the proxy; nothing came back",
        ),
        (
            "turn-tls",
            relay("media-not-through-relay", status="unknown", proof="relay"),
            f"you -TLS-> relay turn.example.test:443 -UDP-? media server {MEDIA}",
            "the relay works; the media server was not tried through it",
        ),
        (
            "turn-tls",
            relay("timeout", status="unknown"),
            f"you -TLS-? relay turn.example.test:443 ... media server {MEDIA}",
            "no answer in time",
        ),
        (
            "turn-tls-proxy",
            relay(None, status="open", via=PROXY, proof="media", rtt_ms=7.25, large_up=True),
            f"you -TCP-> proxy proxy.example.test:3128 -TLS-> relay turn.example.test:443 -UDP-> media server {MEDIA}",
            "round trip 7.2 ms; media's own handshake passed; full-size packets pass",
        ),
    ],
)
def test_where_it_breaks_stands_in_the_picture_and_in_words(name: str, way: Attempt, drawn: str, words: str) -> None:
    assert picture(told(name, way), name).startswith(f"{drawn} {words}")


def test_behind_a_relay_that_is_checked_by_itself_are_peers() -> None:
    way = relay("relay-silent", status="blocked")
    way = msgspec.structs.replace(way, endpoint=RELAYED)
    drawn = "you -TLS-> relay turn.example.test:443 -UDP-X peers comes as far as the relay"
    assert picture(told("turn-tls", way, target=TURN), "turn-tls").startswith(drawn)


def test_a_relays_own_address_is_not_the_media_servers() -> None:
    way = msgspec.structs.replace(relay("relay-full"), endpoint=RELAYED)
    assert picture(told("turn-tls", way), "turn-tls").startswith(
        "you -TLS-X relay turn.example.test:443 ... media server b"
    )


def test_an_address_that_is_met_anywhere_stands_for_the_others() -> None:
    found = only(told("direct-udp", attempt(INNER, reason="silence"), attempt(reason="silence")), "direct-udp")
    assert found.legs[0].at == MEDIA
    assert found.others == (f"blocked as well: {INNER}",)


def test_of_a_way_that_works_the_other_family_is_told() -> None:
    good, more = attempt(status="open", rtt_ms=1.0), attempt(f"{MEDIA[:-1]}1", status="open", rtt_ms=2.0)
    found = only(told("direct-udp", good, more, attempt(MEDIA6, reason="silence")), "direct-udp")
    assert found.others == (f"blocked: {MEDIA6} (nothing came back, however often it was sent)",)


def test_many_addresses_are_counted() -> None:
    many = [attempt(f"203.0.113.{number}:10000", reason="silence") for number in range(50)]
    (line,) = only(told("direct-udp", *many), "direct-udp").others
    assert line == "blocked as well: 203.0.113.1:10000, 203.0.113.2:10000, 203.0.113.3:10000 and 46 more"


def test_what_a_browser_takes_says_so() -> None:
    found = told("direct-udp", attempt(status="open", rtt_ms=1.0), media="direct-udp")
    assert only(found, "direct-udp").chosen
    assert "a browser takes this way" in " ".join(line.text for line in lines(found))


def test_ways_that_were_not_tried_share_a_place_by_their_reason() -> None:
    found = ways(told("direct-udp", attempt(reason="silence")))
    assert [each.names for each in found] == [("direct-udp",), PATHS[1:]]


def test_a_relay_that_nothing_led_to_may_be_known_by_its_name_alone() -> None:
    way = msgspec.structs.replace(relay("proxy-refuses-port", via=PROXY), endpoint="turn.example.test:443")
    assert [leg.state for leg in only(told("turn-tls-proxy", way), "turn-tls-proxy").legs] == [
        "open",
        "blocked",
        "none",
    ]
