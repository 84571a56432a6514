"""`natprobe serve` as a command: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from natprobe.target import parse
from natprobe.wire import stun
from tests.serve.client import ID, TOKEN, ask, go, taken

CALL = "import sys; from pathlib import Path; from natprobe.cli.serve import run; sys.exit(run(*eval(sys.argv[1])))"
ROOT = Path(__file__).parents[2]


def command(
    udp: list[int] | None = None,
    tcp: list[int] | None = None,
    addresses: tuple[str, ...] = ("127.0.0.1",),
    host: str | None = None,
    seconds: float = 0.2,
    file: str | None = None,
    quiet: bool = False,
) -> list[str]:
    path = f"Path({file!r})" if file else "None"
    ports = f"{[0] if udp is None else udp}, {[0] if tcp is None else tcp}"
    return [sys.executable, "-c", CALL, f"({ports}, {list(addresses)}, {host!r}, {seconds}, {path}, {quiet})"]


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
        (command(udp=[70000]), "not 70000"),
        (command(udp=[]), "at least one --udp"),
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
        done = ran(command(udp=[port]))
        assert done.returncode == 2
        assert done.stderr == f"natprobe: UDP port {port} is in use by another program on 127.0.0.1\n"
        some = ran(command(udp=[port], addresses=("127.0.0.1", "::1"), quiet=True))
        assert some.returncode == 0
        assert "going on without it" in some.stderr
        assert parse(some.stdout).target.host == "::1"


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
