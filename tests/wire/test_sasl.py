"""SASL against the RFCs' own examples, and servers that lie."""

from __future__ import annotations

import base64

import pytest

from natprobe.wire.sasl import Plain, SaslError, Scram, choose

NONCE = "fyko+d2lbbFgONRv9qkxdawL"
FIRST = f"r={NONCE}3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def decoded(text: str) -> str:
    return base64.b64decode(text).decode()


def scram() -> Scram:
    made = Scram("user", "pencil", NONCE)
    assert decoded(made.first()) == f"n,,n=user,r={NONCE}"
    return made


def test_rfc_5802_section_5() -> None:
    made = scram()
    final = decoded(made.answer(encoded(FIRST)))
    assert final == f"c=biws,r={NONCE}3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    made.succeeded(encoded("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="))


def test_the_server_s_proof_may_be_one_more_challenge() -> None:
    made = scram()
    made.answer(encoded(FIRST))
    assert made.answer(encoded("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")) == "="
    made.succeeded("")


@pytest.mark.parametrize("proof", ["", "=", "v=", "v=AAAA", "e=other-error", "nonsense", "\u00e9"])
def test_a_server_that_does_not_know_the_password(proof: str) -> None:
    made = scram()
    made.answer(encoded(FIRST))
    with pytest.raises(SaslError):
        made.succeeded(encoded(proof))


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        "=",
        "not base64!",
        encoded("r=other,s=QSXCR+Q6sek8bf92,i=4096"),
        encoded(f"r={NONCE}x,s=QSXCR+Q6sek8bf92,i=1"),
        encoded(f"r={NONCE}x,s=QSXCR+Q6sek8bf92,i=999999999"),
        encoded(f"r={NONCE}x,s=QSXCR+Q6sek8bf92"),
        encoded(f"r={NONCE}x,s=!!,i=4096"),
        encoded("m=extension,r=x,i=4096"),
        base64.b64encode(b"\xff\xfe,i=4096").decode(),
    ],
)
def test_bad_challenges(challenge: str) -> None:
    with pytest.raises(SaslError):
        scram().answer(challenge)


def test_plain() -> None:
    assert decoded(Plain("alice", "p").first()) == "\0alice\0p"
    with pytest.raises(SaslError):
        Plain("alice", "p").answer("")


@pytest.mark.parametrize(
    ("offered", "user", "private", "chosen"),
    [
        (("ANONYMOUS",), "", False, "ANONYMOUS"),
        (("PLAIN", "ANONYMOUS"), "", True, "ANONYMOUS"),
        (("PLAIN", "SCRAM-SHA-1"), "", True, None),
        (("PLAIN", "SCRAM-SHA-1"), "alice", True, "SCRAM-SHA-1"),
        (("PLAIN", "SCRAM-SHA-1"), "alice", False, "SCRAM-SHA-1"),
        (("PLAIN",), "alice", True, "PLAIN"),
        (("PLAIN",), "alice", False, None),
        (("ANONYMOUS", "SCRAM-SHA-256"), "alice", True, None),
        ((), "", True, None),
    ],
)
def test_the_choice(offered: tuple[str, ...], user: str, private: bool, chosen: str | None) -> None:
    found = choose(offered, user, "p", NONCE, private=private)
    assert (found.name if found else None) == chosen


def test_a_password_that_can_not_be_said() -> None:
    with pytest.raises(SaslError) as caught:
        choose(("SCRAM-SHA-1",), "alice", "Hidden\u0007", NONCE, private=True)
    assert "Hidden" not in str(caught.value)
