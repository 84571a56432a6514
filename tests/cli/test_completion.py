"""What TAB offers, asked through the shells' own functions, as the documented line sets them up."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from natprobe.causes import BY_CODE, CAUSES
from natprobe.cli.catalogue import _LISTS
from natprobe.cli.language import LANGUAGES
from natprobe.model import PATHS
from natprobe.render import formats
from natprobe.render._dialects import NAMES
from natprobe.run import INSPECTION, SEQUENCE
from tests.cli.command import ROOT, environment
from tests.test_layers import HEAVY

BASH = """
eval "$(_NATPROBE_COMPLETE=source_bash natprobe)"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_natprobe_completion natprobe
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = """
_NATPROBE_COMPLETE=source_fish natprobe | source
complete --do-complete "$argv"
"""
# zsh's own machinery needs a terminal: what it is handed is shown.
ZSH = """
compdef() { }
_arguments() { print -r -- "$@" }
_files() { print files }
eval "$(_NATPROBE_COMPLETE=source_zsh natprobe)"
words=("$@") CURRENT=$#
_natprobe_completion
"""


# `python -m natprobe` calls itself so; the installed program is called natprobe.
INSTALLED = f"""#!{sys.executable}
import sys
sys.argv[0] = "natprobe"
from natprobe.cli import main
main()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`natprobe`, as it is installed."""
    made = tmp_path_factory.mktemp("bin")
    (made / "natprobe").write_text(INSTALLED)
    (made / "natprobe").chmod(0o755)
    return made


def shell(folder: Path, *argv: str) -> list[str]:
    env = environment(PATH=f"{folder}:{environment()['PATH']}", HOME=str(folder))
    done = subprocess.run(argv, capture_output=True, text=True, env=env, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("check", "--only", "s"), [each for each in SEQUENCE if each.startswith("s")]),
        (("check", "--skip", ""), list(SEQUENCE)),
        (("inspect", "--only", ""), list(INSPECTION)),
        (("check", "--kind", "j"), ["jitsi", "janus"]),
        (("diagnose", "-f", ""), formats()),
        (("check", "--require", ""), list(PATHS)),
        (("inspect", "--fail-on", ""), ["error", "warning", "note", "never"]),
        (("demo", "--lang", ""), list(LANGUAGES)),
        (("check", "--dialect", ""), [*NAMES, "all"]),
        (("explain", "NP5"), [each for each in BY_CODE if each.startswith("NP5")]),
        (("explain", "np52"), ["np520", "np521", "np522", "np523"]),
        (("explain", "turn-o"), ["turn-open-relay"]),
        (("explain", ""), list(CAUSES)),
        (("list", ""), list(_LISTS)),
        (("expl",), ["explain"]),
        (("check", "--fail"), ["--fail-on"]),
    ],
    ids=" ".join,
)
def test_bash(folder: Path, words: tuple[str, ...], offered: list[str]) -> None:
    assert shell(folder, "bash", "--norc", "-c", BASH, "bash", "natprobe", *words) == offered


def test_bash_is_left_files_to_complete(folder: Path) -> None:
    assert shell(folder, "bash", "--norc", "-c", BASH, "bash", "natprobe", "check", "--policy", "p") == []
    script = 'eval "$(_NATPROBE_COMPLETE=source_bash natprobe)"; complete -p natprobe'
    said = shell(folder, "bash", "--norc", "-c", script)
    assert said == ["complete", "-o", "default", "-F", "_natprobe_completion", "natprobe"]


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish here")
def test_fish(folder: Path) -> None:
    assert shell(folder, "fish", "--no-config", "-c", FISH, "natprobe explain turn-o") == ["turn-open-relay"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh here")
def test_zsh(folder: Path) -> None:
    said = shell(folder, "zsh", "-f", "-c", ZSH, "zsh", "natprobe", "explain", "turn-o")
    assert said == ["*:", ':(("turn-open-relay"))']
    assert shell(folder, "zsh", "-f", "-c", ZSH, "zsh", "natprobe", "check", "--policy", "") == ["files"]


@pytest.mark.parametrize("words", ["check --only s", "explain NP", "check --dialect u", "inspect --fail-on e"])
def test_it_loads_nothing_heavy(words: str) -> None:
    code = (
        "import sys\nfrom natprobe.cli import main\nsys.argv = ['natprobe']\ntry:\n main()\n"
        f"finally:\n sys.stderr.write(str([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    asked = {
        "_NATPROBE_COMPLETE": "complete_bash",
        "COMP_WORDS": f"natprobe {words}",
        "COMP_CWORD": str(len(words.split())),
    }
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment(**asked), cwd=ROOT, timeout=60)
    assert done.stdout
    assert done.stderr == "[]"
