"""A Jitsi, a Janus: from nothing to the verdict over a wire that takes its time; what silence costs, and a proxy."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import msgspec

from tests import access
from tests.bench.figures import STUN, Figure, checks, seconds
from tests.case import CASES, Case, load
from tests.netns.lab import Lab, lab
from tests.netns.proxies import lacking

# The bar of a healthy one: so many round trips and so many seconds of natprobe's own.
ROUND_TRIPS = {"Jitsi": 20, "Janus": 16}
OWN_SECONDS = 1.0
DELAYS = (0.01, 0.05)
HEALTHY_RUNS, SILENT_RUNS, PROXIED_RUNS = 7, 3, 5
# From the session that the bridge offers to the end of all that is tried with it.
GIVE_UP_SECONDS = 3.0
# Behind squid, nothing else leading out but what the case says: the whole check, in seconds.
PROXIED = (
    ("check of a healthy Jitsi behind squid", "proxy-only-udp-out", 5.0),
    ("check behind squid, all else shut", "proxy-ignores-media", 7.0),
    ("check behind squid that opens TLS, same", "tls-intercepted-no-upgrade", 7.0),
)


def figures() -> Iterator[Figure]:
    """`Network.delay` is one way."""
    for name, trips in ROUND_TRIPS.items():
        for delay in DELAYS:
            with lab(_case(f"{name.lower()}-healthy", delay)) as built:
                found = seconds(checks(built, HEALTHY_RUNS))
            bar = trips * 2 * delay + OWN_SECONDS
            yield Figure(f"check of a healthy {name}, {2000 * delay:.0f} ms away", found, "s", bar)
    with lab(_case("jitsi-media-dropped", DELAYS[1])) as built:
        waited = tuple(_given_up(built) for _ in range(SILENT_RUNS))
    yield Figure("a silent bridge given up, 100 ms away", waited, "s", GIVE_UP_SECONDS)
    for words, name, bar in PROXIED:
        case = load(CASES / f"{name}.toml")
        if lacking(case.proxy):
            continue
        case = msgspec.structs.replace(case, proxy=msgspec.structs.replace(case.proxy, told="option"))
        with lab(case) as built:
            given = access.options(case, built.network.folder)
            yield Figure(words, seconds(checks(built, PROXIED_RUNS, *given)), "s", bar)


def _case(name: str, delay: float) -> Case:
    wanted = load(CASES / f"{name}.toml")
    return msgspec.structs.replace(wanted, network=msgspec.structs.replace(wanted.network, delay=delay))


def _given_up(built: Lab) -> float:
    """By the report's own times."""
    argv = [sys.executable, "-m", "natprobe", "check", built.target, *STUN, "--json", "--ca-file", str(built.root)]
    seen = json.loads(built.client.run(argv, check=False).stdout)["observations"]
    offered = max(float(each["at"]) for each in seen if each["kind"] == "SessionOffer")
    return max(float(e["at"]) for e in seen if e["kind"] == "Probed" and e["probe"] in ("media", "session")) - offered
