"""SASL as lib-jitsi-meet has it (RFC 4422): ANONYMOUS, PLAIN and SCRAM-SHA-1, as XMPP's base64 carries it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any, Protocol

# A server may ask for any number of hash rounds; a million take half a second, and Prosody asks for ten thousand.
ROUNDS_MAX = 1_000_000
_ROUNDS = re.compile(r",i=(\d{1,9})(,|$)")
_EMPTY = "="  # RFC 6120 section 6.4.2: data of length zero


class SaslError(ValueError):
    """The server's part of a login is wrong. Its words quote nothing."""


class Mechanism(Protocol):
    """One login. `name` is as registered with IANA."""

    name: str

    def first(self) -> str:
        """The initial response, in base64, or nothing."""

    def answer(self, challenge: str) -> str:
        """The response to a challenge, both in base64. Raises SaslError."""

    def succeeded(self, data: str) -> None:
        """Checks what came with the success, in base64. Raises SaslError."""


class Anonymous:
    """RFC 4505, without a trace."""

    name = "ANONYMOUS"

    def first(self) -> str:
        """See Mechanism."""
        return ""

    def answer(self, challenge: str) -> str:  # noqa: ARG002  # as Mechanism has it
        """See Mechanism."""
        raise SaslError("a challenge where there is none")

    def succeeded(self, data: str) -> None:
        """See Mechanism."""


class Plain(Anonymous):
    """RFC 4616. The password itself crosses the network."""

    name = "PLAIN"

    def __init__(self, user: str, password: str) -> None:
        self._message = f"\0{user}\0{password}"

    def first(self) -> str:
        """See Mechanism."""
        return base64.b64encode(self._message.encode()).decode()


class Scram:
    """RFC 5802. The server proves that it knows the password, too."""

    name = "SCRAM-SHA-1"

    def __init__(self, user: str, password: str, nonce: str) -> None:
        from scramp import ScramClient

        self._client: Any = _tried(lambda: ScramClient([self.name], user, password, c_nonce=nonce))
        self._challenged = self._proven = False

    def first(self) -> str:
        """See Mechanism."""
        return _encoded(self._client.get_client_first())

    def answer(self, challenge: str) -> str:
        """See Mechanism. A server may send its proof as one more challenge (RFC 6120 section 6.4.3)."""
        text = _decoded(challenge)
        if self._challenged:
            self.succeeded(challenge)
            return _EMPTY
        self._challenged = True
        rounds = _ROUNDS.search(text)
        if rounds is None or int(rounds[1]) > ROUNDS_MAX:
            raise SaslError("a challenge with no number of rounds, or with too many")
        _tried(lambda: self._client.set_server_first(text))
        return _encoded(_tried(self._client.get_client_final))

    def succeeded(self, data: str) -> None:
        """See Mechanism."""
        if not self._proven:
            _tried(lambda: self._client.set_server_final(_decoded(data)))
            self._proven = True


def choose(offered: Sequence[str], user: str, password: str, nonce: str, *, private: bool) -> Mechanism | None:
    """The strongest of those offered that fits; None where none does. Only a private line carries a bare password.

    Raises SaslError for a user name or password that SCRAM has no way to say (RFC 4013).
    """
    if not user:
        return Anonymous() if Anonymous.name in offered else None
    if Scram.name in offered:
        return Scram(user, password, nonce)
    return Plain(user, password) if Plain.name in offered and private else None


def _tried(step: Any) -> Any:
    from scramp import ScramException

    try:
        return step()
    except (ScramException, ValueError):
        raise SaslError("SCRAM: the server's message is wrong, or the password can't be prepared") from None


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _decoded(data: str) -> str:
    try:
        return base64.b64decode("" if data.strip() == _EMPTY else data.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise SaslError("no base64 text") from None
