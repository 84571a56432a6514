"""Which proxy, and who we are to it. The password comes from a file or the environment, and never shows."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from natprobe.cli.access import read
from natprobe.cli.errors import UsageError
from natprobe.pairing import ProxyAccess
from natprobe.proxy import Named, Proxy, named
from natprobe.target import BadTarget

PASSWORD = "NATPROBE_PROXY_PASSWORD"
# RFC 1929 section 2: so many bytes each.
_TEXT_MAX = 255


@dataclass(frozen=True, kw_only=True, repr=False)
class Through:
    """The proxy to take, or where to look for one."""

    proxy: Literal["auto", "none"] | Proxy = "auto"
    access: ProxyAccess | None = None
    guess: bool = False


def through(
    proxy: str,
    username: str | None,
    password_file: Path | None,
    guess: bool,
    environment: Mapping[str, str] = os.environ,
) -> Through:
    """What the options give; the environment counts where they name no file. Raises UsageError for what doesn't go
    together or can't be read.
    """
    word = proxy.strip().lower()
    given = None if word in ("auto", "none") else _named(proxy)
    if given is not None and given.user and username:
        raise UsageError("--proxy-username and a user name in --proxy exclude each other: give one of them")
    if guess and word != "auto":
        raise UsageError("--guess-proxy goes with --proxy auto only")
    access = _access(username or (given.user if given else ""), password_file, environment)
    if guess and access is not None:
        raise UsageError("--guess-proxy takes no password: whoever answers there would get it")
    if given is not None:
        return Through(proxy=given.proxy, access=access)
    return Through(proxy="none" if word == "none" else "auto", access=access, guess=guess)


def _named(text: str) -> Named:
    """The proxy with its user. What others can read in the list of processes is no place for a password."""
    try:
        found = named(text)
    except BadTarget as exc:
        raise UsageError(f"--proxy: {exc}") from None
    if found.password:
        raise UsageError(
            f"--proxy takes no password, which others could read there: use --proxy-password-file or {PASSWORD}"
        )
    return found


def _access(user: str, password_file: Path | None, environment: Mapping[str, str]) -> ProxyAccess | None:
    if password_file is not None:
        password = read("--proxy-password-file", password_file)
    else:
        password = environment.get(PASSWORD, "").strip("\r\n")
    if user and not password:
        raise UsageError(f"a user name for the proxy needs --proxy-password-file or {PASSWORD}")
    if password and not user:
        raise UsageError("a proxy password needs --proxy-username")
    if not user:
        return None
    if ":" in user:  # RFC 7617 section 2
        raise UsageError("a user name for a proxy has no colon in it")
    return ProxyAccess(user=_fit("user name", user), password=_fit("password", password))


def _fit(what: str, text: str) -> str:
    if len(text.encode("utf-8", "replace")) > _TEXT_MAX or any(unicodedata.category(c) in ("Cc", "Cs") for c in text):
        raise UsageError(f"the proxy's {what} is too long or has control characters in it")
    return text
