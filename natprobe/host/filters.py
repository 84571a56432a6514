"""The packet filters of this machine, by the system's own programs and files. They are only read."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from natprobe.host.children import Said, said
from natprobe.host.machine import FilterText

# Fifty thousand rules; and what listing them may take on a busy machine (seconds).
_TEXT_MAX, _SECONDS = 16 << 20, 3.0
# The tables of the old kernel interface. Its program would load modules where nobody uses it.
_LEGACY_NAMES = ("/proc/net/ip_tables_names", "/proc/net/ip6_tables_names")
_UFW, _UFW_SWITCH = "/etc/ufw/ufw.conf", re.compile(r"^ENABLED=(\w+)", re.MULTILINE)
_FILE_MAX = 1 << 16


def texts() -> list[FilterText]:
    """What is there, all of it asked for at once.

    `nft-json` and `nft` (with handles), `iptables` and `ip6tables` as the new kernel interface has them,
    `iptables-legacy` and `ip6tables-legacy`, `ufw` and `firewalld`, whose text says `active` or not. What is not
    installed is not in the list.
    """
    questions: list[tuple[str, Callable[[], Said]]] = [
        ("nft-json", lambda: _ask("nft", "-j", "list", "ruleset")),
        ("nft", lambda: _ask("nft", "-a", "list", "ruleset")),
        ("iptables", lambda: _saved("iptables")),
        ("ip6tables", lambda: _saved("ip6tables")),
        ("iptables-legacy", lambda: _legacy("iptables", _LEGACY_NAMES[0])),
        ("ip6tables-legacy", lambda: _legacy("ip6tables", _LEGACY_NAMES[1])),
        ("ufw", _ufw),
    ]
    with ThreadPoolExecutor(len(questions)) as pool:
        waiting = [(name, pool.submit(ask)) for name, ask in questions]
        found = [FilterText(name, answer.result().text, answer.result().failure) for name, answer in waiting]
    there = [each for each in found if each.failure != "ENOENT"]
    return [*there, *_firewalld(there)]


def _ask(*command: str) -> Said:
    return said(*command, limit=_TEXT_MAX, seconds=_SECONDS)


def _saved(name: str) -> Said:
    """By the name that says which interface is meant, else by the only one there is."""
    found = _ask(f"{name}-nft-save")
    if found.failure != "ENOENT":
        return found
    plain = _ask(f"{name}-save")
    return plain if plain.failure or "(nf_tables)" in plain.text[:200] else Said(failure="ENOENT")


def _legacy(name: str, tables: str) -> Said:
    """Only where the kernel has such tables, which only root may see: for others the program prints nothing at all."""
    try:
        with open(tables, encoding="ascii") as file:
            if not file.read(_FILE_MAX).strip():
                return Said(failure="ENOENT")
    except PermissionError:
        return Said(failure="EPERM")
    except (OSError, ValueError):
        return Said(failure="ENOENT")
    found = _ask(f"{name}-legacy-save")
    return _ask(f"{name}-save") if found.failure == "ENOENT" else found


def _ufw() -> Said:
    """Whether it is switched on, which everybody may read; its own program takes root and half a second."""
    try:
        with open(_UFW, encoding="utf-8", errors="replace") as file:
            switch = _UFW_SWITCH.search(file.read(_FILE_MAX))
    except PermissionError:
        return Said(failure="EPERM")
    except OSError:
        return Said(failure="ENOENT")
    return Said("active" if switch and switch[1].lower() == "yes" else "inactive")


def _firewalld(there: list[FilterText]) -> list[FilterText]:
    """It is asked only where nobody may see the rules, in which it stands otherwise: that takes it half a second."""
    if not any(each.failure == "EPERM" for each in there):
        return []
    state = _ask("firewall-cmd", "--state")
    return [FilterText("firewalld", "active")] if state.text.startswith("running") else []
