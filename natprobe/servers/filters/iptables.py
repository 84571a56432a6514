"""What `iptables-save` and `ip6tables-save` print, as tables. Lines that make no sense become rules that may hold.

Tables begin with `*filter`, chains with `:INPUT DROP [0:0]`, rules with `-A INPUT`, and `COMMIT` ends a table.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from natprobe.servers.filters import PRIORITIES, Chain, Destination, Engine, Rule, Table, Verdict
from natprobe.servers.filters.iptables_matches import atoms
from natprobe.servers.filters.ranges import PORT_MAX

_HOOKS = {"PREROUTING": "prerouting", "INPUT": "input", "FORWARD": "forward", "POSTROUTING": "postrouting"}
_LINES_MAX = 200_000
_ENDS: dict[str, Verdict] = {
    "ACCEPT": "accept",
    "DROP": "drop",
    "REJECT": "reject",
    "RETURN": "return",
    "DNAT": "dnat",
    "REDIRECT": "redirect",
    "MASQUERADE": "accept",
    "SNAT": "accept",
}
# They look or write, and the next rule gets the packet.
_MARKING = ("MARK", "CONNMARK", "HMARK")
_LOOKING = ("LOG", "NFLOG", "ULOG", "AUDIT", "TRACE", "TEE", "SET", "IDLETIMER", "RATEEST", "LED", "ACCOUNT", "CT")
_WRITING = ("CHECKSUM", "CLASSIFY", "CONNSECMARK", "SECMARK", "DSCP", "ECN", "HL", "TTL", "TOS", "TCPMSS")
_NO_END = frozenset((*_MARKING, *_LOOKING, *_WRITING, "TCPOPTSTRIP", "NOTRACK"))


def parse(text: str, family: str, engine: Engine) -> tuple[Table, ...]:
    """All tables of one family (`ip`, `ip6`). Text that is nothing of the kind has none."""
    tables: list[Table] = []
    name, policies, rules = "", dict[str, str](), dict[str, list[Rule]]()
    for line in text.splitlines()[:_LINES_MAX]:
        if line.startswith("-A ") and name:
            chain, _, rest = line[3:].partition(" ")
            rules.setdefault(chain, []).append(_rule(line, _words(rest), 6 if family == "ip6" else 4))
        elif line.startswith(":") and name:
            chain, _, rest = line[1:].partition(" ")
            policies[chain] = rest.partition(" ")[0]
        elif line.startswith("*"):
            name, policies, rules = line[1:].strip(), {}, {}
        elif line.startswith("COMMIT") and name:
            tables.append(Table(engine, family, name, dict(_chains(name, policies, rules))))
            name = ""
    return tuple(tables)


def engine(text: str) -> Engine:
    """By its first line, which names the backend since both exist."""
    return "iptables" if "(nf_tables)" in text[:200] else "iptables-legacy"


def incompatible(text: str) -> bool:
    """Whether there are tables that nft alone shows."""
    return any(line.startswith("# Table `") for line in text.splitlines()[:_LINES_MAX])


def _chains(table: str, policies: Mapping[str, str], rules: Mapping[str, list[Rule]]) -> Iterator[tuple[str, Chain]]:
    for name in dict.fromkeys((*policies, *rules)):
        hook = _HOOKS.get(name) if policies.get(name) != "-" else None
        yield (
            name,
            Chain(
                name=name,
                rules=tuple(rules.get(name, ())),
                hook=hook,
                priority=PRIORITIES.get(table, 0),
                policy="drop" if policies.get(name) == "DROP" else "accept",
                nat=table == "nat",
            ),
        )


def _words(rest: str) -> list[str]:
    if '"' not in rest:
        return rest.split()
    try:
        return shlex.split(rest)
    except ValueError:
        return ["--unreadable"]


def _rule(line: str, words: list[str], version: int) -> Rule:
    found = atoms(words, version)
    name, options = found.target, found.options
    effects = frozenset(("mark",) if _marks(name, options) else ("notrack",) if _untracked(name, options) else ())
    to = _destination(name, options)
    verdict: Verdict | None = None
    if name in _ENDS:
        verdict = "unknown" if to is None and name == "DNAT" else _ENDS[name]
    elif name and name not in _NO_END:
        verdict = "goto" if found.goto else "unknown" if name in _ELSEWHERE else "jump"
    return Rule(found.atoms, verdict, name if verdict in ("jump", "goto") else "", to, effects, line)


_ELSEWHERE = frozenset(("QUEUE", "NFQUEUE", "TPROXY", "NETMAP", "SYNPROXY", "TARPIT", "CLUSTERIP", "STEAL"))


def _marks(name: str, options: Mapping[str, str]) -> bool:
    """A mark of nothing is what a new packet has."""
    if name == "MARK" and "--set-xmark" in options:
        return options["--set-xmark"].partition("/")[0] not in ("0x0", "0")
    return name in _MARKING


def _untracked(name: str, options: Mapping[str, str]) -> bool:
    return name == "NOTRACK" or (name == "CT" and "--notrack" in options)


def _destination(name: str, options: Mapping[str, str]) -> Destination | None:
    """`--to-destination 172.17.0.2:80`, `[2001:db8::2]:80-90`, `--to-ports 8080`. None: there is none, or a range."""
    if name == "REDIRECT":
        return Destination(None, _port(options.get("--to-ports", "")))
    if name != "DNAT":
        return None
    place = options.get("--to-destination", "")
    if place.startswith("["):
        address, _, port = place[1:].partition("]")
        return _place(address, port.lstrip(":"))
    if place.count(":") > 1:
        return _place(place, "")
    address, _, port = place.partition(":")
    return _place(address, port)


def _place(address: str, port: str) -> Destination | None:
    import ipaddress

    try:
        return Destination(str(ipaddress.ip_address(address)) if address else None, _port(port))
    except ValueError:
        return None


def _port(word: str) -> int | None:
    first = word.partition("-")[0]
    return int(first) if first.isascii() and first.isdigit() and int(first) <= PORT_MAX else None
