"""The parsers of turnserver.conf, Prosody's Lua, Janus's libconfig and nginx's files: what they read, and no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natprobe.servers.files import COMPUTED, DEPTH_MAX, ENTRIES_MAX, Entry, parser

LUA = """-- a remark
local domain = "turn." .. 'example.test'
admins = { "a@example.test", [[b@example.test]] }
secret = os.getenv("TURN_SECRET") or "fallback"
external_services = {
  { type = "turn", host = domain, port = 3478, ["secret"] = "s"; algorithm = "turn" };
  { type = "stun", host = domain };
}
VirtualHost "meet.example.test"
  ssl = { key = "/k.key", certificate = "/k.crt" } -- behind it
  http_ports = {}
Component "conference.meet.example.test" "muc"
  modules_enabled = { "a"; -- the first
    "b" }
VirtualHost("other.example.test")
Include "conf.d/*.cfg.lua"
if something then hidden = 1 end
broken = =
lost = "behind it"
after = "line\\n\\65\\x42"
"""
NGINX = """user www-data; # a remark
http {
  server {
    listen 443 ssl; server_name a.test "b.test";
    location = /xmpp-websocket {
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header X-Token "a secret";
    }
  }
}
stream { map $ssl_preread_server_name $b { ~^turn turn; default web; } }"""
JANUS = """# a remark
general: {
\tadmin_secret = "one" "two"\t// beside it
\t/* nothing = "here" */
}
nat = {
\tnat_1_1_mapping = "203.0.113.7"; list = ( { a = 1 }, { a = 2; b = "x\\"y" } )
\tports = [ 1, 2 ]
\tbad == 3 foo = 4
\tgood = true
}
@include "more.jcfg"
"""


def read(form: str, text: str) -> list[tuple[int, str, str, str]]:
    return [(e.line, " / ".join(e.section), e.key, e.value) for e in parser(form)(text).entries]  # type: ignore[arg-type]


def test_turnserver_conf_as_coturn_reads_it() -> None:
    text = (
        '# remark\nlistening-port=3478\nrealm  example.test\n  lt-cred-mech\nuser=a:b # c\nserver-name = "x"\nno-tls=0'
    )
    assert read("flat", text) == [
        (2, "", "listening-port", "3478"),
        (3, "", "realm", "example.test"),
        (4, "", "lt-cred-mech", ""),
        (5, "", "user", "a:b # c"),
        (6, "", "server-name", "x"),
        (7, "", "no-tls", "0"),
    ]


def test_lua() -> None:
    host, room = "VirtualHost meet.example.test", "Component conference.meet.example.test"
    assert read("lua", LUA) == [
        (3, "", "admins", "a@example.test"),
        (3, "", "admins", "b@example.test"),
        (4, "", "secret", COMPUTED),
        (6, "external_services[0]", "type", "turn"),
        (6, "external_services[0]", "host", "turn.example.test"),
        (6, "external_services[0]", "port", "3478"),
        (6, "external_services[0]", "secret", "s"),
        (6, "external_services[0]", "algorithm", "turn"),
        (7, "external_services[1]", "type", "stun"),
        (7, "external_services[1]", "host", "turn.example.test"),
        (9, "", "VirtualHost", "meet.example.test"),
        (10, f"{host} / ssl", "key", "/k.key"),
        (10, f"{host} / ssl", "certificate", "/k.crt"),
        (11, host, "http_ports", "{}"),
        (12, "", "Component", "conference.meet.example.test"),
        (12, room, "component_module", "muc"),
        (13, room, "modules_enabled", "a"),
        (14, room, "modules_enabled", "b"),
        (15, "", "VirtualHost", "other.example.test"),
        (16, "", "Include", "conf.d/*.cfg.lua"),
        (20, "VirtualHost other.example.test", "after", "line\nAB"),
    ]
    assert parser("lua")(LUA).broken_at == 18


def test_nginx() -> None:
    server, place = "http / server line 3", "http / server line 3 / location = /xmpp-websocket"
    assert read("nginx", NGINX) == [
        (1, "", "user", "www-data"),
        (2, "", "http", ""),
        (3, "http", "server", ""),
        (4, server, "listen", "443 ssl"),
        (4, server, "server_name", "a.test b.test"),
        (5, server, "location", "= /xmpp-websocket"),
        (6, place, "proxy_set_header upgrade", "$http_upgrade"),
        (7, place, "proxy_set_header x-token", "a secret"),
        (11, "", "stream", ""),
        (11, "stream", "map", "$ssl_preread_server_name $b"),
        (11, "stream / map $ssl_preread_server_name $b", "~^turn", "turn"),
        (11, "stream / map $ssl_preread_server_name $b", "default", "web"),
    ]
    assert parser("nginx")(NGINX).broken_at is None


@pytest.mark.parametrize(("text", "line"), [("a {\n b c;\n", 2), ("a b;\n} c;", 2), ("a;\nb c", 2), ("{ a; }", 1)])
def test_nginx_braces(text: str, line: int) -> None:
    assert parser("nginx")(text).broken_at == line


def test_libconfig() -> None:
    assert read("libconfig", JANUS) == [
        (3, "general", "admin_secret", "onetwo"),
        (7, "nat", "nat_1_1_mapping", "203.0.113.7"),
        (7, "nat / list[0]", "a", "1"),
        (7, "nat / list[1]", "a", "2"),
        (7, "nat / list[1]", "b", 'x"y'),
        (8, "nat", "ports", "1"),
        (8, "nat", "ports", "2"),
        (10, "nat", "good", "true"),
        (12, "", "@include", "more.jcfg"),
    ]
    assert parser("libconfig")(JANUS).broken_at == 9


def test_a_mistake_costs_one_setting() -> None:
    text = 'a = {\n x = "1"\n y "2"\n z = "3"\n'
    assert [each.key for each in parser("libconfig")(text).entries] == ["x", "z"]
    assert parser("libconfig")(text).broken_at == 3


FORMS = ("flat", "lua", "nginx", "libconfig")
PIECES = (
    *(
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        '"',
        "'",
        "\\",
        "/*",
        "*/",
        "#",
        "--[[",
        "]]",
        "=",
        ";",
        ",",
        "\n",
        "a",
        "a=",
        "x={",
    ),
    *("a b;", "a{", "@include", "VirtualHost ", "function", "end", "..", "\x00", "é", "\ud7ff", "$", "${", "1", " "),
)


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join) | st.text(max_size=200))
def test_nothing_stops_them(text: str) -> None:
    for form in FORMS:
        found = parser(form)(text)  # type: ignore[arg-type]
        lines = text.count("\n") + 1
        assert len(found.entries) <= ENTRIES_MAX
        assert all(isinstance(each, Entry) and 1 <= each.line <= lines for each in found.entries)
        assert all(len(each.section) <= DEPTH_MAX + 1 for each in found.entries)
        assert found.broken_at is None or found.broken_at >= 1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("piece", ["{", "}", '\\"', "/*", "a=", "[[", "{a=", "a{", "not ", "f("])
def test_a_mebibyte_of_nonsense_ends(form: str, piece: str) -> None:
    """Each step of a grammar may read to the end of the file: such files took minutes and gigabytes."""
    found = parser(form)(piece * ((1 << 20) // len(piece)))  # type: ignore[arg-type]
    assert len(found.entries) <= ENTRIES_MAX
