"""Reports full of what terminals act on: shown as words, never obeyed."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from natprobe.codec import dump, load, merge
from natprobe.diagnose import diagnose
from natprobe.facts import KINDS, Known
from natprobe.model import Fix, Foreign, Observation, Report
from natprobe.render import formats, renderer
from natprobe.render._manner import Manner
from natprobe.render._words import _SAY, advice, seen
from natprobe.render.text import WIDTH, lines
from tests.cli.command import ROOT, on_a_terminal
from tests.samples import filled, filled_with

REPORTS = {path.stem: path.read_text() for path in (ROOT / "tests" / "reports").glob("*.json")}
HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J\x9b31m[bold red]RED[/bold red][link=file:///etc/passwd]x[/link]:smile:"
    "\r\n\x08\x7f\u202eright\u2066\u200b\u2028line\ufeff\U000e0041 {0} {host} %s $(reboot) <b>&amp;"
)
FORBIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def judged(text: str) -> Report:
    saved = load(text)
    return diagnose(saved.target, saved.observations, saved.sources)


def poisoned(name: str) -> str:
    """A real report in which every text that may hold anything holds this, and one of each kind besides."""
    report = json.loads(REPORTS[name])
    for source in report["sources"]:
        source.update(label=HOSTILE, natprobe=HOSTILE)
    report["target"]["input"] = HOSTILE
    for each in report["observations"]:
        each |= {"detail": HOSTILE, "flow": HOSTILE, "newer": {HOSTILE: HOSTILE}}
        each |= {key: HOSTILE for key in ("subject", "issuer", "software", "server_header", "operator") if key in each}
    for number, kind in enumerate(get_args(Known), 5000):
        full = filled_with(kind, HOSTILE, id=number)
        report["observations"].append(msgspec.to_builtins(full) | {"failure": "timeout"})
    report["observations"].append({"kind": HOSTILE, "id": 9000, "source": 0, HOSTILE: HOSTILE})
    return json.dumps(report)


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("verbose", [False, True])
def test_text_has_no_controls(name: str, verbose: bool) -> None:
    shown = [line.text for line in lines(judged(poisoned(name)), Manner(verbose=verbose))]
    for line in shown:
        assert not [c for c in line if unicodedata.category(c) in FORBIDDEN], ascii(line)
    if verbose:
        assert any("[bold red]RED[/bold red]" in line for line in shown)


@pytest.mark.parametrize("name", REPORTS)
def test_json_stays_one_document_with_every_byte(name: str) -> None:
    text = renderer("json").render(judged(poisoned(name)))
    report = json.loads(text)
    assert report["target"]["input"] == HOSTILE
    assert load(f"Hi,\n{text}\n{text}") == load(text)
    assert [each["detail"] for each in report["observations"] if each["id"] < 100] == [HOSTILE] * sum(
        each["id"] < 100 for each in report["observations"]
    )


@pytest.mark.parametrize("name", formats())
def test_the_same_report_gives_the_same_bytes(name: str) -> None:
    report = judged(poisoned("web-broken"))
    assert renderer(name).render(report) == renderer(name).render(judged(dump(report)))


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("text", ["plain", "poisoned"])
def test_eighty_columns_where_words_allow(name: str, text: str) -> None:
    report = judged(REPORTS[name] if text == "plain" else poisoned(name))
    for line in lines(report, Manner(verbose=True)):
        words = line.text.split()
        longest = max(map(len, words), default=0)
        assert len(line.text) <= WIDTH or line.copied or longest > WIDTH - 20, line.text


def test_on_a_terminal_only_our_own_colours_are_colours(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(poisoned("web-broken"))
    shown = (
        on_a_terminal("diagnose", str(tmp_path / "r.json"), "-v", "--fail-on", "never", TERM="xterm")
        .decode()
        .replace("\r\n", "\n")
    )
    assert "\x1b[1;31m" in shown  # it has colours
    bare = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert not [c for c in bare if c != "\n" and unicodedata.category(c) in FORBIDDEN]
    assert "[bold red]RED[/bold red]" in bare
    assert "[link=file:///etc/passwd]x[/link]:smile:" in bare
    saved = merge([("", load(poisoned("web-broken")))])
    report = diagnose(saved.target, saved.observations, saved.sources)
    plain = "\n".join(line.text for line in lines(report, Manner(verbose=True)))
    assert bare.partition("\nGate\n")[0].strip() == plain.strip()


# --- words


@pytest.mark.parametrize("kind", KINDS.values())
def test_every_kind_has_words(kind: type[Observation]) -> None:
    assert kind in _SAY
    for failure in (None, "timeout"):
        plain = msgspec.to_builtins(filled(kind)) | {"failure": failure, "detail": "because"}
        words = seen(msgspec.convert(plain, kind))
        assert len(words) > 10
        assert "None" not in words
        assert ("timeout (because)" in words) is (failure is not None)


@pytest.mark.parametrize("kind", KINDS.values())
def test_words_need_only_what_a_kind_must_have(kind: type[Observation]) -> None:
    required = {name: getattr(filled(kind), name) for name in _required(kind)}
    assert "None" not in seen(kind(**required))


def _required(kind: type[Observation]) -> list[str]:
    return [each.name for each in msgspec.structs.fields(kind) if each.required]


def test_a_kind_from_tomorrow_has_a_word() -> None:
    assert seen(Foreign(raw={"kind": "X"})) == "Foreign"


@pytest.mark.parametrize("kind", get_args(Fix))
def test_every_fix_has_words(kind: type[Any]) -> None:
    words = advice(filled(kind))
    assert words
    assert all(words)
    assert "None" not in " ".join(words)
