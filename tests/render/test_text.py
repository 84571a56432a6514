"""What the text report chooses to show, and how it names it."""

from __future__ import annotations

from natprobe.facts import IceCheck, IdleMapping, OtherPayload, Stray
from natprobe.model import Failure
from natprobe.render._words import seen
from natprobe.render.text import EVIDENCE_MAX
from tests.case import CASES, load
from tests.made import LOCAL, OUTSIDE, STUN1
from tests.show import shown


def test_what_decided_is_shown_among_much_evidence() -> None:
    """The router's one word stands behind sixteen answers of STUN servers."""
    printed = shown(load(CASES / "carrier-router-tells.toml")).partition("with the fix")[0]
    assert "router 192.168.1.1 says that its outside address is 100.64.0.7" in printed
    assert printed.count("seen #") == EVIDENCE_MAX


def test_what_never_left_was_not_sent() -> None:
    check = IceCheck(endpoint=STUN1, transport="udp", size=0, tries=0, failure=Failure.ADDRESS_NOT_LOCAL)
    assert seen(check) == f"ICE check over UDP to {STUN1}, not sent: address-not-local"


def test_an_idle_mapping_that_lives_says_so() -> None:
    idle = IdleMapping(server=STUN1, local=LOCAL, mapped=OUTSIDE, idle=15, by="response-port", tries=1)
    assert (
        seen(idle) == f"mapping {OUTSIDE} of {LOCAL} after 15 idle seconds still there, asked by response-port, 1 try"
    )


def test_words_for_other_payloads_and_for_one_stray() -> None:
    other = OtherPayload(server=STUN1, local=LOCAL, payload="classic-stun", tries=6, answers=6)
    assert seen(other) == f"STUN without the magic cookie to {STUN1}, 6 of 6 tries answered"
    stray = Stray(local=LOCAL, sender=STUN1, fault="altered", count=1)
    assert seen(stray).startswith("1 stray datagram from ")
