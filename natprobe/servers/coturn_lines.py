"""coturn's settings as exact lines of the turnserver.conf that they stand in: what `inspect --diff` shows."""

from __future__ import annotations

from natprobe.model import Do, Set
from natprobe.servers.coturn import PROSODY, RESTART
from natprobe.servers.files.writing import line as written
from natprobe.wording import phrase


def line(key: str, value: str, *, file: str, at: int, why: str = "") -> Set:
    """Instead of the line that is there."""
    text = written("flat", key, value)
    return Set(
        system="coturn", file=file, key=key, value=value, line=at, text=text, audience="server", why=why, after=RESTART
    )


def added(key: str, value: str = "", *, file: str, behind: int, why: str = "") -> Set:
    """Behind that line. Without a value it is a flag."""
    text = written("flat", key, value)
    return Set(
        system="coturn",
        file=file,
        op="add",
        key=key,
        value=value,
        line=behind,
        text=text,
        audience="server",
        why=why,
        after=RESTART,
    )


def removed(key: str, *, file: str, at: int, why: str = "") -> Set:
    """Without this line."""
    return Set(system="coturn", file=file, op="remove", key=key, line=at, audience="server", why=why, after=RESTART)


def same_secret(relay: str, signalling: str) -> Do:
    """What only people can write: the secret itself is in no report."""
    return Do(
        text=phrase(
            "Write one and the same secret into both: `static-auth-secret=` in {relay}, and {signalling};"
            " make a new one with: openssl rand -hex 32",
            relay=relay,
            signalling=signalling,
        ),
        audience="server",
        why=phrase("in Prosody it is {prosody}; in docker-jitsi-meet's .env TURN_CREDENTIALS", prosody=PROSODY),
        after=phrase("{restart}, and restart Prosody", restart=RESTART),
    )
