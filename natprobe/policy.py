"""What a gate demands of a report: options, and a policy file (`--policy`, TOML), read strictly. Pure."""

from __future__ import annotations

import datetime
import ipaddress
import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from natprobe.causes import Cause, find
from natprobe.model import PATHS, Data, Share, Text, Where

FailOn = Literal["error", "warning", "note", "never"]
FAIL_ON: tuple[FailOn, ...] = ("error", "warning", "note", "never")
AtLeast = Literal["good", "degraded", "any"]
AT_LEAST: tuple[AtLeast, ...] = ("good", "degraded", "any")
# What a policy may hold: characters, of one line (dotted keys take tomllib a time that grows with the square of their
# number), and of each list.
SIZE_MAX, LINE_MAX, LIST_MAX = 1 << 16, 4000, 200

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_Positive = Annotated[float, msgspec.Meta(gt=0)]
_WANTED = re.compile(r"([a-z0-9-]+)(?:@([^/@\s]+))?(?:/([46]))?")


class BadPolicy(ValueError):
    """What is no policy; the words say what is wrong, and where."""


class Wanted(NamedTuple):
    """Which attempts on a path are meant: `PATH[@HOST][/4|/6]`."""

    path: str
    host: str | None
    family: int | None


class Require(Data, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A path that must be open: by any attempt, or by every relay or server, family and local address tried."""

    path: Text
    every: bool = False


class Limit(Data, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be measured at most of a path; empty: of the one that a browser ends on."""

    path: Text = ""
    rtt_ms: _Positive | None = None
    jitter_ms: _Positive | None = None
    loss: Share | None = None


class Addresses(Data, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the name leads to, the media server offers, and this network is seen from outside as."""

    name_is: tuple[Text, ...] = ()
    name_includes: tuple[Text, ...] = ()
    media_includes: tuple[Text, ...] = ()
    outside_in: tuple[Text, ...] = ()


class Waiver(Data, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Findings that do not fail the gate, to the end of that day (UTC); those that all the other fields fit."""

    cause: Text
    where: Where | None = None
    host: Text = ""
    file: Text = ""
    reason: Text
    until: datetime.date


class Policy(Data, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file. `verdict`: at least that; `any`: it does not count; None: not broken and not unknown."""

    fail_on: FailOn | None = None
    verdict: AtLeast | None = None
    require: tuple[str | Require, ...] = ()
    forbid: tuple[Text, ...] = ()
    certificate_days: _Positive | None = None
    limit: tuple[Limit, ...] = ()
    addresses: Addresses = Addresses()
    waiver: tuple[Waiver, ...] = ()


class Demands(Data, frozen=True, kw_only=True):
    """What is asked of a report. The options: `fail_on` goes before the policy's, `require` comes on top."""

    fail_on: FailOn | None = None
    require: tuple[str, ...] = ()
    policy: Policy | None = None

    @property
    def threshold(self) -> FailOn:
        """From which severity on findings count."""
        return self.fail_on or (self.policy and self.policy.fail_on) or "error"

    @property
    def anything(self) -> bool:
        """Whether somebody asked for more than what every report is judged by."""
        return bool(self.fail_on or self.require or self.policy)


WITHOUT = Demands()


def wanted(text: str) -> Wanted:
    """Raises BadPolicy."""
    match = _WANTED.fullmatch(text)
    if match is None or match.group(1) not in PATHS:
        raise BadPolicy(f"wants PATH[@HOST][/4|/6] with one of {', '.join(PATHS)}, not {text[:60]!a}")
    return Wanted(match.group(1), match.group(2), int(match.group(3)) if match.group(3) else None)


def cause(text: str) -> Cause:
    """By code or name. Raises BadPolicy."""
    if (found := find(text)) is None:
        raise BadPolicy(f"there is no cause {text[:60]!a}; `natprobe list rules` shows all")
    return found


def address(text: str) -> IpAddress:
    """Raises BadPolicy."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise BadPolicy(f"wants an address, not {text[:60]!a}") from None


def network(text: str) -> Network:
    """Of an address, the network of it alone. Raises BadPolicy."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise BadPolicy(f"wants an address or a network such as 203.0.113.0/24, not {text[:60]!a}") from None


def read(text: str) -> Policy:
    """The policy in a file's text. Raises BadPolicy."""
    import tomllib

    if len(text) > SIZE_MAX or any(len(line) > LINE_MAX for line in text.splitlines()):
        raise BadPolicy(f"it is longer than {SIZE_MAX} characters, or has a line of more than {LINE_MAX}")
    try:
        found = msgspec.convert(tomllib.loads(text), Policy, builtin_types=(datetime.date, datetime.datetime))
    except msgspec.ValidationError as exc:
        raise BadPolicy(_placed(str(exc))) from None
    except RecursionError:
        raise BadPolicy("it is nested too deeply") from None
    except (ValueError, OverflowError) as exc:
        raise BadPolicy(f"it is no TOML: {str(exc)[:200]}") from None
    for place, check, value in _checks(found):
        try:
            check(value)
        except BadPolicy as exc:
            raise BadPolicy(f"{place}: {exc}") from None
    return found


_UNKNOWN_KEY = re.compile(r"Object contains unknown field (`.*`)", re.DOTALL)
_MISSING_KEY = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
_OURS = {
    "Expected `date`, got `str`": "wants a date without quotes, such as 2027-03-31",
    "Expected `date`, got `datetime`": "wants a day without a time, such as 2027-03-31",
    "Expected `array`, got `object`": "wants double brackets, as in [[waiver]]",
}
_CHOICES: dict[str, Iterable[str]] = {"fail_on": FAIL_ON, "verdict": AT_LEAST, "where": Where}


def _placed(words: str) -> str:
    """The words of msgspec after the place that they are about: lists are counted from 1."""
    what, _, path = words.partition(" - at `$")
    place = re.sub(r"\[(\d+)\]", lambda found: f" {int(found[1]) + 1}", path.strip(".`"))
    if unknown := _UNKNOWN_KEY.fullmatch(what):
        return f"{place or 'the policy'} has no key {unknown[1][:60]}"
    if missing := _MISSING_KEY.fullmatch(what):
        return f"{place or 'the policy'} needs the key `{missing[1]}`"
    choices = _CHOICES.get(place.rpartition(".")[2])
    said = f"is one of {', '.join(choices)}" if choices else _OURS.get(what, what)[:200]
    return f"{place} {said}" if choices else f"{place}: {said}"


def _checks(policy: Policy) -> Iterator[tuple[str, Callable[[Any], object], Any]]:
    """What types don't say, by place."""
    expected = policy.addresses
    for name in ("require", "forbid", "limit", "waiver"):
        yield name, _bounded, getattr(policy, name)
    for name in ("name_is", "name_includes", "media_includes", "outside_in"):
        yield f"addresses.{name}", _bounded, getattr(expected, name)
    yield from _each("require", wanted, map(path_of, policy.require))
    yield from _each("forbid", cause, policy.forbid)
    yield from _each("limit", _limit, policy.limit)
    yield from _each("waiver", _waiver, policy.waiver)
    for name in ("name_is", "name_includes", "media_includes"):
        yield from _each(f"addresses.{name}", address, getattr(expected, name))
    yield from _each("addresses.outside_in", network, expected.outside_in)
    yield "certificate_days", _finite, policy.certificate_days


def _each(
    place: str, check: Callable[[Any], object], values: Iterable[object]
) -> Iterator[tuple[str, Callable[[Any], object], Any]]:
    for number, value in enumerate(values, 1):
        yield f"{place} {number}", check, value


def path_of(need: str | Require) -> str:
    """As it is written."""
    return need if isinstance(need, str) else need.path


def _bounded(values: tuple[object, ...]) -> None:
    if len(values) > LIST_MAX:
        raise BadPolicy(f"has more than {LIST_MAX} entries")


def _finite(value: float | None) -> None:
    if value is not None and not math.isfinite(value):
        raise BadPolicy("wants a number that ends")


def _limit(limit: Limit) -> None:
    if limit.path:
        wanted(limit.path)
    figures = (limit.rtt_ms, limit.jitter_ms, limit.loss)
    if all(each is None for each in figures):
        raise BadPolicy("limits nothing: give it rtt_ms, jitter_ms or loss")
    for each in figures:
        _finite(each)


def _waiver(waiver: Waiver) -> None:
    cause(waiver.cause)
    if not waiver.reason.strip():
        raise BadPolicy("wants a reason that somebody can read")
