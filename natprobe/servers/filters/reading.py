"""What all the programs printed, put together: one list of tables, and what could not be seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from natprobe.facts.firewall import Manager
from natprobe.model import Failure
from natprobe.servers.filters import Engine, Table, iptables, nft, owners, rules

# The errnos' names that natprobe.host.filters gives.
_FAILURES = {"EPERM": Failure.PERMISSION_DENIED, "ETIMEDOUT": Failure.TIMEOUT, "EMSGSIZE": Failure.LIMIT}
_IPTABLES: tuple[tuple[str, str, Engine], ...] = (
    ("iptables", "ip", "iptables"),
    ("ip6tables", "ip6", "iptables"),
    ("iptables-legacy", "ip", "iptables-legacy"),
    ("ip6tables-legacy", "ip6", "iptables-legacy"),
)
_MANAGERS: dict[str, Manager] = {
    "nft-json": "nftables",
    "iptables": "iptables",
    "ip6tables": "iptables",
    "iptables-legacy": "iptables-legacy",
    "ip6tables-legacy": "iptables-legacy",
}


class Said(NamedTuple):
    """One program's text, or why there is none (an errno's name)."""

    text: str = ""
    failure: str | None = None


class Filter(NamedTuple):
    """A packet filter or its manager: see facts.PacketFilter."""

    manager: Manager
    active: bool | None = None
    rules: int = 0
    failure: Failure | None = None


class Ruleset(NamedTuple):
    """All tables. `whole`: nothing of them is hidden; `written`: nft's own text, for its rules by their handles."""

    tables: tuple[Table, ...]
    filters: tuple[Filter, ...]
    whole: bool
    written: str = ""


def read(said: Mapping[str, Said]) -> Ruleset:
    """`said`: by the names of natprobe.host.filters.texts."""
    failures = {name: _FAILURES.get(each.failure, Failure.UNSUPPORTED) for name, each in said.items() if each.failure}
    saved = tuple(_saved(said, failures))
    native: tuple[Table, ...] = ()
    if "nft-json" in said and "nft-json" not in failures:
        try:
            native = nft.parse(said["nft-json"].text, said.get("nft", Said()).text, _counts(saved))
        except ValueError:
            failures["nft-json"] = Failure.PROTOCOL
    by_nft = {(each.family, each.name) for each in native}
    tables = (*native, *(each for each in saved if each.engine != "iptables" or (each.family, each.name) not in by_nft))
    hidden = [name for name in failures if name in _MANAGERS and not _nothing_lost(name, failures, said)]
    asked = any(name in said for name in _MANAGERS)
    written = said.get("nft", Said()).text
    return Ruleset(tables, tuple(_filters(said, tables, failures)), asked and not hidden, written)


def _saved(said: Mapping[str, Said], failures: Mapping[str, Failure]) -> Iterator[Table]:
    for name, family, engine in _IPTABLES:
        if name in said and name not in failures:
            yield from iptables.parse(said[name].text, family, engine)


def _counts(saved: tuple[Table, ...]) -> dict[tuple[str, str], dict[str, int]]:
    mine = [each for each in saved if each.engine == "iptables"]
    return {(each.family, each.name): {name: len(chain.rules) for name, chain in each.chains.items()} for each in mine}


def _nothing_lost(name: str, failures: Mapping[str, Failure], said: Mapping[str, Said]) -> bool:
    """What iptables has under nft, nft shows too; and a kernel without nft has no rules of it."""
    if name == "nft-json":
        return failures[name] is Failure.UNSUPPORTED
    return name in ("iptables", "ip6tables") and "nft-json" in said and "nft-json" not in failures


def _filters(said: Mapping[str, Said], tables: tuple[Table, ...], failures: Mapping[str, Failure]) -> Iterator[Filter]:
    """The filters that could be asked, then their managers: by their rules, or by what they say of themselves."""
    shown: dict[Manager, Filter] = {}
    for name, manager in _MANAGERS.items():
        if name in said:
            mine = tuple(each for each in tables if _is_of(each, manager))
            count = rules(mine)
            found = Filter(manager, bool(mine) if name not in failures else None, count, failures.get(name))
            shown[manager] = max(found, shown.get(manager, found), key=lambda each: each.failure is not None)
    for manager, count in owners.managers(tables).items():
        if manager not in ("nftables", "iptables", "iptables-legacy"):
            shown[manager] = Filter(manager, True, count)
    for manager in ("ufw", "firewalld"):
        if manager in said and manager not in shown:
            failure = failures.get(manager)
            shown[manager] = Filter(manager, None if failure else said[manager].text == "active", 0, failure)
    yield from shown.values()


def _is_of(table: Table, manager: Manager) -> bool:
    return {"nft": "nftables"}.get(table.engine, table.engine) == manager
