"""How a report is to be told, beside what is in it: what the options of the command line asked for."""

from __future__ import annotations

from typing import Literal

from natprobe.model import Count, Data, Text


class Held(Data, frozen=True, kw_only=True):
    """One demand of the gate (an option's or a policy's) and whether the report keeps it. `why`: what decided.

    `findings`: the findings that decided, by their places in the report's; `ways`: the ways for media. Formats mark
    these as failed where the demand is broken, and as waived where it is waived.
    """

    demand: Text
    status: Literal["kept", "broken", "unknown", "waived"]
    why: Text = ""
    findings: tuple[Count, ...] = ()
    ways: tuple[Text, ...] = ()


class Gate(Data, frozen=True, kw_only=True):
    """What the gate makes of a report: the exit code (contract), and every demand. `asked`: options or a policy demand
    something, so that people want to read what came of it.
    """

    code: int = 0
    held: tuple[Held, ...] = ()
    asked: bool = False


class Manner(Data, frozen=True, kw_only=True):
    """`dialects`: of which firewalls' commands the lines to copy are; empty: of the one that is there, else ufw's."""

    verbose: bool = False
    dialects: tuple[str, ...] = ()
    gate: Gate | None = None


PLAINLY = Manner()
