"""How to get into a meeting: whose login, which room. Secrets come from a file or the environment, and never show."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from natprobe.cli.access import read
from natprobe.cli.errors import UsageError, warn
from natprobe.model import join as endpoint
from natprobe.pairing import JanusAccess, Login
from natprobe.target import is_address

PASSWORD, TOKEN = "NATPROBE_PASSWORD", "NATPROBE_JWT"
JANUS_SECRET, JANUS_TOKEN = "NATPROBE_JANUS_SECRET", "NATPROBE_JANUS_TOKEN"
JANUS_ADMIN_KEY = "NATPROBE_JANUS_ADMIN_KEY"
_TEXT_MAX, _TOKEN_MAX = 500, 8192
_MEDIA_MAX = 8
# RFC 7515 section 3.1: three parts in base64url, the last of which may be empty.
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


@dataclass(frozen=True, kw_only=True, repr=False)
class Entrance:
    """Who signs in, and the room that the user named; `join` False: no room at all."""

    login: Login = field(default_factory=Login)
    room: str = ""
    join: bool = True

    @property
    def kind(self) -> Literal["anonymous", "token", "password"]:
        """What there is, for the report."""
        return "password" if self.login.user else "token" if self.login.token else "anonymous"

    def with_link(self, jwt: str | None) -> Entrance:
        """The same with a pasted link's JWT, where no other login was given."""
        if not jwt or self.kind != "anonymous":
            return self
        if not _is_token(jwt):
            warn("what the link has for a JWT is none, and is not used")
            return self
        warn("the JWT in the link is used; other users of this machine could read it there: better use --jwt-file")
        return Entrance(login=Login(token=jwt), room=self.room, join=self.join)


def entrance(
    user: str | None,
    password_file: Path | None,
    jwt_file: Path | None,
    room: str | None,
    join: bool,
    environment: Mapping[str, str] = os.environ,
) -> Entrance:
    """What the options give; the environment counts where they name no file. Raises UsageError for what doesn't go
    together or can't be read.
    """
    if password_file is None and jwt_file is None:
        password, token = (environment.get(each, "").strip("\r\n") for each in (PASSWORD, TOKEN))
    else:
        password, token = read("--password-file", password_file), read("--jwt-file", jwt_file, _TOKEN_MAX)
    if user and not password:
        raise UsageError(f"--user needs --password-file or {PASSWORD}")
    if password and not user:
        raise UsageError("a password needs --user")
    if token and user:
        raise UsageError("a JWT and a user with a password exclude each other: give one of them")
    if room is not None and not join:
        raise UsageError("--room and --no-join exclude each other")
    login = Login(user=_fit("--user", user or ""), password=_fit("the password", password), token=_token(token))
    return Entrance(login=login, room=_room(room), join=join)


def janus_access(
    secret_file: Path | None,
    token_file: Path | None,
    environment: Mapping[str, str] = os.environ,
    admin_key_file: Path | None = None,
) -> JanusAccess | None:
    """What Janus's API may ask for; of each the environment counts where no file is named. None: nothing was given.
    Raises UsageError for what can't be read.
    """
    secret, token, admin_key = (
        _fit(option, read(option, file) if file is not None else environment.get(name, "").strip("\r\n"))
        for option, file, name in (
            ("--janus-secret-file", secret_file, JANUS_SECRET),
            ("--janus-token-file", token_file, JANUS_TOKEN),
            ("--janus-admin-key-file", admin_key_file, JANUS_ADMIN_KEY),
        )
    )
    found = JanusAccess(secret=secret, token=token, admin_key=admin_key)
    return found if secret or token or admin_key else None


def media_addresses(words: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses to try the media server at, or endpoints. Raises UsageError for names: what those mean is the server's
    business.
    """
    if len(words) > _MEDIA_MAX:
        raise UsageError(f"at most {_MEDIA_MAX} --media-address are tried")
    return tuple(dict.fromkeys(address_or_endpoint("--media-address", each) for each in words))


def address_or_endpoint(option: str, word: str) -> str:
    """Written as endpoints are, where there is a port. Raises UsageError."""
    if is_address(word):
        return word
    host, _, digits = word.rpartition(":")
    address = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    port = int(digits) if re.fullmatch("[0-9]{1,5}", digits) else 0
    if not is_address(address) or (":" in address) is (address == host) or not 0 < port < 65536:
        raise UsageError(f"{option} wants an IPv4 or IPv6 address, with or without a port, not {word[:60]!a}")
    return endpoint(address, port)


def _is_token(text: str) -> bool:
    return len(text) <= _TOKEN_MAX and _JWT.fullmatch(text) is not None


def _token(text: str) -> str:
    if text and not _is_token(text):
        raise UsageError("the JWT is none: it has three parts with dots between them")
    return text


def _room(name: str | None) -> str:
    if name is None:
        return ""
    if not name.strip() or "/" in name:
        raise UsageError("--room wants the name of a room, not a link")
    return _fit("--room", name)


def _fit(what: str, text: str) -> str:
    """What a stanza or a request can carry, at a length that no server refuses."""
    if len(text) > _TEXT_MAX or any(unicodedata.category(each) in ("Cc", "Cs") for each in text):
        raise UsageError(f"{what} is too long or has control characters in it")
    return text
