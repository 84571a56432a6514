"""What was asked wrongly is told in one clear sentence; what was asked rightly loads nothing that it doesn't need."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from natprobe.cli.app import run
from natprobe.cli.errors import warn
from natprobe.pasted import TEXT_MAX
from tests.cli.command import REPORTS, ROOT, environment, natprobe

HEALTHY, BLOCKED = str(REPORTS / "peer-healthy.json"), str(REPORTS / "udp-blocked.json")
TOKEN = "AbCdEfGhIjKlMnOpQrStUv"
COMMANDS = ("check", "diagnose", "serve", "demo", "explain", "list", "schema")

WRONG = [
    (["nothing"], "No such command"),
    (["--nothing"], "No such option"),
    (["check"], "Missing argument"),
    (["check", ""], "the target is empty"),
    (["check", "a b"], "spaces or control"),
    (["check", "meet.example\x1b[31m"], "spaces or control"),
    (["check", "h.test", "k.test"], "unexpected extra argument"),
    (["check", "h.test", "--kind", "zoom"], "--kind is one of"),
    (["check", "h.test", "--dialect", "pf"], "there is no dialect 'pf'; there are ufw, firewalld, nft"),
    (["check", "h.test", "--only", "everything"], "there is no probe 'everything'"),
    (["check", "h.test", "--skip", "\x1b"], "there is no probe '\\x1b'"),
    (["check", "h.test", "--timeout", "0"], "--timeout wants seconds"),
    (["check", "h.test", "--timeout", "-1"], "--timeout wants seconds"),
    (["check", "h.test", "--timeout", "nan"], "--timeout wants seconds"),
    (["check", "h.test", "--timeout", "inf"], "--timeout wants seconds"),
    (["check", "h.test", "--timeout", "soon"], "not a valid float"),
    (["check", "h.test", "--bitrate", "31k"], "--bitrate wants bits per second from 32k to 20M"),
    (["check", "h.test", "--bitrate", "21M"], "--bitrate wants bits per second"),
    (["check", "h.test", "--bitrate", "fast"], "--bitrate wants bits per second"),
    (["check", "h.test", "--bitrate", "2,5M"], "--bitrate wants bits per second"),
    (["check", "h.test", "--bitrate", "-1"], "--bitrate wants bits per second"),
    (["check", "h.test", "--bitrate", "\x1b"], "--bitrate wants bits per second"),
    (["check", "h.test", "--idle", "-1"], "--idle wants 0 or seconds from 2 to 600"),
    (["check", "h.test", "--idle", "1.9"], "--idle wants 0 or seconds from 2 to 600"),
    (["check", "h.test", "--idle", "601"], "--idle wants 0 or seconds from 2 to 600"),
    (["check", "h.test", "--idle", "nan"], "--idle wants 0 or seconds"),
    (["check", "h.test", "--idle", "long"], "not a valid float"),
    (["check", "h.test", "--source", "192.0.2.99"], "neither an address nor an interface"),
    (["check", "h.test", "--stun", "none", "--stun", "s.test"], "--stun none goes with no other"),
    (["check", "h.test", "--stun", "turn:s.test"], "--stun wants stun:"),
    (["check", "h.test", *["--stun", "s.test"] * 17], "at most 16"),
    (["check", "h.test", "--turn", "stun:t.test"], "--turn wants turn:"),
    (["check", "h.test", *["--turn", "t.test"] * 9], "at most 8"),
    (["check", "h.test", "--turn-username", "alice"], "--turn-username needs --turn-password-file"),
    (["check", "h.test", "--turn-password-file", "/nowhere"], "--turn-password-file cannot be read: No such file"),
    (["check", "h.test", "--turn-secret-file", "/"], "--turn-secret-file cannot be read: Is a directory"),
    (["check", "h.test", "--turn-secret-file", "/dev/null"], "--turn-secret-file has nothing in its first line"),
    (["check", "h.test", "--turn-secret-file", "/dev/zero"], "--turn-secret-file is longer than 4096 bytes"),
    (["check", "h.test", "--ca-file", "/nowhere.pem"], "cannot be read: No such file"),
    (["check", "h.test", "--ca-file", "/"], "cannot be read: Is a directory"),
    (["check", "h.test", "--ca-file", "/dev/null"], "no PEM certificates"),
    (["check", "h.test", "--ca-file", "/dev/zero"], "larger than 4 MiB"),
    (["check", "h.test", "--ca-file", sys.executable], "--ca-file"),
    (["check", "h.test", "--fail-on", "doom"], "--fail-on is one of"),
    (["check", "h.test", "--require", "teleport"], "--require wants"),
    (["check", "h.test", "--require", "direct-udp/5"], "--require wants"),
    (["check", "h.test", "-f", "pdf"], "there is no format 'pdf'; there are github, html, json,"),
    (["check", "h.test", "-f", "_words"], "there is no format"),
    (["check", "h.test", "-f", "json", "-f", "text"], "only one format can go to stdout"),
    (["diagnose"], "Missing argument"),
    (["diagnose", "/nowhere.json"], "cannot read '/nowhere.json': No such file"),
    (["diagnose", "/"], "Is a directory"),
    (["diagnose", "x" * 300], "File name too long"),
    (["diagnose", "label=" + "x" * 300], "File name too long"),
    (["diagnose", "-", "-"], "can be read once only"),
    (["diagnose", *[HEALTHY] * 51], "at most 50"),
    (["diagnose", "/dev/zero"], "larger than 16 MiB"),
    (["diagnose", sys.executable], sys.executable),
    (["diagnose", HEALTHY, "--require", "x"], "--require wants"),
    (["demo", "x"], "unexpected extra argument"),
    (["explain", "NP999"], "there is no cause 'NP999'"),
    (["explain", "udp"], "did you mean udp-blocked"),
    (["explain", "\x1b]0;x\x07"], "there is no cause '\\x1b"),
    (["explain", ""], "there is no cause ''"),
    (["list", "everything"], "list wants one of probes, rules, formats"),
    (["serve", "--udp", "x"], "--udp wants a port"),
    (["serve", "--udp", "70000"], "--udp wants a port"),
    (["serve", "--address", "meet.test"], "--address wants"),
    (["serve", "--address", "192.0.2.99"], "192.0.2.99"),
    (["serve", "--host", "a b"], "--host"),
    (["serve", "--for", "0"], "--for wants"),
    (["serve", "--token-file", "/nowhere"], "/nowhere can't be read"),
]


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[ascii(" ".join(words))[:60] for words, _ in WRONG])
def test_wrong_questions(words: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert said in err
    assert err.startswith("natprobe: ")
    assert err.count("\n") == 1
    assert err[:-1].isprintable()
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "words",
    [
        ["demo", f"natprobe://user:{TOKEN}@h.test:1?tcp=4#{TOKEN}"],
        ["check", f"https://h.test/{TOKEN}?jwt={TOKEN}#{TOKEN}", f"https://h.test/{TOKEN}?jwt={TOKEN}"],
        ["check", f"natprobe://h.test:x#{TOKEN}"],
        ["check", f"natprobe:h.test#{TOKEN}"],
        ["check", f"natprobe://h.test:1#{TOKEN}", "--kind", "turn"],
        ["check", "h.test", "--stun", f"natprobe://h.test:1#{TOKEN}"],
        ["check", "h.test", "--turn", f"turn:user:{TOKEN}@t.test"],
        ["check", "h.test", "--turn", f"natprobe://h.test:1#{TOKEN}"],
        ["check", "h.test", "--turn-username", "alice", "--turn-password", TOKEN],
        ["check", "h.test", "--turn-username", "alice", f"--turn-password={TOKEN}"],
        ["check", "h.test", "--turn-username", "alice", "--turn-password-file", TOKEN],
        ["check", "h.test", "--turn-secret-file", TOKEN],
        ["check", "h.test", "--fail-on", f"natprobe://h.test:1#{TOKEN}"],
        ["check", f"http://[{TOKEN}/?jwt={TOKEN}"],
        ["diagnose", f"natprobe://h.test:1#{TOKEN}"],
        ["explain", f"https://h.test/{TOKEN}"],
        [f"natprobe://h.test:1#{TOKEN}"],
        [f"meet.test/Room?jwt={TOKEN}"],
        [f"meet.test/Room?jwt=a'b){TOKEN}"],
        [f"?{TOKEN}"],
        [f"turn:user:{TOKEN}@h.test"],
        [f"turn:user:a?{TOKEN}@h.test"],
        ["check", "h.test", f"meet.test/Room#jwt={TOKEN}", f"turn:user:{TOKEN}@h.test", f"?{TOKEN}"],
        ["check", "h.test", "--source", f"meet.test/Room?jwt={TOKEN}"],
        ["check", "h.test", "--source", f"{TOKEN}@h.test"],
        ["diagnose", f"https://meet.test/Room?jwt={TOKEN}"],
        ["diagnose", f"https://meet.test/Room?a=b&jwt={TOKEN}"],
        ["diagnose", f"meet.test/Room?jwt={TOKEN}"],
        ["diagnose", f"office=https://meet.test/Room?jwt={TOKEN}"],
    ],
)
def test_a_misplaced_secret_is_not_repeated(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    assert TOKEN not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("No such command 'h.test/a?jwt=x'.", "No such command 'h.test/a?…'."),
        ("cannot read 'a?b=c': No such file", "cannot read 'a?…': No such file"),
        ("did you mean this? Or that", "did you mean this? Or that"),
        ("--require wants PATH[@HOST], not 'x'", "--require wants PATH[@HOST], not 'x'"),
        ("what? (or 'why?')", "what? (or 'why?')"),
    ],
)
def test_only_what_may_be_secret_is_cut(words: str, shown: str, capfd: pytest.CaptureFixture[str]) -> None:
    warn(words)
    assert capfd.readouterr().err == f"natprobe: {shown}\n"


def test_long_nonsense_is_cut_in_no_time(capfd: pytest.CaptureFixture[str]) -> None:
    began = time.process_time()
    for each in "?:'\"(@#":
        warn(each * 100_000)
        assert len(capfd.readouterr().err) < 1100
    assert time.process_time() - began < 5


def test_no_words_at_all_show_the_help() -> None:
    done = natprobe()
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"\n  diagnose " in done.stderr


def test_words_that_are_no_unicode() -> None:
    for words in (("check", "\udcff.test"), ("\udcff",), ("diagnose", "\udcff"), ("explain", "\udcff")):
        done = natprobe(*words)
        assert done.returncode == 2
        assert done.stderr.startswith(b"natprobe: ")
        assert b"Traceback" not in done.stderr


# --- diagnose


def report_of(capfd: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert run(["diagnose", "--json", "--fail-on", "never", *words]) == 0
    return json.loads(capfd.readouterr().out)  # type: ignore[no-any-return]


def test_several_vantages(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    merged = report_of(capfd, f"office={HEALTHY}", BLOCKED, f"a=b={HEALTHY}", HEALTHY)
    assert isinstance(merged["sources"], list)
    assert [each["label"] for each in merged["sources"]] == ["office", "", "a=b", ""]
    (tmp_path / "merged.json").write_text(json.dumps(merged))
    assert report_of(capfd, str(tmp_path / "merged.json")) == merged
    assert merged["verdict"]["status"] == "degraded"  # type: ignore[index]  # of the vantage that fares worst


def test_a_file_with_an_equals_sign_is_a_file(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x=y.json").write_text(Path(HEALTHY).read_text())
    assert report_of(capfd, "x=y.json")["sources"][0]["label"] == ""  # type: ignore[index]


def test_a_labelled_path_may_have_an_equals_sign(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "x=y.json").write_text(Path(HEALTHY).read_text())
    report = report_of(capfd, f"office={tmp_path}/x=y.json")
    assert report["sources"][0]["label"] == "office"  # type: ignore[index]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_is_piped_in(encoding: str) -> None:
    text = f"Hello,\r\n\r\n```\r\n{Path(BLOCKED).read_text()}```\r\n"
    done = natprobe("diagnose", "-", "--json", stdin=text.encode(encoding))
    assert done.returncode == 0
    assert json.loads(done.stdout)["verdict"]["status"] == "degraded"


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff\xfe\x00", b"\x00" * 100, b"{" * 5000, b'{"schema": 1}'])
def test_nonsense_that_is_piped_in(data: bytes) -> None:
    done = natprobe("diagnose", "-", stdin=data)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"natprobe: -: ")
    assert done.stderr.count(b"\n") == 1


def test_fifty_megabytes(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b" " * (TEXT_MAX * 3))
    done = natprobe("diagnose", str(tmp_path / "big"))
    assert done.returncode == 2
    assert b"larger than 16 MiB" in done.stderr


def test_different_targets(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    other = Path(HEALTHY).read_text().replace('"host": "meet.example.test"', '"host": "other.test"', 1)
    (tmp_path / "other.json").write_text(other)
    assert run(["diagnose", HEALTHY, str(tmp_path / "other.json")]) == 2
    assert "different targets: meet.example.test and other.test" in capfd.readouterr().err


# --- the catalogue


def test_what_there_is(capfd: pytest.CaptureFixture[str]) -> None:
    shown = {what: (run(["list", what]), capfd.readouterr().out) for what in ("probes", "rules", "formats")}
    assert {code for code, _ in shown.values()} == {0}
    assert "mapping " in shown["probes"][1]
    assert "NP101 " in shown["rules"][1]
    assert shown["formats"][1].splitlines()[2].startswith("json ")
    for word in ("NP101", "np101", "udp-blocked", " UDP-blocked "):
        assert run(["explain", word]) == 0
        assert capfd.readouterr().out.startswith("# NP101 udp-blocked")
    assert run(["schema"]) == 0
    assert json.loads(capfd.readouterr().out)["$id"] == "natprobe-report/1"


# --- weight


HEAVY = ("aioice", "scapy", "dns", "asyncio", "cryptography", "h11", "psutil", "rich", "truststore", "pydantic")


def loaded(*words: str) -> set[str]:
    """The top-level packages in memory when this has run."""
    script = (
        "import sys, json\nfrom natprobe.cli import main\n"
        f"sys.argv = ['natprobe', *{list(words)!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write(json.dumps(sorted(sys.modules)))"
    )
    argv = [sys.executable, "-c", script]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, env=environment(), check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("words", [("--help",), *((name, "--help") for name in COMMANDS), ("list", "formats")])
def test_help_is_light(words: tuple[str, ...]) -> None:
    assert {name.partition(".")[0] for name in loaded(*words)}.isdisjoint(HEAVY)


def test_the_version_is_lightest() -> None:
    modules = loaded("--version")
    ours = {name for name in modules if name.startswith("natprobe")}
    assert ours == {"natprobe", "natprobe.cli"}
    assert modules.isdisjoint({*HEAVY, "typer", "msgspec"})


def test_judging_again_needs_no_network() -> None:
    modules = {name.partition(".")[0] for name in loaded("diagnose", HEALTHY, "-o", "/dev/null")}
    assert modules.isdisjoint(HEAVY)


def test_a_check_loads_no_scapy() -> None:
    assert not any(name.startswith("scapy") for name in loaded("demo", "-q", "-o", "/dev/null"))


# --- the token


def test_the_token_stays_where_it_was_pasted(tmp_path: Path) -> None:
    """A peer that refuses: everything natprobe writes of it, in every format and at every loudness."""
    target = f"natprobe://127.0.0.1:9?tcp=9#{TOKEN}"
    files = ["-f", "text", "-o", "a.txt", "-f", "json", "-o", "a.json"]
    done = natprobe("check", target, "--stun", "none", "-4", "-v", *files, "-f", "text", cwd=tmp_path)
    written = [each.read_bytes() for each in tmp_path.iterdir()]
    assert len(written) == 2
    assert b"IceCheck" in written[0] + written[1]
    for output in (done.stdout, done.stderr, *written):
        assert TOKEN.encode() not in output


def test_the_demo_names_its_token_nowhere() -> None:
    patch = (
        "import natprobe.pairing as p, natprobe.cli.demo as d\n"
        f"p.new_token = d.new_token = lambda _: {TOKEN!r}\nimport sys\nsys.argv = ['natprobe', 'demo', '-v']\n"
        "from natprobe.cli import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", patch], capture_output=True, cwd=ROOT, env=environment())
    assert done.returncode == 0
    assert TOKEN.encode() not in done.stdout + done.stderr
