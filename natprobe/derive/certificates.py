"""Why a certificate was refused, in one word, and what there is to say of it. Pure."""

from __future__ import annotations

from typing import Literal

from natprobe.facts import Certificate, Facts, TlsSession

Fault = Literal["ended", "early", "name", "self", "chain", "issuer", "other"]


def shown(facts: Facts, refused: list[TlsSession]) -> list[Certificate]:
    """The certificates that these handshakes refused. Behind a proxy's endpoint several names have theirs."""
    there = {_place(each) for each in refused}
    return [each for each in facts.ok(Certificate) if _place(each) in there]


def _place(each: TlsSession | Certificate) -> tuple[str, ...]:
    return (each.endpoint, each.transport, *((each.via, each.name) if each.via else ()))


def same_handshake(session: TlsSession, leaf: Certificate) -> bool:
    """Whether the certificate was shown to this name at this place, by this way."""
    return _place(session) == _place(leaf) and session.name == leaf.name


def fault(leaf: Certificate | None, words: str) -> Fault:
    """What is wrong with it. `words` are the verifier's."""
    if leaf is None:
        return "other"
    if leaf.days_left < 0:
        return "ended"
    if "not yet valid" in words:
        return "early"
    if not leaf.matches:
        return "name"
    if leaf.self_issued:
        return "self"
    if "issuer" in words or "unable to get" in words:
        return "chain" if leaf.chain == 1 else "issuer"
    return "other" if words else "issuer"


def told(session: TlsSession, leaf: Certificate | None) -> dict[str, object]:
    """What a sentence about it may name."""
    args: dict[str, object] = {"name": session.name, "words": session.detail, "endpoint": session.endpoint}
    if leaf is not None:
        args |= {
            "end": leaf.not_after[:10],
            "begin": leaf.not_before[:10],
            "names": ", ".join(leaf.names[:3]) or leaf.subject,
            "issuer": leaf.issuer,
        }
    return args
