"""`--lang`, and what the environment says of languages."""

from __future__ import annotations

import json

import pytest

from natprobe.cli.errors import UsageError
from natprobe.cli.language import language
from tests.cli.command import REPORTS, natprobe

BLOCKED = str(REPORTS / "udp-blocked.json")
CHINESE = "本网络收不到任何 UDP 回包"

TOLD = [
    ({}, "en"),
    ({"LANG": "C"}, "en"),
    ({"LANG": "C.UTF-8"}, "en"),
    ({"LANG": "POSIX"}, "en"),
    ({"LANG": "de_DE.UTF-8"}, "en"),
    ({"LANG": "zh_CN.UTF-8"}, "zh"),
    ({"LANG": "zh_TW.Big5"}, "zh"),
    ({"LANG": "zh"}, "zh"),
    ({"LANG": "zhx_XX"}, "en"),
    ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"),
    ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
    ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": ""}, "zh"),
    ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
    ({"LANG": "en_US", "LC_MESSAGES": "en_US", "LC_ALL": "zh_CN@pinyin"}, "zh"),
    ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "en"}, "en"),
    ({"LANG": "en_US.UTF-8", "LANGUAGE": "de:zh_CN:en"}, "zh"),
    ({"LANG": "en_US.UTF-8", "LANGUAGE": "en:zh"}, "en"),
    ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "de"}, "en"),
    ({"LANG": "C", "LANGUAGE": "zh"}, "en"),
    ({"LANGUAGE": "zh"}, "en"),
    ({"LANG": "\x1b[31m"}, "en"),
]


@pytest.mark.parametrize(("environment", "expected"), TOLD, ids=str)
def test_the_environment_is_read_as_gettext_does(environment: dict[str, str], expected: str) -> None:
    assert language(None, environment) == expected


@pytest.mark.parametrize(("wanted", "expected"), [("en", "en"), ("zh", "zh"), ("zh-CN", "zh"), ("ZH_cn.UTF-8", "zh")])
def test_the_option_counts_first(wanted: str, expected: str) -> None:
    assert language(wanted, {"LC_ALL": "zh_CN.UTF-8"}) == expected


@pytest.mark.parametrize("wanted", ["de", "", "C", "\x1b[31m", "z" * 5000, "../../etc"])
def test_another_language_is_refused(wanted: str) -> None:
    with pytest.raises(UsageError, match="there is no language") as told:
        language(wanted, {})
    assert len(str(told.value)) < 120
    assert "\x1b" not in str(told.value)


@pytest.mark.parametrize("name", ["text", "html", "markdown"])
def test_people_are_told_in_their_language(name: str) -> None:
    told = natprobe("diagnose", BLOCKED, "-f", name, "--lang", "zh")
    assert (told.returncode, told.stderr) == (0, b"")
    assert CHINESE in told.stdout.decode()
    assert natprobe("diagnose", BLOCKED, "-f", name, LC_ALL="zh_CN.UTF-8").stdout == told.stdout
    assert CHINESE not in natprobe("diagnose", BLOCKED, "-f", name).stdout.decode()


@pytest.mark.parametrize("name", ["json", "junit", "sarif", "github", "line", "prometheus"])
def test_programs_are_told_in_english_everywhere(name: str) -> None:
    plain = natprobe("diagnose", BLOCKED, "-f", name)
    assert natprobe("diagnose", BLOCKED, "-f", name, "--lang", "zh").stdout == plain.stdout
    assert natprobe("diagnose", BLOCKED, "-f", name, LANG="zh_CN.UTF-8").stdout == plain.stdout


def test_several_outputs_speak_each_for_itself(tmp_path: object) -> None:
    html, saved = f"{tmp_path}/a.html", f"{tmp_path}/a.json"
    natprobe("diagnose", BLOCKED, "-o", html, "-o", saved, "--lang", "zh")
    with open(html, encoding="utf-8") as file:
        text = file.read()
    assert 'lang="zh-Hans"' in text
    assert CHINESE in text
    with open(saved, encoding="utf-8") as file:
        report = json.load(file)
    assert report["verdict"]["summary"].isascii()
    again = natprobe("diagnose", html)
    assert again.stdout == natprobe("diagnose", BLOCKED).stdout  # what travels inside is English


def test_a_terminal_without_chinese_gets_what_it_can_show() -> None:
    told = natprobe("diagnose", BLOCKED, "--lang", "zh", PYTHONIOENCODING="ascii:strict", PYTHONUTF8="0")
    assert told.returncode == 0
    assert told.stdout.isascii()
    assert b"\\u672c\\u7f51\\u7edc" in told.stdout
    assert natprobe("diagnose", BLOCKED, LC_ALL="C").stdout.isascii()


def test_rules_pages_are_told_in_both_languages() -> None:
    chinese, english = natprobe("explain", "NP101", "--lang", "zh"), natprobe("explain", "NP101")
    assert CHINESE in chinese.stdout.decode()
    assert b"NP101 udp-blocked" in chinese.stdout
    assert b"What to do" in english.stdout
    assert b"What to do" not in chinese.stdout


def test_an_unknown_language_is_a_usage_error() -> None:
    told = natprobe("diagnose", BLOCKED, "--lang", "de")
    assert (told.returncode, told.stdout) == (2, b"")
    assert b"there is no language 'de'; there are en, zh" in told.stderr
    assert natprobe("explain", "NP101", "--lang", "de").returncode == 2
