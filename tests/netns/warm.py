"""natprobe in a namespace, from a process that has loaded everything: starting Python costs as much as a whole check.

One such process per test process; each run is a fork of it, which then enters the namespace as `ip netns exec` does.
How the real command starts is tests/cli's and tests/bench's business.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

# Linux: sched.h, sys/mount.h, sys/prctl.h.
_NEWNS, _NEWNET = 0x00020000, 0x40000000
_BIND, _REC, _SLAVE = 0x1000, 0x4000, 0x80000
_PDEATHSIG = 1


def run(
    namespace: str, words: Sequence[str], *, timeout: float, cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """`natprobe WORDS` in this namespace. Raises TimeoutExpired."""
    with tempfile.TemporaryDirectory(prefix="natprobe-warm-") as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        asked = {"namespace": namespace, "words": list(words), "cwd": str(cwd), "env": dict(env)}
        code = _asked(asked | {"out": str(out), "err": str(err)}, timeout)
        return subprocess.CompletedProcess(["natprobe", *words], code, out.read_text(), err.read_text())


def _asked(question: dict[str, Any], timeout: float) -> int:
    """The exit code."""
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps(question) + "\n")
    server.stdin.flush()
    child = int(server.stdout.readline())
    late = not select.select([server.stdout], [], [], timeout)[0]
    if late:
        os.kill(child, signal.SIGKILL)
    code = int(server.stdout.readline())
    if late:
        raise subprocess.TimeoutExpired(question["words"], timeout)
    return code


@functools.cache
def _server() -> subprocess.Popen[str]:
    argv = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", __name__]
    pipe = subprocess.PIPE
    server = subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, cwd=Path(__file__).parents[2])
    atexit.register(_stop, server)
    return server


def _stop(server: subprocess.Popen[str]) -> None:
    for end in (server.stdin, server.stdout):
        if end is not None:
            end.close()
    server.kill()
    server.wait()


# --- the loaded process


def main() -> None:
    """One question a line, and for each a line with the child's id, then one with its exit code."""
    _load()
    for line in sys.stdin:
        question = json.loads(line)
        child = os.fork()
        if not child:
            _be(question)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _load() -> None:
    """All that natprobe imports, but not the commands: they take the time at which they are imported for the start."""
    import typer.main  # noqa: F401

    tree = Path(__file__).parents[2]
    for path in sorted(tree.glob("natprobe/**/*.py")):
        words = path.relative_to(tree).with_suffix("").parts
        if words[1] not in ("cli", "__main__"):
            import_module(".".join(words).removesuffix(".__init__"))
    assert "natprobe.cli" not in sys.modules


def _be(question: dict[str, Any]) -> NoReturn:
    """The child, until its end."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
        _redirect(question)
        _enter(question["namespace"])
        os.chdir(question["cwd"])
        os.environ.clear()
        os.environ.update(question["env"])
        sys.argv = ["natprobe", *question["words"]]
        code = _natprobe()
    finally:
        os._exit(code)


def _natprobe() -> int:
    from natprobe.cli import main as command

    code: object = 0
    try:
        command()
    except SystemExit as exc:
        code = exc.code
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


def _redirect(question: dict[str, Any]) -> None:
    """As a shell would; nobody's terminal."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, path in enumerate((os.devnull, question["out"], question["err"])):
        opened = os.open(path, flags if number else os.O_RDONLY, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  # for the rest of this process' life
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115


def _enter(namespace: str) -> None:
    """Its network, with its settings over those of /etc and a /sys that shows it (ip-netns(8))."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{namespace}") as opened:
        _done(libc.setns(opened.fileno(), _NEWNET))
    _done(libc.unshare(_NEWNS))
    _done(libc.mount(b"", b"/", b"none", _SLAVE | _REC, None))
    libc.umount2(b"/sys", 2)  # MNT_DETACH
    _done(libc.mount(namespace.encode(), b"/sys", b"sysfs", 0, None))
    settings = Path("/etc/netns", namespace)
    for path in settings.iterdir() if settings.is_dir() else ():
        _done(libc.mount(bytes(path), bytes(Path("/etc", path.name)), b"none", _BIND, None))


def _done(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), "cannot enter the namespace")


if __name__ == "__main__":
    main()
