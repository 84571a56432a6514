"""`natprobe check`: from what was pasted to a report and an exit code."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from natprobe import __version__
from natprobe.cli import BEGAN, signals
from natprobe.cli.access import Access
from natprobe.cli.cascade import Cascading
from natprobe.cli.entrance import Entrance, media_addresses
from natprobe.cli.errors import SIGNALLED, USAGE, UsageError
from natprobe.cli.files import content
from natprobe.cli.gate import WITHOUT, Demands, complain, judged
from natprobe.cli.output import Plan, write
from natprobe.cli.progress import Progress
from natprobe.cli.proxy import Through
from natprobe.cli.redaction import discreet
from natprobe.context import (
    BITRATE_MAX,
    BITRATE_MIN,
    HOLD_MAX,
    HOLD_MIN,
    IDLE_MAX,
    IDLE_MIN,
    JANUS_ACCESS,
    PACKETS,
    PACKETS_MAX,
    PEER_SESSION,
    PROXY_ACCESS,
    RELAY_ACCESS,
    ROOM,
    SESSIONS_MAX,
    SIGN_IN,
    Context,
    Keep,
    Options,
)
from natprobe.diagnose import diagnose
from natprobe.host.system import SystemHost
from natprobe.model import Family, Report, Stages, Target, Vantage, Verdict, family
from natprobe.net.system import SystemNet
from natprobe.net.tls import verified_context
from natprobe.pairing import JanusAccess, credentials
from natprobe.rules import rules
from natprobe.run import SEQUENCE, Session, needed
from natprobe.target import BadTarget, Pasted, parse, stun_server, turn_server

_STUN_MAX = 16
_TURN_MAX = 8
_CA_FILE_MAX = 4 << 20
TIMEOUT_MAX = 3600.0
_RATE = re.compile(r"([0-9]{1,8}(?:\.[0-9]{1,3})?)([kM]?)", re.ASCII)
_UNITS = {"": 1, "k": 1000, "M": 1_000_000}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The command line, as typed."""

    target: str
    kind: str = "auto"
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    families: tuple[Family, ...] = (4, 6)
    sources: tuple[str, ...] = ()
    timeout: float = 20.0
    idle: float = 0.0
    stun: tuple[str, ...] | None = None
    turn: tuple[str, ...] = ()
    access: Access = field(default_factory=Access)
    entrance: Entrance = field(default_factory=Entrance)
    janus: JanusAccess | None = None
    cascade: Cascading = field(default_factory=Cascading)
    through: Through = field(default_factory=Through)
    media_addresses: tuple[str, ...] = ()
    ca_file: Path | None = None
    insecure: bool = False
    bitrate: str = ""
    compare: bool = False
    packets: int = PACKETS
    trace: bool = False
    audit_relay: bool = False
    shallow: bool = False
    deep: bool = False
    hold: float = 0.0
    sessions: int = 1


def run(asked: Asked, output: Plan, demands: Demands) -> int:
    """The exit code. Raises UsageError before anything is sent."""
    return settle(output, lambda: inquire(asked, output), demands)


def settle(
    output: Plan, work: Callable[[], Coroutine[None, None, tuple[Report, int]]], demands: Demands = WITHOUT
) -> int:
    """Runs it, writes the report, gives the exit code."""
    report, signalled = signals.run(work())
    gate = judged(report, demands)
    written = write(report, output, gate)
    if signalled:
        return SIGNALLED + signalled
    complain(discreet(gate, report, output.redact), demands, output)
    return gate.code if written else USAGE


async def inquire(asked: Asked, output: Plan) -> tuple[Report, int]:
    """Probes and judges; the signal that cut the run short, or 0. What was seen until then is in the report."""
    return await seen(_context(asked), output)


async def seen(
    context: Context, output: Plan, names: tuple[str, ...] = SEQUENCE, vantage: Vantage = "client"
) -> tuple[Report, int]:
    """The same of these probes, run from there."""
    progress = Progress(names, quiet=output.quiet, no_color=output.no_color)
    session = Session(context, progress, BEGAN + context.options.timeout, parting=rules)
    report = None
    try:
        with progress:
            signalled = await signals.until_told(session.go(names))
        source = msgspec.structs.replace(session.source, vantage=vantage)
        report = diagnose(context.target, session.observations, [source])
    finally:
        if report is None:  # a fault of natprobe: what was seen is not lost for it
            write(_unjudged(context.target, session, vantage), output, judged=False)
    return report, signalled


def _context(asked: Asked) -> Context:
    pasted, options = understood(asked)
    entrance, keep = asked.entrance.with_link(pasted.jwt), Keep()
    if entrance.kind != "anonymous":
        keep.put(SIGN_IN, entrance.login)
    if entrance.room:
        keep.put(ROOM, entrance.room)
    if pasted.token is not None:
        keep.put(PEER_SESSION, credentials(pasted.token))
    if (access := asked.access.credentials(time.time())) is not None:
        keep.put(RELAY_ACCESS, access)
    if asked.janus is not None:
        keep.put(JANUS_ACCESS, asked.janus)
    if asked.through.access is not None:
        keep.put(PROXY_ACCESS, asked.through.access)
    return Context(
        target=pasted.target,
        options=msgspec.structs.replace(options, login=entrance.kind),
        net=SystemNet(),
        host=SystemHost(),
        random=random.SystemRandom(),
        unix_time=time.time(),
        keep=keep,
    )


def _unjudged(target: Target, session: Session, vantage: Vantage) -> Report:
    """What was seen, for a later version to judge."""
    summary = "natprobe itself failed; what it saw is in the JSON report"
    return Report(
        natprobe=__version__,
        started=session.source.started,
        duration=session.source.duration,
        target=target,
        sources=(msgspec.structs.replace(session.source, vantage=vantage),),
        observations=session.observations,
        paths=(),
        findings=(),
        unknown=(),
        verdict=Verdict(status="unknown", media=None, summary=summary, stages=Stages()),
    )


def understood(asked: Asked) -> tuple[Pasted, Options]:
    """What was typed, checked. Raises UsageError."""
    if not 0 < asked.timeout <= TIMEOUT_MAX:
        raise UsageError(f"--timeout wants seconds from 0 to {TIMEOUT_MAX:.0f}, not {asked.timeout}")
    if asked.idle and not IDLE_MIN <= asked.idle <= IDLE_MAX:
        raise UsageError(f"--idle wants 0 or seconds from {IDLE_MIN:.0f} to {IDLE_MAX:.0f}, not {asked.idle}")
    _depth(asked)
    for name in (*asked.only, *asked.skip):
        if name not in SEQUENCE:
            raise UsageError(f"there is no probe {name[:40]!a}; there are {', '.join(SEQUENCE)}")
    sources = _sources(asked.sources)
    try:
        pasted = parse(asked.target, asked.kind)
        options = Options(
            tenant=pasted.tenant,
            join=asked.entrance.join,
            media_addresses=media_addresses(asked.media_addresses),
            cascade=asked.cascade.understood(pasted.target),
            apply=asked.cascade.apply,
            timeout=asked.timeout,
            idle=asked.idle,
            bitrate=bitrate(asked.bitrate),
            compare=asked.compare,
            packets=asked.packets,
            trace=asked.trace,
            audit_relay=asked.audit_relay,
            shallow=asked.shallow,
            deep=asked.deep,
            hold=asked.hold,
            sessions=asked.sessions,
            families=_families(asked, sources),
            sources=sources,
            only=needed(asked.only),
            skip=asked.skip,
            stun=stun_servers(asked.stun),
            turn=_turn(asked.turn),
            turn_access=asked.access.kind,
            proxy=asked.through.proxy,
            guess_proxy=asked.through.guess,
            insecure=asked.insecure,
            ca_pem=_roots(asked.ca_file),
        )
    except BadTarget as exc:
        raise UsageError(str(exc)) from None
    return pasted, options


def _depth(asked: Asked) -> None:
    """How far a session is tried: what is possible, and goes together. Raises UsageError."""
    if asked.hold and not HOLD_MIN <= asked.hold <= HOLD_MAX:
        raise UsageError(f"--hold wants 0 or seconds from {HOLD_MIN:.0f} to {HOLD_MAX:.0f}, not {asked.hold}")
    if not 1 <= asked.sessions <= SESSIONS_MAX:
        raise UsageError(f"--sessions wants a number from 1 to {SESSIONS_MAX}, not {asked.sessions}")
    if asked.hold and asked.bitrate:
        raise UsageError("--hold goes without --bitrate: what would carry the bursts is not kept alive meanwhile")
    if asked.cascade.apply and not asked.entrance.join:
        raise UsageError("--no-join makes no session, and --apply needs rooms")
    if not PACKETS <= asked.packets <= PACKETS_MAX:
        raise UsageError(f"--packets wants a number from {PACKETS} to {PACKETS_MAX}, not {asked.packets}")
    if asked.compare and not asked.entrance.join:
        raise UsageError("--no-join leads to no session, and --compare needs one")
    accepting = {"--deep": asked.deep, "--hold": bool(asked.hold)}
    for name in (each for each, given in accepting.items() if given):
        if asked.shallow:
            raise UsageError(f"--shallow accepts no session, and {name} needs one")
        if not asked.entrance.join:
            raise UsageError(f"--no-join leads to no session, and {name} needs one")
    if asked.sessions > 1 and (asked.entrance.room or not asked.entrance.join):
        raise UsageError("--sessions goes with neither --room nor --no-join: it takes several new rooms")


def bitrate(word: str) -> int:
    """Bits per second, such as 2500000, 500k and 2.5M; 0 for nothing. Raises UsageError."""
    if not word:
        return 0
    match = _RATE.fullmatch(word)
    found = round(float(match[1]) * _UNITS[match[2]]) if match else 0
    if not BITRATE_MIN <= found <= BITRATE_MAX:
        low, high = f"{BITRATE_MIN // 1000}k", f"{BITRATE_MAX // 1_000_000}M"
        raise UsageError(
            f"--bitrate wants bits per second from {low} to {high}, such as 500k or 2.5M, not {word[:40]!a}"
        )
    return found


def _sources(words: tuple[str, ...]) -> tuple[str, ...]:
    """Each is an address of this machine, or an interface and then all of its addresses. Raises UsageError."""
    found: list[str] = []
    here = SystemHost().addresses() if words else []
    for word in words:
        matching = [each.address for each in here if word in (each.address, each.interface)]
        if not matching:
            raise UsageError(f"--source {word[:60]!a} is neither an address nor an interface of this machine")
        found += matching
    return tuple(dict.fromkeys(found))


def _families(asked: Asked, sources: tuple[str, ...]) -> tuple[Family, ...]:
    """Those that were asked for and that the sources have. Raises UsageError."""
    of_sources = {family(each) for each in sources} or {4, 6}
    found = tuple(each for each in asked.families if each in of_sources)
    if not found:
        raise UsageError("--source names only addresses of the family that -4 or -6 leaves out")
    return found


def stun_servers(words: tuple[str, ...] | None) -> tuple[Target, ...] | None:
    """Those of --stun; None: the public ones. Raises UsageError, or BadTarget."""
    if words is None:
        return None
    if "none" in words:
        if len(words) > 1:
            raise UsageError("--stun none goes with no other --stun")
        return ()
    if len(words) > _STUN_MAX:
        raise UsageError(f"at most {_STUN_MAX} --stun servers are asked")
    return tuple(stun_server(word) for word in words)


def _turn(words: tuple[str, ...]) -> tuple[Target, ...]:
    if len(words) > _TURN_MAX:
        raise UsageError(f"at most {_TURN_MAX} --turn servers are tried")
    return tuple(turn_server(word) for word in words)


def _roots(path: Path | None) -> str | None:
    """The PEM text, tried out before anything is sent."""
    if path is None:
        return None
    what = f"--ca-file {str(path)!r}"
    pem = content(what, path, _CA_FILE_MAX).decode("ascii", "ignore")
    try:
        verified_context(pem, ("http/1.1",))
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise UsageError(f"{what} has no PEM certificates in it") from None
    return pem
