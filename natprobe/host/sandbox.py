"""A process of its own for somebody else's JavaScript (PAC files), and its end.

Why no thread: QuickJS gives the GIL back while it runs (measured: other threads wait 5 ms at most), but it looks at its
time limit only between its own instructions. A regular expression or a sort inside one instruction cannot be stopped
from outside, and a hole in the engine would be one in natprobe. A process costs some 40 ms where a PAC file is used,
and nothing where none is; it is killed when its time is up, whatever it does. Measured with sixty hostile files: all
end within a second, the process never has more than 52 MB, and natprobe itself grows by one.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

# Seconds to begin, on a machine that is busy, and for everything that the script does: one second is the bar for both.
START_SECONDS = 3.0
RUN_SECONDS = 0.8
_ANSWER_MAX = 64 << 10
# Of the environment, which may hold passwords, only what an interpreter and a clock need.
_ENVIRONMENT = ("TZ", "TZDIR", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class PacSandbox:
    """See api.Sandbox. The process begins with the first request."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._beginning = threading.Lock()
        self._left, self._closed = RUN_SECONDS, False

    async def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """See api.Sandbox."""
        return await asyncio.to_thread(self.run_now, request)

    def run_now(self, request: dict[str, Any]) -> dict[str, Any]:
        """The same for whoever may block."""
        if self._process is None:
            self._begin()
            try:
                self._exchange(None, START_SECONDS)
            except (TimeoutError, EOFError) as exc:  # the script's fault it is not: nobody has told it yet
                raise OSError("the process does not begin") from exc
        began = time.monotonic()
        try:
            return self._exchange(request | {"seconds": self._left}, self._left)
        finally:
            self._left = max(self._left - (time.monotonic() - began), 0.0)

    def close(self) -> None:
        """See api.Sandbox."""
        with self._beginning:
            self._closed = True
            process = self._process
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # what was not sent yet
                pipe.close()  # type: ignore[union-attr]  # both are pipes

    def _begin(self) -> None:
        with self._beginning:
            if self._closed:  # given up meanwhile
                raise EOFError("closed")
            self._process = _begun()

    def _exchange(self, request: dict[str, Any] | None, seconds: float) -> dict[str, Any]:
        process, late = self._process, threading.Event()
        assert process is not None

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(seconds, end)
        timer.start()
        try:
            line = _asked(process, request)
        except OSError:  # a pipe that nobody reads any more
            line = b""
        finally:
            timer.cancel()
        if not line.endswith(b"\n"):
            raise TimeoutError if late.is_set() else EOFError("the script ended its process")
        found: dict[str, Any] = json.loads(line)
        return found


def _asked(process: subprocess.Popen[bytes], request: dict[str, Any] | None) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    if request is not None:
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
    return process.stdout.readline(_ANSWER_MAX)


def _begun() -> subprocess.Popen[bytes]:
    """Raises OSError, ImportError where the engine is missing."""
    engine = importlib.util.find_spec("_quickjs")
    if engine is None or engine.origin is None:
        raise ImportError("quickjs-ng is not installed")
    child = Path(__file__).with_name("pac_child.py")
    return subprocess.Popen(  # noqa: S603  # our own file
        [sys.executable, "-I", "-S", str(child), str(Path(engine.origin).parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={each: os.environ[each] for each in _ENVIRONMENT if each in os.environ},
    )
