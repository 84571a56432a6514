"""The commands; the only place that prints or exits.

`--version` is answered here before anything is imported; each command imports what it needs in its body.
"""

from __future__ import annotations

import gc
import io
import os
import sys
import time

# When natprobe began, on the monotonic clock: `--timeout` bounds the whole run, imports included.
BEGAN = time.monotonic()
# What imports make, 65,000 objects, stays: to look for rubbish among it took 6 % of the time that they take (measured).
_OBJECTS = 100_000


def main() -> None:
    """The entry point."""
    gc.set_threshold(_OBJECTS)
    _open_streams()
    if sys.argv[1:] == ["--version"]:
        from natprobe import __version__

        sys.stdout.write(f"natprobe {__version__}\n")
        return
    try:
        from natprobe.cli.app import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before a command could catch it
        code = 130
    sys.exit(code)


def _open_streams() -> None:
    """A stream that the caller closed (`>&-`) is None; and what a terminal's encoding lacks must not end a run."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  # as long as the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
