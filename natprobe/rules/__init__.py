"""One file per cause: `npNNN_the_cause.py`. The docstring is its page, `check(facts)` its judgement.

A rule sees one vantage's facts and answers found (a list of Found), CLEAR, NOT_APPLICABLE, or CouldNotTell. One
that has `check_together` sees all vantages of a merged report besides, once, and says what only they tell together.
It never asks the network, the clock or the machine.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Sequence
from enum import Enum
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from natprobe.causes import CAUSES, Cause
from natprobe.facts import Facts
from natprobe.model import Alternative, Data, Fix, Observation, Severity, Where


class Plain(Enum):
    """The two answers without words."""

    CLEAR = "clear"
    NOT_APPLICABLE = "not-applicable"


CLEAR, NOT_APPLICABLE = Plain.CLEAR, Plain.NOT_APPLICABLE


class CouldNotTell(Data, frozen=True, kw_only=True):
    """The evidence does not decide; `reason` is a slug of reasons.py, `ask` the command or step that would."""

    reason: str
    ask: str = ""


class Found(Data, frozen=True, kw_only=True):
    """A cause that is there. `message` is a whole sentence with places for `args`, so that it can be translated, or a
    phrase that is filled already.

    `file`, `line`: where in the server's configuration it stands (`natprobe inspect`). `instead_of`: of a judgement
    over several vantages, the causes whose findings on the same evidence give way to this one.
    """

    message: str
    evidence: tuple[int, ...]
    args: dict[str, Any] = {}  # noqa: RUF012  # msgspec copies it
    fixes: tuple[Fix, ...] = ()
    severity: Severity | None = None
    where: Where | None = None
    alternatives: tuple[Alternative, ...] = ()
    file: str | None = None
    line: int | None = None
    instead_of: tuple[str, ...] = ()


Judgement = list[Found] | CouldNotTell | Plain


class Module(Protocol):
    """What a rule's module has. Optional: `check_together(vantages: Sequence[Facts]) -> Judgement`."""

    __doc__: str | None
    READS: tuple[type[Observation], ...]
    check: Callable[[Facts], Judgement]


Together = Callable[[Sequence[Facts]], Judgement]


class Rule(Data, frozen=True, kw_only=True):
    """A cause with the module that judges it."""

    cause: Cause
    module: Any

    @property
    def together(self) -> Together | None:
        """Its judgement over several vantages, where it has one."""
        return getattr(self.module, "check_together", None)


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule there is, by code."""
    names = sorted(each.name for each in pkgutil.iter_modules(__path__) if each.name.startswith("np"))
    return tuple(Rule(cause=_cause(name), module=import_module(f"{__name__}.{name}")) for name in names)


def _cause(module: str) -> Cause:
    code, _, words = module.partition("_")
    cause = CAUSES[words.replace("_", "-")]
    if cause.code != code.upper():
        raise ValueError(f"{module}: the table says {cause.code}")
    return cause


def alternative(cause: str, ask: str) -> Alternative:
    """Another cause that the same evidence allows, and what decides."""
    return Alternative(code=CAUSES[cause].code, cause=cause, ask=ask)
