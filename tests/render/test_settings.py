"""Changes of configuration as lines to copy: natprobe's own parsers read out of them the very setting."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from natprobe.cli.language import spoken
from natprobe.codec import load
from natprobe.diagnose import diagnose
from natprobe.facts.config import Form
from natprobe.model import Report, Set
from natprobe.render._fixing import copies, words
from natprobe.render._settings import lines
from natprobe.servers import coturn, janus, squid
from natprobe.servers.files import Entry, parser
from natprobe.servers.files.writing import written
from natprobe.servers.jitsi import fixes as jitsi
from natprobe.servers.jitsi import media
from natprobe.servers.places import by_name
from tests.memory.test_cases import PATHS

_BY_SYSTEM: dict[str, Form] = {"nginx": "nginx", "coturn": "flat"}
HOST, PUBLIC = "meet.example.test", "203.0.113.10"
SAVED = sorted((Path(__file__).parents[1] / "reports").glob("*.json"))
# What a line of each syntax stands in.
AROUND: dict[Form, str] = {
    "libconfig": "own: {{\n{}\n}}\n",
    "nginx": "server {{\n{}\n}}\n",
    "javascript": "var config = {{}};\n{}\n",
}


def settings() -> Iterator[Set]:
    """What rules say of files that nobody has read."""
    systems: tuple[jitsi.System | None, ...] = ("docker", "package", None)
    for system in systems:
        found = [
            *media.advertise((PUBLIC,), "192.168.77.5", system),
            *media.advertise((PUBLIC, "2001:db8::9"), "192.168.77.5", system, port=12000, own=10000),
            *media.advertise_inner(PUBLIC, "192.168.77.5", system),
            *media.hide_inner(system, ["172.17.0.1"]),
            *jitsi.without_channel(system),
            *jitsi.relays(HOST, system),
            *(jitsi.location(path, HOST, system) for path in jitsi._LOCATIONS),
            *(jitsi.quiet_allowed(path, HOST, system) for path in jitsi._LOCATIONS),
        ]
        yield from (each for each in found if isinstance(each, Set))
    yield from (jitsi.public_url(f"https://{HOST}:8443"), jitsi.origin_allowed(f"https://{HOST}", HOST))
    yield jitsi.config_line("websocket", f"wss://{HOST}/xmpp-websocket", HOST)
    server = (
        *janus.advertise((PUBLIC,), None, "package"),
        *janus.advertise_inner(PUBLIC, "10.0.0.1", None),
        *janus.hide_inner(None, ["10.0.0.1"]),
        *(janus.location("/janus", websocket) for websocket in (True, False)),
        janus.port_range(),
        *coturn.external_ip(PUBLIC, "10.0.0.1"),
        *coturn.certificate(HOST),
        *coturn.guarded(),
        *coturn.ports(PUBLIC),
        *squid.hosts_allowed([HOST, PUBLIC]),
        *squid.not_opened([HOST]),
        *squid.quiet_tunnels(),
    )
    yield from (each for each in server if isinstance(each, Set))


def fixes(report: Report) -> Iterator[Set]:
    yield from (fix for each in report.findings for fix in each.fixes if isinstance(fix, Set))


def form(fix: Set) -> Form:
    named = by_name(fix.file)
    return named[1] if named else _BY_SYSTEM[fix.system]


def read_back(fix: Set) -> None:
    for copied in lines(fix):
        assert copied.lines
        if fix.system == "squid":
            assert copied.lines == (fix.key,)
            continue
        known: Form = form(fix)
        parsed = parser(known)(AROUND.get(known, "{}\n").format("\n".join(copied.lines)))
        assert parsed.broken_at is None, copied
        assert says(parsed.entries, fix), (copied, fix, parsed.entries)


def says(entries: Iterable[Entry], fix: Set) -> bool:
    """The key with the value; of a list or a block, all that is in it. nginx does not mind how headers are written."""
    paths = [(".".join((*each.section, each.key)), each.value) for each in entries]
    if fix.value.startswith(("{", "[")):
        text = " ".join(f"{path} {value}" for path, value in paths).lower()
        return all(word.lower() in text for word in re.findall(r"[\w.:/$-]{2,}", f"{fix.key} {fix.value}"))
    key, _, rest = fix.key.partition(" ")
    wanted = f"{rest} {fix.value}".strip() if rest else fix.value.strip("\"'")
    return [value for path, value in paths if path == key or path.endswith(f".{key}")] == [wanted]


def test_what_rules_say_of_unread_files_is_read_back() -> None:
    found = list(settings())
    for each in found:
        read_back(each)
    with_lines = [each for each in found if lines(each)]
    assert len(with_lines) > 50
    assert {form(each) for each in with_lines if each.system != "squid"} == {
        *("env", "hocon", "properties", "libconfig", "lua", "flat", "nginx", "javascript")
    }


@pytest.mark.parametrize("language", ["en", "zh"])
def test_where_lines_go_is_said_once(language: str) -> None:
    with spoken(language):
        for each in settings():
            assert all(copy.label in words(each) for copy in copies(each)), each


def test_what_the_saved_reports_say_is_read_back() -> None:
    for path in SAVED:
        saved = load(path.read_text())
        for each in fixes(diagnose(saved.target, saved.observations, saved.sources)):
            read_back(each)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_what_every_case_says_is_read_back(path: Path, in_case: Callable[[Path], Report]) -> None:
    for each in fixes(in_case(path)):
        read_back(each)


@pytest.mark.parametrize(
    ("known", "value", "line"),
    [
        ("env", "1.2.3.4#12000", "key=1.2.3.4#12000"),
        ("env", "a b", None),
        ("env", "$(reboot)", None),
        ("env", "the very secret that coturn has", None),
        ("flat", "", "key"),
        ("flat", "a\nno-auth", None),
        ("hocon", "false", "key = false"),
        ("hocon", "2001:db8::1", 'key = "2001:db8::1"'),
        ("hocon", '[ { a = "THE-ADDRESS" } ]', None),
        ("libconfig", '"a,b"', 'key = "a,b"'),
        ("libconfig", '"a"; b = "c"', None),
        ("lua", "the very secret", None),
        ("lua", '{ "https://a" }', 'key = { "https://a" };'),
        ("javascript", "'wss://a'", "config.key = 'wss://a';"),
        ("javascript", "wss://a", 'config.key = "wss://a";'),
        ("nginx", "900s", "key 900s;"),
        ("nginx", "900s; lua_code 1", None),
        ("nginx", "{ a b; } }", None),
        ("yaml", "a", None),
    ],
)
def test_values(known: Form, value: str, line: str | None) -> None:
    assert written(known, "key", value) == (None if line is None else (line,))


def test_keys_are_names() -> None:
    assert written("env", "A=b\nC", "1") is None
    assert written("lua", "os.execute('x')", "1") is None
    assert written("javascript", "a;b", "1") is None


def test_a_block_of_nginx_has_a_line_for_each_directive() -> None:
    assert written("nginx", "location = /a", '{ proxy_pass http://b; proxy_set_header Connection "x; y"; }') == (
        "location = /a {",
        "    proxy_pass http://b;",
        '    proxy_set_header Connection "x; y";',
        "}",
    )


def test_what_is_taken_out_and_what_stands_among_others_has_no_line() -> None:
    assert lines(coturn.setting("no-auth", op="remove")) == ()
    there = Set(system="x", file="/etc/jitsi/videobridge/jvb.conf", key="a.b", value="1", line=3, audience="server")
    assert lines(there) == ()
