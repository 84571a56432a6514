"""`natprobe serve` as a command: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from natprobe.pairing import credentials
from natprobe.target import parse
from natprobe.wire import stun
from tests.serve.client import ID, TOKEN, ask, free_ports, go, taken

CALL = "import sys; from natprobe.cli.app import run; sys.exit(run(['serve', *sys.argv[1:]]))"
ROOT = Path(__file__).parents[2]


def command(
    udp: tuple[str, ...] = ("0",),
    tcp: tuple[str, ...] = ("0",),
    addresses: tuple[str, ...] = ("127.0.0.1",),
    host: str | None = None,
    seconds: float = 0.2,
    file: str | None = None,
    quiet: bool = False,
    more: tuple[str, ...] = (),
) -> list[str]:
    words = [*more, "--for", str(seconds)]
    words += [word for each in udp for word in ("--udp", each)] + [word for each in tcp for word in ("--tcp", each)]
    words += [word for each in addresses for word in ("--address", each)]
    words += ["--host", host] if host else []
    words += ["--token-file", file] if file else []
    return [sys.executable, "-c", CALL, *words, *(["-q"] if quiet else [])]


def ran(words: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "NATPROBE_SERVE_TOKEN"} | environment
    return subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, timeout=20, check=False)


def test_command_prints_the_line_to_paste_and_ends_in_time() -> None:
    done = ran(command())
    assert done.returncode == 0
    (line,) = done.stdout.splitlines()
    pasted = parse(line)
    assert pasted.target.host == "127.0.0.1"
    assert pasted.target.fallback_port
    assert pasted.token
    assert f"natprobe check '{line}'" in done.stderr
    assert "Listens on UDP" in done.stderr


def test_command_with_ipv6_host_quiet_and_token_from_the_environment() -> None:
    done = ran(command(addresses=("::1",), quiet=True), NATPROBE_SERVE_TOKEN=TOKEN)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("natprobe://[::1]:")
    assert parse(done.stdout).token == TOKEN


def test_command_with_token_file_and_host(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    done = ran(command(host="Meet.Example.com", file=str(file)), NATPROBE_SERVE_TOKEN="x" * 20)
    assert done.returncode == 0
    assert parse(done.stdout).token == TOKEN
    assert parse(done.stdout).target.host == "meet.example.com"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (command(addresses=("203.0.113.7",)), "no address of this machine: 203.0.113.7"),
        (command(addresses=("meet.example.com",)), "--address wants one of this machine's addresses"),
        (command(addresses=("0.0.0.0",)), "leave the option out"),
        (command(udp=("70000",)), "not '70000'"),
        (command(udp=("20010-20000",)), "not '20010-20000'"),
        (command(udp=("1-65535",)), "at most 64"),
        (command(tcp=("40000-40040", "41000-41040")), "at most 64 ports in all"),
        (command(more=("--watch",)), "--watch wants ports from 1"),
        (command(more=("--watch",), udp=("1-40",), tcp=("100-140",)), "--watch takes at most 64"),
        (command(more=("--like", "skype")), "--like wants jitsi, janus, turn or all"),
        (command(more=("-f", "json")), "give -o"),
        (command(more=("-o", "/nonexistent/report.json")), "cannot write"),
        (command(seconds=0), "--for wants"),
        (command(host="a b"), "--host"),
        (command(host="meet.example.com:99/x"), "--host"),
        (command(file="/nonexistent/token"), "can't be read"),
        (command(file=__file__), "is not a token"),
    ],
)
def test_command_refuses(words: list[str], says: str) -> None:
    done = ran(words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_command_with_port_in_use() -> None:
    with taken(socket.SOCK_DGRAM, "127.0.0.1") as port:
        done = ran(command(udp=(str(port),)))
        assert done.returncode == 2
        assert f"UDP port {port} is in use by " in done.stderr
        assert done.stderr.endswith(" on 127.0.0.1\n")
        assert len(done.stderr.splitlines()) == 1
        some = ran(command(udp=(str(port),), addresses=("127.0.0.1", "::1"), quiet=True))
        assert some.returncode == 0
        assert "going on without it" in some.stderr
        assert parse(some.stdout).target.host == "::1"


def test_who_has_the_port_is_named_where_the_kernel_tells() -> None:
    with taken(socket.SOCK_DGRAM, "127.0.0.1") as port:
        done = ran(command(udp=(str(port), "0")))
    assert done.returncode == 0
    assert parse(done.stdout).target.port not in (0, port)
    # Our own process has it, which every user may know.
    assert re.search(rf"in use by \S+ \(pid {os.getpid()}\)", done.stderr)


def test_the_usual_port_when_it_is_held_gives_way_to_one_beside_it() -> None:
    with taken(socket.SOCK_DGRAM, "127.0.0.1", 10000):
        done = ran([sys.executable, "-c", CALL, "--address", "127.0.0.1", "--for", "0.2", "--tcp", "0"])
    assert done.returncode == 0
    assert "UDP port 10000 is in use by" in done.stderr
    assert parse(done.stdout).target.port != 10000


def test_ranges_have_a_line_each() -> None:
    first = free_ports(4)
    done = ran(command(udp=(f"{first}-{first + 2}",)))
    assert parse(done.stdout).target.port == first
    assert [f":{first + number}#" in done.stderr for number in (1, 2)] == [True, True]


def test_report_at_the_end(tmp_path: Path) -> None:
    paths = tmp_path / "server.json", tmp_path / "server.txt"
    words = command(more=("-o", str(paths[0]), "-o", str(paths[1])), seconds=30)
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pasted = parse(process.stdout.readline())
        ours, target = credentials(pasted.token or ""), pasted.target

        async def work() -> None:
            request = stun.ice_check(ID, user=f"{ours.ufrag}:abcd", password=ours.password, tie_breaker=7, size=1200)
            outcome, _ = await ask(request, (target.host, target.port))
            assert outcome.failure is None

        go(work)
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
    assert (process.returncode, rest) == (130, "")
    assert "Traceback" not in errors
    report = json.loads(paths[0].read_text())
    assert report["sources"][0]["vantage"] == "server"
    (came,) = [each for each in report["observations"] if each["kind"] == "Arrived"]
    wanted = {"proto": "udp", "what": "check", "verified": True, "session": "abcd", "packets": 1, "full_size": 1}
    assert {**came, **wanted, "answered": 1} == came
    assert {each["port"] for each in report["observations"] if each["kind"] == "Watched"} >= {target.port}
    assert report["verdict"]["status"] == "good"
    assert "1 check (signed), 1 of full size, 1 answered" in paths[1].read_text()
    assert pasted.token is not None
    assert pasted.token not in paths[0].read_text() + paths[1].read_text()
    assert ours.password not in paths[0].read_text()


def test_nothing_arrived_is_no_good_news(tmp_path: Path) -> None:
    path = tmp_path / "server.json"
    assert ran(command(more=("-o", str(path)))).returncode == 0
    report = json.loads(path.read_text())
    assert report["verdict"]["status"] == "unknown"
    assert report["verdict"]["summary"].startswith("Nothing arrived")


def module() -> list[str]:
    options = ["--udp", "0", "--tcp", "0", "--address", "127.0.0.1", "--for", "30"]
    return [sys.executable, "-m", "natprobe", "serve", *options]


@pytest.mark.parametrize("by_module", [False, True])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_command_ends_on_a_signal(number: signal.Signals, code: int, by_module: bool) -> None:
    if by_module and importlib.util.find_spec("natprobe.__main__") is None:
        pytest.skip("no command line yet")
    words = module() if by_module else command(seconds=30)
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        target = parse(line).target

        async def work() -> None:
            outcome, _ = await ask(stun.binding_request(ID), (target.host, target.port))
            assert outcome.failure is None

        go(work)
        process.send_signal(number)
        rest, words_ = process.communicate(timeout=10)
        assert (process.returncode, rest) == (code, "")
        assert "UDP arrives from 127.0.0.1 (without the token)" in words_
        assert "Traceback" not in words_
