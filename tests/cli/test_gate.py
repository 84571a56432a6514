"""The gate from outside: policy files, exit codes, and what goes to stderr and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from natprobe.policy import SIZE_MAX
from tests.cli.command import REPORTS, natprobe

HEALTHY, BLOCKED, BROKEN = (str(REPORTS / f"{name}.json") for name in ("peer-healthy", "udp-blocked", "web-broken"))
WAIVED = '[[waiver]]\ncause = "NP101"\nreason = "on purpose"\nuntil = {}\n'


def policy(folder: Path, text: str | bytes) -> str:
    path = folder / "policy.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


@pytest.mark.parametrize(
    ("report", "text", "options", "code"),
    [
        (HEALTHY, "", (), 0),
        (HEALTHY, 'require = ["direct-udp"]', (), 0),
        (HEALTHY, 'require = [{ path = "direct-tcp", every = true }]', (), 0),
        (HEALTHY, 'require = ["turn-tls"]', (), 1),
        (HEALTHY, 'require = ["p2p"]', (), 3),
        (HEALTHY, "[[limit]]\nrtt_ms = 29", (), 1),
        (HEALTHY, "[[limit]]\nrtt_ms = 30", (), 0),
        (HEALTHY, "[[limit]]\nloss = 0.1", (), 3),
        (HEALTHY, "certificate_days = 5", (), 3),
        (HEALTHY, '[addresses]\noutside_in = ["198.51.100.0/24"]', (), 0),
        (HEALTHY, '[addresses]\noutside_in = ["198.51.100.0/30"]', (), 1),
        (HEALTHY, '[addresses]\nmedia_includes = ["203.0.113.10"]', (), 0),
        (BLOCKED, 'verdict = "good"', (), 1),
        (BLOCKED, 'fail_on = "warning"', (), 1),
        (BLOCKED, 'fail_on = "warning"', ("--fail-on", "error"), 0),
        (BLOCKED, f'fail_on = "warning"\n{WAIVED.format("2999-01-01")}', (), 0),
        (BLOCKED, f'fail_on = "warning"\n{WAIVED.format("2026-01-01")}', (), 1),
        (BLOCKED, f'forbid = ["NP101"]\n{WAIVED.format("2999-01-01")}', (), 0),
        (BLOCKED, 'require = ["direct-tcp"]', ("--require", "direct-udp"), 1),
        (BROKEN, 'fail_on = "never"', (), 0),
        (BROKEN, 'fail_on = "never"\nforbid = ["certificate-invalid"]', (), 1),
        (BROKEN, 'verdict = "any"', (), 1),
        (BROKEN, 'verdict = "any"\nfail_on = "never"', (), 0),
    ],
)
def test_exit_codes(tmp_path: Path, report: str, text: str, options: tuple[str, ...], code: int) -> None:
    done = natprobe("diagnose", report, "--policy", policy(tmp_path, text), *options, "-f", "line")
    assert done.returncode == code, done.stderr
    said = [line for line in done.stderr.decode().splitlines() if line.startswith("natprobe: gate: ")]
    assert bool(said) is (code != 0)


def test_stdout_is_the_report_whatever_was_asked(tmp_path: Path) -> None:
    plain = natprobe("diagnose", BLOCKED, "--json")
    asked = natprobe("diagnose", BLOCKED, "--json", "--policy", policy(tmp_path, 'verdict = "good"'))
    assert (plain.returncode, asked.returncode) == (0, 1)
    assert plain.stdout == asked.stdout
    assert json.loads(asked.stdout)["verdict"]["status"] == "degraded"
    assert plain.stderr == b""
    (line,) = asked.stderr.decode().splitlines()
    assert line.startswith("natprobe: gate: the verdict is degraded, and the policy wants at least good: ")


def test_each_demand_that_is_not_kept_has_a_line() -> None:
    done = natprobe(
        "diagnose", BLOCKED, "--require", "direct-udp", "--require", "p2p", "--require", "direct-tcp", "--json"
    )
    lines = done.stderr.decode().splitlines()
    assert [line.split(" (")[0] for line in lines] == [
        "natprobe: gate: direct-udp is blocked",
        "natprobe: gate: p2p is unknown",
    ]
    assert all(line.endswith(", and --require asks for it") for line in lines)


def test_who_wants_no_words_gets_none() -> None:
    done = natprobe("diagnose", BLOCKED, "--require", "direct-udp", "--json", "-q")
    assert (done.returncode, done.stderr) == (1, b"")


def test_who_asked_for_nothing_reads_no_word_of_a_gate() -> None:
    done = natprobe("diagnose", BROKEN, "--json")
    assert (done.returncode, done.stderr) == (1, b"")


def test_in_the_language_of_the_reader() -> None:
    done = natprobe("diagnose", BLOCKED, "--require", "direct-udp", "--json", "--lang", "zh")
    assert b"direct-udp" in done.stderr
    assert done.returncode == 1


def test_inspect_takes_it_too(tmp_path: Path) -> None:
    text = '[addresses]\nname_includes = ["203.0.113.10"]\n'
    done = natprobe("inspect", "--iface", "127.0.0.1", "--policy", policy(tmp_path, text), "--json")
    assert done.returncode == 3, done.stderr
    assert b"gate: whether the server's own name leads to 203.0.113.10 could not be told" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fail_on = 1", "fail_on is one of error, warning, note, never"),
        ("[[waiver]]\ncause = 'NP101'", "waiver 1 needs the key `reason`"),
        ("\x1b]0;x\x07 = 1", "it is no TOML"),
        ('"\\u001b[2J" = 1', "the policy has no key"),
        (b"\xff\xfe", "is no UTF-8 text"),
        ("#" * (SIZE_MAX + 1), "is longer than 65536 bytes"),
        ("a = " + "[" * 3000, "nested too deeply"),
    ],
)
def test_what_is_wrong_with_a_policy_is_one_sentence(tmp_path: Path, text: str | bytes, said: str) -> None:
    done = natprobe("diagnose", HEALTHY, "--policy", policy(tmp_path, text))
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
    assert done.stderr[:-1].decode().isprintable()
    assert said in done.stderr.decode()


@pytest.mark.parametrize(
    ("path", "said"), [("/nowhere.toml", "No such file"), ("/", "Is a directory"), ("/dev/zero", "longer")]
)
def test_what_is_no_file_is_told(path: str, said: str) -> None:
    done = natprobe("diagnose", HEALTHY, "--policy", path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"natprobe: --policy '{path}' ".encode())
    assert said in done.stderr.decode()


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert natprobe("diagnose", HEALTHY, "--policy", policy(tmp_path, "\ufeffverdict = 'good'")).returncode == 0
