"""What a case's check is told of its relay, and of its Jitsi's login: the same words in every ring."""

from __future__ import annotations

from pathlib import Path

from tests.case import Case, Jitsi, Relay

USER, PASSWORD, SECRET, REALM = "alice", "wonder-of-the-lab", "north-of-the-lab", "example.test"
OTHER_USER, OTHER_PASSWORD = "bob", "builder-of-the-lab"  # who has an allocation already, where somebody does
# What Jitsi's Prosody takes for a right token: it looks like one.
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJyb29tIjoiKiJ9.bGFi"
WRONG = "not-the-one-of-the-lab"


def options(case: Case, folder: Path) -> list[str]:
    """Further options of check; what must not be seen is written to a file in this folder."""
    return [*_relay(case.relay, folder), *_login(case.jitsi, folder)]


def _login(jitsi: Jitsi, folder: Path) -> list[str]:
    option, secret = {"token": ("jwt", TOKEN), "user": ("password", PASSWORD)}.get(jitsi.given, ("", ""))
    if not option:
        return []
    (path := folder / f"login-{option}").write_text(secret + "\n")
    return [*(["--user", USER] if option == "password" else []), f"--{option}-file", str(path)]


def _relay(relay: Relay, folder: Path) -> list[str]:
    kind = _kind(relay)
    if not relay.runs or kind == "none":
        return []
    right = {"password": PASSWORD, "secret": SECRET}[kind]
    (path := folder / f"turn-{kind}").write_text((WRONG if relay.given == "wrong" else right) + "\n")
    return [*(["--turn-username", USER] if kind == "password" else []), f"--turn-{kind}-file", str(path)]


def _kind(relay: Relay) -> str:
    if relay.given == "none":
        return "none"
    right = "secret" if relay.access == "both" else relay.access
    other = {"password": "secret", "secret": "password", "none": "none"}
    return other[right] if relay.given == "other-kind" else right
