"""docs/guides/ci.md is run as it is written: its policy, its jobs' shell parts, its lines for a terminal.

What would reach out has a stand-in, at the head of PATH: `pip`, `podman` and `sleep` write down what they were asked,
`podman run` runs natprobe as the container would, and `natprobe check` reads a saved report instead (or checks a
`natprobe serve` on loopback, without other servers). Everything else is what a job would run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from natprobe.codec import load
from natprobe.policy import read
from tests.cli.command import REPORTS, ROOT, environment, started

GUIDE = (ROOT / "docs" / "guides" / "ci.md").read_text()
POLICY = "natprobe-policy.toml"
RELAYED, BROKEN, UNTOLD = "jitsi-only-web-out-relayed", "jitsi-only-web-out", "untold"

NATPROBE = """#!/bin/sh
if [ "$1" = check ] && [ -s "$STAND_INS/saved" ]; then
  saved=$(head -n 1 "$STAND_INS/saved")
  [ "$(wc -l <"$STAND_INS/saved")" -eq 1 ] || sed -i 1d "$STAND_INS/saved"
  shift 2
  set -- diagnose "$saved" "$@"
elif [ "$1" = check ]; then
  set -- "$@" --stun none -4
fi
exec {python} -m natprobe "$@"
"""
NOTED = '#!/bin/sh\necho "$(basename "$0") $*" >>"$STAND_INS/noted"\n'
PODMAN = NOTED + '[ "$1" = run ] || exit 0\nwhile [ "$1" != natprobe ]; do shift; done\nshift\nexec natprobe "$@"\n'


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


class Job:
    """A folder as CI checks it out, and what happens in it."""

    def __init__(self, folder: Path, *saved: str) -> None:
        self.folder, self.stand_ins = folder / "work", folder / "bin"
        self.folder.mkdir()
        self.stand_ins.mkdir()
        (self.folder / POLICY).write_text(blocks("toml")[0])
        (self.stand_ins / "saved").write_text("".join(f"{self.report(name)}\n" for name in saved))
        (self.stand_ins / "noted").touch()
        words = {"natprobe": NATPROBE.replace("{python}", sys.executable), "podman": PODMAN}
        for name, text in ({"pip": NOTED, "sleep": NOTED} | words).items():
            (self.stand_ins / name).write_text(text)
            (self.stand_ins / name).chmod(0o755)

    def report(self, name: str) -> Path:
        """A saved one; or one in which nobody looked at a certificate."""
        if name != UNTOLD:
            return REPORTS / f"{name}.json"
        report = json.loads((REPORTS / f"{RELAYED}.json").read_text())
        report["observations"] = [each for each in report["observations"] if each["kind"] != "Certificate"]
        (self.stand_ins / "untold.json").write_text(json.dumps(report))
        return self.stand_ins / "untold.json"

    def run(self, *shell: str, target: str = "meet.example.test") -> subprocess.CompletedProcess[str]:
        own = {"PATH": f"{self.stand_ins}:{os.environ['PATH']}", "STAND_INS": str(self.stand_ins), "TARGET": target}
        own |= {"GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"), "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            shell, capture_output=True, text=True, cwd=self.folder, env=environment(**own), timeout=60
        )

    @property
    def noted(self) -> list[str]:
        return (self.stand_ins / "noted").read_text().splitlines()

    def made(self, *names: str) -> None:
        """Each is there and is what its name says."""
        for name in names:
            text = (self.folder / name).read_text()
            assert text, name
            if name.endswith(".json"):
                assert load(text)
            elif name.endswith(".xml"):
                assert ET.fromstring(text).tag == "testsuites"
            elif name.endswith(".sarif"):
                assert json.loads(text)["version"] == "2.1.0"


# --- the policy


def test_the_policy_names_every_key() -> None:
    read(blocks("toml")[0])
    rows = re.findall(r"^\| `(?:\[+)?([a-z_]+)(?:\]+)?` \|", GUIDE, re.MULTILINE)
    assert set(rows) == set(read("").__struct_fields__)


@pytest.mark.parametrize(("saved", "code"), [(RELAYED, 0), (BROKEN, 1), (UNTOLD, 3)])
def test_its_exit_codes(tmp_path: Path, saved: str, code: int) -> None:
    done = Job(tmp_path, saved).run("sh", "-c", f'natprobe check "$TARGET" --policy {POLICY}')
    assert done.returncode == code, done.stderr


def test_what_it_says(tmp_path: Path) -> None:
    done = Job(tmp_path, BROKEN).run("sh", "-c", f'natprobe check "$TARGET" --policy {POLICY}')
    (told,) = blocks("text")
    for shown, line in zip(told.splitlines(), done.stderr.splitlines(), strict=True):
        assert line == shown or (shown.endswith(" …") and line.startswith(shown[:-1]))


# --- jobs


def github() -> dict[Any, Any]:
    (found,) = [each for each in map(yaml.safe_load, blocks("yaml")) if "jobs" in each]
    return found  # type: ignore[no-any-return]  # YAML


def gitlab() -> dict[str, Any]:
    (found,) = [each for each in map(yaml.safe_load, blocks("yaml")) if "jobs" not in each]
    return found  # type: ignore[no-any-return]  # YAML


def test_githubs_workflow_is_one() -> None:
    workflow = github()
    assert workflow.keys() == {"name", True, "permissions", "jobs"}  # YAML 1.1 reads `on` so
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["runs-on"]
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/x@v1"))
            assert "${{" not in step.get("run", "")  # what an expression brings would be run as it stands


@pytest.mark.parametrize(
    ("saved", "code", "pauses"),
    [((RELAYED,), 0, 0), ((BROKEN,), 1, 0), ((UNTOLD,), 0, 1), ((UNTOLD, RELAYED), 0, 1), ((UNTOLD, BROKEN), 1, 1)],
)
def test_githubs_steps(tmp_path: Path, saved: tuple[str, ...], code: int, pauses: int) -> None:
    job = Job(tmp_path, *saved)
    install, check = [step["run"] for step in github()["jobs"]["natprobe"]["steps"] if "run" in step]
    assert job.run("bash", "-e", "-c", install).returncode == 0
    assert job.noted == ["pip install ./natprobe"]
    done = job.run("bash", "-e", "-c", check)
    assert done.returncode == code, done.stderr
    assert job.noted[1:] == ["sleep 60"] * pauses
    assert ("::warning::natprobe could not tell" in done.stdout) is (saved == (UNTOLD,))
    assert ("::error" in done.stdout) is (code == 1)
    uploaded = github()["jobs"]["natprobe"]["steps"][-1]["with"]["path"].split()
    job.made("summary.md", *uploaded)


@pytest.mark.parametrize(("saved", "code"), [(RELAYED, 0), (BROKEN, 1), (UNTOLD, 3)])
def test_gitlabs_job(tmp_path: Path, saved: str, code: int) -> None:
    (job,) = gitlab().values()
    assert job["allow_failure"] == {"exit_codes": [3]}
    assert job["retry"] == {"max": 1, "exit_codes": [3]}
    assert job["image"].startswith("python:3.")
    here = Job(tmp_path, saved)
    done = here.run("sh", "-e", "-c", "\n".join((*job["before_script"], *job["script"])))
    assert done.returncode == code, done.stderr
    assert here.noted == ["pip install ./natprobe"]
    here.made(*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"])


# --- lines for a terminal


def sh(word: str) -> str:
    (found,) = [each for each in blocks("sh") if word in each]
    return found


@pytest.fixture
def served() -> Iterator[str]:
    """The line that a `natprobe serve` on loopback prints."""
    child = started("serve", "--udp", "0", "--tcp", "0", "--address", "127.0.0.1", "--host", "127.0.0.1", "--for", "60")
    assert child.stdout is not None
    try:
        yield next(
            found[0] for line in child.stdout if (found := re.search(r"natprobe://[^\s']+", line.decode())) is not None
        )
    finally:
        child.terminate()
        child.communicate(timeout=10)


def test_the_smallest_gate(tmp_path: Path, served: str) -> None:
    """A real check."""
    job = Job(tmp_path)
    done = job.run("sh", "-e", "-c", sh("--require direct-udp"), target=served)
    assert done.returncode == 0, done.stderr
    job.made("report.json", "report.txt")


def test_saved_reports(tmp_path: Path) -> None:
    job = Job(tmp_path)
    shutil.copy(REPORTS / f"{RELAYED}.json", job.folder / "report.json")
    for script in blocks("sh"):
        if "natprobe check" not in script:
            done = job.run("sh", "-e", "-c", script)
            assert done.returncode == 0, (script, done.stderr)
    job.made("report.html", "report.prom")


def test_the_container_is_run(tmp_path: Path) -> None:
    job = Job(tmp_path, RELAYED)
    done = job.run("sh", "-e", "-c", sh("podman"))
    assert done.returncode == 0, done.stderr
    assert [each.split()[1] for each in job.noted] == ["build", "run"]
    job.made("report.json", "junit.xml")


def test_every_line_for_a_terminal_is_run_somewhere() -> None:
    run = [sh("--require direct-udp"), sh("podman"), *(each for each in blocks("sh") if "natprobe check" not in each)]
    assert sorted(run) == sorted(blocks("sh"))


# --- the container


def instructions() -> list[tuple[str, str]]:
    (text,) = blocks("dockerfile")
    whole = re.sub(r"\\\n\s*", "", text)
    return [(word, rest) for line in whole.splitlines() if line for word, _, rest in [line.partition(" ")]]


def copied() -> list[str]:
    """What it takes out of the clone."""
    own = [rest for word, rest in instructions() if word == "COPY" and not rest.startswith("--from")]
    return [name for rest in own for name in rest.split()[:-1]]


def test_the_recipe_is_sound() -> None:
    known = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "ENTRYPOINT", "CMD"}
    assert {word for word, _ in instructions()} <= known
    assert [name for name in copied() if not (ROOT / name).exists()] == []
    stages = [rest.partition(" AS ")[2] for word, rest in instructions() if word == "FROM"]
    assert [each for each in re.findall(r"from=(\w+)", blocks("dockerfile")[0]) if each not in stages] == []
    last = dict(instructions())
    assert last["USER"] == "natprobe"
    assert f"--create-home {last['USER']}" in [rest for word, rest in instructions() if word == "RUN"][-1]
    assert json.loads(last["ENTRYPOINT"]) == ["natprobe"]


def test_a_wheel_comes_of_what_it_copies(tmp_path: Path) -> None:
    source, wheels = tmp_path / "src", tmp_path / "wheels"
    source.mkdir()
    for name in copied():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(build, cwd=source, check=True, capture_output=True, timeout=60)
    assert [path.suffix for path in wheels.iterdir()] == [".whl"]
