"""The parsers of docker-jitsi-meet's, the bridge's and the page's files: what stands on which line, and any text."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from natprobe.facts.config import Form
from natprobe.servers.files import Entry, count_lines, parser
from natprobe.servers.files.text import decoded

Row = tuple[int, tuple[str, ...], str, str]


def rows(form: Form, text: str) -> list[Row]:
    return [(each.line, each.section, each.key, each.value) for each in parser(form)(text).entries]


def broken(form: Form, text: str) -> int | None:
    return parser(form)(text).broken_at


class TestEnv:
    TEXT = "A=1\n\n# B=2\n\nexport C='x y' # why\nD=\"${A}\"\nE=a#b\nF=a #b\nG=\nH\n"

    def test_lines_and_quotes(self) -> None:
        assert rows("env", self.TEXT) == [
            (1, (), "A", "1"),
            (5, (), "C", "x y"),
            (6, (), "D", "${A}"),
            (7, (), "E", "a#b"),
            (8, (), "F", "a"),
            (9, (), "G", ""),
        ]

    def test_what_makes_no_sense_is_told_and_what_follows_is_read(self) -> None:
        assert broken("env", "A=1\n!! x\nB='never ended\nC=3\n") == 2
        assert rows("env", "A=1\nB='never ended\nC=3\n")[-1] == (3, (), "C", "3")


class TestProperties:
    def test_every_way_to_write_one(self) -> None:
        text = "# no\n! no\na=1\nb : 2\nc 3\nd=\\\n   4\n\\u0065\\=f=g\\th\nlonely\n"
        assert rows("properties", text) == [
            (3, (), "a", "1"),
            (4, (), "b", "2"),
            (5, (), "c", "3"),
            (6, (), "d", "4"),
            (8, (), "e=f", "g\th"),
            (9, (), "lonely", ""),
        ]

    def test_the_old_mapping(self) -> None:
        key = "org.ice4j.ice.harvest.NAT_HARVESTER_LOCAL_ADDRESS"
        assert rows("properties", f"{key}=192.168.1.223\n") == [(1, (), key, "192.168.1.223")]


class TestHocon:
    MAPPING = "ice4j.harvest.mapping.static-mappings"

    def test_objects_dots_and_quotes_come_to_one_name(self) -> None:
        text = 'videobridge {\n  ice { udp { port = 10001 } }\n  "http-servers".private { host : 0.0.0.0 } // here\n}\n'
        assert rows("hocon", text) == [
            (2, (), "videobridge.ice.udp.port", "10001"),
            (3, (), "videobridge.http-servers.private.host", "0.0.0.0"),
        ]

    def test_a_list_of_objects_is_numbered(self) -> None:
        text = (
            'ice4j { harvest { mapping {\n static-mappings = [\n  { local-address = "10.0.0.1"\n    public-address'
            ' = "203.0.113.1" },\n  { local-address = 10.0.0.2, public-address = 203.0.113.2 }\n ]\n}}}\n'
        )
        assert rows("hocon", text) == [
            (3, (f"{self.MAPPING}[0]",), "local-address", "10.0.0.1"),
            (4, (f"{self.MAPPING}[0]",), "public-address", "203.0.113.1"),
            (5, (f"{self.MAPPING}[1]",), "local-address", "10.0.0.2"),
            (5, (f"{self.MAPPING}[1]",), "public-address", "203.0.113.2"),
        ]
        assert broken("hocon", text) is None

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ('a = ["x:1", "y:2"]', ["x:1", "y:2"]),
            ("a = [x\n  y, z]", ["x", "y", "z"]),
            ("a = []", ["[]"]),
            ("a += b", ["b"]),
            ('a = ${other} "and" more', ["${other} and more"]),
            ('a = ""', [""]),
            ('a = """one\n"two" three"""', ['one\n"two" three']),
            ("a = b # c", ["b"]),
            ('a = "http://b"', ["http://b"]),
            ("a = b // c", ["b"]),
            ("{ a = 1 }", ["1"]),
            ("a\n=\n1", ["1"]),
            ("a =\n  1", ["1"]),
        ],
    )
    def test_values(self, text: str, value: list[str]) -> None:
        assert [each[3] for each in rows("hocon", text)] == value

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("a = {\nb = 1\n", 3),
            ("a = 1 }\nb = 2", 1),
            ("a = [1, 2\n", 2),
            ("a = x:443", 1),
            ("\nno sense at all\nb=1", 2),
        ],
    )
    def test_where_it_makes_no_sense(self, text: str, line: int) -> None:
        assert broken("hocon", text) == line

    def test_it_goes_on_behind_that(self) -> None:
        assert rows("hocon", "a = 1 }\nwhat\nb = 2")[-1] == (3, (), "b", "2")

    def test_includes_are_entries(self) -> None:
        text = 'include "custom-jvb.conf"\ninclude required(file("/a/b.conf"))\nincluded = 1\n'
        assert rows("hocon", text) == [
            (1, (), "include", "custom-jvb.conf"),
            (2, (), "include", "/a/b.conf"),
            (3, (), "included", "1"),
        ]


class TestCompose:
    def test_ports_and_variables_in_every_form(self) -> None:
        text = (
            "services:\n  web:\n    ports:\n      - '${HTTP_PORT}:80'\n      - target: 443\n        published: 8443\n"
            "    environment:\n      - PUBLIC_URL\n      - A=b=c\n  jvb:\n    environment:\n      JVB_PORT:\n"
            '      B: ""\n      C: x # why\n    network_mode: host\n'
        )
        assert rows("yaml", text) == [
            (4, ("services", "web"), "ports", "${HTTP_PORT}:80"),
            (5, ("services", "web", "ports[0]"), "target", "443"),
            (6, ("services", "web", "ports[0]"), "published", "8443"),
            (8, ("services", "web", "environment"), "PUBLIC_URL", "${PUBLIC_URL}"),
            (9, ("services", "web", "environment"), "A", "b=c"),
            (12, ("services", "jvb", "environment"), "JVB_PORT", "${JVB_PORT}"),
            (13, ("services", "jvb", "environment"), "B", ""),
            (14, ("services", "jvb", "environment"), "C", "x"),
            (15, ("services", "jvb"), "network_mode", "host"),
        ]

    def test_an_alias_is_told_and_not_followed(self) -> None:
        text = "x: &x\n  A: 1\nservices:\n  jvb:\n    <<: *x\n    environment: *x\n"
        assert rows("yaml", text)[1:] == [
            (5, ("services", "jvb"), "<<", ""),
            (6, ("services", "jvb", "environment"), "<<", ""),
        ]

    def test_what_stands_before_the_fault_counts(self) -> None:
        text = "services:\n  jvb:\n    image: a\n bad: [\n"
        assert rows("yaml", text) == [(3, ("services", "jvb"), "image", "a")]
        assert broken("yaml", text) == 4

    def test_a_bomb_of_aliases_costs_nothing(self) -> None:
        bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))
        began = time.process_time()
        parser("yaml")(bomb)
        assert time.process_time() - began < 2


class TestConfigJs:
    TEXT = (
        "var config = {\n  hosts: { domain: 'a' },\n  bosh: '//a/http-bind',\n  computed: 'x' + y,\n  p2p: {\n"
        "    stunServers: [\n      { urls: 'stun:a:1' },\n      { urls: 'turn:a:2', credential: 'c' },\n    ] }\n};\n"
        "config.p2p.enabled = false;\nother = { bosh: 'no' };\n"
    )

    def test_literals_with_their_lines(self) -> None:
        assert rows("javascript", self.TEXT) == [
            (2, ("hosts",), "domain", "a"),
            (3, (), "bosh", "//a/http-bind"),
            (7, ("p2p", "stunServers[0]"), "urls", "stun:a:1"),
            (8, ("p2p", "stunServers[1]"), "urls", "turn:a:2"),
            (8, ("p2p", "stunServers[1]"), "credential", "c"),
            (11, ("p2p",), "enabled", "false"),
        ]

    def test_around_a_fault(self) -> None:
        text = "var config = {\n  bosh: 'a',\n  oops oops,\n  websocket: 'b'\n};\n"
        assert broken("javascript", text) == 3
        assert (4, (), "websocket", "b") in rows("javascript", text)


MINE: tuple[Form, ...] = ("env", "yaml", "hocon", "properties", "javascript")
MARKS = (
    """{ } [ ] ( ) = : , . # " ' \\ $ & * < > ! | - + / ; // /* {{ \"\"\" ${A} a b.c A=b é << *x &x services: \\u00e9"""
)
PIECES = st.sampled_from(
    [*MARKS.split(), " ", "\t", "\n", "\n\n", "- ", "include ", "\x00", "\ufeff", "\u2028", "config.x = "]
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=120).map("".join))


@pytest.mark.parametrize("form", MINE)
@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
@example(text="")
@example(text="[" * 5000)
@example(text="{" * 5000)
@example(text="a: " * 2000)
@example(text="config = " + "(" * 3000)
def test_any_text_is_read(form: Form, text: str) -> None:
    """Nothing is raised, and lines are the text's own."""
    parsed = parser(form)(text)
    last = text.count("\n") + 1
    assert all(1 <= each.line <= last for each in parsed.entries)
    assert parsed.broken_at is None or 1 <= parsed.broken_at <= last
    assert all(isinstance(each.value, str) and each.key is not None for each in parsed.entries)


HOSTILE = [
    "A=" + " " * 500_000 + "\n",
    ("A='" + "\\'" * 50 + "\n") * 5000,
    "a {" * 100_000,
    '"""' * 150_000 + "x",
    "a=[" * 150_000,
    "- " * 100_000,
    "{a: " * 50_000,
    "\\\n" * 200_000,
    "a = b + " * 60_000,
]


@pytest.mark.parametrize("form", MINE)
@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_no_text_of_half_a_megabyte_takes_seconds(form: Form, number: int) -> None:
    """The bound is far above what each takes, and far below what a search that goes back would."""
    began = time.process_time()
    parser(form)(HOSTILE[number])
    assert time.process_time() - began < 5


def test_an_entry_shows_no_value() -> None:
    assert "tyrannosaurus" not in repr(Entry(1, (), "secret", "tyrannosaurus"))


@pytest.mark.parametrize(
    "name", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"]
)
def test_any_encoding_is_text(name: str) -> None:
    text = "PUBLIC_URL=https://m\xfcnchen.example.test\nJVB_PORT=10000\n"
    assert decoded(text.encode(name)) == text
    assert decoded(text.replace("\n", "\r\n").encode(name)) == text


def test_half_a_character_at_the_end_is_no_fault() -> None:
    assert (decoded("\xfc".encode()[:1] + b"") or "") != ""
    assert decoded(("a=\xfc" * 10).encode()[:-1]) == "a=\xfc" * 9 + "a=\ufffd"


@pytest.mark.parametrize(
    "data", [bytes(range(256)) * 20, b"\x7fELF" + bytes(2000), b"\x1f\x8b\x08" + bytes(range(30)) * 9]
)
def test_what_is_no_text_is_none(data: bytes) -> None:
    assert decoded(data) is None


@given(data=st.binary(max_size=400))
def test_any_bytes_are_text_or_not(data: bytes) -> None:
    text = decoded(data)
    assert text is None or "\r" not in text


@pytest.mark.parametrize(("text", "lines"), [("", 0), ("a", 1), ("a\n", 1), ("a\nb", 2), ("\n", 1)])
def test_lines_are_counted_as_editors_do(text: str, lines: int) -> None:
    assert count_lines(text) == lines
