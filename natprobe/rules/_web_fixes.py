"""What opens the way to a web front that takes no connection (rules/np401_web_unreachable.py)."""

from __future__ import annotations

from typing import Literal

from natprobe.derive import page_port
from natprobe.derive.followed import traced
from natprobe.derive.place import Place
from natprobe.facts import Connected, Facts, Trail
from natprobe.model import Allow, Do, Failure, Fix, Where
from natprobe.rules._place import firewall, router
from natprobe.wording import phrase

_Device = tuple[str, Literal["user", "network", "server"], bool]


def web_fixes(facts: Facts, dead: list[Connected], where: Where, at: Place | None) -> tuple[Fix, ...]:
    """Of the web front, where every connection to it failed like these."""
    return (*_opening(facts, dead, where, at), *_follow(facts, dead))


def _opening(facts: Facts, dead: list[Connected], where: Where, at: Place | None) -> tuple[Fix, ...]:
    port, host = str(page_port(facts)), facts.target.host
    if all(each.failure is Failure.REFUSED for each in dead):
        text = phrase("On the server, start the web front and see that it listens: ss -ltnp | grep :{port}", port=port)
        return (Do(text=text, audience="server"),)
    if where is Where.UNKNOWN:
        text = phrase(
            "See whether this machine's browser opens any page: if none, it is offline; if it does, it goes through a"
            " proxy: check again with --proxy and its URL"
        )
        return (Do(text=text, audience="user"),)
    device, audience, inwards = _device(facts, where, at)
    return (
        Allow(
            proto="tcp",
            ports=(port,),
            direction="in" if inwards else "out",
            to=host,
            at=device,
            audience=audience,
            why="the page and the signalling travel over it",
        ),
    )


def _follow(facts: Facts, dead: list[Connected]) -> tuple[Fix, ...]:
    """A host that says nothing at all is followed only where that is asked for."""
    asked = traced(facts) or facts.of(Trail)
    silent = any(each.failure is Failure.TIMEOUT for each in dead)
    return (_WITH_TRACE,) if silent and not asked else ()


_WITH_TRACE = Do(text="To see how far connections to it come, check again with --trace", audience="user")


def _device(facts: Facts, where: Where, at: Place | None) -> _Device:
    """Whoever drops them, by the place where it is known, else by who else is heard. Of SYNs that this machine's own
    firewall drops no error tells.
    """
    if at is None or at.next is None or not at.before_server:
        return _DEVICES[where]
    if at.last:
        return firewall(facts, at), "network", False
    near = router(facts, at.next)
    return phrase("this machine's own firewall, or one on the way up to {next}", next=near), "user", False


_DEVICES: dict[Where, _Device] = {
    Where.SERVER_EDGE: ("the server's firewall and its cloud's security group", "server", True),
    Where.LOCAL_NETWORK: ("the firewall between this network and the internet", "network", False),
    Where.THIS_HOST: ("this machine's own firewall", "user", False),
}
