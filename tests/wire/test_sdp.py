"""The offer that a real Janus answers, and answers in every shape: read as far as they can be, and never believed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natprobe.pairing import IceCredentials
from natprobe.wire import sdp
from natprobe.wire.candidates import CANDIDATES_MAX, BridgeCandidate
from natprobe.wire.sdp import Candidates, SdpError, candidate, read_answer
from tests.scripted_janus import ANSWER, DIGEST, HOST, PASSWORD, WHOLE

OURS = IceCredentials(ufrag="abcd", password="p" * 22)


def test_the_offer() -> None:
    lines = sdp.offer(OURS, DIGEST, 7, 42).split("\r\n")
    assert lines[:5] == ["v=0", "o=- 7 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0"]
    wanted = {"a=mid:0", "a=rtcp-mux", "a=sendrecv", "a=setup:active", "a=ice-options:trickle", "a=ice-ufrag:abcd"}
    wanted |= {f"a=fingerprint:sha-256 {DIGEST}", "a=rtpmap:111 opus/48000/2", "a=ssrc:42 cname:natprobe"}
    assert wanted <= set(lines)
    assert lines[-1] == ""
    assert not any("candidate" in each or "extmap" in each for each in lines)


def test_a_candidate_of_ours_can_be_read_again() -> None:
    first, second = (sdp.host_candidate(rank, "2001:db8::1", 5000) for rank in (1, 2))
    found, later = candidate(first), candidate(second)
    assert found is not None
    assert later is not None
    assert found[:4] == ("2001:db8::1", 5000, "udp", "host")
    assert (found.priority or 0) > (later.priority or 0)


class TestAnswers:
    def test_janus_s(self) -> None:
        found = read_answer(WHOLE)
        assert (found.credentials.ufrag, found.credentials.password) == ("Py7Z", PASSWORD)
        assert not found.credentials.controls
        assert found.announced == (("sha-256", DIGEST),)
        assert (found.setup, found.lines, found.ended, found.lite, found.refused) == (
            "passive",
            (HOST,),
            True,
            False,
            False,
        )

    def test_without_candidates(self) -> None:
        assert (read_answer(ANSWER).lines, read_answer(ANSWER).ended) == ((), False)

    def test_lite_and_turned_down(self) -> None:
        found = read_answer(WHOLE.replace("t=0 0", "t=0 0\r\na=ice-lite").replace("m=audio 9", "m=audio 0"))
        assert (found.lite, found.refused) == (True, True)

    def test_bare_newlines_do(self) -> None:
        assert read_answer(WHOLE.replace("\r\n", "\n")) == read_answer(WHOLE)

    @pytest.mark.parametrize("line", ["", "sha-256", "sha-256 zz", f"sha 256 {DIGEST}", "x" * 30 + f" {DIGEST}"])
    def test_fingerprints_that_are_none(self, line: str) -> None:
        assert read_answer(WHOLE.replace(f"sha-256 {DIGEST}", line)).announced == ()

    def test_several_fingerprints_are_bounded(self) -> None:
        text = WHOLE.replace("a=setup", f"a=fingerprint:SHA-1 {DIGEST.lower()}\r\n" * 9 + "a=setup")
        assert read_answer(text).announced[:2] == (("sha-256", DIGEST), ("sha-1", DIGEST))
        assert len(read_answer(text).announced) == 4

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "v=0",
            WHOLE.replace("a=ice-ufrag:Py7Z\r\n", ""),
            WHOLE.replace(PASSWORD, ""),
            WHOLE.replace(PASSWORD, "with space"),
            WHOLE.replace("Py7Z", "a:b"),
            WHOLE + "a=x\r\n" * 20_000,
        ],
    )
    def test_what_is_none(self, text: str) -> None:
        with pytest.raises(SdpError) as caught:
            read_answer(text)
        assert PASSWORD not in str(caught.value)

    def test_its_repr_has_no_secret(self) -> None:
        assert PASSWORD not in repr(read_answer(WHOLE))

    @settings(max_examples=300, deadline=None)
    @given(st.lists(st.sampled_from(WHOLE.split("\r\n")) | st.text(max_size=40), max_size=40))
    def test_any_text_is_an_answer_or_a_fault(self, lines: list[str]) -> None:
        try:
            found = Candidates()
            found.add(read_answer("\n".join(lines)).lines)
            assert len(found) <= CANDIDATES_MAX
        except SdpError:
            pass


class TestCandidates:
    @pytest.mark.parametrize(
        ("line", "found"),
        [
            (HOST, BridgeCandidate("203.0.113.10", 20063, "udp", "host", 2015363583)),
            (f"a={HOST} generation 0", BridgeCandidate("203.0.113.10", 20063, "udp", "host", 2015363583)),
            (
                "candidate:2 1 UDP 1677 203.0.113.9 5000 typ srflx raddr 10.0.0.4 rport 5001",
                BridgeCandidate("203.0.113.9", 5000, "udp", "srflx", 1677, ("10.0.0.4", 5001)),
            ),
            (
                "candidate:3 1 tcp 1010827775 203.0.113.10 20032 typ host tcptype passive",
                BridgeCandidate("203.0.113.10", 20032, "tcp", "host", 1010827775),
            ),
            ("candidate:1 1 udp 1 2001:DB8:0::9 5 typ host", BridgeCandidate("2001:db8::9", 5, "udp", "host", 1)),
            ("candidate:3 1 udp x fe80::2c75:1cff:fe5c:22a1 20028 typ host", BridgeCandidate(
                "fe80::2c75:1cff:fe5c:22a1", 20028, "udp", "host", None)),
        ],
    )  # fmt: skip
    def test_to_contact(self, line: str, found: BridgeCandidate) -> None:
        assert candidate(line) == found

    @pytest.mark.parametrize(
        "line",
        [
            "",
            "candidate:1",
            "candidate:1 2 udp 1 203.0.113.10 5000 typ host",  # RTCP's
            "candidate:1 1 udp 1 3f1c.local 5000 typ host",  # a name, of mDNS or any other
            "candidate:1 1 udp 1 203.0.113.10 0 typ host",
            "candidate:1 1 udp 1 203.0.113.10 99999 typ host",
            "candidate:1 1 udp 1 0.0.0.0 5000 typ host",
            "candidate:1 1 udp 1 224.0.0.5 5000 typ host",
            "candidate:1 1 udp 1 :: 5000 typ host",
            "candidate:1 1 udp 1 ::ffff:192.0.2.1 5000 typ host",
            "candidate:1 1 udp 1 fe80::1%eth0 5000 typ host",
            "candidate:1 1 sctp 1 203.0.113.10 5000 typ host",
            "candidate:1 1 ssltcp 1 203.0.113.10 443 typ host tcptype passive",
            "candidate:1 1 udp 1 203.0.113.10 5000 typ odd",
            "candidate:1 1 udp 1 203.0.113.10 5000 host typ",
            "candidate:2 1 tcp 1015022079 203.0.113.10 0 typ host tcptype active",
            "candidate:2 1 tcp 1015022079 203.0.113.10 9 typ host tcptype active",
            "candidate:2 1 tcp 1015022079 203.0.113.10 5000 typ host",
        ],
    )
    def test_to_nobody(self, line: str) -> None:
        assert candidate(line) is None

    def test_distinct_ones_are_kept_up_to_a_bound(self) -> None:
        found = Candidates()
        found.add([HOST, HOST, "candidate:1 1 udp 1 x.local 5 typ host"])
        assert (len(found), found.dropped) == (1, 1)
        found.add(f"candidate:1 1 udp 1 203.0.113.10 {port} typ host" for port in range(1, 1000))
        assert (len(found), found.dropped) == (CANDIDATES_MAX, 1 + 999 - (CANDIDATES_MAX - 1))
