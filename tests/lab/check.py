"""`natprobe check` in the lab's network and time, without its command line."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any

from natprobe.context import Context, Options
from natprobe.diagnose import diagnose
from natprobe.model import Observation, Report
from natprobe.pairing import credentials
from natprobe.probes.peer import SESSION
from natprobe.run import SEQUENCE, Session
from natprobe.target import Pasted, parse, stun_server
from tests.lab.build import Lab
from tests.netns import addresses as at

SERVERS = ("stun1.example.test", "stun2.example.test")


def session(lab: Lab, target: str = at.TARGET, probes: Sequence[str] = SEQUENCE, **options: Any) -> Session:
    """A run that has ended; `options` are those of Options."""
    defaults: dict[str, Any] = {"stun": tuple(map(stun_server, SERVERS)), "ca_pem": lab.ca_pem, "timeout": 60.0}
    return ended(lab, parse(target), Options(**defaults | options), probes)


def ended(lab: Lab, pasted: Pasted, options: Options, probes: Sequence[str] = SEQUENCE) -> Session:
    """The run itself. Certificates are checked in the real day's light."""
    context = Context(
        target=pasted.target,
        options=options,
        net=lab.client,
        host=lab.client,
        random=random.Random(0),
        unix_time=time.time(),
    )
    if pasted.token is not None:
        context.keep.put(SESSION, credentials(pasted.token))
    found = Session(context)
    lab.clock.run(found.go(probes))
    return found


def observed(lab: Lab, target: str = at.TARGET, probes: Sequence[str] = SEQUENCE, **options: Any) -> list[Observation]:
    """What was seen."""
    return list(session(lab, target, probes, **options).observations)


def report(lab: Lab, target: str = at.TARGET, **options: Any) -> Report:
    """The whole way to a report."""
    found = session(lab, target, **options)
    return diagnose(parse(target).target, found.observations, [found.source])
