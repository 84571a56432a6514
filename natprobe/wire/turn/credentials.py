"""Long-term credentials (RFC 8489 section 9.2): what a challenge asks for, signing with it, and whose answer it is.

User name, realm and password are hashed as they are. The RFC would have the profile OpaqueString (RFC 8265) applied,
which changes only spaces outside ASCII and text that is not in NFC; browsers don't, and what they would get is what
is to be told.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aioice import stun
from aioice.stun import Message

from natprobe.wire.stun import HEADER, attributes_of

# RFC 8489 sections 14.3, 14.9 and 14.10, in bytes.
_USERNAME_MAX, _REALM_MAX, _NONCE_MAX = 508, 763, 763

_NONCE_COOKIE = b"obMatJos2"
# Section 9.2 with 18.1: bits 0 and 1 of 24. The text counts from the left, erratum 6290 from the right: both are met.
_PASSWORD_ALGORITHMS, _USERNAME_ANONYMITY = 0x800001, 0x400002
_HASHES = {1: "md5", 2: "sha256"}  # section 18.5

_REALM, _NONCE, _SHA256, _ALGORITHMS = 0x0014, 0x0015, 0x001C, 0x8002
_SHA256_LENGTH, _SHA256_SHORTEST = 32, 16  # section 14.6


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """A user of a TURN server. Nothing of it shows when it is printed.

    Raises ValueError for what no request can carry: servers' own signalling hands these out.
    """

    username: str
    password: str

    def __post_init__(self) -> None:
        try:
            name, _ = self.username.encode(), self.password.encode()
        except UnicodeEncodeError:  # its words would show them
            raise ValueError("a user name or password that is no Unicode text") from None
        if len(name) > _USERNAME_MAX:
            raise ValueError(f"a user name longer than {_USERNAME_MAX} bytes")

    def __repr__(self) -> str:
        return "Credentials()"


def rest_credentials(secret: str, expires: int, user: str = "natprobe") -> Credentials:
    """What a shared secret makes (draft-uberti-behave-turn-rest-00): a user that lasts until `expires`, in Unix time.

    With an empty `user` the name is the time alone, as Prosody makes it.
    """
    username = f"{expires}:{user}" if user else str(expires)
    digest = hmac.digest(secret.encode(), username.encode(), "sha1")
    return Credentials(username, base64.b64encode(digest).decode())


@dataclass(frozen=True, slots=True, repr=False)
class Login:
    """Credentials for one realm and nonce. `algorithm` None: plain RFC 5389, MD5 and HMAC-SHA1."""

    username: str
    realm: str
    nonce: bytes
    key: bytes
    hidden: bool = False
    algorithms: bytes = b""
    algorithm: int | None = None

    def sign(self, message: Message) -> bytes:
        """The request with everything that a challenge wants to see (section 9.2.5)."""
        who = self._userhash() if self.hidden else self.username
        message.attributes["USERHASH" if self.hidden else "USERNAME"] = who
        message.attributes |= {"REALM": self.realm, "NONCE": self.nonce}
        if self.algorithm is None:
            message.add_message_integrity(self.key)
            return bytes(message)
        message.attributes["PASSWORD-ALGORITHMS"] = self.algorithms
        message.attributes["PASSWORD-ALGORITHM"] = struct.pack("!HH", self.algorithm, 0)
        signed = _digest(bytes(message), self.key, _SHA256_LENGTH)
        message.attributes["MESSAGE-INTEGRITY-SHA256"] = signed
        message.add_fingerprint()
        return bytes(message)

    def verifies(self, message: Message, data: bytes) -> bool:
        """Whether the answer, whose bytes are `data`, was signed with our key, the way the request was."""
        if self.algorithm is None:
            return message.check_message_integrity(self.key)
        start, value = _signature(data)
        if len(value) % 4 or not _SHA256_SHORTEST <= len(value) <= _SHA256_LENGTH:
            return False
        return hmac.compare_digest(_digest(data[:start], self.key, len(value)), value)

    def _userhash(self) -> bytes:
        return hashlib.sha256(f"{self.username}:{self.realm}".encode("utf-8", "surrogateescape")).digest()


def login(credentials: Credentials, challenge: Mapping[int, bytes], realm: str | None) -> Login | None:
    """What answers this challenge (raw attributes by type), or None when nothing can.

    `realm` is the one already known, which a 438 need not repeat.
    """
    nonce = challenge.get(_NONCE, b"")
    if _REALM in challenge:
        realm = challenge[_REALM].decode("utf-8", "surrogateescape")
    if realm is None or not nonce or len(nonce) > _NONCE_MAX or len(challenge.get(_REALM, b"")) > _REALM_MAX:
        return None
    features, offered = _features(nonce), challenge.get(_ALGORITHMS, b"")
    user = f"{credentials.username}:{realm}:{credentials.password}".encode("utf-8", "surrogateescape")
    hidden = bool(features & _USERNAME_ANONYMITY)
    if not features & _PASSWORD_ALGORITHMS:
        key = hashlib.md5(user, usedforsecurity=False).digest()
        return Login(credentials.username, realm, nonce, key, hidden)
    chosen = next((each for each in _numbers(offered) if each in _HASHES), None)
    if chosen is None:  # none that we know, or somebody took the list away (section 9.2.5)
        return None
    key = hashlib.new(_HASHES[chosen], user, usedforsecurity=False).digest()
    return Login(credentials.username, realm, nonce, key, hidden, offered, chosen)


def _features(nonce: bytes) -> int:
    """The security feature bits that a nonce begins with, 0 when it begins with none."""
    if not nonce.startswith(_NONCE_COOKIE):
        return 0
    bits = nonce[len(_NONCE_COOKIE) :][:4]
    try:
        return int.from_bytes(base64.b64decode(bits, validate=True), "big")
    except binascii.Error:
        return 0


def _numbers(algorithms: bytes) -> Iterator[int]:
    """The algorithms of a list, in the server's order; each has parameters, padded to four bytes (section 14.11)."""
    position = 0
    while position + 4 <= len(algorithms):
        number, length = struct.unpack_from("!HH", algorithms, position)
        position += 4 + length + -length % 4
        if position <= len(algorithms):
            yield number


def _signature(data: bytes) -> tuple[int, bytes]:
    """Where MESSAGE-INTEGRITY-SHA256 begins, and its value; empty when there is none."""
    position = HEADER
    for kind, value in attributes_of(data):
        if kind == _SHA256:
            return position, value
        position += 4 + len(value) + -len(value) % 4
    return position, b""


def _digest(covered: bytes, key: bytes, length: int) -> bytes:
    """HMAC-SHA256 over what stands before the attribute, the header's length counting it in (section 14.6)."""
    body = len(covered) - HEADER + 4 + length
    return hmac.digest(key, stun.set_body_length(covered, body), "sha256")[:length]
