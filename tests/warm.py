"""Python's modules from a process that has loaded everything: starting Python costs as much as a whole check, or as a
Jitsi of the lab. Linux only.

One such process per test process; each run is a fork of it, which then enters a namespace as `ip netns exec` does,
where one is named. How the real command starts is the business of tests/cli/test_exit_codes.py and tests/bench.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import gc
import json
import os
import re
import runpy
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

TREE = Path(__file__).parents[1]
# Linux: sched.h, sys/mount.h, sys/prctl.h.
_NEWNS, _NEWNET = 0x00020000, 0x40000000
_BIND, _REC, _SLAVE = 0x1000, 0x4000, 0x80000
_PDEATHSIG = 1
# An import in a function's body.
_LATE = re.compile(r"^ +(?:from|import) ([\w.]+)", re.MULTILINE)


class Child:
    """A process that the loaded one forked, as far as subprocess.Popen's users here ask; its exit code is not told."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._opened = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Something once it has ended."""
        return 0 if self._opened < 0 or select.select([self._opened], [], [], 0)[0] else None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._opened, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> None:
        """Raises TimeoutExpired."""
        if self._opened < 0:
            return
        if not select.select([self._opened], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        os.close(self._opened)
        self._opened = -1


@functools.cache
def there() -> bool:
    """Whether this machine has what it takes."""
    return sys.platform == "linux" and shutil.which("setpriv") is not None


def run(
    words: Sequence[str], *, namespace: str = "", stdin: bytes = b"", timeout: float, cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """`python -m WORDS`, in this namespace. Raises TimeoutExpired."""
    with tempfile.TemporaryDirectory(prefix="natprobe-warm-") as folder:
        given, out, err = (Path(folder, name) for name in ("in", "out", "err"))
        given.write_bytes(stdin)
        files = {"in": str(given), "out": str(out), "err": str(err)}
        code = _asked(_question(namespace, words, cwd, env) | files, timeout)
        return subprocess.CompletedProcess(words, code, out.read_bytes(), err.read_bytes())


def start(words: Sequence[str], *, namespace: str, log: Path, cwd: Path, env: Mapping[str, str]) -> Child:
    """The same, which goes on; what it says stands in `log`."""
    files = {"in": os.devnull, "out": str(log), "err": str(log)}
    return Child(_told(_question(namespace, words, cwd, env) | files | {"goes on": True}))


@contextlib.contextmanager
def within(namespace: str) -> Iterator[None]:
    """This thread is in that network, and then in its own again."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as own, open(f"/run/netns/{namespace}") as other:
        _done(libc.setns(other.fileno(), _NEWNET))
        try:
            yield
        finally:
            _done(libc.setns(own.fileno(), _NEWNET))


def _question(namespace: str, words: Sequence[str], cwd: Path, env: Mapping[str, str]) -> dict[str, Any]:
    return {"namespace": namespace, "words": list(words), "cwd": str(cwd), "env": dict(env)}


def _told(question: dict[str, Any]) -> int:
    """What the loaded process says first: the child's id."""
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps(question).encode() + b"\n")
    return int(server.stdout.readline())


def _asked(question: dict[str, Any], timeout: float) -> int:
    """The exit code."""
    child, answers = _told(question), _server().stdout
    assert answers is not None
    try:
        late = not select.select([answers], [], [], timeout)[0]
    except BaseException:  # a test's time limit: from now on nobody would know which answer is whose
        _server.cache_clear()
        raise
    if late:
        with contextlib.suppress(ProcessLookupError):  # just now
            os.kill(child, signal.SIGKILL)
    code = int(answers.readline())
    if late:
        raise subprocess.TimeoutExpired(question["words"], timeout)
    return code


@functools.cache
def _server() -> subprocess.Popen[bytes]:
    """Its pipes are not buffered: select knows nothing of what has been read ahead."""
    argv = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", __name__]
    pipe = subprocess.PIPE
    server = subprocess.Popen(argv, stdin=pipe, stdout=pipe, bufsize=0, cwd=TREE)
    atexit.register(_stop, server)
    return server


def _stop(server: subprocess.Popen[bytes]) -> None:
    for end in (server.stdin, server.stdout):
        if end is not None:
            end.close()
    server.kill()
    server.wait()


# --- the loaded process


def main() -> None:
    """One question a line, and for each a line with the child's id, then one with its exit code unless it goes on."""
    _load()
    for line in sys.stdin:
        question = json.loads(line)
        _prepare(question["words"][0])
        _reap()
        child = os.fork()
        if not child:
            _be(question)
        print(child, flush=True)
        if "goes on" not in question:
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _reap() -> None:
    """Those that went on and have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _load() -> None:
    """All that natprobe imports, late imports too, and typer's reading of the commands. What is there already stays
    out of the collector's way, so that the children share it.
    """
    import typer.main

    files = sorted(TREE.glob("natprobe/**/*.py"))
    for words in (path.relative_to(TREE).with_suffix("").parts for path in files if path.stem != "__main__"):
        import_module(".".join(words).removesuffix(".__init__"))
    for name in sorted({name for path in files for name in _LATE.findall(path.read_text())}):
        with contextlib.suppress(ImportError):
            import_module(name)
    typer.main.get_command = functools.cache(typer.main.get_command)
    typer.main.get_command(sys.modules["natprobe.cli.app"].app)
    _settle()


@functools.cache
def _prepare(module: str) -> None:
    """What another module than natprobe needs; its own code is run by each child anew."""
    if module == "natprobe":
        return
    spec = find_spec(module)
    name = f"{module}.__main__" if spec and spec.submodule_search_locations else module
    path = import_module(name).__file__
    for late in _LATE.findall(Path(path or "").read_text()):
        import_module(late)
    del sys.modules[name]
    _settle()


def _settle() -> None:
    gc.collect()
    gc.freeze()


def _be(question: dict[str, Any]) -> NoReturn:
    """The child, until its end."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
        _redirect(question)
        if question["namespace"]:
            _enter(question["namespace"])
        os.chdir(question["cwd"])
        os.environ.clear()
        os.environ.update(question["env"])
        sys.argv = list(question["words"])
        code = _ended(_natprobe if sys.argv[0] == "natprobe" else _module)
    finally:
        os._exit(code)


def _ended(body: Callable[[], None]) -> int:
    """The exit code, as Python itself would give it."""
    code: object = 0
    try:
        body()
    except SystemExit as exc:
        code = exc.code
    except BaseException:
        code = 1
        traceback.print_exc()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


def _natprobe() -> None:
    for module in [module for name, module in sys.modules.items() if name.startswith("natprobe.cli")]:
        if hasattr(module, "BEGAN"):
            module.__dict__["BEGAN"] = time.monotonic()  # when the commands were imported, in a process of their own
    sys.modules["natprobe.cli"].main()


def _module() -> None:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _redirect(question: dict[str, Any]) -> None:
    """As a shell would; nobody's terminal."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for number, path in enumerate(question[name] for name in ("in", "out", "err")):
        opened = os.open(path, flags if number else os.O_RDONLY, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  # for the rest of this process' life
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
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
