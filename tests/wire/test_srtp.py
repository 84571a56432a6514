"""Media's packets: keys in RFC 5764's order, both profiles, and what is no packet of the other side's."""

from __future__ import annotations

import random
import struct

import pytest
from pylibsrtp import Error, Policy, Session

from natprobe.wire.srtp import PROFILES, Rtp, Srtp, material_size

KINDS = {
    "SRTP_AES128_CM_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 14),
    "SRTP_AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 12),
}
RTP = Rtp(payload_type=111, ssrc=0xFEEDBEEF)
MARK = b"the mark"


def server(profile: str, material: bytes) -> tuple[Session, Session]:
    """The other end: what comes in, what goes out."""
    kind, salt = KINDS[profile]
    client = material[:16] + material[32 : 32 + salt]
    own = material[16:32] + material[32 + salt : 32 + 2 * salt]
    inward = Session(Policy(key=client, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=kind))
    return inward, Session(Policy(key=own, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=kind))


def ends(profile: str, first: int = 7) -> tuple[Srtp, Session, Session]:
    material = random.Random(1).randbytes(material_size(profile))
    return Srtp(profile, material, RTP, first), *server(profile, material)


def test_both_profiles_of_browsers_are_there() -> None:
    assert set(PROFILES) == set(KINDS)
    with pytest.raises(KeyError):
        material_size("SRTP_AES128_CM_SHA1_32")


@pytest.mark.parametrize("profile", KINDS)
@pytest.mark.parametrize("size", [100, 1200])
class TestThereAndBack:
    def test_a_packet_is_what_signalling_named_and_as_long_as_it_should_be(self, profile: str, size: int) -> None:
        ours, inward, _ = ends(profile)
        for number in (7, 8):
            packet = ours.packet(MARK, size)
            assert len(packet) == size
            assert MARK not in packet
            plain = inward.unprotect(packet)
            version, kind, counted, _, ssrc = struct.unpack_from("!BBHII", plain)
            assert (version, kind, counted, ssrc) == (0x80, 111, number, 0xFEEDBEEF)
            assert plain[12:20] == MARK

    def test_what_comes_back_is_read_once(self, profile: str, size: int) -> None:
        ours, inward, outward = ends(profile)
        plain = inward.unprotect(ours.packet(MARK, size))
        back = outward.protect(plain[:8] + b"\0\0\0\1" + plain[12:])  # with the server's own SSRC
        assert len(back) == size
        content = ours.content(back)
        assert content is not None
        assert content[:8] == MARK
        assert ours.content(back) is None

    def test_the_same_packet_is_never_sent_twice(self, profile: str, size: int) -> None:
        ours, inward, _ = ends(profile)
        first = ours.packet(MARK, size)
        inward.unprotect(first)
        with pytest.raises(Error):
            inward.unprotect(first)
        inward.unprotect(ours.packet(MARK, size))


@pytest.mark.parametrize("profile", KINDS)
def test_what_nobody_with_the_keys_sent(profile: str) -> None:
    ours, _, outward = ends(profile)
    good = outward.protect(struct.pack("!BBHII", 128, 111, 1, 0, 1) + MARK)
    for bad in (b"", b"\x80", bytes(1500), bytes(4096), good[:-1], good[:-1] + b"\0", ours.packet(MARK, 200)):
        assert ours.content(bad) is None
    assert ours.content(good) == MARK


def test_nothing_shows_the_keys() -> None:
    ours, _, _ = ends("SRTP_AES128_CM_SHA1_80")
    assert "Srtp object" in repr(ours)
