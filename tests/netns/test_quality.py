"""What a train of checks says of the way is what really befell its packets: the wire wrote down each one's fate, and
the kernel when it passed at both ends.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import msgspec
import pytest

from tests.netns import nat, stamping, userspace
from tests.netns.kernel import Network, Node, Plan, Wire, built, tunless
from tests.netns.test_serve_pair import CLIENT, INSIDE, OUTSIDE, PORT, SERVER, Served, seen
from tests.netns.topology import DETOUR, DETOURED
from tests.netns.userspace import Rough

PLAN = Plan(
    {
        "client": Node(addresses=(f"{CLIENT}/24 dev eth0",), routes=(f"default via {INSIDE}",)),
        "router": Node(
            addresses=(f"{INSIDE}/24 dev lan", "198.51.100.2 peer 198.51.100.1/32 dev wan"),
            routes=("default via 198.51.100.1", *DETOUR),
            rules=DETOURED,
            rules6=DETOURED,
            tuns=(userspace.DEVICE,),
            forwards=True,
            nft=nat.before(userspace.DEVICE, ()),
        ),
        "server": Node(
            addresses=(f"{SERVER}/32 dev eth0", "198.51.100.1 peer 198.51.100.2/32 dev eth0"),
            routes=(f"{OUTSIDE} via 198.51.100.2",),
        ),
    },
    (Wire("client/eth0", "router/lan"), Wire("router/wan", "server/eth0")),
)


class Rig(NamedTuple):
    """The network, and what its wire wrote; the stamps of both ends stand beside that."""

    network: Network
    record: Path

    def checked(self, *options: str) -> dict[str, Any]:
        served = Served(self.network["server"], "--udp", str(PORT), "--tcp", "4443", "--host", SERVER)
        words = ("check", served.line, "--stun", "none", "--json", "-q", *options)
        done = self.network["client"].natprobe(*words, timeout=90)
        assert done.stderr == ""
        served.end()
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def fates(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.record.read_text().splitlines()]

    def stamps(self, host: str, way: str) -> dict[str, float]:
        """When each passed there for the first time."""
        found: dict[str, float] = {}
        for line in (self.record.parent / f"{host}.stamps").read_text().splitlines():
            went, at, which = line.split()
            if went == way:
                found.setdefault(which, float(at))
        return found


@contextmanager
def rig(**config: Any) -> Iterator[Rig]:
    if reason := tunless():
        pytest.skip(reason)
    with built(PLAN) as network:
        record = network.folder / "fates"
        made = userspace.Config(
            inside=f"{CLIENT}/24".replace(".2/", ".0/"),
            outside=OUTSIDE,
            mapping="endpoint-independent",
            filtering="address-and-port-dependent",
            ports="preserved",
            record=str(record),
            **config,
        )
        path = network.folder / "wire.json"
        path.write_bytes(msgspec.json.encode(made))
        router = network["router"].start([sys.executable, "-m", "tests.netns.userspace", str(path)], log="wire.log")
        router.wait(lambda: userspace.READY in router.log.read_text())
        for name in ("client", "server"):
            words = [str(PORT), str(network.folder / f"{name}.stamps")]
            ends = network[name].start([sys.executable, "-m", "tests.netns.stamping", *words], log=f"{name}.stamping")
            ends.wait(lambda: stamping.READY in ends.log.read_text())  # noqa: B023  # waited for at once
        yield Rig(network, record)


class Truth(NamedTuple):
    """What the wire did to a train: how many checks, or answers to them, it took and lost for good, and how many it
    sent twice.
    """

    came: int
    lost: int
    copies: int


SEEN = "c0e00000"  # the attribute that only checks of a train have, without a value
ID = slice(16, 40)  # of a packet in hexadecimal digits


def trained(fates: list[dict[str, Any]]) -> set[str]:
    """The ids of the train's checks."""
    return {each["payload"][ID] for each in fates if each["up"] and SEEN in each["payload"]}


def truth(fates: list[dict[str, Any]], up: bool) -> Truth:
    train = trained(fates)
    mine = [each for each in fates if each["up"] is up and each["payload"][ID] in train]
    left = [each["payload"][ID] for each in mine if each["left"]]
    came = {each["payload"][ID] for each in mine}
    return Truth(len(came), len(came - set(left)), len(left) - len(set(left)))


def uneven(rig: Rig, sender: str, receiver: str) -> float:
    """The mean difference, in milliseconds, of what the answered ones took from one end to the other, as they came."""
    left, came = rig.stamps(sender, "out"), rig.stamps(receiver, "in")
    answered = trained(rig.fates()) & rig.stamps("client", "in").keys()
    took = [came[which] - left[which] for which in sorted(answered, key=came.__getitem__)]
    return 1000 * fmean(abs(after - before) for before, after in pairwise(took))


def agrees(rig: Rig, report: dict[str, Any]) -> dict[str, Any]:
    """Loss within one packet, jitter within a tenth (or half a millisecond, which is the machine's)."""
    train: dict[str, Any]
    (train,) = seen(report, "PathBurst", transport="udp")
    up, down = truth(rig.fates(), True), truth(rig.fates(), False)
    assert train["sent"] == up.came
    assert abs(train["sent"] - train["halfway"] - up.lost) <= 1
    assert abs(train["halfway"] - train["arrived"] - down.lost) <= 1
    assert train["jitter_up_ms"] == pytest.approx(uneven(rig, "client", "server"), rel=0.1, abs=0.5)
    assert train["jitter_down_ms"] == pytest.approx(uneven(rig, "server", "client"), rel=0.1, abs=0.5)
    return train


# Without the way over TCP, which would take as long again, and the marks, which would look like a train.
TRAIN = ("--compare", "--skip", "tcp", "--skip", "marks")
WORSE = {
    "up": (Rough(loss=0.12, jitter=0.03), Rough(jitter=0.002)),
    "down": (Rough(jitter=0.002), Rough(loss=0.12, jitter=0.03)),
    "both": (Rough(loss=0.04, delay=0.02, jitter=0.02), Rough(loss=0.1, delay=0.05, jitter=0.04)),
    "late": (Rough(delay=0.2), Rough(delay=0.25)),
    "little": (Rough(loss=0.01), Rough(loss=0.01)),
    "nothing": (Rough(), Rough()),
}


def test_loss_and_jitter_of_each_direction_are_those_of_the_wire() -> None:
    with rig(up=Rough(loss=0.04, delay=0.02, jitter=0.02), down=Rough(loss=0.2, delay=0.03, jitter=0.03)) as made:
        train = agrees(made, report := made.checked(*TRAIN, "--packets", "100"))
    assert train["sent"] >= 95  # on a busy machine we send no faster
    assert train["rtt_min_ms"] >= 50
    assert "path-lossy" in [each["cause"] for each in report["findings"]]


@pytest.mark.long
@pytest.mark.parametrize("worse", WORSE)
def test_of_five_hundred_packets(worse: str) -> None:
    up, down = WORSE[worse]
    with rig(up=up, down=down) as made:
        train = agrees(made, report := made.checked(*TRAIN, "--packets", "500"))
    assert train["sent"] >= 490
    causes = [each["cause"] for each in report["findings"]]
    assert ("path-lossy" in causes) is (worse not in ("little", "nothing"))


def test_copies_and_marks() -> None:
    """What comes twice is told and no arrival; the mark is cleared by a router on the way."""
    with rig(up=Rough(copies=0.2), down=Rough(copies=0.1)) as made:
        router = made.network["router"]
        router.run(["nft", "add table ip marks; add chain ip marks way { type filter hook forward priority 0; }"])
        router.run(["nft", 'add rule ip marks way iifname "lan" ip dscp set cs0'])
        report = made.checked("--compare", "--skip", "tcp", "--packets", "60")
        (train,), (marked,) = seen(report, "PathBurst"), seen(report, "Marked")
        twice = truth(made.fates(), True).copies + truth(made.fates(), False).copies
    assert train["sent"] == train["halfway"] == train["arrived"] >= 55
    assert 0 < train["duplicates"] <= twice
    assert (marked["tos"], marked["seen"], marked["answered"], marked["plain_answered"]) == (184, 0, 9, 9)
    assert report["findings"] == []


@pytest.mark.long
@pytest.mark.parametrize("rate", ["300k", "2.5M"])
def test_rates_of_each_direction(rate: str) -> None:
    with rig(up=Rough(loss=0.05), down=Rough(loss=0.02)) as made:
        report = made.checked("--bitrate", rate, "--skip", "tcp")
    asked = {"300k": 300_000, "2.5M": 2_500_000}[rate]
    up, down = seen(report, "PathRate")
    assert up["halfway"] / up["sent"] == pytest.approx(0.95, abs=0.05)
    assert down["arrived"] / down["halfway"] == pytest.approx(0.98, abs=0.04)
    assert 0.85 * asked < up["received"] < 1.02 * asked
