"""Runs commands in turn and tells what each run took: seconds, peak memory, exit code.

    child.py ROUNDS <commands.json     {"name": ["program", "argument", ...], ...}

A process of its own, inside the lab's namespace where there is one. It must stay small: what a process had in memory
before it became another program counts to its peak (ru_maxrss), and that is what it inherits from here.
"""

import json
import os
import sys
import time

# Packages that are installed have their bytecode; the code under test gets its own in the first run.
UNWANTED = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPROFILEIMPORTTIME")
QUIET = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]


def once(argv: list[str]) -> tuple[float, float, int]:
    """Seconds, MB, exit code."""
    environment = {key: value for key, value in os.environ.items() if key not in UNWANTED}
    began = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, environment, file_actions=QUIET)
    _, status, usage = os.wait4(pid, 0)
    return time.perf_counter() - began, usage.ru_maxrss / 1000, os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    commands = json.load(sys.stdin)
    rounds = [{name: once(argv) for name, argv in commands.items()} for _ in range(int(sys.argv[1]))]
    json.dump({name: [each[name] for each in rounds] for name in commands}, sys.stdout)
