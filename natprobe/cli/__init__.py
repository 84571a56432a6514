"""The commands; the only place that prints or exits.

`--version` is answered here before anything is imported; each command imports what it needs in its body.
"""

from __future__ import annotations

import sys
import time

# When natprobe began, on the monotonic clock: `--timeout` bounds the whole run, imports included.
BEGAN = time.monotonic()


def main() -> None:
    """The entry point."""
    if sys.argv[1:] == ["--version"]:
        from natprobe import __version__

        sys.stdout.write(f"natprobe {__version__}\n")
        return
    from natprobe.cli.app import run

    sys.exit(run(sys.argv[1:]))
