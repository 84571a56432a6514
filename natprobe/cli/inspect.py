"""`natprobe inspect`: on the server, what only the server can see. Nothing is sent."""

from __future__ import annotations

import ipaddress
import platform
import random
import re
import time

from natprobe.addresses import address_class
from natprobe.cli.check import seen, settle
from natprobe.cli.errors import UsageError
from natprobe.cli.gate import threshold
from natprobe.cli.output import Plan
from natprobe.context import IFACES_MAX, Context, Options
from natprobe.host.system import SystemHost
from natprobe.model import Target, clip
from natprobe.net.system import SystemNet
from natprobe.run import INSPECTION
from natprobe.target import is_address
from natprobe.wire.text import clean

# Longer than any interface's name; Windows has whole sentences.
_NAME_MAX = 100
_NO_NAME_OF_A_HOST = re.compile(r"[^0-9A-Za-z_.-]")


def run(ifaces: tuple[str, ...], output: Plan, fail_on: str) -> int:
    """The exit code. Raises UsageError before anything is tried."""
    threshold(fail_on)
    if not ifaces:
        raise UsageError("inspect wants --iface ADDRESS|INTERFACE: could Janus bind it for a remote publisher?")
    if len(ifaces) > IFACES_MAX:
        raise UsageError(f"at most {IFACES_MAX} --iface are tried")
    options = Options(ifaces=tuple(dict.fromkeys(map(_iface, ifaces))), stun=())
    return settle(output, lambda: seen(_context(options), output, INSPECTION, "server"), fail_on)


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
        target=_this_host(),
        options=options,
        net=SystemNet(),
        host=SystemHost(),
        random=random.SystemRandom(),
        unix_time=time.time(),
    )


def _this_host() -> Target:
    """No service of it was named, so that there is no port."""
    name = clip(_NO_NAME_OF_A_HOST.sub("-", platform.node()), 253) or "localhost"
    return Target(input=name, host=name, port=0, scheme="")
