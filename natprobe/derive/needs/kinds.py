"""What a needed port is: said by the user or by a configuration file."""

from __future__ import annotations

from typing import Literal, NamedTuple

# What a port is for. `inner`: nobody outside has to reach it, and of `admin` nobody may.
Role = Literal["media", "turn", "relay", "web", "signalling", "inner", "admin", "named"]


class Need(NamedTuple):
    """One port, or a range of them (`port` to `port_end`), that a program is to hold at `address` (None: any).

    `by`: whose configuration says so, or `--expect`; `key`: by which setting; `file`, `line`: where. `lasting`: it is
    there all the time, not only while somebody talks (relays' and Janus's media ports come and go).
    """

    proto: Literal["udp", "tcp"]
    address: str | None
    port: int
    port_end: int
    role: Role
    program: str
    by: str
    key: str = ""
    file: str = ""
    line: int = 0
    lasting: bool = True
    evidence: tuple[int, ...] = ()

    @property
    def outside(self) -> bool:
        """Whether strangers have to reach it."""
        return self.role in ("media", "turn", "relay", "web", "signalling", "named")
