"""Other NAT tools, and what their words mean in RFC 4787's: beside whom natprobe is measured.

Each is asked the same question in the same network; one that is not installed is left out of the table.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from natprobe.codec import load
from natprobe.derive.behaviour import Behaviour, behind_nat, filtering_behaviour, mapping_behaviour
from natprobe.facts import Facts
from tests.netns import addresses as at

ANY: Behaviour = "endpoint-independent"
ADDRESS: Behaviour = "address-dependent"
BOTH: Behaviour = "address-and-port-dependent"
# A tool that knows dependent mapping but not which.
DEPENDENT = "dependent"


class Told(NamedTuple):
    """What a tool said; None is silence, "I don't know" or a question that it doesn't ask."""

    nat: bool | None = None
    mapping: str | None = None
    filtering: str | None = None


class Tool(NamedTuple):
    """`read` takes what it prints."""

    name: str
    argv: Sequence[str]
    read: Callable[[str], Told]


def tools(port: int = at.STUN_PORT, python: Path | None = None, local: str = at.LAN_CLIENT) -> list[Tool]:
    """Those that are here, natprobe first, asking the server on this port.

    `local` is for the one that tells a NAT only when it is told this machine's own address.
    `python` is that of an environment with pystun3 and aiostun. Not ours: aiostun installs a package called `tests`.
    """
    known = [_natprobe(port), _discovery(port, local), _stun_client(port)]
    if python is not None:
        known += [_pystun3(python, port), _aiostun(python, port)]
    return [tool for tool in known if tool is not None]


def _natprobe(port: int) -> Tool:
    server = f"stun:stun1.example.test:{port}"
    words = ["--stun", server, "--only", "mapping", "--only", "filtering", "--json", "-q"]
    return Tool("natprobe", [sys.executable, "-m", "natprobe", "check", server, *words], _report)


def _report(output: str) -> Told:
    saved = load(output)
    facts = Facts(saved.target, saved.observations)
    return Told(behind_nat(facts), mapping_behaviour(facts), filtering_behaviour(facts))


def _discovery(port: int, local: str) -> Tool | None:
    path = shutil.which("turnutils_natdiscovery")
    argv = [path or "", "-m", "-f", "-L", local, "-p", str(port), at.STUN1]
    return Tool("turnutils_natdiscovery", argv, _discovered) if path else None


_DISCOVERED = {
    "Endpoint Independent": ANY,
    "Address Dependent": ADDRESS,
    "Address and Port Dependent": BOTH,
}


def _discovered(output: str) -> Told:
    found = re.findall(r"NAT with ([\w ]+) (Mapping|Filtering)!", output)
    by_question = {question: _DISCOVERED.get(words) for words, question in found}
    free = "No NAT!" in output
    nat = False if free else True if found else None
    return Told(nat, ANY if free else by_question.get("Mapping"), by_question.get("Filtering"))


_CLASSIC = (
    ("Open", Told(False, ANY, ANY)),
    ("Independent Mapping, Independent Filter", Told(True, ANY, ANY)),
    ("Independent Mapping, Address Dependent Filter", Told(True, ANY, ADDRESS)),
    ("Independent Mapping, Port Dependent Filter", Told(True, ANY, BOTH)),
    ("Dependent Mapping", Told(True, DEPENDENT)),
    ("Firewall", Told(False, ANY, BOTH)),
)


def _stun_client(port: int) -> Tool | None:
    path = shutil.which("stun")
    return Tool("stun-client", [path, f"{at.STUN1}:{port}"], _by_words(_CLASSIC, "Primary: ")) if path else None


_PYSTUN3 = (
    ("Open Internet", Told(False, ANY, ANY)),
    ("Full Cone", Told(True, ANY, ANY)),
    ("Restric NAT", Told(True, ANY, ADDRESS)),
    ("Restric Port NAT", Told(True, ANY, BOTH)),
    ("Symmetric NAT", Told(True, DEPENDENT)),
    ("Symmetric UDP Firewall", Told(False, ANY, BOTH)),
)


def _pystun3(python: Path, port: int) -> Tool:
    argv = [str(python.with_name("pystun3")), "-H", at.STUN1, "-P", str(port)]
    return Tool("pystun3", argv, _by_words(_PYSTUN3, "NAT Type: "))


def _by_words(table: Sequence[tuple[str, Told]], prefix: str) -> Callable[[str], Told]:
    return lambda output: next((told for words, told in table if prefix + words in output), Told())


_ASK = """
import asyncio, aiostun
async def main():
    async with aiostun.Client(host=%r, port=%d) as client:
        print(await client.get_mapped_address())
asyncio.run(main())
"""


def _aiostun(python: Path, port: int) -> Tool:
    """It asks for the outside address and nothing else: it has no opinion on NATs that could be right or wrong."""
    return Tool("aiostun", [str(python), "-c", _ASK % (at.STUN1, port)], lambda _: Told())
