"""The shell around the probes: in order, stamped, time-boxed. A crash becomes a fact.

A probe begins when every earlier probe that yields what it reads has ended; so waiting overlaps, and the report keeps
the sequence all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from collections.abc import Callable, Sequence
from contextlib import aclosing
from importlib import import_module

import msgspec

from natprobe import __version__
from natprobe.context import PACKETS, ROOM, TRAINS_MAX, Closable, Context, Options, Probe
from natprobe.derive import CONSENT_SECONDS
from natprobe.facts import (
    INTERRUPTED,
    RUN_LIMIT,
    CascadeRelay,
    Facts,
    IceEnded,
    IdleMapping,
    JanusCall,
    Marked,
    PathBurst,
    PathHeld,
    PathRate,
    Probed,
    RelayBurst,
    RoomEntry,
    Run,
    SignallingIdle,
)
from natprobe.fault import place_of
from natprobe.model import Observation, Source, clip
from natprobe.sequence import INSPECTION as INSPECTION
from natprobe.sequence import SEQUENCE as SEQUENCE
from natprobe.sequence import SERVING as SERVING
from natprobe.wire.burst import SHORT

# What ends is given this long to end well.
CLOSING_SECONDS = 2.0
# Until the goodbyes have left (seconds).
_UNDER_WAY_SECONDS = 0.002
# After --hold: what stayed unanswered last is waited for until consent has expired (asking/holding.py).
HOLD_SPARE = CONSENT_SECONDS + 10.0

# With --compare: as long as its probe may take at most, so that nobody who waits for it loses time.
COMPARE_SPARE = 8.0
# What comes of trains.
_TRAINS: set[type[Observation]] = {PathBurst, RelayBurst}

# What comes of leaving something idle, as --idle says.
_LEFT_IDLE: set[type[Observation]] = {IdleMapping, SignallingIdle}

Watch = Callable[[str, Observation], None]


class Session:
    """One run. `observations` is right at every moment, also after an interrupt. `parting` is called while goodbyes are
    answered: it may keep everybody waiting, since nothing is timed any more.
    """

    def __init__(
        self,
        context: Context,
        watch: Watch | None = None,
        deadline: float | None = None,
        parting: Callable[[], object] | None = None,
    ) -> None:
        self._context, self._parting = context, parting
        self._watch = watch or _nobody
        self._began = context.net.now()
        self._deadline = self._began + context.options.timeout if deadline is None else deadline
        self._facts = Facts(context.target, [])
        self._seen: dict[str, list[Observation]] = {}
        self._ended: dict[str, asyncio.Event] = {}
        self._stamp("", _run_fact(context))

    @property
    def observations(self) -> tuple[Observation, ...]:
        """Everything so far, in the sequence of the probes, numbered."""
        ordered = [
            each
            for name in ("", *dict.fromkeys((*SEQUENCE, *INSPECTION, *SERVING)))
            for each in self._seen.get(name, [])
        ]
        return tuple(msgspec.structs.replace(each, id=number) for number, each in enumerate(ordered, 1))

    @property
    def source(self) -> Source:
        """This run as a vantage of its report."""
        duration = round(self._context.net.now() - self._began, 3)
        return Source(started=utc(self._context.unix_time), duration=duration, natprobe=__version__)

    async def go(self, names: Sequence[str] = SEQUENCE) -> None:
        """Runs the probes. Interrupted, it leaves what was seen, and every probe's end, in `observations`."""
        probes = {name: load_probe(name) for name in names}
        self._ended = {name: asyncio.Event() for name in names}
        try:
            async with asyncio.TaskGroup() as group:
                for position, name in enumerate(names):
                    before = [each for each in names[:position] if _feeds(probes[each], probes[name])]
                    group.create_task(self._turn(name, probes[name], before))
        finally:
            things = self._context.keep.close()
            if things and self._parting is not None:
                asyncio.get_running_loop().call_later(_UNDER_WAY_SECONDS, self._parting)
            await _close(things)

    async def _turn(self, name: str, probe: Probe, before: list[str]) -> None:
        try:
            for each in before:
                await self._ended[each].wait()
            await self._guarded(name, probe)
        except asyncio.CancelledError:
            self._end(name, "cut", INTERRUPTED)
            raise
        finally:
            self._ended[name].set()

    async def _guarded(self, name: str, probe: Probe) -> None:
        options = self._context.options
        if not options.wants(name):
            return self._end(name, "skipped", "not asked for")
        if unasked := _unasked(set(probe.YIELDS), options):
            return self._end(name, "skipped", f"not asked for: {unasked}")
        missing = [kind.__name__ for kind in probe.REQUIRES if not self._facts.ok(kind)]
        if missing:
            return self._end(name, "skipped", f"no {missing[0]}")
        own = probe.TIMEOUT + (_held(options) if PathHeld in probe.YIELDS else 0.0)
        own += _longer_trains(options) if _TRAINS & set(probe.YIELDS) else 0.0
        left = min(self._deadline + _longer(probe, options) - self._context.net.now(), own)
        whose = "its own time limit" if left == own else RUN_LIMIT
        try:
            async with asyncio.timeout(max(left, 0)):
                await self._collect(name, probe)
        except TimeoutError:
            return self._end(name, "cut", f"{whose}, after {max(left, 0):.1f} s")
        except Exception as exc:  # noqa: BLE001  # a fault of natprobe: a fact, and the other probes go on
            return self._end(name, "crashed", clip(place_of(exc), 200))
        self._end(name, "complete", "")
        return None

    async def _collect(self, name: str, probe: Probe) -> None:
        async with aclosing(probe.probe(self._context, self._facts)) as stream:  # type: ignore[type-var]
            async for observation in stream:
                self._stamp(name, observation)

    def _end(self, name: str, status: str, why: str) -> None:
        self._stamp(name, Probed(status=status, detail=why))  # type: ignore[arg-type]  # a word of Probed's

    def _stamp(self, name: str, observation: Observation) -> None:
        at = round(self._context.net.now() - self._began, 4)
        stamped = msgspec.structs.replace(observation, probe=name, at=at)
        self._seen.setdefault(name, []).append(stamped)
        self._facts.add(stamped)
        self._watch(name, stamped)


def _nobody(_name: str, _observation: Observation) -> None:
    """Watches nothing."""


def load_probe(name: str) -> Probe:
    """The probe's module, imported only now: probes bring the heavy packages."""
    return import_module(f"natprobe.probes.{name}")  # type: ignore[no-any-return,unused-ignore]


def utc(unix_time: float) -> str:
    """RFC 3339, to the second, in UTC."""
    return datetime.datetime.fromtimestamp(int(unix_time), datetime.UTC).isoformat().replace("+00:00", "Z")


def needed(names: Sequence[str], sequence: Sequence[str] = SEQUENCE) -> tuple[str, ...]:
    """These probes and those before them that yield what they read, also where it is read while it comes."""
    wanted = set(names)
    for position, name in reversed(list(enumerate(sequence))):
        later = [load_probe(each) for each in sequence[position + 1 :] if each in wanted]
        if any(_feeds(load_probe(name), each) or set(load_probe(name).YIELDS) & _watched(each) for each in later):
            wanted.add(name)
    return tuple(name for name in sequence if name in wanted)


def _feeds(earlier: Probe, later: Probe) -> bool:
    return bool(set(earlier.YIELDS) & {*later.REQUIRES, *later.TAKES})


def _watched(probe: Probe) -> set[type[Observation]]:
    """The kinds that it looks at while they come: it begins without them, and sees itself when it has enough."""
    return set(getattr(probe, "WATCHES", ()))


def _unasked(yields: set[type[Observation]], options: Options) -> str:
    """The option that keeps a probe with these from running, by its presence or its absence; none does: empty."""
    kept = (
        ("--idle", _LEFT_IDLE, not options.idle),  # what is left idle comes on top of the run's time limit
        ("--no-join", {RoomEntry, JanusCall}, not options.join),
        ("--cascade", {CascadeRelay}, not options.cascade),
        ("--compare", {PathBurst}, not options.compare),
        ("--bitrate", {PathRate}, not options.bitrate),
        ("--compare", {Marked}, not (options.compare or options.trace)),
        ("--shallow", {IceEnded}, options.shallow),
    )
    return next((option for option, kinds, applies in kept if applies and kinds & yields), "")


def _longer(probe: Probe, options: Options) -> float:
    """What those that are asked to wait, and who waits for them, have on top of the run's time limit (seconds)."""
    kinds = {*probe.YIELDS, *probe.TAKES}
    compared = COMPARE_SPARE if options.compare and {PathBurst, IceEnded} & kinds else 0.0
    compared += _longer_trains(options) if (_TRAINS | {IceEnded}) & kinds else 0.0
    return compared + max(_held(options) if PathHeld in kinds else 0.0, options.idle if _LEFT_IDLE & kinds else 0.0)


def _longer_trains(options: Options) -> float:
    """What trains of more packets than usual (--packets) take besides, on all the ways that there may be (seconds)."""
    return (options.packets - PACKETS) * SHORT.interval * TRAINS_MAX


def _held(options: Options) -> float:
    return options.hold + HOLD_SPARE if options.hold else 0.0


def _run_fact(context: Context) -> Run:
    options: Options = context.options
    stun = ("public control servers",) if options.stun is None else tuple(each.input for each in options.stun)
    return Run(
        version=__version__,
        started=utc(context.unix_time),
        system=context.host.system(),
        timeout=options.timeout,
        families=options.families,
        sources=options.sources,
        only=options.only,
        skip=options.skip,
        stun=stun,
        idle=options.idle,
        bitrate=options.bitrate,
        compare=options.compare,
        packets=options.packets,
        trace=options.trace,
        audit_relay=options.audit_relay,
        shallow=options.shallow,
        deep=options.deep,
        hold=options.hold,
        sessions=options.sessions,
        room=context.keep.get(ROOM, str) is not None,
        cascade=len(options.cascade),
        apply=options.apply,
        insecure=options.insecure,
        proxy=options.proxy if isinstance(options.proxy, str) else options.proxy.shown,
        guess_proxy=options.guess_proxy,
        session=context.session_word(),
    )


async def _close(things: list[Closable]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSING_SECONDS):
            await asyncio.gather(*(thing.aclose() for thing in things))
