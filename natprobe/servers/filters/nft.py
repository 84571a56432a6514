"""What `nft -j list ruleset` prints, as tables (libnftables-json(5)). What makes no sense is a rule that may hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from natprobe.servers.filters import Atom, Chain, Destination, Rule, Table, Verdict
from natprobe.servers.filters.nft_matches import Sets, match, port_of, statement, value_fits

_HOOKS = ("ingress", "prerouting", "input", "forward", "postrouting")
_PLAIN: dict[str, Verdict | None] = {
    "accept": "accept",
    "drop": "drop",
    "reject": "reject",
    "return": "return",
    "continue": None,
    "masquerade": "accept",
    "snat": "accept",
    "queue": "unknown",
    "tproxy": "unknown",
    "synproxy": "unknown",
    "fwd": "unknown",
}
# Statements that look or write, and the rule goes on.
_NO_END = frozenset(
    ("counter", "log", "comment", "flow", "dup", "ct helper", "ct timeout", "ct expectation", "secmark", "last", "map")
)
# iptables' extensions under nft that do no more either.
_XT_NOTHING = (
    "comment",
    "LOG",
    "NFLOG",
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "TCPMSS",
    "TRACE",
    "TEE",
    "SET",
    "DSCP",
    "TTL",
)
_ELEMENTS_MAX = 20_000
_DEVICES, _QUOTED = re.compile(r" devices? (.*?) priority "), re.compile(r'"([^"]+)"')


Counts = Mapping[tuple[str, str], Mapping[str, int]]


def parse(text: str, written: str = "", told: Counts = MappingProxyType({})) -> tuple[Table, ...]:
    """All tables, less those that iptables has `told`: family and name, with how many rules each chain has. Where these
    numbers differ, iptables has left out what only nft can make. Of iptables' own matches nft says only that they are
    there. `written`: nft's own text; some versions leave the devices of ingress out of the JSON.

    Raises ValueError: it is no such JSON.
    """
    try:
        said = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise ValueError("no JSON of nft's") from exc
    objects = said.get("nftables") if isinstance(said, dict) else None
    if not isinstance(objects, list):
        raise ValueError("no JSON of nft's")
    found = [each for each in objects if isinstance(each, dict)]
    numbers = _numbers(found)
    again = {key for key, chains in told.items() if numbers.get(key, {}) == {k: n for k, n in chains.items() if n}}
    return tuple(each for each in _tables(found, _devices(written), again) if (each.family, each.name) not in again)


def _numbers(objects: list[dict[str, Any]]) -> Counts:
    """How many rules there are, by table and chain."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for each in (entry["rule"] for entry in objects if isinstance(entry.get("rule"), dict)):
        table = (str(each.get("family")), str(each.get("table")))
        found.setdefault(table, Counter())[str(each.get("chain"))] += 1
    return found


Devices = Mapping[tuple[str, ...], tuple[str, ...]]


def _tables(objects: list[dict[str, Any]], devices: Devices, again: Collection[tuple[str, str]]) -> Iterator[Table]:
    sets = Sets([each for entry in objects for each in (entry.get("set"), entry.get("map")) if isinstance(each, dict)])
    chains: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    rules: dict[tuple[str, str, str], list[Rule]] = {}
    for entry in objects:
        for kind, body in entry.items():
            if not isinstance(body, dict):
                continue
            family, table = str(body.get("family")), str(body.get("table", body.get("name")))
            if kind == "table":
                chains.setdefault((family, table), {})
            elif kind == "chain":
                chains.setdefault((family, table), {})[str(body.get("name"))] = body
            elif kind == "rule" and (family, table) not in again:
                rules.setdefault((family, table, str(body.get("chain"))), []).extend(_rules(body, sets))
    for (family, table), named in chains.items():
        made = {
            name: _chain(name, body, rules.get((family, table, name), []), devices.get((family, table, name), ()))
            for name, body in named.items()
        }
        yield Table("nft", family, table, made)


def _chain(name: str, body: Mapping[str, Any], rules: list[Rule], devices: tuple[str, ...]) -> Chain:
    hook, priority, device = body.get("hook"), body.get("prio", 0), body.get("dev")
    return Chain(
        name=name,
        rules=tuple(rules),
        hook=hook if hook in _HOOKS else None,
        priority=priority if isinstance(priority, int) else 0,
        policy="drop" if body.get("policy") == "drop" else "accept",
        nat=body.get("type") == "nat",
        devices=tuple(map(str, device)) if isinstance(device, list) else (str(device),) if device else devices,
    )


def _rules(body: Mapping[str, Any], sets: Sets) -> Iterator[Rule]:
    """One, or where a map says what becomes of the packet, one for each of its elements."""
    scope = (str(body.get("family")), str(body.get("table")))
    handle = str(body.get("handle", ""))
    found: list[Atom] = [Atom("family", (4 if scope[0] == "ip" else 6,))] if scope[0] in ("ip", "ip6") else []
    effects: set[str] = set()
    expressions = body.get("expr", [])
    for each in expressions if isinstance(expressions, list) else [None]:
        name, said = next(iter(each.items()), ("", None)) if isinstance(each, dict) else ("", None)
        if name in _NO_END or (name == "xt" and _xt(said) == "nothing"):
            continue
        if name in ("mangle", "notrack"):
            effects.add("mark" if name == "mangle" else "notrack")
        elif name == "match":
            found.append(match(said, scope, sets))
        elif name == "vmap" or (name == "dnat" and _mapped(said)):
            yield from _by_map(name, said, (tuple(found), frozenset(effects), handle), scope, sets)
            return
        elif name in _PLAIN or name in ("jump", "goto", "dnat", "redirect") or _xt(said) == "target":
            yield _end(name, said, tuple(found), frozenset(effects), handle)
            return
        else:
            found.append(statement(name, said))
    yield Rule(tuple(found), None, effects=frozenset(effects), text=handle)


def _xt(said: Any) -> str:
    """What an extension of iptables' does to the rule: `nothing`, or a `target` or `match` that nft doesn't tell."""
    if not isinstance(said, dict) or "type" not in said or "name" not in said:
        return ""
    return "nothing" if said["name"] in _XT_NOTHING else str(said["type"])


def _end(name: str, said: Any, atoms: tuple[Atom, ...], effects: frozenset[str], handle: str) -> Rule:
    body = said if isinstance(said, dict) else {}
    if name in ("jump", "goto"):
        return Rule(atoms, "jump" if name == "jump" else "goto", str(body.get("target", "")), None, effects, handle)
    if name == "redirect":
        return Rule(atoms, "redirect", "", Destination(None, port_of(body.get("port"))), effects, handle)
    if name == "dnat":
        to = _destination(body.get("addr"), body.get("port"))
        return Rule(atoms, "dnat" if to else "unknown", "", to, effects, handle)
    return Rule(atoms, _PLAIN.get(name, "unknown"), "", None, effects, handle)


def _destination(address: Any, port: Any) -> Destination | None:
    import ipaddress

    if isinstance(port, dict) and "range" not in port:
        return None
    if address is None:
        return Destination(None, port_of(port))
    try:
        return Destination(str(ipaddress.ip_address(address)), port_of(port)) if isinstance(address, str) else None
    except ValueError:
        return None


def _mapped(said: Any) -> dict[str, Any] | None:
    """The map in `dnat to KEY map { … }`, for the address, the port or both."""
    places = [said.get(each) for each in ("addr", "port")] if isinstance(said, dict) else []
    found = [each["map"] for each in places if isinstance(each, dict) and isinstance(each.get("map"), dict)]
    return found[0] if found else None


Head = tuple[tuple[Atom, ...], frozenset[str], str]


def _by_map(name: str, said: Any, head: Head, scope: tuple[str, str], sets: Sets) -> Iterator[Rule]:
    atoms, effects, handle = head
    body = said if name == "vmap" else _mapped(said)
    elements = sets.elements(body.get("data"), scope) if isinstance(body, dict) else None
    if elements is None or body is None or len(elements) > _ELEMENTS_MAX:
        yield Rule((*atoms, Atom("maybe")), "unknown", effects=effects, text=handle)
        return
    for each in elements:
        key, value = each if isinstance(each, list) and len(each) == 2 else (None, None)
        whole = (*atoms, value_fits(body.get("key"), key, scope, sets))
        if name == "vmap":
            verdict, inner = next(iter(value.items()), ("", None)) if isinstance(value, dict) else ("", None)
            yield _end(verdict, inner, whole, effects, handle)
        else:
            yield Rule(whole, *_translated(said, value), effects, handle)


def _translated(said: Mapping[str, Any], value: Any) -> tuple[Verdict, str, Destination | None]:
    """A map's value in its place; `addr . port` together stand in `addr`."""
    port = said.get("port")
    if isinstance(value, dict) and isinstance(value.get("concat"), list) and len(value["concat"]) == 2:
        to = _destination(*value["concat"])
    elif isinstance(port, dict) and "map" in port:
        to = _destination(said.get("addr"), value)
    else:
        to = _destination(value, port)
    return ("dnat" if to else "unknown"), "", to


def written(text: str, table: Table, chain: str, handle: str) -> str:
    """The rule of this handle as `nft -a list ruleset` prints it, or nothing."""
    end = f"# handle {handle}"
    for place, line in _lines(text):
        if line.endswith(end) and place == (table.family, table.name, chain) and line.startswith("\t\t"):
            return line[: -len(end)].strip()
    return ""


def _devices(text: str) -> Devices:
    if " hook ingress " not in text:
        return {}
    found = [(place, _DEVICES.search(line)) for place, line in _lines(text) if " hook ingress " in line]
    return {place: tuple(_QUOTED.findall(each[1])) for place, each in found if each}


def _lines(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each line of nft's text with the family, table and chain that it stands in."""
    table: tuple[str, ...] = ()
    chain = ""
    for line in text.splitlines():
        if line.startswith("table "):
            table = tuple(line.split(None, 3)[1:3])
        elif line.startswith("\tchain "):
            chain = line.split(None, 2)[1]
        yield (*table, chain), line
