"""The lines that `inspect --diff` writes for Jitsi's files, applied by git: what they are about is gone then."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from natprobe.cli.patch import diff
from natprobe.host.server import SystemMachine
from natprobe.model import Observation, Report
from natprobe.servers.files.rewriting import rewritten
from tests.inspecting import CONFIGS, read
from tests.made import saw
from tests.made_server import INNER, PUBLIC, inspected, own

HERE: tuple[Observation, ...] = (
    own(INNER),
    own("172.18.0.1", "br-1", scope="container"),
    saw(mapped=f"{PUBLIC}:40000"),
)


def report(folder: Path) -> Report:
    return inspected(*read(None, str(folder)), *HERE)


def codes(found: Report) -> set[str]:
    return {each.code for each in found.findings} & {"NP309", "NP408", "NP509", "NP511", "NP512", "NP517", "NP518"}


def mended(folder: Path) -> str:
    patch = diff(report(folder), SystemMachine())
    lines = "".join(each for each in patch.splitlines(keepends=True) if not each.startswith("#"))
    command = ["git", "apply", "--unidiff-zero", "-p1", "--directory", "", "--unsafe-paths", "-"]
    root = str(folder.resolve()).lstrip("/")
    local = lines.replace(f"a/{root}/", "a/").replace(f"b/{root}/", "b/")
    subprocess.run(command, input=local.encode(), cwd=folder, check=True, capture_output=True, timeout=20)
    return patch


@pytest.fixture
def copied(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / "jitsi"
    shutil.copytree(CONFIGS / request.param, folder)
    return folder


@pytest.mark.parametrize("copied", ["problem-d/broken"], indirect=True)
def test_the_fourth_problem_mended_by_its_lines(copied: Path) -> None:
    """All but PUBLIC_URL, which only its administrator knows, and what the container has to write anew."""
    before = codes(report(copied))
    patch = mended(copied)
    assert "tyrannosaurus" not in patch
    assert {"NP509", "NP511", "NP517"} <= before
    text = (copied / ".env").read_text()
    assert f"JVB_ADVERTISE_IPS={PUBLIC}\n" in text
    assert "JVB_TCP" not in text
    assert "'127.0.0.1:8080:8080'" in (copied / "docker-compose.yml").read_text()
    (copied / "cfg/jvb/sip-communicator.properties").unlink()  # as new containers do
    assert codes(report(copied)) == {"NP408"}


HOCON = """ice4j.harvest.mapping.static-mappings = [
  { local-address = "192.168.1.9"
    public-address = "203.0.113.222" }
]
videobridge.http-servers.private.host = 0.0.0.0
videobridge.ice.tcp.enabled = true
"""


def test_a_bridge_of_packages_mended_by_its_lines(tmp_path: Path) -> None:
    (tmp_path / "jvb.conf").write_text(HOCON)
    assert codes(report(tmp_path)) == {"NP509", "NP512", "NP517"}
    mended(tmp_path)
    assert (tmp_path / "jvb.conf").read_text() == (
        HOCON.replace("192.168.1.9", INNER).replace("0.0.0.0", "127.0.0.1").partition("videobridge.ice")[0]
    )
    assert codes(report(tmp_path)) == set()


@pytest.mark.parametrize(
    ("line", "key", "value", "after"),
    [
        ("a = 1\n", "a", "2", "a = 2\n"),
        ('  x = "1" # why\n', "b.x", "2", '  x = "2" # why\n'),
        ("{ a = 1, b = 2 }", "b", "3", "{ a = 1, b = 3 }"),
        ("b.x = 1; c", "a.b.x", "2", "b.x = 2; c"),
        ("a = 1, a = 2", "a", "3", None),
        ("local-a = 1", "a", "3", None),
        ("a { b = 1 }", "a", "3", None),
        ("a = [1]", "a", "3", None),
        ("a = 1", "a", '"', None),
        ("x" * 3000 + "a = 1", "a", "2", None),
    ],
)
def test_one_value_of_a_line(line: str, key: str, value: str, after: str | None) -> None:
    assert rewritten(line, key, value) == after
