"""All ways beside each other (--compare): trains count what the network does, and no verdict hangs on them."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from statistics import fmean
from typing import Any

import msgspec
import pytest

from natprobe.diagnose import diagnose
from natprobe.facts import PathBurst, Probed
from natprobe.model import Failure, Report
from natprobe.net.api import Datagram
from natprobe.proxy import Proxy
from natprobe.render.text import WIDTH, render
from natprobe.target import turn_server
from natprobe.wire import stun
from tests.case import Network, Peer, Relay
from tests.lab.build import Lab
from tests.lab.client import lab_of
from tests.lab.proxies import HttpProxy
from tests.lab.sockets import LabUdp
from tests.netns import addresses as at
from tests.probes.bridging import answers, bridge_at, facts_of, offered, over_tcp, path, report
from tests.probes.relaying import ALICE, HEALTHY, TARGETS, but
from tests.probes.seen import of, seen
from tests.serve.test_command import ROOT, command, ran

HERE = (at.WEB, at.MEDIA_UDP)
TCP = (at.WEB, at.MEDIA_TCP)
PROBES = ("interfaces", "proxies", "names", "turn", "media", "relayed", "tcp", "compare")
BOTH = (offered(), offered(f"{at.WEB}:{at.MEDIA_TCP}", "tcp"))
UDP_SHUT = Network(udp="drop", udp_open=(at.TURN_PORT, at.TURNS_PORT))
ROUND_TRIP = 30.0  # milliseconds


def measured(
    seed: int = 0,
    transports: tuple[str, ...] = (),
    candidates: Any = BOTH,
    relay: Relay = HEALTHY,
    lab: Lab | None = None,
    compare: bool = True,
    packets: int = 20,
    **conditions: Any,
) -> Report:
    """Of a session whose bridge answers on UDP and TCP, with these relays named by the user."""
    made = lab or lab_of(seed, relay=relay, network=Network(**conditions))
    bridge, keys = bridge_at(made.servers["web"], HERE)
    made.servers["web"].listen(at.MEDIA_TCP, over_tcp(bridge, TCP))
    turn = tuple(turn_server(TARGETS.get(each, each)) for each in transports)
    options: dict[str, Any] = {"proxy": "none", "turn": turn, "compare": compare, "packets": packets}
    return report(made, keys, candidates, PROBES, access=ALICE, **options | ({} if lab is None else PROXIED))


PROXIED = {"proxy": Proxy(scheme="http", host=at.STUN2, port=3128)}


def trains(found: Report) -> list[PathBurst]:
    return facts_of(found, PathBurst)


def way(burst: PathBurst) -> str:
    return f"{burst.leg or burst.transport}{' relayed' if burst.leg else ''}{' via' if burst.via else ''}"


def test_every_way_that_passed_has_one_and_the_wire_to_itself() -> None:
    found = measured(transports=("tls", "udp", "tcp"))
    told = trains(found)
    assert [way(each) for each in told] == ["udp", "tcp", "udp relayed", "tcp relayed", "tls relayed"]
    for each in told:
        assert (each.sent, each.arrived, each.reordered, each.failure) == (20, 20, 0, None)
        assert 90 <= each.size <= 120
        assert each.jitter_ms == pytest.approx(0)
    ends = [each.at for each in told]
    assert all(after - before >= 0.38 for before, after in pairwise(ends))
    others = [each.at for each in facts_of(found, Probed) if each.probe != "compare"]
    assert ends[0] - max(others) == pytest.approx(0.38 + 2 * ROUND_TRIP / 1000, abs=0.01)


def test_each_has_its_own_round_trip() -> None:
    """To the media server; through a relay that is as far from it as we from the relay, twice as long."""
    found = measured(transports=("udp",))
    direct, _, relayed = trains(found)
    assert direct.rtt_min_ms == direct.rtt_median_ms == direct.rtt_max_ms == pytest.approx(ROUND_TRIP)
    assert relayed.rtt_median_ms is not None
    (checked,) = path(found, "turn-udp").attempts
    assert relayed.rtt_median_ms == pytest.approx(checked.rtt_ms or 0)
    assert relayed.rtt_median_ms > ROUND_TRIP
    assert (relayed.server, relayed.relayed) == (f"{at.RELAY}:{at.TURN_PORT}", relayed.relayed)


def test_loss_is_that_of_the_network() -> None:
    """Ten of a hundred each way: nineteen of a check or its answer, on both ways over UDP; over TCP it is repeated."""
    for transports, index in (((), 0), (("udp",), -1)):
        found = [trains(measured(seed, transports, candidates=BOTH[:1], loss=0.1)) for seed in range(8)]
        bursts = [each[index] for each in found if len(each) == 1 + len(transports)]
        assert len(bursts) >= 7
        lost = 1 - sum(each.arrived for each in bursts) / sum(each.sent for each in bursts)
        assert lost == pytest.approx(0.19, abs=0.07)


def test_jitter_is_that_of_the_network() -> None:
    """Up to 20 ms more each way, evenly drawn. Over two crossings the difference of two delays has a standard deviation
    of 20 * sqrt(4/12) = 11.5 ms, and a mean of about 0.8 of it; in the order of arrival less.
    """
    bursts = [trains(measured(seed, candidates=BOTH[:1], jitter=0.02))[0] for seed in range(20)]
    assert fmean(each.jitter_ms or 0 for each in bursts) == pytest.approx(9.0, abs=1.5)
    assert sum(each.reordered for each in bursts) > 0


class TestWhatIsLeftOut:
    def test_a_way_that_passed_no_check(self) -> None:
        found = measured(transports=("tcp",), candidates=BOTH[:1], udp="drop")
        assert [way(each) for each in trains(found)] == ["tcp relayed"]

    def test_what_nobody_advertises(self) -> None:
        forced = offered(f"{at.WEB}:{at.MEDIA_UDP}", advertised=False)
        found = measured(candidates=(offered("203.0.113.120:10000"), forced))
        assert path(found).status == "blocked"
        assert trains(found) == []

    def test_everything_where_nobody_asks(self) -> None:
        found = measured(transports=("udp",), compare=False)
        assert trains(found) == []
        (ended,) = [each for each in facts_of(found, Probed) if each.probe == "compare"]
        assert (ended.status, ended.detail) == ("skipped", "not asked for: --compare")

    def test_two_candidates_are_one_way(self) -> None:
        """The one that a browser settles on: the quickest."""
        both = (offered(f"{at.STUN2}:{at.MEDIA_UDP}"), offered())
        assert [each.endpoint for each in trains(measured(candidates=both))] == [f"{at.WEB}:{at.MEDIA_UDP}"]


def test_through_the_proxy_too() -> None:
    lab = lab_of(relay=HEALTHY, network=UDP_SHUT)
    HttpProxy(net=lab.servers["stun2"], ports=None).listen()
    found = measured(transports=("tls",), lab=lab)
    assert [way(each) for each in trains(found)] == ["tcp", "tls relayed", "tcp via", "tls relayed via"]
    assert {(each.sent, each.arrived) for each in trains(found)} == {(20, 20)}
    for name in ("direct-tcp-proxy", "turn-tls-proxy"):
        assert path(found, name).loss == 0.0


@pytest.mark.parametrize("unsigned", [False, True])
def test_only_signed_answers_count(unsigned: bool) -> None:
    """The media server answers the first of our sockets as it should; any other nothing, or what anybody could say."""
    lab, first = lab_of(), []
    web = lab.servers["web"]
    bridge, keys = bridge_at(web, (at.WEB, 10001))
    proper = answers(bridge, HERE)

    def arrived(udp: LabUdp, datagram: Datagram) -> None:
        first.append(datagram.source)
        if datagram.source == first[0]:
            proper(udp, datagram)
        elif unsigned:
            request = stun.decode(datagram.data).message
            success: dict[str, Any] = {"XOR-MAPPED-ADDRESS": datagram.source}
            udp.send(stun.response(request, **success), datagram.source)

    web.serve_udp(*HERE, arrived)
    found = report(lab, keys, BOTH[:1], PROBES, proxy="none", compare=True)
    (train,) = trains(found)
    assert (train.sent, train.arrived, train.failure, train.rtt_median_ms) == (20, 0, Failure.TIMEOUT, None)
    assert (path(found).status, path(found).loss) == ("open", 1.0)


class TestWhatFollows:
    def test_no_verdict_and_no_other_finding_hangs_on_it(self) -> None:
        """Without the trains the very same report is judged the same, but for the warning of a bad way."""
        found = measured(seed=1, transports=("udp", "tls"), loss=0.2, packets=100)
        bare = [each for each in found.observations if not isinstance(each, PathBurst)]
        without = diagnose(found.target, bare, found.sources)
        assert [(each.name, each.status, each.reason, each.proof, each.usable) for each in found.paths] == [
            (each.name, each.status, each.reason, each.proof, each.usable) for each in without.paths
        ]
        assert (found.verdict.status, found.verdict.media) == (without.verdict.status, without.verdict.media)
        assert [each.cause for each in found.findings] == [*(each.cause for each in without.findings), "path-lossy"]
        assert [each.loss for each in without.paths] == [None] * 10

    def test_all_lost_changes_nothing_either(self) -> None:
        found = measured()
        lost = {"arrived": 0, "failure": Failure.TIMEOUT, "rtt_min_ms": None, "jitter_ms": None}
        made = [
            msgspec.structs.replace(each, **lost) if isinstance(each, PathBurst) else each
            for each in found.observations
        ]
        judged = diagnose(found.target, made, found.sources)
        assert judged.verdict == found.verdict
        assert (path(judged).status, path(judged).loss) == ("open", 1.0)

    def test_attempt_and_path_have_its_loss_and_round_trip(self) -> None:
        found = measured(seed=5, transports=("udp",), loss=0.1)
        for name, burst in zip(("direct-udp", "turn-udp"), (trains(found)[0], trains(found)[-1]), strict=True):
            one = path(found, name)
            assert one.loss == pytest.approx(1 - burst.arrived / burst.sent)
            assert one.rtt_ms is not None
            assert one.rtt_ms <= (burst.rtt_min_ms or 0)
            assert burst.id in one.attempts[0].evidence


class TestTheTable:
    def table(self, found: Report) -> list[str]:
        lines = render(found).splitlines()
        begin = lines.index("Ways side by side")
        return lines[begin + 1 : lines.index("", begin)]

    def test_it_says_what_works_how_well_and_which_is_taken(self) -> None:
        found = measured(transports=("udp", "tls"))
        verdict = msgspec.structs.replace(found.verdict, media="turn-udp")
        head, titles, *rows, late = self.table(msgspec.structs.replace(found, verdict=verdict))
        assert head == "  20 ICE checks by each way, 20 ms apart, each with the wire to itself:"
        assert titles.split() == ["way", "works", "round", "trip", "lost", "jitter"]
        assert [each.split()[0] for each in rows] == ["direct-udp", "direct-tcp", "turn-udp", "turn-tls"]
        assert rows[0].split()[1:] == ["yes", "30.0", "ms", "0", "%", "0.0", "ms"]
        assert [each.endswith("a browser takes it") for each in rows] == [False, False, True, False]
        assert late.endswith("what came too late counts as lost.")
        assert max(map(len, render(found).splitlines())) <= WIDTH

    def test_what_does_not_work_stands_there_without_figures(self) -> None:
        rows = self.table(measured(transports=("tcp",), candidates=BOTH[:1], udp="drop"))
        assert rows[2].split() == ["direct-udp", "no", "-", "-", "-"]
        assert rows[3].split()[:2] == ["turn-tcp", "yes"]

    def test_two_legs_of_one_way_are_told_apart(self) -> None:
        found = measured(transports=("udp", f"turn:[{at.RELAY6}]"), candidates=BOTH[:1], ipv6="works")
        rows = self.table(found)[2:]
        assert [each.split()[0] for each in rows] == ["direct-udp", "turn-udp", "by", "turn-udp", "by"]
        assert ["by turn.example.test 203.0.113.40:3478 udp" in each for each in rows[2::2]] == [True, False]

    def test_each_vantage_has_its_own(self) -> None:
        first, second = measured(transports=("tcp",), candidates=BOTH[:1], udp="drop"), measured(candidates=BOTH[:1])
        more = [msgspec.structs.replace(each, source=1, id=0) for each in second.observations]
        numbered = [msgspec.structs.replace(each, id=n) for n, each in enumerate([*first.observations, *more], 1)]
        told = self.table(diagnose(first.target, numbered, [*first.sources, *second.sources]))
        assert (told[0], told[5]) == ("  Vantage 1:", "  Vantage 2:")
        assert [each.split()[:2] for each in told[3:5]] == [["direct-udp", "no"], ["turn-tcp", "yes"]]
        assert [each.split()[:2] for each in told[8:9]] == [["direct-udp", "yes"]]

    def test_it_is_not_there_unasked(self) -> None:
        assert "side by side" not in render(measured(compare=False))


def test_a_serve_peer_is_measured_too() -> None:
    lab = lab_of(relay=HEALTHY, peer=Peer(runs=True))
    probes = ("interfaces", "names", "peer", "turn", "media", "relayed", "tcp", "compare")
    turn = (turn_server(TARGETS["tls"]),)
    found = of(seen(lab, lab.peer_target, probes, stun=(), access=ALICE, turn=turn, compare=True), PathBurst)
    assert [way(each) for each in found] == ["udp", "tcp", "tls relayed"]
    assert {(each.sent, each.arrived) for each in found} == {(20, 20)}


def test_relays_that_are_shut_have_no_train() -> None:
    assert [way(each) for each in trains(measured(transports=("tcp",), relay=but(tcp="drop")))] == ["udp", "tcp"]


def test_on_real_sockets() -> None:
    """A peer on loopback, over UDP and TCP."""
    with subprocess.Popen(command(seconds=20.0, quiet=True), stdout=subprocess.PIPE, text=True, cwd=ROOT) as serving:
        try:
            assert serving.stdout is not None
            target = serving.stdout.readline().strip()
            words = ["check", target, "--stun", "none", "--proxy", "none", "--compare", "--json", "-q"]
            done = ran([sys.executable, "-m", "natprobe", *words])
        finally:
            serving.terminate()
    told = [each for each in json.loads(done.stdout)["observations"] if each["kind"] == "PathBurst"]
    assert [(each["transport"], each["sent"], each["arrived"]) for each in told] == [("udp", 20, 20), ("tcp", 20, 20)]
    assert target.partition("#")[2] not in done.stdout
