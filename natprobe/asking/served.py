"""A `natprobe serve` at the other end of a direct way over UDP."""

from __future__ import annotations

from natprobe.asking.checks import Goal, goals
from natprobe.context import PEER_SESSION, Context
from natprobe.facts import Facts, IceCheck
from natprobe.pairing import IceCredentials


def served(ctx: Context, facts: Facts) -> tuple[Goal, IceCheck] | None:
    """The first check that was answered there over UDP, straight from here."""
    if ctx.keep.get(PEER_SESSION, IceCredentials) is None:
        return None
    known = {each.candidate.endpoint: each for each in goals(ctx, facts, ("udp",), (4, 6)) if _of_serve(each)}
    passed = facts.ok(IceCheck, lambda each: each.verified and each.server is None and each.transport == "udp")
    return next(((known[each.endpoint], each) for each in passed if each.endpoint in known), None)


def _of_serve(goal: Goal) -> bool:
    return goal.candidate.session == PEER_SESSION
