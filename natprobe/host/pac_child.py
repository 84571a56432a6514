"""The process that a PAC file runs in (natprobe.host.sandbox starts it): nothing of natprobe is imported here.

Run as a file, isolated: `python -I -S pac_child.py FOLDER-OF-THE-ENGINE`. A line of JSON in, a line of JSON out.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

MEMORY_MAX = 32 << 20
STACK_MAX = 512 << 10
# All that this process may hold: the interpreter, the engine's memory and one copy of what comes and goes.
DATA_MAX = 56 << 20


def main() -> None:
    """Until the other end closes."""
    sys.path.append(sys.argv[1])
    import _quickjs  # noqa: F401  # before there are no more files

    with open(__file__.replace("pac_child.py", "pac.js"), encoding="utf-8") as file:
        library = file.read()
    time.localtime()  # reads the time zone's file, before there are no more files
    _confine()
    request: dict[str, Any] = {}
    _say({"ready": True})
    for line in sys.stdin.buffer:
        request |= json.loads(line)
        began = time.perf_counter()
        said = _run(library, request)
        _say(said | {"seconds": time.perf_counter() - began})


def _confine() -> None:
    """No more files, sockets or core dumps, for most users no processes, and bounded memory: a second wall, were
    there a hole in the engine.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, limit in (("DATA", DATA_MAX), ("NOFILE", 0), ("FSIZE", 0), ("CORE", 0), ("NPROC", 0)):
        try:
            resource.setrlimit(getattr(resource, f"RLIMIT_{kind}"), (limit, limit))
        except (AttributeError, OSError, ValueError):  # a system that has it not
            continue


def _run(library: str, request: dict[str, Any]) -> dict[str, Any]:
    """`answer`, or the names that it `asks` for first, or a `failure`, its `words`, and whether there was a function to
    `call`.
    """
    from _quickjs import Context, JSException  # the module around it imports futures, which takes 50 ms

    deadline = time.process_time() + request["seconds"]
    context = Context()
    context.set_memory_limit(MEMORY_MAX)
    context.set_max_stack_size(STACK_MAX)
    given = json.dumps({each: request[each] for each in ("known", "full", "own", "now")})
    step, loaded = context.eval(library)(given), False
    try:
        context.set_time_limit(deadline - time.process_time())
        context.eval(request["script"])
        loaded = True
        context.set_time_limit(max(deadline - time.process_time(), 0.001))
        said, words = json.loads(step("answer", request["url"], request["host"])), ""
    except (JSException, MemoryError, ValueError) as exc:  # ValueError: half a surrogate pair in its words
        said, words = "", f"{type(exc).__name__}: {str(exc)[:400]}"
    if asked := _asked(context, step):
        return {"asks": asked}
    if said.startswith("="):
        return {"answer": said[1:]}
    told = (said[1:] or words.partition(": ")[2]).partition("\n")[0][:200]
    return {"failure": _failure(words), "words": told, "call": loaded and not said.startswith("?")}


def _asked(context: Any, step: Any) -> list[str]:
    from _quickjs import JSException

    context.set_time_limit(0.1)
    try:
        return [each for each in str(json.loads(step("asked"))).split("\n") if each]
    except (JSException, MemoryError):  # no memory is left
        return []


def _failure(words: str) -> str:
    """By the engine's own words. A script that throws the same harms itself alone."""
    kind, _, text = words.partition(": ")
    if text.startswith("InternalError: interrupted"):
        return "timeout"
    full = text.startswith(("InternalError: out of memory", "null"))
    return "limit" if full or kind in ("StackOverflow", "MemoryError") else "protocol"


def _say(what: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(what).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
