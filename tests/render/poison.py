"""Reports in which every text that may hold anything holds something hostile."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from pathlib import Path as File
from typing import Any, get_args, get_type_hints

import msgspec

from natprobe.codec import load
from natprobe.diagnose import diagnose
from natprobe.facts import KINDS, Known
from natprobe.model import (
    Allow,
    Alternative,
    Attempt,
    Do,
    Finding,
    Fix,
    Forward,
    Path,
    Report,
    Set,
    Severity,
    Status,
    Unknown,
    Verdict,
    Where,
)
from natprobe.render._manner import Gate, Held
from tests.samples import filled, filled_with

REPORTS = File(__file__).parents[1] / "reports"
# What is compared with: words that no format does anything with.
NEUTRAL = "qux words"
# Each is tried by itself, so that what it is for stands at a field's beginning too. All begin with their mark.
POISONS: dict[str, str] = {
    "terminal": "\x1b]0;owned\x07\x1b[2J\x1b[31mqux\x9b31m\r\x08\x7f\x00 \x1b]8;;http://evil.example/\x07x\x1b]8;;\x07",
    "rich": "[bold red]qux[/bold red][link=file:///etc/passwd]x[/link]:smile:[/]",
    "html": "<script>qux(1)</script><img src=x onerror=qux(1)><a href=javascript:qux()>x</a><!-- <style>*{}</style>",
    "attribute": "\" onmouseover=\"qux(1)\" x='y' style='background:url(//evil.example)' autofocus onfocus=qux() '`",
    "closing": "</script><script>qux()</script></style></title></svg></pre></details></code>--></textarea>]]>",
    "markdown": "[qux](https://evil.example/x) ![i](https://evil.example/i.png) <https://evil.example> **b** _i_ ~~s~~",
    "autolink": "https://evil.example/qux www.evil.example http://evil.example mailto:a@evil.example @octocat #1 GH-1",
    "blocks": "\n# qux\n\n- x\n\n1. x\n\n> x\n\n    code\n\n---\n\n| a | b |\n|---|---|\n| c | d |\n\n[x]: https://evil.example\n",
    "fence": "```\nqux\n~~~\n`` ` ```json <details><summary>x</summary>\n```mermaid\ngraph TD\n",
    "xml": "]]><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><qux>&e;&lt;&#0;&#x1b;\x0b\x0c\ufffe\uffff<?xml?>",
    "json": '","qux":true,"x":["\\", {"a": null}],"\\u0000\\"',
    "command": "::error title=qux::x\n::add-mask::qux\r::set-output name=a::b\r\n  ::stop-commands::\u2028::warning::x",
    "old command": "##[error]qux ##[add-mask]x ##vso[task.setvariable variable=a]b ##teamcity[buildStatus text='x']",
    "formula": "=cmd|'/c calc'!A1,+1+1,@SUM(1),-1,\t=1\n=qux()\n+1\n@x\n",
    "labels": '"} 1\nnatprobe_success{target="qux"} 1\n# TYPE natprobe_success counter\n\\',
    "hidden": "\u202equx\u2066x\u2069\u200b\ufeff\u2028\u2029\u00ad\U000e0041\u061c\u2060\ue000",
    "surrogates": "\ud800qux\udc00\udfff\ud800",
    "places": "{0} {host} {qux.__class__} {} %s %(x)s $(reboot) `reboot` ${IFS} %n {{}} }{",
    "long": "qux " + "A" * 1990,
    "wide": "qux " * 480,
    "newlines": "qux\n" * 480,
}


def saved(name: str, poison: str, *, short: bool = False) -> Report:
    """A real report whose free texts hold this, as a stranger may send it. Unless `short`: with one observation of each
    kind besides.
    """
    plain = json.loads((REPORTS / f"{name}.json").read_text())
    key = poison if poison.isascii() or "\ud800" not in poison else NEUTRAL  # half a character in a name is refused
    for source in plain["sources"]:
        source.update(label=poison, natprobe=poison)
    plain["target"] |= {"input": poison}
    for each in plain["observations"]:
        each |= {"detail": poison, "newer": {key: poison}}
    for number, kind in enumerate(() if short else get_args(Known), 5000):
        full = msgspec.to_builtins(filled_with(kind, poison, id=number))
        plain["observations"].append(full | {"failure": "timeout", key: poison})
    plain["observations"].append({"kind": poison, "id": 9000, "source": 0, key: poison})
    found = load(json.dumps(plain))
    return diagnose(found.target, found.observations, found.sources)


def made(poison: str) -> Report:
    """A report that no rule would make: this stands in every text of every part of it."""
    report = saved("peer-healthy", NEUTRAL)
    findings = tuple(_finding(severity, where) for severity in Severity for where in (Where.TURN, Where.SERVER_HOST))
    unknown = (Unknown(code="NP111", reason="x", ask="x"), Unknown(code="x", reason="x", ask="x"))
    ways = tuple(_way(each, status) for each, status in zip(report.paths, _STATUSES * 3, strict=False))
    whole = msgspec.structs.replace(report, findings=findings, unknown=unknown, paths=ways)
    hostile: Report = _poisoned(whole, poison)
    return hostile


_STATUSES: tuple[Status, ...] = ("open", "blocked", "not-offered", "unknown")


def _way(path: Path, status: Status) -> Path:
    """With an attempt by proxy and relay, and a reason; a forecast has none."""
    if path.name == "p2p":
        return msgspec.structs.replace(path, reason="x")
    by = filled(Attempt, endpoint="203.0.113.10:10000", local="192.0.2.7", status=status)
    return msgspec.structs.replace(path, status=status, reason="x", attempts=(by,))


def gate(poison: str) -> Gate:
    """Every state of a demand."""
    states = ("kept", "broken", "unknown", "waived")
    held = tuple(Held(demand=poison, status=each, why=poison, findings=(n,)) for n, each in enumerate(states))  # type: ignore[arg-type]
    more = Held(demand=poison, status="broken", why=poison, ways=("direct-udp",))
    return Gate(code=1, asked=True, held=(*held, more))


def _finding(severity: Severity, where: Where) -> Finding:
    """With a fix of each kind, an alternative, and an argument."""
    kinds: tuple[type[Any], ...] = get_args(Fix)
    assert set(kinds) == {Allow, Forward, Set, Do}
    return Finding(
        code="NP203",
        cause="turn-unreachable",
        severity=severity,
        where=where,
        message="x",
        args={"x": "x", "y": ["x", {"x": "x"}]},
        evidence=(*range(5000, 5000 + len(KINDS)), 9000),
        alternatives=(filled(Alternative),),
        file="/etc/x",
        line=7,
        fixes=tuple(filled(kind) for kind in kinds),
    )


def _poisoned(value: Any, poison: str) -> Any:
    """The same with this in place of every free text, at any depth."""
    if isinstance(value, msgspec.Struct):
        hints = get_type_hints(type(value), include_extras=True)
        free = [name for name in value.__struct_fields__ if _hostile(type(value), name, hints[name])]
        new = {name: _poisoned(getattr(value, name), poison) for name in free}
        return msgspec.structs.replace(value, **new)
    if isinstance(value, tuple | list):
        return type(value)(_poisoned(each, poison) for each in value)
    if isinstance(value, Mapping):
        return {_poisoned(key, poison): _poisoned(each, poison) for key, each in value.items()}
    return poison if isinstance(value, str) and not isinstance(value, Enum) else value


# What strict decoding lets nothing else into, and what our own code makes out of that on every load.
_STRICT = ("title='Address'", "title='Endpoint'", "title='HostName'", "title='Time'", "Literal[")
_OURS = ((Path, "name"), (Attempt, "endpoint"), (Attempt, "local"), (Verdict, "media"))


def _hostile(kind: type[msgspec.Struct], name: str, hint: Any) -> bool:
    return (kind, name) not in _OURS and not any(each in repr(hint) for each in _STRICT)
