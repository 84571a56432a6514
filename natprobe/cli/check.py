"""`natprobe check`: from what was pasted to a report and an exit code."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

from natprobe.cli import BEGAN
from natprobe.cli.errors import INTERRUPTED, TERMINATED, USAGE, UsageError
from natprobe.cli.gate import Requirement, exit_code, requirement, threshold
from natprobe.cli.output import Plan, write
from natprobe.cli.progress import Progress
from natprobe.context import Context, Keep, Options
from natprobe.diagnose import diagnose
from natprobe.host.system import SystemHost
from natprobe.model import Family, Report, Target
from natprobe.net.system import SystemNet
from natprobe.net.tls import verified_context
from natprobe.pairing import credentials
from natprobe.probes.peer import SESSION
from natprobe.run import SEQUENCE, Session
from natprobe.target import BadTarget, Pasted, parse, stun_server

_STUN_MAX = 16
_CA_FILE_MAX = 4 << 20
_TIMEOUT_MAX = 3600.0


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
    stun: tuple[str, ...] | None = None
    ca_file: Path | None = None
    insecure: bool = False


def run(asked: Asked, output: Plan, fail_on: str, require: tuple[str, ...]) -> int:
    """The exit code. Raises UsageError before anything is sent."""
    threshold(fail_on)
    wanted = tuple(requirement(each) for each in require)
    understood(asked)
    return settle(output, lambda: inquire(asked, output), fail_on, wanted)


def settle(
    output: Plan,
    work: Callable[[], Coroutine[None, None, tuple[Report, int]]],
    fail_on: str = "error",
    require: tuple[Requirement, ...] = (),
) -> int:
    """Runs it, writes the report, gives the exit code. A selector loop on every system, since UDP sockets are
    watched with add_reader, which Windows' default loop lacks.
    """
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        report, signalled = runner.run(work())
    written = write(report, output)
    if signalled:
        return TERMINATED if signalled == signal.SIGTERM else INTERRUPTED
    return exit_code(report, fail_on, require) if written else USAGE


async def inquire(asked: Asked, output: Plan) -> tuple[Report, int]:
    """Probes and judges; the signal that cut the run short, or 0. What was seen until then is in the report."""
    pasted, options = understood(asked)
    keep = Keep()
    if pasted.token is not None:
        keep.put(SESSION, credentials(pasted.token))
    context = Context(
        target=pasted.target,
        options=options,
        net=SystemNet(),
        host=SystemHost(),
        random=random.SystemRandom(),
        unix_time=time.time(),
        keep=keep,
    )
    with Progress(SEQUENCE, quiet=output.quiet, no_color=output.no_color) as progress:
        session = Session(context, progress, BEGAN + options.timeout)
        signalled = await _until_done(session)
    return diagnose(pasted.target, session.observations, [session.source]), signalled


async def _until_done(session: Session) -> int:
    """The signal that ended it early, or 0. The session is ended by cancelling, so that it says goodbye."""
    caught: list[int] = []
    task = asyncio.ensure_future(session.go())
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C cancels the main task instead
            asyncio.get_running_loop().add_signal_handler(number, _interrupt, task, caught, number)
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        _interrupt(task, caught, signal.SIGINT)
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()
    return caught[0] if caught else 0


def _interrupt(task: asyncio.Future[None], caught: list[int], number: int) -> None:
    caught.append(number)
    task.cancel()


def understood(asked: Asked) -> tuple[Pasted, Options]:
    """What was typed, checked. Raises UsageError."""
    if not 0 < asked.timeout <= _TIMEOUT_MAX:
        raise UsageError(f"--timeout wants seconds from 0 to {_TIMEOUT_MAX:.0f}, not {asked.timeout}")
    for name in (*asked.only, *asked.skip):
        if name not in SEQUENCE:
            raise UsageError(f"there is no probe {name[:40]!a}; there are {', '.join(SEQUENCE)}")
    try:
        pasted = parse(asked.target, asked.kind)
        options = Options(
            timeout=asked.timeout,
            families=asked.families,
            sources=_sources(asked.sources),
            only=asked.only,
            skip=asked.skip,
            stun=_stun(asked.stun),
            insecure=asked.insecure,
            ca_pem=_roots(asked.ca_file),
        )
    except BadTarget as exc:
        raise UsageError(str(exc)) from None
    return pasted, options


def _sources(sources: tuple[str, ...]) -> tuple[str, ...]:
    """Each must be an address or an interface of this machine."""
    here = SystemHost().addresses() if sources else []
    for each in sources:
        if each not in {entry.address for entry in here} | {entry.interface for entry in here}:
            raise UsageError(f"--source {each[:60]!a} is neither an address nor an interface of this machine")
    return sources


def _stun(words: tuple[str, ...] | None) -> tuple[Target, ...] | None:
    if words is None:
        return None
    if "none" in words:
        if len(words) > 1:
            raise UsageError("--stun none goes with no other --stun")
        return ()
    if len(words) > _STUN_MAX:
        raise UsageError(f"at most {_STUN_MAX} --stun servers are asked")
    return tuple(stun_server(word) for word in words)


def _roots(path: Path | None) -> str | None:
    """The PEM text, tried out before anything is sent."""
    if path is None:
        return None
    try:
        if path.stat().st_size > _CA_FILE_MAX:
            raise UsageError(f"--ca-file {str(path)!r} is larger than {_CA_FILE_MAX >> 20} MiB")
        pem = path.read_text(encoding="ascii", errors="replace")
        verified_context(pem, ("http/1.1",))
    except OSError as exc:  # ssl.SSLError is one: no certificate in it
        raise UsageError(
            f"--ca-file {str(path)!r} cannot be used: {exc.strerror or 'no PEM certificates in it'}"
        ) from None
    return pem
