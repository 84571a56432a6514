"""Policy files are read strictly: what is wrong is told with its place, and takes no time."""

from __future__ import annotations

import datetime
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natprobe.model import Where
from natprobe.policy import LINE_MAX, LIST_MAX, SIZE_MAX, BadPolicy, Limit, Policy, Require, Waiver, read

WHOLE = """
fail_on = "warning"
verdict = "good"
require = ["direct-udp", { path = "turn-tls@turn.example.com/4", every = true }]
forbid = ["NP403", "turn-open-relay"]
certificate_days = 21

[[limit]]
rtt_ms = 150
loss = 0.02

[[limit]]
path = "turn-tls"
jitter_ms = 30.5

[addresses]
name_is = ["203.0.113.10", "2001:db8::10"]
name_includes = ["203.0.113.10"]
media_includes = ["203.0.113.10"]
outside_in = ["198.51.100.0/28", "198.51.100.77"]

[[waiver]]
cause = "certificate-expiring"
where = "server-host"
host = "meet.example.com"
file = "/etc/turnserver.conf"
reason = "renewed by hand on Friday"
until = 2027-03-31
"""


def test_a_whole_one() -> None:
    policy = read(WHOLE)
    assert (policy.fail_on, policy.verdict, policy.certificate_days) == ("warning", "good", 21)
    assert policy.require == ("direct-udp", Require(path="turn-tls@turn.example.com/4", every=True))
    assert policy.limit == (Limit(rtt_ms=150, loss=0.02), Limit(path="turn-tls", jitter_ms=30.5))
    assert policy.addresses.name_is == ("203.0.113.10", "2001:db8::10")
    assert policy.waiver == (
        Waiver(
            cause="certificate-expiring",
            where=Where.SERVER_HOST,
            host="meet.example.com",
            file="/etc/turnserver.conf",
            reason="renewed by hand on Friday",
            until=datetime.date(2027, 3, 31),
        ),
    )


def test_an_empty_one() -> None:
    assert read("# nothing yet\n") == Policy()


WAIVER = '[[waiver]]\ncause = "NP403"\nreason = "why"\nuntil = 2027-01-01\n'
LONG = ", ".join(['"p2p"'] * (LIST_MAX + 1)).replace(", ", ",\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('fail-on = "error"', "the policy has no key `fail-on`"),
        ('fail_on = "doom"', "fail_on is one of error, warning, note, never"),
        ("fail_on = 3", "fail_on is one of"),
        ('verdict = "broken"', "verdict is one of good, degraded, any"),
        ('require = "direct-udp"', "require: Expected `array`, got `str`"),
        ('require = ["p2p", "teleport"]', "require 2: wants PATH[@HOST][/4|/6] with one of direct-udp"),
        ('require = ["direct-udp/5"]', "require 1: wants PATH"),
        ('require = [{ path = "p2p", all = true }]', "require 1 has no key `all`"),
        ("require = [{ every = true }]", "require 1 needs the key `path`"),
        ('require = [{ path = "p2p", every = 1 }]', "require 1.every: Expected `bool`, got `int`"),
        (f"require = [{LONG}]", f"require: has more than {LIST_MAX} entries"),
        ('forbid = ["NP999"]', "forbid 1: there is no cause 'NP999'"),
        ('forbid = ["np1*"]', "forbid 1: there is no cause"),
        ("certificate_days = 0", "certificate_days: Expected `float` > 0.0"),
        ("certificate_days = inf", "certificate_days: wants a number that ends"),
        ("certificate_days = nan", "certificate_days"),
        ('certificate_days = "21"', "certificate_days: Expected `float | null`, got `str`"),
        (f"certificate_days = 1{'0' * 400}", "certificate_days"),
        ("[limit]\nrtt_ms = 5", "limit: wants double brackets, as in [[waiver]]"),
        ("[[limit]]", "limit 1: limits nothing"),
        ('[[limit]]\nrtt_ms = 5\n[[limit]]\npath = "x"\nrtt_ms = 5', "limit 2: wants PATH"),
        ("[[limit]]\nrtt = 5", "limit 1 has no key `rtt`"),
        ("[[limit]]\nrtt_ms = -1", "limit 1.rtt_ms"),
        ("[[limit]]\nloss = 2", "limit 1.loss"),
        ("[[limit]]\njitter_ms = inf", "limit 1: wants a number that ends"),
        ('[addresses]\nname = ["192.0.2.1"]', "addresses has no key `name`"),
        ('[addresses]\nname_is = ["192.0.2.1", "meet.test"]', "addresses.name_is 2: wants an address, not 'meet.test'"),
        ('[addresses]\noutside_in = ["198.51.100.7/24"]', "addresses.outside_in 1: wants an address or a network"),
        (f"{WAIVER}when = 1", "waiver 1 has no key `when`"),
        (f'{WAIVER}where = "here"', "waiver 1.where is one of this-host, local-network"),
        (WAIVER + WAIVER.replace("2027-01-01", '"2027-01-01"'), "waiver 2.until: wants a date without quotes"),
        (WAIVER.replace("2027-01-01", "2027-01-01T08:00:00Z"), "waiver 1.until: wants a day without a time"),
        (WAIVER.replace("2027-01-01", "2027-13-01"), "it is no TOML"),
        (WAIVER.replace('"why"', '" "'), "waiver 1: wants a reason"),
        (WAIVER.replace('reason = "why"\n', ""), "waiver 1 needs the key `reason`"),
        (WAIVER.replace("until = 2027-01-01\n", ""), "waiver 1 needs the key `until`"),
        (WAIVER.replace("NP403", "the sky"), "waiver 1: there is no cause 'the sky'"),
        ("fail_on", "it is no TOML"),
        ("fail_on = 'error'\nfail_on = 'note'", "it is no TOML"),
        ("a = " + "[" * 3000, "nested too deeply"),
        ("a = " + "9" * 3900, "the policy has no key"),
        ("a." * LINE_MAX, "a line of more than"),
        ("#\n" * SIZE_MAX, f"longer than {SIZE_MAX} characters"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(BadPolicy) as caught:
        read(text)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 400


WORDS = ("fail_on", "require", "[[waiver]]", "[[limit]]", "[addresses]", "=", '"p2p"', "2027-01-01", "[", "\n", "1e9")


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=4)), max_size=30))
def test_anything_else_is_refused_in_words_of_ours(words: list[str]) -> None:
    with suppress(BadPolicy):
        read(" ".join(words))


@pytest.mark.long
def test_the_worst_file_takes_no_time() -> None:
    """As many parts of dotted keys as lines may have."""
    part = "a." * (LINE_MAX // 2 - 10)
    worst = "\n".join(f"{part}k{number} = 1" for number in range(SIZE_MAX // LINE_MAX))
    began = time.process_time()
    with pytest.raises(BadPolicy):
        read(worst)
    assert time.process_time() - began < 2
