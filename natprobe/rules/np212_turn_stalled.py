"""Binding answers, Allocate never

The relay is alive: it answered STUN's Binding over this transport, or asked for credentials, or made a TLS session.
What it was then asked, to allocate a relayed address, stayed without an answer.

How it shows: tests of STUN are content, and calls through the relay never connect.

What to do: see whether the relay serves TURN at all (`stun-only` in turnserver.conf makes it a STUN server), whether
its user database hangs (the log stops at the user's name), and whether the process is at its limit of files. A
firewall that looks into packets can drop Allocate alone; then another transport works.

Sources: RFC 8656 sections 7.1 and 7.2, RFC 8489 section 6.2.1; measured: coturn 4.6.1 with stun-only drops Allocate
without a word.
"""

from natprobe.derive.relays import LegFacts, connected, legs_in, stun_answered
from natprobe.facts import Allocation, Binding, Connected, Facts, ids
from natprobe.model import Do
from natprobe.rules import Found, Judgement
from natprobe.rules._legs import found, nothing
from natprobe.servers import coturn
from natprobe.wording import mark, phrase

READS = (Allocation, Binding, Connected)

_BINDING = mark("The relay {host} answers Binding over {transport} ({server}), and Allocate never, in {tries} tries")
_CHALLENGED = mark(
    "The relay {host} asks for credentials over {transport} ({server}) and, when it has them, never answers Allocate"
)
_SESSION = mark("The relay {host} takes sessions over {transport} ({server}) and never answers Allocate")


def check(facts: Facts) -> Judgement:
    """Where nothing at all answers, it is turn-unreachable."""
    return [_found(facts, group) for group in legs_in(facts, "stalled")] or nothing(facts)


def _found(facts: Facts, group: list[LegFacts]) -> Found:
    leg = group[0]
    answered = stun_answered(facts, leg)
    return found(
        facts,
        group,
        _CHALLENGED if leg.allocation.challenged else _BINDING if answered else _SESSION,
        more={"tries": leg.allocation.tries},
        evidence=ids(answered, connected(facts, leg)),
        fixes=(
            coturn.setting("stun-only", op="remove", why=phrase("with it, every Allocate is dropped without a word")),
            Do(
                text="On the relay, read its log for what becomes of an Allocate, and start it again",
                audience="server",
                after=coturn.RESTART,
            ),
        ),
    )
