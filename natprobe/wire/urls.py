"""URLs (RFC 3986) made fit for a report: nothing in them that may be secret."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from natprobe.wire.text import clean

URL_MAX = 600
# Such as ;jsessionid=… (RFC 3986 section 3.3), in any segment, however written.
_PARAMETERS = re.compile(r"(?:;|%3b)[^/]*", re.IGNORECASE)


def authority(host: str, port: int, usual: int) -> str:
    """As the Host header has it (RFC 9110 section 7.2)."""
    bare = f"[{host}]" if ":" in host else host
    return bare if port == usual else f"{bare}:{port}"


def bare_path(path: str) -> str:
    """A path without its parameters."""
    return _PARAMETERS.sub("", path)


def bare_url(url: str) -> str | None:
    """Without query, fragment, user and the path's parameters; None: it is no URL."""
    try:
        parts = urlsplit(url)
        path, netloc = bare_path(parts.path), parts.netloc.rpartition("@")[2]
        return clean(parts._replace(query="", fragment="", path=path, netloc=netloc).geturl(), URL_MAX)
    except ValueError:  # a bracket that is none
        return None
