"""Packet filters' rules as real programs printed them, and what they do with a stranger's first packet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natprobe.facts import Passage
from natprobe.model import Failure
from natprobe.servers.filters import Table, iptables, nft
from natprobe.servers.filters.owners import managers, zone
from natprobe.servers.filters.passages import Asked, Place, led_on, passages
from natprobe.servers.filters.reading import Ruleset, Said, read
from natprobe.servers.filters.walk import Own

HERE = Path(__file__).parent / "filters"
SERVER, SECOND, SERVER6, CONTAINER = "203.0.113.9", "203.0.113.10", "2001:db8:5::9", "172.17.0.2"
OWN = [
    Own(SERVER, "eth0", 24),
    Own(SECOND, "eth0", 24),
    Own(SERVER6, "eth0", 64),
    Own("172.17.0.1", "docker0", 16),
]
NAMES = {"v4": "iptables", "v6": "ip6tables", "json": "nft-json", "nft": "nft", "legacy": "iptables-legacy"}
HEAD = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:own - [0:0]\n"


def captured(name: str) -> Ruleset:
    """What the real programs said of one of tests/netns/filter_rules.py."""
    return read({NAMES[path.suffix[1:]]: Said(path.read_text()) for path in HERE.glob(f"{name}.*")})


def saved(*rules: str, head: str = HEAD) -> Ruleset:
    return read({"iptables": Said(head + "\n".join(rules) + "\nCOMMIT\n"), "nft-json": Said('{"nftables": []}')})


def native(*rules: list[Any], policy: str = "drop", sets: Sequence[dict[str, Any]] = ()) -> Ruleset:
    """An input chain of nft's."""
    at = {"family": "inet", "table": "own"}
    chain = {**at, "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": policy}
    listed = [{"rule": {**at, "chain": "in", "handle": n, "expr": each}} for n, each in enumerate(rules, 1)]
    said = [{"table": {"family": "inet", "name": "own"}}, *sets, {"chain": chain}, *listed]
    return read({"nft-json": Said(json.dumps({"nftables": said}))})


def told(ruleset: Ruleset, word: str, address: str = SERVER) -> list[Passage]:
    """`udp/10000`, `udp/10000-10100`."""
    proto, _, ports = word.partition("/")
    low, _, high = ports.partition("-")
    asked = Asked("udp" if proto == "udp" else "tcp", int(low), int(high or low))
    return list(passages(ruleset, asked, Place(address, "eth0"), OWN, "eth0"))


def outcome(ruleset: Ruleset, word: str, address: str = SERVER) -> str:
    return told(ruleset, word, address)[0].outcome


def test_ufw_and_docker() -> None:
    ruleset = captured("ufw-and-docker")
    assert managers(ruleset.tables).keys() >= {"ufw", "docker"}
    assert {each.manager: each.active for each in ruleset.filters} == {"iptables": True, "ufw": True, "docker": True}
    (shut,) = told(ruleset, "tcp/80")
    assert (shut.outcome, shut.rule, shut.chain, shut.manager) == ("drop", "policy drop", "ip filter INPUT", "ufw")
    (shut,) = told(ruleset, "tcp/80", SERVER6)
    assert (shut.outcome, shut.chain, shut.manager) == ("drop", "ip6 filter INPUT", "ufw")
    (open_,) = told(ruleset, "tcp/443")
    assert (open_.outcome, open_.manager, open_.to, open_.passed_by) == ("accept", "ufw", None, "")
    (led,) = told(ruleset, "tcp/8080")
    assert (led.outcome, led.manager, led.to) == ("accept", "docker", f"{CONTAINER}:80")
    assert (led.passed_by, led.passed_manager) == ("policy drop", "ufw")
    assert led_on(ruleset.tables) == [Asked("tcp", 8080, 8080), Asked("udp", 10000, 10000), Asked("tcp", 2222, 2222)]


def test_firewalld() -> None:
    ruleset = captured("firewalld")
    assert {each.manager for each in ruleset.filters if each.active} == {"nftables", "firewalld"}
    (open_,) = told(ruleset, "tcp/443")
    assert (open_.outcome, open_.rule) == ("accept", "tcp dport 443 accept")
    assert open_.chain == "inet firewalld filter_IN_public_allow"
    (shut,) = told(ruleset, "udp/10000", SERVER6)
    assert (shut.outcome, shut.manager) == ("reject", "firewalld")
    assert (shut.rule, zone(shut.chain.split()[-1])) == ("reject with icmpx admin-prohibited", "public")
    shut, some = told(ruleset, "tcp/5349")
    assert (shut.outcome, some.outcome, some.sources) == ("reject", "accept", "192.0.2.0/24")
    assert told(ruleset, "tcp/8080")[0].to == f"{CONTAINER}:80"


def test_nft_of_ones_own() -> None:
    ruleset = captured("named-sets")
    assert [outcome(ruleset, each) for each in ("tcp/80", "tcp/450", "tcp/501", "udp/10000")] == [
        "accept",
        "accept",
        "drop",
        "accept",
    ]
    assert outcome(ruleset, "udp/10000", SECOND) == "drop"
    assert told(ruleset, "tcp/80")[0].rule == "tcp dport @web accept"
    assert outcome(captured("verdict-maps"), "udp/10000") == "accept"
    assert told(captured("translated"), "tcp/8080")[0].to == f"{CONTAINER}:80"


def test_what_iptables_leaves_out_nft_tells() -> None:
    """Its own program lists such a table with the usual chains alone."""
    text = "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\nCOMMIT\n"
    said = {"nft-json": Said((HERE / "translated.json").read_text()), "iptables": Said(text)}
    assert told(read(said), "tcp/8080")[0].to == f"{CONTAINER}:80"


def test_a_range_fares_as_a_whole_or_up_to_the_first_port_that_differs() -> None:
    ruleset = saved(
        "-A INPUT -p udp -m udp --dport 10000:10100 -j ACCEPT",
        "-A INPUT -p udp -m udp --dport 10101:10200 -j ACCEPT",
        "-A INPUT -p udp -m udp --dport 10150 -j DROP",
        "-A INPUT -p tcp -m tcp --dport 10050 -j DROP",
    )
    assert [(e.port, e.port_end, e.outcome) for e in told(ruleset, "udp/10000-10300")] == [
        (10000, 10200, "accept"),
        (10201, 10300, "drop"),
    ]
    assert [(e.port, e.port_end) for e in told(ruleset, "udp/49152-65535")] == [(49152, 65535)]


def test_thousands_of_ports_one_by_one_are_not_gone_through_for_ever() -> None:
    ruleset = saved(*(f"-A INPUT -p udp -m udp --dport {port} -j ACCEPT" for port in range(20000, 24000, 2)))
    found = told(ruleset, "udp/20000-24000")
    assert found[-1].outcome == "unknown"
    assert len(found) < 200


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("-m conntrack --ctstate NEW -j ACCEPT", "accept"),
        ("-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "drop"),
        ("-m conntrack ! --ctstate INVALID -j ACCEPT", "accept"),
        ("-p udp -m multiport --dports 80,9000:11000 -j ACCEPT", "accept"),
        ("-p udp -m multiport ! --dports 80,9000:11000 -j ACCEPT", "drop"),
        ("-p udp -m udp --sport 1024:65535 --dport 10000 -j ACCEPT", "accept"),
        ("-p udp -m udp --sport 53 -j ACCEPT", "drop"),
        ("-p tcp -m tcp --dport 10000 -j ACCEPT", "drop"),
        ("! -p tcp -j ACCEPT", "accept"),
        ("-p 17 -j ACCEPT", "accept"),
        ("-i eth+ -j ACCEPT", "accept"),
        ("! -i eth0 -j ACCEPT", "drop"),
        ("-d 203.0.113.0/24 -j ACCEPT", "accept"),
        ("-d 203.0.113.10/32 -j ACCEPT", "drop"),
        ("-s 0.0.0.0/0 -j ACCEPT", "accept"),
        ("-s 10.0.0.0/8 -j ACCEPT", "drop"),
        ("! -s 10.0.0.0/8 -j ACCEPT", "accept"),
        ("-s 198.51.100.0/24 -j ACCEPT", "drop"),
        ("-m addrtype --dst-type LOCAL -j ACCEPT", "accept"),
        ("-m addrtype ! --dst-type LOCAL -j ACCEPT", "drop"),
        ("-m set --match-set friends src -j ACCEPT", "drop"),
        ("-m set --match-set ports dst -j ACCEPT", "unknown"),
        ("-m limit --limit 5/sec -j ACCEPT", "unknown"),
        ("-m limit --limit 5/sec -j LOG", "drop"),
        ("-m hashlimit --hashlimit-above 5/sec --hashlimit-mode srcip --hashlimit-name a -j REJECT", "drop"),
        ("-m mark --mark 0x1 -j ACCEPT", "drop"),
        ("-m mark ! --mark 0x1 -j ACCEPT", "accept"),
        ("-m recent --rcheck --name knocked --rsource -j ACCEPT", "drop"),
        ("-m string --string x --algo bm -j ACCEPT", "unknown"),
        ("-m nobody-knows --what 7 -j ACCEPT", "unknown"),
        ("-m policy --dir in --pol ipsec -j ACCEPT", "drop"),
        ("-j NFQUEUE --queue-num 0", "unknown"),
        ("-j nowhere", "unknown"),
        ("-j own", "drop"),
        ("-g own", "drop"),
        ("", "drop"),
        ('-m comment --comment "never ends -j ACCEPT', "drop"),
    ],
)
def test_conditions_of_iptables(rule: str, said: str) -> None:
    assert outcome(saved(f"-A INPUT {rule}"), "udp/10000") == said


def test_marks_count_from_the_rule_on_that_sets_them() -> None:
    marking = "-A INPUT -p udp -j MARK --set-xmark 0x1/0xffffffff"
    asked = "-A INPUT -m mark --mark 0x1 -j ACCEPT"
    assert outcome(saved(marking, asked), "udp/10000") == "unknown"
    assert outcome(saved(marking, asked), "tcp/443") == "drop"
    assert outcome(saved("-A INPUT -j MARK --set-xmark 0x0/0xf0000", asked), "udp/10000") == "drop"


def test_a_loop_of_chains_comes_to_an_end() -> None:
    chains = HEAD + "".join(f":c{n} - [0:0]\n" for n in range(30))
    rules = [f"-A c{n} -j c{(n + k) % 30}" for n in range(30) for k in (1, 2, 3)]
    assert outcome(saved("-A INPUT -j c0", *rules, head=chains), "udp/10000") in ("drop", "unknown")


MATCH = [
    ({"meta": {"key": "iifname"}}, "==", "eth*", "accept"),
    ({"meta": {"key": "l4proto"}}, "==", {"set": ["tcp", "udp"]}, "accept"),
    ({"payload": {"protocol": "th", "field": "dport"}}, "==", {"range": [9000, 11000]}, "accept"),
    ({"payload": {"protocol": "udp", "field": "dport"}}, "!=", 10000, "drop"),
    ({"payload": {"protocol": "tcp", "field": "dport"}}, "!=", 10000, "drop"),
    ({"payload": {"protocol": "udp", "field": "dport"}}, "<", 10001, "accept"),
    ({"payload": {"protocol": "udp", "field": "dport"}}, ">", 10000, "drop"),
    ({"payload": {"protocol": "ip", "field": "daddr"}}, "==", {"prefix": {"addr": "203.0.113.0", "len": 24}}, "accept"),
    ({"payload": {"protocol": "ip6", "field": "daddr"}}, "!=", "2001:db8::1", "drop"),
    ({"payload": {"base": "th", "offset": 96, "len": 32}}, "==", 5, "unknown"),
    ({"meta": {"key": "mark"}}, "==", 0, "accept"),
    ({"&": [{"meta": {"key": "mark"}}, 16]}, "==", 16, "drop"),
    ({"&": [{"meta": {"key": "mark"}}, 16]}, "!=", 16, "accept"),
    ({"meta": {"key": "cpu"}}, "==", 1, "unknown"),
    ({"fib": {"result": "type", "flags": ["daddr"]}}, "==", "local", "accept"),
    ({"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, "==", False, "drop"),
    ({"ct": {"key": "state"}}, "in", ["new", "established"], "accept"),
    ({"payload": {"protocol": "udp", "field": "dport"}}, "==", "@nobody", "unknown"),
    ({"payload": {"protocol": "ip", "field": "saddr"}}, "==", "@learned", "drop"),
    ({"numgen": {"mode": "inc", "mod": 2, "offset": 0}}, "==", 0, "unknown"),
    (None, "==", None, "unknown"),
    ({"payload": None}, "==", 1, "unknown"),
]


@pytest.mark.parametrize(("left", "op", "right", "said"), MATCH, ids=lambda each: json.dumps(each)[:60])
def test_conditions_of_nft(left: Any, op: str, right: Any, said: str) -> None:
    learned = {"set": {"family": "inet", "table": "own", "name": "learned", "flags": ["dynamic"]}}
    rule = [{"match": {"op": op, "left": left, "right": right}}, {"accept": None}]
    assert outcome(native(rule, sets=[learned]), "udp/10000") == said


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ({"counter": {"packets": 0, "bytes": 0}}, "accept"),
        ({"xt": {"type": "match", "name": "comment"}}, "accept"),
        ({"xt": {"type": "match", "name": "string"}}, "unknown"),
        ({"limit": {"rate": 5, "per": "second"}}, "unknown"),
        ({"limit": {"rate": 5, "per": "second", "inv": True}}, "drop"),
        ({"something": {"new": 1}}, "unknown"),
        ({"queue": None}, "unknown"),
        (7, "unknown"),
    ],
)
def test_statements_of_nft(statement: Any, said: str) -> None:
    assert outcome(native([statement, {"accept": None}]), "udp/10000") == said


def test_every_base_chain_that_shuts_a_port_is_named() -> None:
    said = {
        "iptables": Said(HEAD + "COMMIT\n"),
        "iptables-legacy": Said(HEAD + "-A INPUT -p udp -j REJECT\nCOMMIT\n"),
        "nft-json": Said('{"nftables": []}'),
    }
    found = told(read(said), "udp/10000")
    assert [(each.outcome, each.manager) for each in found] == [("drop", "iptables"), ("reject", "iptables-legacy")]


EMPTY, DENIED, BROKEN = Said('{"nftables": []}'), Said(failure="EPERM"), Said(failure="EIO")
NO_RIGHT, NONE = Failure.PERMISSION_DENIED, Failure.UNSUPPORTED
SEEN: list[tuple[dict[str, Said], bool, dict[str, Failure | None]]] = [
    ({}, False, {}),
    ({"ufw": Said("inactive")}, False, {"ufw": None}),
    ({"nft-json": EMPTY}, True, {"nftables": None}),
    ({"nft-json": DENIED}, False, {"nftables": NO_RIGHT}),
    ({"nft-json": Said("no json")}, False, {"nftables": Failure.PROTOCOL}),
    ({"nft-json": BROKEN, "iptables": Said(HEAD + "COMMIT")}, True, {"nftables": NONE, "iptables": None}),
    ({"nft-json": EMPTY, "iptables-legacy": DENIED}, False, {"nftables": None, "iptables-legacy": NO_RIGHT}),
    ({"nft-json": EMPTY, "iptables": BROKEN}, True, {"nftables": None, "iptables": NONE}),
    ({"iptables": Said(failure="EMSGSIZE")}, False, {"iptables": Failure.LIMIT}),
]


@pytest.mark.parametrize(("said", "whole", "failures"), SEEN)
def test_what_could_not_be_seen(said: dict[str, Said], whole: bool, failures: dict[str, Failure | None]) -> None:
    found = read(said)
    assert found.whole is whole
    assert {each.manager: each.failure for each in found.filters} == failures


LINES = st.sampled_from(
    ["*filter", ":INPUT DROP [0:0]", "-A INPUT -j ACCEPT", "COMMIT", "-A INPUT -s 1.2.3.4/99 -j DROP"]
)
WORDS = st.sampled_from(
    [
        "-A",
        "INPUT",
        "-p",
        "udp",
        "-m",
        "!",
        "--dport",
        "10000",
        "-j",
        "DNAT",
        "--to-destination",
        "::",
        "-s",
        "a/b",
        '"',
    ]
)


@pytest.mark.parametrize(
    ("to", "led"),
    [
        (f"{CONTAINER}", f"{CONTAINER}:10000"),
        (f"{CONTAINER}:80", f"{CONTAINER}:80"),
        (":9", f"{SERVER}:9"),
        ("2001:db8::5", None),
        ("[2001:db8::5]:80", None),
        ("nonsense", None),
    ],
)
def test_where_dnat_leads(to: str, led: str | None) -> None:
    head = "*nat\n:PREROUTING ACCEPT [0:0]\n"
    (found,) = told(saved(f"-A PREROUTING -p udp -j DNAT --to-destination {to}", head=head), "udp/10000")
    assert found.to == led


@given(st.sampled_from(["filter", "nat"]), st.lists(LINES | st.text() | st.lists(WORDS).map(" ".join)))
def test_no_text_of_iptables_breaks_it(table: str, lines: list[str]) -> None:
    tables = iptables.parse(
        "\n".join([f"*{table}", ":INPUT ACCEPT [0:0]", ":PREROUTING ACCEPT [0:0]", *lines, "COMMIT"]), "ip", "iptables"
    )
    assert looked(tables)


KEYS = (
    "match",
    "left",
    "right",
    "op",
    "set",
    "range",
    "prefix",
    "payload",
    "meta",
    "ct",
    "fib",
    "&",
    "concat",
    "elem",
    "val",
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(["@x", "*", "lo"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(JSON, JSON, JSON)
def test_no_json_of_nft_breaks_it(left: Any, right: Any, more: Any) -> None:
    rule = [
        {"match": {"op": "==", "left": left, "right": right}},
        more,
        {"vmap": {"key": left, "data": right}},
        {"dnat": more},
    ]
    assert looked(native(rule, [{"drop": None}]).tables)


@given(JSON)
def test_nor_json_of_anybody_else(value: Any) -> None:
    for text in (
        json.dumps(value),
        json.dumps({"nftables": value}),
        json.dumps({"nftables": [{"rule": value, "set": value}]}),
    ):
        try:
            nft.parse(text)
        except ValueError:
            continue


def looked(tables: tuple[Table, ...]) -> bool:
    ruleset = Ruleset(tables, (), True)
    return all(told(ruleset, "udp/9990-10010", address) for address in (SERVER, SERVER6)) and led_on(tables) is not None
