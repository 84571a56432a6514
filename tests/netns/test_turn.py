"""What a check leaves behind on a real relay, and what it says of its credentials: nothing."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest

from natprobe.wire.turn import rest_credentials
from tests import access
from tests.case import Case, Expect, Network, Relay
from tests.netns import addresses as at
from tests.netns import relay
from tests.netns.lab import Lab, lab
from tests.netns.test_cases import STUN

TARGETS = (
    "turn:turn.example.test",
    "turn:turn.example.test?transport=tcp",
    "turns:turn.example.test",
    "turns:turn.example.test?transport=udp",
)
# Every run makes the first number of checks, a long one the second.
CHECKS = (40, pytest.param(1000, marks=[pytest.mark.long, pytest.mark.timeout(3600)]))
REJECT = "add table inet no; add chain inet no in { type filter hook input priority -1; }; add rule inet no in"
RELAY_ALONE = ("--only", "names", "--only", "turn")
SHOWN: tuple[tuple[str, ...], ...] = ((), ("-v",), ("--json",), ("--json", "-v"))  # each way to tell
DAY = 86400  # how long a password made from a shared secret lasts


def case(**conditions: object) -> Case:
    return Case(title="", expect=Expect(verdict="good", exit=0), relay=Relay(runs=True, **conditions))  # type: ignore[arg-type]


def asked(built: Lab, case: Case, target: str, *options: str) -> list[str]:
    given = access.options(case, built.network.folder)
    roots = ("--ca-file", str(built.root))
    return [sys.executable, "-m", "natprobe", "check", target, *STUN, *given, *roots, *options]


@pytest.fixture(scope="module")
def healthy() -> Iterator[tuple[Lab, Case]]:
    with lab(wanted := case(tls="good")) as built:
        yield built, wanted


def allocations(built: Lab) -> tuple[set[str], set[str]]:
    """The sessions that coturn made an allocation for, and those whose allocation is gone."""
    log = (built.network.folder / relay.LOG).read_text()
    made = re.findall(r"session (\d+): new, ", log)
    return set(made), set(made) & set(re.findall(r"session (\d+): delete: ", log))


@pytest.mark.parametrize("checks", CHECKS)
def test_nothing_is_left_on_the_relay(checks: int, healthy: tuple[Lab, Case]) -> None:
    """Every other check is interrupted as soon as the relay has made it an allocation. Its log counts them."""
    built, wanted = healthy
    already, _ = allocations(built)
    for number in range(checks):
        before, _ = allocations(built)
        argv = asked(built, wanted, TARGETS[number // 2 % len(TARGETS)], *RELAY_ALONE)
        ended(built, argv, interrupted=number % 2 == 1, before=before)
    made, gone = allocations(built)
    assert len(made - already) == checks
    until = time.monotonic() + 5  # it counts by whole seconds
    while gone != made and time.monotonic() < until:
        time.sleep(0.05)
        made, gone = allocations(built)
    assert made - gone == set()


def ended(built: Lab, argv: list[str], *, interrupted: bool, before: set[str]) -> None:
    child = built.client.start(argv, log="check.log").child
    try:
        while interrupted and child.poll() is None and allocations(built)[0] == before:
            time.sleep(0.002)
        if interrupted:
            assert child.poll() is None, "it has ended by itself: nothing was interrupted"
            child.send_signal(signal.SIGINT)
        child.wait(15)
    finally:
        child.kill()
        child.wait()


def observed(built: Lab, case: Case, targets: Sequence[str]) -> list[dict[str, Any]]:
    """All that was seen of these relays at once."""
    first, *others = targets
    more = [word for each in others for word in ("--turn", each)]
    done = built.client.run(asked(built, case, first, *more, "--json", *RELAY_ALONE), check=False)
    return json.loads(done.stdout)["observations"]  # type: ignore[no-any-return]


def told(built: Lab, case: Case, targets: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Their Allocations, by transport."""
    return {each["transport"]: each for each in observed(built, case, targets) if each["kind"] == "Allocation"}


# The bars below go by the clock: every run holds them in virtual time (tests/probes/test_turn_bars.py).


@pytest.mark.long
@pytest.mark.parametrize("delay", [0.01, 0.02, 0.04])
def test_all_transports_in_five_round_trips_and_150_ms(delay: float) -> None:
    """From setting out to the first data that came back. coturn 4.6.1 knows TLS 1.2 and DTLS 1.2 with a cookie, which
    take a round trip more than the lab's TLS 1.3: six of them, the last of which has room in the 150 ms up to here.
    """
    wanted = msgspec.structs.replace(case(tls="good"), network=Network(delay=delay))
    with lab(wanted) as built:
        found = observed(built, wanted, TARGETS)
    began = min(each["at"] - each["duration_ms"] / 1000 for each in found if each["kind"] == "Allocation")
    proven = [each for each in found if each["kind"] == "Relayed" and each["failure"] is None]
    first = {t: min(e["at"] for e in proven if e["transport"] == t) - began for t in ("udp", "tcp", "tls", "dtls")}
    slowest = max(each["rtt_ms"] or 0 for each in proven) / 1000
    assert slowest >= 2 * delay
    assert {name: took for name, took in first.items() if took > 5 * slowest + 0.150} == {}


@pytest.mark.long
def test_a_refusal_is_told_in_fifty_milliseconds() -> None:
    with lab(wanted := case(udp="refused", tcp="refused")) as built:
        legs = told(built, wanted, TARGETS)
    assert {each["failure"] for each in legs.values()} == {"refused", "port-unreachable"}
    assert {name: each["duration_ms"] for name, each in legs.items() if each["duration_ms"] > 50} == {}


@pytest.mark.long
def test_one_by_ipv6_and_icmp_in_about_a_second() -> None:
    """Linux tells of an ICMPv6 error during TCP's handshake only after its first second."""
    wanted = msgspec.structs.replace(case(tls="good"), network=Network(ipv6="works"))
    with lab(wanted) as built:
        built.network["relay"].run(["sh", "-c", f"nft '{REJECT} meta l4proto {{ tcp, udp }} reject'"])
        legs = told(built, wanted, [each.replace("turn.example.test", f"[{at.RELAY6}]") for each in TARGETS])
    assert len(legs) == len(TARGETS)
    assert None not in {each["failure"] for each in legs.values()}
    assert {name: each["duration_ms"] for name, each in legs.items() if each["duration_ms"] > 1100} == {}


@pytest.mark.long
def test_a_black_hole_costs_three_seconds_in_all() -> None:
    with lab(wanted := case(udp="drop", tcp="drop", tls="good")) as built:
        legs = told(built, wanted, TARGETS)
    assert {each["failure"] for each in legs.values()} == {"timeout"}
    began = min(each["at"] - each["duration_ms"] / 1000 for each in legs.values())
    assert max(each["at"] for each in legs.values()) - began <= 3.0


@pytest.mark.parametrize("given", ["right", "wrong", "other-kind"])
@pytest.mark.parametrize("kind", ["password", "secret"])
def test_no_credential_is_shown(kind: str, given: str) -> None:
    with lab(wanted := case(access=kind, given=given)) as built:
        began = int(time.time())
        runs = [built.client.run(asked(built, wanted, TARGETS[0], *options), check=False) for options in SHOWN]
    made = [rest_credentials(access.SECRET, end, "natprobe") for end in range(began + DAY, int(time.time()) + DAY + 1)]
    hidden = [access.USER, access.PASSWORD, access.SECRET, access.WRONG]
    hidden += [word for each in made for word in (each.username, each.password)]
    for options, done in zip(SHOWN, runs, strict=True):
        assert TARGETS[0].partition(":")[2] in done.stdout, options
        assert [word for word in hidden if word in done.stdout + done.stderr] == [], options
