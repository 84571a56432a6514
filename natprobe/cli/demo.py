"""`natprobe demo`: `serve` and a full check of it on loopback, in one process. No network, no root."""

from __future__ import annotations

import secrets

from natprobe.cli.check import Asked, inquire, settle
from natprobe.cli.errors import UsageError
from natprobe.cli.output import Plan
from natprobe.host.system import SystemHost
from natprobe.model import Report, join
from natprobe.net.system import SystemNet
from natprobe.pairing import credentials, new_token
from natprobe.serve.server import CannotListen, Listening, ServeConfig, running

# Two addresses make the responder an RFC 5780 server; only Linux has all of 127.0.0.0/8.
_ADDRESSES = ("127.0.0.1", "127.0.0.2")


def run(output: Plan) -> int:
    """The exit code, as of any check. Raises UsageError."""
    return settle(output, lambda: _demo(output))


async def _demo(output: Plan) -> tuple[Report, int]:
    token = new_token(secrets.token_bytes(16))
    config = ServeConfig(credentials=credentials(token), udp=(0,), tcp=(0,), addresses=_available())
    try:
        async with running(config, SystemNet(), SystemHost()) as listening:
            return await inquire(_asked(listening, token), output)
    except CannotListen as exc:
        raise UsageError(f"cannot listen on loopback: {exc}") from None


def _available() -> tuple[str, ...]:
    """Those of the two that this system can bind."""
    return tuple(address for address in _ADDRESSES if _bindable(address))


def _bindable(address: str) -> bool:
    try:
        SystemNet().udp(4, address).close()
    except OSError:
        return False
    return True


def _asked(listening: Listening, token: str) -> Asked:
    """Checks the first address; the second is another server to compare with."""
    (first, port), (_, tcp) = listening.udp[0], listening.tcp[0]
    others = [join(address, number) for address, number in listening.udp if number == port and address != first]
    return Asked(
        target=f"natprobe://{first}:{port}?tcp={tcp}#{token}",
        stun=tuple(f"stun:{other}" for other in others) or ("none",),
        families=(4,),
    )
