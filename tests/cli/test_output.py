"""Where the words go: formats and files, pipes that close, disks that are full, colours, encodings."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import NATPROBE, REPORTS, ROOT, environment, natprobe, on_a_terminal, shell

HEALTHY = str(REPORTS / "peer-healthy.json")
BROKEN = str(REPORTS / "web-broken.json")


def test_lines_are_in_the_dialects_asked_for() -> None:
    """In the order of the list, each once; without any, those of what most have."""
    silent = str(REPORTS / "silent-media-port.json")

    def opening(*words: str) -> list[str]:
        text = natprobe("diagnose", silent, "-q", *words).stdout.decode()
        return [word for word in ("sudo nft", "sudo iptables", "uci set", "FRITZ!Box") if word in text]

    assert opening() == []
    assert opening("--dialect", "iptables", "--dialect", "nft", "--dialect", "nft") == ["sudo nft", "sudo iptables"]
    assert opening("--dialect", "all") == ["sudo nft", "sudo iptables", "uci set", "FRITZ!Box"]


@pytest.mark.parametrize(
    ("words", "stdout", "files"),
    [
        ((), "text", {}),
        (("--json",), "json", {}),
        (("-f", "json"), "json", {}),
        (("-o", "a.json"), None, {"a.json": "json"}),
        (("-o", "a.JSON"), None, {"a.JSON": "json"}),
        (("-o", "a.txt"), None, {"a.txt": "text"}),
        (("-o", "a.log", "-o", "b"), None, {"a.log": "text", "b": "text"}),
        (("-f", "json", "-o", "a.txt"), None, {"a.txt": "json"}),
        (("-o", "a.txt", "-f", "json", "-f", "text"), "text", {"a.txt": "json"}),
        (("-f", "text", "-o", "a.json", "--json"), "json", {"a.json": "text"}),
        (("-f", "json", "-f", "text", "-o", "a", "-o", "b"), None, {"a": "json", "b": "text"}),
    ],
)
def test_the_nth_file_takes_the_nth_format(
    words: tuple[str, ...], stdout: str | None, files: dict[str, str], tmp_path: Path
) -> None:
    done = natprobe("diagnose", HEALTHY, "-q", *words, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert kind(done.stdout.decode()) == stdout
    assert {each.name: kind(each.read_text()) for each in tmp_path.iterdir()} == files


def kind(text: str) -> str | None:
    if not text:
        return None
    if text.startswith("{"):
        assert json.loads(text)["schema"] == "natprobe-report/1"
        return "json"
    assert "Verdict:" in text
    return "text"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", b"it is a folder"),
        ("/nowhere/a.json", b"No such file"),
        ("/proc/a.json", b"cannot write"),
        ("/etc/passwd/a.json", b"Not a directory"),
        ("x" * 300, b"File name too long"),
        ("", b"folder"),
    ],
)
def test_what_cannot_be_written_is_told_before_anything_is_sent(path: str, words: bytes) -> None:
    done = natprobe("demo", "-o", path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in done.stderr
    assert done.stderr.count(b"\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "a").touch(mode=0o400)
    assert natprobe("demo", "-o", str(tmp_path / "a")).returncode == 2


def test_trying_a_file_out_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("precious")
    done = natprobe("demo", "-o", "old.json", "-o", "new.json", "-f", "json", "-f", "json", "-f", "x", cwd=tmp_path)
    assert done.returncode == 2
    done = natprobe("check", "a b", "-o", "old.json", "-o", "new.json", cwd=tmp_path)
    assert done.returncode == 2
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"old.json": "precious"}


def test_a_report_that_no_longer_fits_goes_to_stdout() -> None:
    done = natprobe("diagnose", HEALTHY, "-f", "json", "-o", "/dev/full", "-q")
    assert done.returncode == 2
    assert kind(done.stdout.decode()) == "json"
    assert b"'/dev/full': No space left" in done.stderr


def test_a_full_disk_behind_stdout() -> None:
    for words in (("diagnose", HEALTHY), ("diagnose", HEALTHY, "--json"), ("schema",), ("explain", "NP101")):
        done = shell('"$@" >/dev/full', *words)
        assert done.returncode == 2
        assert done.stderr == b"natprobe: cannot write to stdout: No space left on device\n"


@pytest.mark.parametrize("words", [("diagnose", BROKEN, "-v"), ("schema",), ("explain", "NP101"), ("--help",)])
def test_a_closed_pipe_is_no_error(words: tuple[str, ...]) -> None:
    done = shell('{ sleep 0.3; exec "$@"; } | head -c 1; exit', *words)
    assert (done.returncode, done.stderr) == (0, b"")
    code = shell('{ sleep 0.3; "$@"; echo $? >&2; } | true', *words).stderr
    assert code == (b"1\n" if words[1:2] == (BROKEN,) else b"0\n")


def test_nobody_reads_the_progress() -> None:
    """A closed stderr neither crashes a probe nor changes the exit code."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*NATPROBE, "demo", "--json"], stdout=subprocess.PIPE, stderr=writer, cwd=ROOT, env=environment(), timeout=60
    )
    os.close(writer)
    assert done.returncode == 0
    ends = {
        each["probe"]: each["status"] for each in json.loads(done.stdout)["observations"] if each["kind"] == "Probed"
    }
    # Nobody asked for the lifetime, and there is no page, no relay and nowhere to sign in.
    servers = {"signalling", "join", "services", "pool", "channel", "siblings"}
    tried = {"lifetime", "standing", "turn", "relayed", "relay_size", "audit", "burst", "cascade"}
    asked_less = {"compare", "rates", "marks"} | tried | servers
    assert {name for name, status in ends.items() if status != "complete"} == asked_less


@pytest.mark.parametrize("closing", [">&-", "2>&-", ">&- 2>&-"])
def test_streams_that_are_not_there(closing: str) -> None:
    assert shell(f'"$@" {closing}', "diagnose", HEALTHY).returncode == 0
    assert shell(f'"$@" {closing}', "diagnose", BROKEN).returncode == 1
    assert shell(f'"$@" {closing}', "diagnose", "/nowhere").returncode == 2


def test_loud_files_have_the_exchanges(tmp_path: Path) -> None:
    for words in (("-o", "a.txt"), ("-o", "b.txt", "-v")):
        assert natprobe("diagnose", HEALTHY, "-q", *words, cwd=tmp_path).returncode == 0
    short, long = (tmp_path / "a.txt").read_text(), (tmp_path / "b.txt").read_text()
    assert long.startswith(short.partition("\n\nGate\n")[0])
    assert len(long) > len(short)
    assert long == natprobe("diagnose", HEALTHY, "-v").stdout.decode()


def test_quiet_and_loud() -> None:
    loud, quiet = natprobe("demo", "--json"), natprobe("demo", "--json", "-q")
    assert quiet.stderr == b""
    assert b"natprobe: media complete\n" in loud.stderr
    for done in (loud, quiet):
        assert kind(done.stdout.decode()) == "json"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-16"])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    """JSON is UTF-8 wherever it goes; text shows what the terminal has."""
    report = json.loads(Path(HEALTHY).read_text())
    report["sources"][0]["label"] = "büro 会议"
    path = tmp_path / "r.json"
    path.write_text(json.dumps(report))
    done = natprobe("diagnose", str(path), "--json", PYTHONIOENCODING=encoding)
    assert json.loads(done.stdout.decode("utf-8"))["sources"][0]["label"] == "büro 会议"
    text = natprobe("diagnose", str(path), "-v", PYTHONIOENCODING=encoding)
    assert (done.returncode, text.returncode) == (0, 0)
    assert "Verdict: good" in text.stdout.decode(encoding)


def test_colours_for_a_terminal_and_for_nobody_who_said_no() -> None:
    assert b"\x1b[" in on_a_terminal("demo", TERM="xterm-256color")
    for words, env in ((("--no-color",), {}), ((), {"NO_COLOR": "1"}), ((), {"TERM": "dumb"})):
        seen = on_a_terminal("demo", *words, columns=0, **{"TERM": "xterm-256color", **env})
        assert b"\x1b" not in seen
        assert b"Verdict: good" in seen
    for done in (natprobe("demo", FORCE_COLOR="1"), natprobe("diagnose", BROKEN, "-v")):
        assert b"\x1b" not in done.stdout + done.stderr
