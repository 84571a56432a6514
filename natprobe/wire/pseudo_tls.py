"""Google's pseudo-TLS: two fixed messages that look like the beginning of TLS, before framed STUN on a TCP stream.

Old bridges and libwebrtc speak it for candidates of transport `ssltcp`, to pass firewalls that want TLS on port 443.
Nothing is encrypted. An old bridge answers the hello whatever follows, so it proves its TCP port without a session.
"""

from __future__ import annotations

HELLO = bytes.fromhex(
    "8046010301002d000000100100800300800700c006004002008004008000000400feff00000a00fefe00"
    "00090000640000620000030000061f170ca62f0078fc46552eb18339f1ea"
)
ANSWER = bytes.fromhex(
    "160301004a020000460301428545a727a95da0b3c5e753da482b3fc65aca89c15852a1783c5b17460085"
    "3f200ed306725b5b1b5f15ac13f988539d9be83d7b0c30326e384da27557416c345c000400"
)


def fits(data: bytes) -> bool:
    """Whether what has come so far may still become the answer."""
    return len(data) <= len(ANSWER) and ANSWER.startswith(data)
