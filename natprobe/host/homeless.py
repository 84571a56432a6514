"""No home folder: what is imported meanwhile leaves no folders or files of its own there (XDG Base Directory)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

# A device takes no file below it, and is there: nobody makes it anew.
_NOWHERE = os.devnull
_FOLDERS = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")


@contextmanager
def homeless() -> Iterator[None]:
    """Until its end, programs' own folders are nowhere. Of the whole process: for a moment, please."""
    before = {name: os.environ.get(name) for name in _FOLDERS}
    os.environ.update(dict.fromkeys(_FOLDERS, _NOWHERE))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
