"""A case's second Janus (tests/case.py)."""

from __future__ import annotations

from typing import Literal

import msgspec


class Cascade(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another real Janus, cascade.example.test (203.0.113.60), that the first one's publishers are to be forwarded to,
    in the kernel ring only. Its API is on port 8089.

    `stands`: behind a NAT at 10.0.1.60, where nat_1_1_mapping names the outside address, or with that address itself.
    `forwards`: the UDP ports that lead to it from outside, or that are let in. `out`: what becomes of packets from the
    first one to it. `iface` and `port`: what the check is told to bind there, its `outside` address or the `inside`
    one; `applied`: the check may try it. `key`: its videoroom wants an admin_key, and what the check is told of that.
    """

    runs: bool = False
    stands: Literal["nat", "outside"] = "nat"
    forwards: str = "10000-10099"
    out: Literal["pass", "drop"] = "pass"
    iface: Literal["none", "outside", "inside"] = "none"
    port: int = 0
    applied: bool = False
    key: Literal["none", "right", "wrong"] = "none"
