"""The laws of docs/architecture.md, read from the code itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest

from natprobe import facts, model
from natprobe.facts import KINDS
from natprobe.render import formats, renderer
from natprobe.rules import rules
from natprobe.run import INSPECTION, SEQUENCE, SERVING, load_probe

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "natprobe"
FILES = sorted(PACKAGE.rglob("*.py"))

# Rooms that do no I/O, and what I/O is made of.
PURE = (
    "model",
    "facts",
    "addresses",
    "advising",
    "causes",
    "derive",
    "fixes",
    "gate",
    "paths",
    "headline",
    "verdict",
    "reasons",
    "redact",
    "codec",
    "torn",
    "differing",
    "pasted",
    "mending",
    "pages",
    "pairing",
    "policy",
    "target",
    "proxy",
    "proxying",
    "diagnose",
    "inspected",
    "servers",
    "rules",
    "render",
    "wire",
    "wording",
    "vantages",
)
IO_MODULES = {"socket", "asyncio", "ssl", "time", "os", "subprocess", "threading", "random", "secrets", "pathlib", "io"}
# Room -> rooms that it must not know.
FORBIDDEN = {
    "rules": ("probes", "wire", "net", "host", "context", "cli", "render", "run"),
    "derive": ("probes", "wire", "net", "host", "context", "cli", "render", "run", "rules"),
    "diagnose": ("probes", "net", "host", "context", "cli", "render", "run"),
    "inspected": ("probes", "net", "host", "context", "cli", "render", "run"),
    "redact": ("probes", "net", "host", "context", "cli", "render", "run"),
    "asking": ("probes", "rules", "diagnose", "paths", "verdict", "render", "cli", "run"),
    "probes": ("rules", "diagnose", "paths", "verdict", "render", "cli"),
    "wire": ("facts", "probes", "net", "host", "context", "rules", "cli", "run"),
    "gate": ("probes", "net", "host", "context", "cli", "run"),
    "policy": ("probes", "net", "host", "context", "cli", "run", "facts", "rules"),
    "render": ("probes", "net", "host", "context", "cli", "run", "rules"),
    "model": ("facts", "derive", "rules", "probes", "net", "host", "cli"),
    "net": ("probes", "rules", "diagnose", "cli", "render", "run", "facts"),
    "host": ("probes", "rules", "diagnose", "cli", "render", "run", "facts", "net"),
}
PROBES = tuple(dict.fromkeys((*SEQUENCE, *INSPECTION, *SERVING)))
HEAVY = ("aioice", "scapy", "dns", "asyncio", "cryptography", "h11", "psutil", "rich", "OpenSSL")


def room(path: Path) -> str:
    """The first name below natprobe/: a folder, or a file of its own."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


@cache
def imports(path: Path) -> list[tuple[str, int]]:
    """Every module that a file imports, wherever it stands."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return found


@cache
def calls(path: Path) -> list[tuple[str, int]]:
    """Every call, as it is written."""
    every = ast.walk(ast.parse(path.read_text()))
    return [(ast.unparse(node.func), node.lineno) for node in every if isinstance(node, ast.Call)]


def test_there_is_something_to_read() -> None:
    assert len(FILES) > 50


@pytest.mark.parametrize("name", PURE)
def test_pure_rooms_do_no_io(name: str) -> None:
    found = [f"{p}:{n} {m}" for p in FILES if room(p) == name for m, n in imports(p) if m.split(".")[0] in IO_MODULES]
    assert found == []


@pytest.mark.parametrize(("name", "forbidden"), FORBIDDEN.items())
def test_rooms_know_only_what_they_may(name: str, forbidden: tuple[str, ...]) -> None:
    prefixes = tuple(f"natprobe.{each}." for each in forbidden)
    found = [f"{p}:{n} {m}" for p in FILES if room(p) == name for m, n in imports(p) if f"{m}.".startswith(prefixes)]
    assert found == []


def test_sockets_open_only_in_net() -> None:
    """Netlink leads to no network: it is how the kernel of this machine is asked, and so the host's."""
    makers = ("socket.socket", "socket.create_connection", "asyncio.open_connection", "asyncio.start_server")
    found = [f"{p}:{n} {c}" for p in FILES if room(p) != "net" for c, n in calls(p) if c in makers]
    asking = [each for each in found if "host/sockets.py" in each]
    assert [each for each in found if each not in asking] == []
    assert [ast.unparse(each.args[0]) for each in socket_calls(PACKAGE / "host/sockets.py")] == ["socket.AF_NETLINK"]


def socket_calls(path: Path) -> list[ast.Call]:
    """Every `socket.socket(…)`."""
    every = [each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.Call)]
    return [each for each in every if ast.unparse(each.func) == "socket.socket"]


def test_files_and_environment_are_read_only_in_host_and_cli() -> None:
    readers = ("open", "os.getenv", "os.environ.get", "subprocess.run", "subprocess.Popen")
    endings = (".read_text", ".read_bytes", ".write_text", ".write_bytes")
    found = [
        f"{p}:{n} {c}"
        for p in FILES
        if room(p) not in ("host", "cli")
        for c, n in calls(p)
        if c in readers or c.endswith(endings)
    ]
    assert found == []


def test_blind_excepts_stand_only_where_a_fault_becomes_a_fact() -> None:
    allowed = {"run.py", "app.py", "together.py"}
    found = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler) and path.name not in allowed:
                caught = ast.unparse(node.type) if node.type else "everything"
                found += [f"{path}:{node.lineno}"] if caught in ("Exception", "BaseException", "everything") else []
    assert found == []


def test_only_cli_prints_or_exits() -> None:
    words = ("print", "sys.exit", "exit", "sys.stdout.write", "sys.stderr.write")
    outside = [path for path in FILES if room(path) not in ("cli", "__main__")]
    assert [f"{p}:{n}" for p in outside for c, n in calls(p) if c in words] == []


def test_address_classes_come_from_our_own_table() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("is_private", "is_global")
    ]
    assert found == []


def test_nobody_imports_all_of_scapy() -> None:
    everywhere = [*FILES, *sorted((ROOT / "tests").rglob("*.py"))]
    named = [path for path in everywhere if "scapy" in path.read_text()]
    assert [f"{p}:{n}" for p in named for m, n in imports(p) if m.startswith("scapy.all")] == []


def test_the_command_line_loads_nothing_heavy() -> None:
    code = f"import sys, natprobe.cli.app; print([m for m in {HEAVY!r} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert shown.stdout.strip() == "[]"


def texts(hint: Any) -> bool:
    """Whether a bare `str` stands anywhere in this annotation."""
    if hint is str:
        return True
    if get_origin(hint) is Annotated:
        return False
    return any(texts(each) for each in get_args(hint) if each is not Ellipsis)


@pytest.mark.parametrize("kind", [*KINDS.values(), facts.SrvRecord, model.Target, model.Source, model.Attempt])
def test_fields_say_what_they_are_by_type(kind: type) -> None:
    hints = get_type_hints(kind, include_extras=True)
    assert [name for name, hint in hints.items() if name != "carried" and texts(hint)] == []


@pytest.mark.parametrize("name", PROBES)
def test_probes_are_whole(name: str) -> None:
    probe = load_probe(name)
    assert probe.__doc__
    assert probe.TIMEOUT > 0
    assert all(kind in KINDS.values() for kind in (*probe.REQUIRES, *probe.TAKES, *probe.YIELDS))


def test_every_probe_has_its_place_in_the_sequence() -> None:
    there = {path.stem for path in (PACKAGE / "probes").glob("*.py")} - {"__init__"}
    assert there == set(PROBES)


@pytest.mark.parametrize("name", PROBES)
def test_probes_yield_what_they_declare(name: str) -> None:
    source = (PACKAGE / "probes" / f"{name}.py").read_text()
    made = {call.rpartition(".")[2] for call, _ in calls(PACKAGE / "probes" / f"{name}.py")} & set(KINDS)
    declared = {kind.__name__ for kind in load_probe(name).YIELDS}
    assert made <= declared, source[:80]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.cause.code)
def test_rules_are_whole(rule: Any) -> None:
    title, _, body = (rule.module.__doc__ or "").partition("\n")
    assert title
    assert len(body) > 100
    assert "What to do:" in body
    assert all(kind in KINDS.values() for kind in rule.module.READS)


def test_renderers_are_whole() -> None:
    assert formats() == ["github", "html", "json", "junit", "line", "markdown", "prometheus", "sarif", "text"]
    assert all(renderer(name).__doc__ for name in formats())


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def test_files_and_functions_stay_small() -> None:
    """A command's options are a table in the shape of a function: typer wants them so."""
    everywhere = [*FILES, *sorted((ROOT / "tests").rglob("*.py"))]
    assert [str(path) for path in everywhere if path.read_text().count("\n") > 400] == []
    long = [
        f"{path}:{f.lineno} {f.name}"
        for path in FILES
        if path.name not in ("app.py", "options.py", "server_side.py")
        for f in functions(path)
        if (f.end_lineno or 0) - f.lineno > 45
    ]
    assert long == []
