"""What of a setting's value, or of a whole line, may be a secret in a place that is no secret's. No I/O.

People write users and passwords into the addresses of servers, and two settings on one line.
"""

from __future__ import annotations

import re

MASK = "…"

# A word that names a secret, and what follows it. `./secrets:/run/secrets` is a path.
_NAMED = re.compile(
    r"((?:secret|passw|pwd|token|credential|api[_-]?key|authorization|bearer)[\w.-]*[\"']?(?:\s*[=:](?!/|r[ow]\b)\s*|\s+))\S.*",
    re.IGNORECASE | re.DOTALL,
)
# A user, with or without a password, before a host (RFC 3986 section 3.2.1; RFC 7064 and 7065 have none, and people
# write them). An image's digest is behind an `@`, too.
_USERS = (
    re.compile(r"(\b(?:turn|stun)s?:(?://)?)[^\s,@]*@", re.IGNORECASE),
    re.compile(r"(://)[^\s,/@]*@"),
    re.compile(r"()[^\s,/@:=\[\](){}\"']*:[^\s,/@]*@(?!sha[0-9]+:)"),
)
_QUERY = re.compile(r"://[^\s\"']*[?#]")
# What is longer was written by no hand. Looking through it takes the square of its length.
_LINE_MAX = 2000


def without_secrets(value: str) -> str:
    """The value of a setting that is none: without users of URLs, and without what a word for a secret stands before;
    of a long one the beginning.
    """
    value = value[:_LINE_MAX]
    for each in _USERS:
        value = each.sub(r"\1", value)
    return _NAMED.sub(rf"\1{MASK}", value)


def may_tell(line: str) -> bool:
    """Whether there may be a secret in this line: beside a setting, in a URL, or in a remark."""
    return len(line) > _LINE_MAX or without_secrets(line) != line or _QUERY.search(line) is not None
