"""`natprobe inspect`: on the server, what only the server can see. It only looks; STUN servers are asked who it is."""

from __future__ import annotations

import asyncio
import ipaddress
import platform
import random
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path

from natprobe.addresses import address_class
from natprobe.cli import signals
from natprobe.cli.check import TIMEOUT_MAX, seen, stun_servers
from natprobe.cli.errors import SIGNALLED, USAGE, UsageError
from natprobe.cli.files import content
from natprobe.cli.gate import Demands, complain, judged
from natprobe.cli.output import Plan, emit, write
from natprobe.cli.redaction import discreet
from natprobe.context import EXPECTED_MAX, FILES_MAX, IFACES_MAX, NAMES_MAX, Context, Options
from natprobe.expecting import expected, expected_in
from natprobe.facts import Expected
from natprobe.host.server import SystemMachine
from natprobe.host.system import SystemHost
from natprobe.model import Report, Target, clip
from natprobe.net.system import SystemNet
from natprobe.render._manner import Gate
from natprobe.rules import rules
from natprobe.run import INSPECTION, needed
from natprobe.target import BadTarget, is_address, parse
from natprobe.wire.text import clean

# Longer than any interface's name; Windows has whole sentences.
_NAME_MAX = 100
_PATH_MAX = 4096
_EXPECT_FILE_MAX = 1 << 18
# Until every probe has begun (seconds).
_UNDER_WAY_SECONDS = 0.002
_NO_NAME_OF_A_HOST = re.compile(r"[^0-9A-Za-z_.-]")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The command line, as typed."""

    paths: tuple[str, ...] = ()
    expect: tuple[str, ...] = ()
    expect_file: Path | None = None
    names: tuple[str, ...] = ()
    ifaces: tuple[str, ...] = ()
    stun: tuple[str, ...] | None = None
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    timeout: float = 20.0


def run(asked: Asked, output: Plan, demands: Demands, diff: bool) -> int:
    """The exit code. Raises UsageError before anything is tried."""
    if diff and output.stdout not in (None, "text"):
        raise UsageError("--diff goes to stdout, where only one thing can go: give the report a file with -o")
    if diff and output.redact is not None:
        raise UsageError("--diff shows files as they are, and goes without --redact")
    context = _context(understood(asked))
    report, signalled = signals.run(_looked(context, output))
    gate = judged(report, demands)
    written = _written(report, output, gate, diff)
    if signalled:
        return SIGNALLED + signalled
    complain(discreet(gate, report, output.redact), demands, output)
    return gate.code if written else USAGE


async def _looked(context: Context, output: Plan) -> tuple[Report, int]:
    """The rules are loaded while the packet filters' programs run, before anything is sent whose answer is timed."""
    asyncio.get_running_loop().call_later(_UNDER_WAY_SECONDS, rules)
    return await seen(context, output, INSPECTION, "server")


def _written(report: Report, output: Plan, gate: Gate, diff: bool) -> bool:
    if not diff:
        return write(report, output, gate)
    from natprobe.cli.patch import diff as patch

    files_only = replace(output, stdout=None, quiet=True)
    return write(report, files_only, gate) and emit(patch(report, SystemMachine()), utf8=True)


def understood(asked: Asked) -> Options:
    """What was typed, checked. Raises UsageError."""
    _bounds(asked)
    try:
        return _options(asked)
    except BadTarget as exc:
        raise UsageError(str(exc)) from None


def _options(asked: Asked) -> Options:
    """`--iface` alone asks for nothing else. Raises BadTarget."""
    only = asked.only
    if asked.ifaces and not (only or asked.skip or asked.paths or asked.expect or asked.expect_file or asked.names):
        only = ("interfaces", "bind")
    return Options(
        timeout=asked.timeout,
        ifaces=tuple(dict.fromkeys(map(_iface, asked.ifaces))),
        expected=_expected(asked),
        files=tuple(dict.fromkeys(map(_path, asked.paths))),
        names=tuple(dict.fromkeys(map(_name, asked.names))),
        stun=stun_servers(asked.stun),
        only=needed(only, INSPECTION),
        skip=asked.skip,
    )


def _bounds(asked: Asked) -> None:
    if not 0 < asked.timeout <= TIMEOUT_MAX:
        raise UsageError(f"--timeout wants seconds from 0 to {TIMEOUT_MAX:.0f}, not {asked.timeout}")
    for name in (*asked.only, *asked.skip):
        if name not in INSPECTION:
            raise UsageError(f"there is no probe {name[:40]!a} here; there are {', '.join(INSPECTION)}")
    counts = (
        ("--iface", asked.ifaces, IFACES_MAX),
        ("--expect", asked.expect, EXPECTED_MAX),
        ("--name", asked.names, NAMES_MAX),
        ("PATH", asked.paths, FILES_MAX),
    )
    for what, words, most in counts:
        if len(words) > most:
            raise UsageError(f"at most {most} {what} are tried")


def _expected(asked: Asked) -> tuple[Expected, ...]:
    found = [expected(word) for word in asked.expect]
    if (path := asked.expect_file) is not None:
        text = content(f"--expect-file {str(path)!a}", path, _EXPECT_FILE_MAX).decode("utf-8", "replace")
        found += expected_in(text, clip(clean(str(path), _PATH_MAX), 500))
    if len(found) > EXPECTED_MAX:
        raise UsageError(f"at most {EXPECTED_MAX} ports can be expected")
    return tuple(found)


def _path(word: str) -> str:
    if not word or "\0" in word or len(word) > _PATH_MAX:
        raise UsageError(f"PATH wants a file or a folder, not {word[:60]!a}")
    if not Path(word).exists():
        raise UsageError(f"there is no {word[:200]!a}")
    return word


def _name(word: str) -> str:
    try:
        return parse(word).target.host
    except BadTarget as exc:
        raise UsageError(f"--name: {exc}") from None


def _iface(word: str) -> str:
    """An address in the form in which the system gives it back, or what may be an interface's name."""
    name = clean(word, _NAME_MAX).strip()
    if not name or name != word:
        raise UsageError(f"--iface wants an address or an interface of this machine, not {word[:60]!a}")
    if not is_address(name):
        return name
    if "%" in name:
        raise UsageError(f"--iface {name} has a zone, which Janus does not take")
    if address_class(name) in ("unspecified", "multicast"):
        raise UsageError(f"--iface can't be {name}: Janus looks for an address that an interface has")
    return str(ipaddress.ip_address(name))


def _context(options: Options) -> Context:
    return Context(
        target=this_host(),
        options=options,
        net=SystemNet(),
        host=SystemHost(),
        machine=SystemMachine(),
        random=random.SystemRandom(),
        unix_time=time.time(),
    )


def this_host() -> Target:
    """No service of it was named, so that there is no port."""
    name = clip(_NO_NAME_OF_A_HOST.sub("-", platform.node()), 253) or "localhost"
    return Target(input=name, host=name, port=0, scheme="")
