"""What rules say of a Janus's own files on the server: `natprobe inspect`."""

from __future__ import annotations

from collections.abc import Iterator

from natprobe.derive.januses import Port, folders, ports, said
from natprobe.derive.listening import is_loopback
from natprobe.facts import Facts, LocalAddress, Setting, ids
from natprobe.model import Set, Severity
from natprobe.rules import CLEAR, Found, Judgement
from natprobe.servers import janus
from natprobe.target import is_address
from natprobe.wording import listed, mark, phrase

# In Janus's sample, so no secret.
KNOWN_SECRET = "janusoverlord"

_LISTED = mark("ice_enforce_list names {missing}, and nothing on this host is called so or has such an address")
_ADMIN = mark("Janus's administration interface ({service}) listens on every address of the host, port {port}")
_ADMIN_OPEN = mark(
    "Janus's administration interface ({service}) listens on every address of the host, port {port}, with"
    " the secret that stands in its sample"
)


def enforced(facts: Facts) -> Judgement:
    """Names and beginnings of addresses; one that fits is enough for Janus, and the others are left out."""
    found = []
    for place in folders(facts):
        told = said(facts, place, "nat", "ice_enforce_list")
        words = [each.strip() for each in told.value.split(",") if each.strip()] if told is not None else []
        if told is not None and words and not any(_here(facts, each) for each in words):
            found.append(_nothing(facts, told, words))
    return found or CLEAR


def _here(facts: Facts, word: str) -> bool:
    return any(each.interface == word or each.address.startswith(word) for each in facts.of(LocalAddress))


def _nothing(facts: Facts, told: Setting, words: list[str]) -> Found:
    own = next((each for each in facts.of(LocalAddress) if each.up and each.scope != "loopback"), None)
    line = Set(
        system="Janus",
        file=told.file,
        section=phrase("section nat"),
        key=told.key,
        value=f'"{own.interface}"' if own else '"THE-INTERFACE"',
        line=told.line if own else None,
        text=f'\tice_enforce_list = "{own.interface}"' if own else "",
        audience="server",
        why="the interface that clients come in by, as `ip address show` names it",
        after=janus.RESTART,
    )
    return Found(
        message=_LISTED,
        args={"missing": listed(words)},
        evidence=ids(told, facts.of(LocalAddress)),
        file=told.file,
        line=told.line,
        fixes=(line,),
    )


def administration(facts: Facts) -> Iterator[Found]:
    """On every address. A firewall may shut it: with a secret of its own it is a warning."""
    for port in ports(facts):
        if port.admin and port.interface is None and not _near(port):
            place = port.said.file.rpartition("/")[0]
            secret = said(facts, place, "general", "admin_secret")
            open_ = secret is not None and secret.value == KNOWN_SECRET
            yield Found(
                message=_ADMIN_OPEN if open_ else _ADMIN,
                args={"service": port.service, "port": port.port},
                evidence=ids(port.switch, port.said, *([secret] if secret is not None else [])),
                severity=None if open_ else Severity.WARNING,
                file=port.switch.file,
                line=port.switch.line,
                fixes=(_at_home(port),),
            )


def _near(port: Port) -> bool:
    return port.address is not None and is_address(port.address) and is_loopback(port.address)


def _at_home(port: Port) -> Set:
    key = "admin_secure_ip" if port.service == "admin_https" else f"{port.service.removesuffix('_http')}_ip"
    bound = port.bound
    return Set(
        system="Janus",
        file=port.switch.file,
        section=phrase("section admin"),
        op="set" if bound else "add",
        key=key,
        value='"127.0.0.1"',
        line=bound.line if bound else port.switch.line,
        text=f'\t{key} = "127.0.0.1"',
        audience="server",
        why="it shows sessions, rooms and tokens, and ends them; who needs it comes by ssh",
        after=janus.RESTART,
    )
