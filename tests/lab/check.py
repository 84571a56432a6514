"""`natprobe check` in the lab's network and time, without its command line."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any

from natprobe.cli.access import Access
from natprobe.context import PEER_SESSION, RELAY_ACCESS, Context, Options
from natprobe.diagnose import diagnose
from natprobe.model import Observation, Report
from natprobe.pairing import credentials
from natprobe.run import SEQUENCE, Session
from natprobe.target import Pasted, parse, stun_server
from tests.lab.build import Lab
from tests.netns import addresses as at

NOBODY = Access()
SERVERS = ("stun1.example.test", "stun2.example.test")


def session(
    lab: Lab, target: str = at.TARGET, probes: Sequence[str] = SEQUENCE, access: Access = NOBODY, **options: Any
) -> Session:
    """A run that has ended; `options` are those of Options."""
    return ended(lab, parse(target), usual(lab, access, **options), probes, access)


def usual(lab: Lab, access: Access = NOBODY, **options: Any) -> Options:
    """Those of the lab, unless told."""
    defaults: dict[str, Any] = {"stun": tuple(map(stun_server, SERVERS)), "ca_pem": lab.ca_pem, "timeout": 60.0}
    return Options(turn_access=access.kind, **defaults | options)


def ended(
    lab: Lab, pasted: Pasted, options: Options, probes: Sequence[str] = SEQUENCE, access: Access = NOBODY
) -> Session:
    """The run itself."""
    found = prepared(lab, pasted, options, access)
    lab.clock.run(found.go(probes))
    return found


def prepared(lab: Lab, pasted: Pasted, options: Options, access: Access = NOBODY) -> Session:
    """A run that is still to begin. Certificates are checked in the real day's light."""
    context = Context(
        target=pasted.target,
        options=options,
        net=lab.client,
        host=lab.client,
        random=random.Random(0),
        unix_time=time.time(),
    )
    if pasted.token is not None:
        context.keep.put(PEER_SESSION, credentials(pasted.token))
    if (given := access.credentials(context.unix_time)) is not None:
        context.keep.put(RELAY_ACCESS, given)
    return Session(context)


def observed(lab: Lab, target: str = at.TARGET, probes: Sequence[str] = SEQUENCE, **options: Any) -> list[Observation]:
    """What was seen."""
    return list(session(lab, target, probes, **options).observations)


def report(lab: Lab, target: str = at.TARGET, **options: Any) -> Report:
    """The whole way to a report."""
    found = session(lab, target, **options)
    return diagnose(parse(target).target, found.observations, [found.source])
