"""ICE over TCP as bridges had it until 2024 (ice4j's AbstractTcpListener), without any I/O.

The first 72 bytes decide: Google's pseudo-TLS hello is answered with its fixed reply, everything else is taken as
frames (RFC 4571). The first frame has to be a Binding request for an endpoint that is known, or the connection ends.
"""

from __future__ import annotations

HELLO = bytes.fromhex(
    "8046010301002d000000100100800300800700c006004002008004008000000400feff00000a00fefe0000090000640000620000030000"
    "061f170ca62f0078fc46552eb18339f1ea"
)
REPLY = bytes.fromhex(
    "160301004a020000460301428545a727a95da0b3c5e753da482b3fc65aca89c15852a1783c5b174600853f200ed306725b5b1b5f15ac13"
    "f988539d9be83d7b0c30326e384da27557416c345c000400"
)


class Framing:
    """One connection's bytes in, messages out."""

    def __init__(self) -> None:
        self._buffer = b""
        self._decided = False

    def feed(self, data: bytes) -> tuple[bytes, list[bytes]]:
        """What is written back at once, and the messages that are complete."""
        self._buffer += data
        back = b""
        if not self._decided:
            if len(self._buffer) < len(HELLO):
                return b"", []
            self._decided = True
            if self._buffer.startswith(HELLO):
                back, self._buffer = REPLY, self._buffer[len(HELLO) :]
        return back, self._messages()

    def _messages(self) -> list[bytes]:
        found = []
        while len(self._buffer) >= 2 and len(self._buffer) >= 2 + int.from_bytes(self._buffer[:2], "big"):
            end = 2 + int.from_bytes(self._buffer[:2], "big")
            found.append(self._buffer[2:end])
            self._buffer = self._buffer[end:]
        return found


def frame(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message
