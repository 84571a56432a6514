"""The one-line token that pairs `natprobe serve` with `natprobe check natprobe://…#TOKEN`.

Both ends derive the same ICE credentials from it (RFC 8445 section 5.3: ufrag and password), so that the token
itself never crosses the network.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from natprobe.model import Data

# 16 random bytes as base64url make 22 characters; shorter ones could be guessed.
TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")


class IceCredentials(Data, frozen=True, kw_only=True):
    """A user fragment and password of one side. Has no place in any report; its repr is empty.

    `controls`: that side is the controlling agent of the session (RFC 8445 section 6.1.1), as Jitsi's bridge always is.
    """

    ufrag: str
    password: str
    controls: bool = True

    def __repr__(self) -> str:
        return "IceCredentials()"


class Login(Data, frozen=True, kw_only=True):
    """How to sign in where somebody has to: a user with a password, or a JSON Web Token. Its repr is empty."""

    user: str = ""
    password: str = ""
    token: str = ""

    def __repr__(self) -> str:
        return "Login()"


class JanusAccess(Data, frozen=True, kw_only=True):
    """What Janus's API may ask for: the secret that all of its clients share, and a token; and its videoroom's
    `admin_key`, for whoever makes rooms. Its repr is empty.
    """

    secret: str = ""
    token: str = ""
    admin_key: str = ""

    def __repr__(self) -> str:
        return "JanusAccess()"


class ProxyAccess(Data, frozen=True, kw_only=True):
    """Who we are to a proxy that wants to know (RFC 7617, RFC 1929). Its repr is empty."""

    user: str
    password: str

    def __repr__(self) -> str:
        return "ProxyAccess()"


def new_token(random_bytes: bytes) -> str:
    """A token from 16 bytes of good randomness."""
    return base64.urlsafe_b64encode(random_bytes).rstrip(b"=").decode()


def credentials(token: str) -> IceCredentials:
    """The server side's credentials. `serve` never asks of its own accord, and is controlled."""
    ufrag, password = _derive(token, "ufrag")[:8], _derive(token, "password")[:32]
    return IceCredentials(ufrag=ufrag, password=password, controls=False)


def _derive(token: str, label: str) -> str:
    digest = hmac.new(token.encode(), f"natprobe {label}".encode(), hashlib.sha256).digest()
    # RFC 8839 section 5.4 allows only letters, digits, + and /.
    return base64.b64encode(digest).rstrip(b"=").decode()
