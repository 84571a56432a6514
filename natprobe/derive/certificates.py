"""Why a certificate was refused, in one word, and what there is to say of it. Pure."""

from __future__ import annotations

from typing import Literal

from natprobe.facts import Certificate, Facts, TlsSession

Fault = Literal["ended", "early", "name", "self", "chain", "issuer", "other"]


def shown(facts: Facts, refused: list[TlsSession]) -> list[Certificate]:
    """The certificates that these handshakes refused."""
    there = {(each.endpoint, each.transport) for each in refused}
    return [each for each in facts.ok(Certificate) if (each.endpoint, each.transport) in there]


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
