"""Which settings stand in configuration files that are gone in the version that runs, or never did anything. Pure."""

from __future__ import annotations

from typing import NamedTuple

from natprobe.derive.configured import folder
from natprobe.derive.docker import NAME, deployments, stale, version
from natprobe.derive.versions import older
from natprobe.facts import ConfigFile, Facts, Program, Setting
from natprobe.servers.obsolete import ROWS, Row, What


class Told(NamedTuple):
    """Settings of one row in one file. `version`: the one that is installed, empty where it can't be told."""

    row: Row
    said: list[Setting]
    version: str


def told(facts: Facts, what: What) -> list[Told]:
    """Those that are surely gone, or, where the version is not known, may be."""
    unread = stale(facts)
    found: list[Told] = []
    for row in ROWS:
        by_file: dict[str, list[Setting]] = {}
        for each in facts.of(Setting):
            if row.what == what and _is(row, each) and each.file not in unread:
                by_file.setdefault(each.file, []).append(each)
        for file, said in by_file.items():
            installed = _version(facts, row.program, file)
            if not row.gone or older(installed, row.gone) is not True:
                known = row.gone and older(installed, row.gone) is False
                found.append(Told(row, said, installed if known else ""))
    return found


def _is(row: Row, setting: Setting) -> bool:
    """What a compose file merely passes on is set elsewhere or nowhere."""
    passes = setting.system == "compose" and setting.value == f"${{{setting.key}}}"
    return setting.system in row.systems and setting.key in row.keys and not passes


def _version(facts: Facts, program: str, file: str) -> str:
    """Of the program that reads this file."""
    if program == NAME:
        near = [each for each in deployments(facts) if each.folder == folder(file)]
        return (version(facts, near[0]) if near else None) or ""
    inside = any(each.path == file and each.inside for each in facts.of(ConfigFile))
    if inside:
        tags = [version(facts, each) for each in deployments(facts)]
        return (tags[0] or "") if len(tags) == 1 else ""
    return next((each.version for each in facts.of(Program) if each.name == program), "")
