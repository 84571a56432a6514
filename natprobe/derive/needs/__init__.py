"""Which ports of this server are needed, and by whom that is said: the user (--expect) or configuration files."""

from __future__ import annotations

from collections.abc import Callable

from natprobe.derive.needs import coturn, janus, jitsi, nginx, prosody
from natprobe.derive.needs.kinds import Need, Role
from natprobe.facts import Expected, Facts

__all__ = ["Need", "Role", "needs"]


def needs(facts: Facts) -> list[Need]:
    """All of them, each once, in the order in which they are said."""
    found = [need for said in _SAID for need in said(facts)]
    return list({need._replace(evidence=()): need for need in reversed(found)}.values())[::-1]


def _named(facts: Facts) -> list[Need]:
    return [
        Need(
            proto=each.proto,
            address=each.address,
            port=each.port,
            port_end=each.port_end,
            role="named",
            program=each.program,
            by="--expect",
            file=each.file,
            line=each.line,
            evidence=(each.id,),
        )
        for each in facts.of(Expected)
    ]


_SAID: tuple[Callable[[Facts], list[Need]], ...] = (
    _named,
    jitsi.needs,
    coturn.needs,
    janus.needs,
    prosody.needs,
    nginx.needs,
)
