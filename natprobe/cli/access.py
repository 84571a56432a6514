"""Secrets for relays: read from a file or the environment, never from the command line, and never shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from natprobe.cli.errors import UsageError
from natprobe.cli.files import content

if TYPE_CHECKING:
    from natprobe.wire.turn import Credentials

PASSWORD, SECRET = "NATPROBE_TURN_PASSWORD", "NATPROBE_TURN_SECRET"
_SECRET_MAX = 4096
# REST credentials are made for so long: a day is what servers' own signalling gives (seconds).
_LIFETIME = 86400


@dataclass(frozen=True, kw_only=True, repr=False)
class Access:
    """Who we are to a relay: a user with a password, or whoever knows the shared secret; or nobody."""

    username: str = ""
    password: str = ""
    secret: str = ""

    @property
    def kind(self) -> Literal["none", "password", "secret"]:
        """What there is, for the report."""
        return "secret" if self.secret else "password" if self.username else "none"

    def credentials(self, unix_time: float) -> Credentials | None:
        """What goes into the drawer. Raises UsageError for what no request can carry."""
        if self.kind == "none":
            return None
        from natprobe.wire.turn import Credentials, rest_credentials

        try:
            if self.secret:
                return rest_credentials(self.secret, int(unix_time) + _LIFETIME, self.username or "natprobe")
            return Credentials(self.username, self.password)
        except ValueError:
            raise UsageError("the TURN user name or password is none that a request can carry") from None


def access(
    username: str | None,
    password_file: Path | None,
    secret_file: Path | None,
    environment: Mapping[str, str] = os.environ,
) -> Access:
    """What the options give; the environment counts where they name no file. Raises UsageError for what doesn't go
    together or can't be read.
    """
    if password_file is None and secret_file is None:
        password, secret = (environment.get(each, "").strip("\r\n") for each in (PASSWORD, SECRET))
    else:
        password = read("--turn-password-file", password_file)
        secret = read("--turn-secret-file", secret_file)
    if password and secret:
        raise UsageError("a TURN password and a shared secret exclude each other: give one of them")
    if password and not username:
        raise UsageError("a TURN password needs --turn-username")
    if username and not password and not secret:
        raise UsageError(f"--turn-username needs --turn-password-file, --turn-secret-file, {PASSWORD} or {SECRET}")
    return Access(username=username or "", password=password, secret=secret)


def read(option: str, path: Path | None, most: int = _SECRET_MAX) -> str:
    """The first line. What stands there may be the secret itself instead of a file: it is not repeated."""
    if path is None:
        return ""
    try:
        line = content(option, path, most).decode().partition("\n")[0].strip("\r")
    except UnicodeDecodeError:
        raise UsageError(f"{option} is no UTF-8 text") from None
    if not line:
        raise UsageError(f"{option} has nothing in its first line")
    return line
