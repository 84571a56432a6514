"""The ways for media as a picture: a row for each that was tried, from the one who asks to the media server. Pure.

Places are shares of the width, and letters keep their size: so it is readable on a phone and on a desk. What is open,
broken or not known differs in line, sign and word, not in colour alone. The table beside it says the same in words.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from natprobe.render._markup import bare
from natprobe.render._outline import Leg, LegState, Way
from natprobe.wording import say

# In pixels: of a line of a row's name, from there to its way, from there to its foot, and between rows.
_NAME, _LEG, _FOOT, _GAP = 17, 30, 42, 16
# Letters of a row's name on one line of the narrowest screen, and of an address.
_NAME_LETTERS, _AT_LETTERS = 42, 26
_CROSS = '<circle class="sign" r="8"/><path d="M-4 -4 L4 4 M4 -4 L-4 4"/>'
_SIGNS: dict[LegState, str] = {
    "open": "",
    "blocked": _CROSS,
    "unknown": '<circle class="sign" r="8"/><text y="4" text-anchor="middle">?</text>',
    "none": "",
}


def picture(ways: Sequence[Way], title: str, words: str) -> str:
    """The element, named for those who do not see it; nothing where no way was tried."""
    shown = [each for each in ways if each.legs]
    if not shown:
        return ""
    rows, height = [], 0
    for each in shown:
        drawn, tall = _row(each, height)
        rows.append(drawn)
        height += tall + _GAP
    return (
        '<svg role="img" aria-labelledby="picture-title" aria-describedby="picture-words"'
        f' width="100%" height="{height - _GAP}">\n'
        f'<title id="picture-title">{bare(title)}</title>\n<desc id="picture-words">{bare(words)}</desc>\n'
        + "\n".join(rows)
        + "\n</svg>"
    )


def _row(way: Way, top: int) -> tuple[str, int]:
    """A way's name and state, and its stops below."""
    words = say("{ways}: {state}", ways=", ".join(way.names), state=way.state)
    names = textwrap.wrap(words, _NAME_LETTERS, break_on_hyphens=False)
    parts = [
        f'<text class="name" y="{top + _NAME * number - 4}">{bare(each)}</text>' for number, each in enumerate(names, 1)
    ]
    y = top + _NAME * len(names) + _LEG
    share = 100 / len(way.legs)
    parts += [_leg(each, number * share, share, y) for number, each in enumerate(way.legs)]
    parts += list(_stops(way.legs, share, y))
    return f'<g class="words">{"".join(parts)}</g>', y - top + _FOOT


def _leg(leg: Leg, start: float, share: float, y: int) -> str:
    """A line with an arrow where it is open, a sign on it where it is not, and over it what goes there and how far."""
    middle, end = _percent(start + share / 2), _percent(start + share)
    words = say("{proto}: {state}", proto=leg.proto, state=leg.word)
    arrow = '<path d="M-19 -5 L-11 0 L-19 5"/>' if leg.state == "open" else ""
    sign = _SIGNS[leg.state]
    return (
        f'<g class="{leg.state}"><line x1="{_percent(start)}" x2="{end}" y1="{y}" y2="{y}"/>'
        + _at(end, y, arrow)
        + _at(middle, y, sign)
        + f'<text x="{middle}" y="{y - 13}" text-anchor="middle">{bare(words)}</text></g>'
    )


def _at(x: str, y: int, shape: str) -> str:
    """A shape in pixels at a share of the width."""
    return f'<svg x="{x}" y="{y}" overflow="visible">{shape}</svg>' if shape else ""


def _stops(legs: Sequence[Leg], share: float, y: int) -> Iterator[str]:
    """Who is there, with the address below where there is room; full if media gets there."""
    yield _stop("0%", y, "start", say("you"), "", reached=True)
    reached = True
    for number, each in enumerate(legs, 1):
        reached = reached and each.state == "open"
        anchor = "end" if number == len(legs) else "middle"
        yield _stop(_percent(number * share), y, anchor, each.who, each.at, reached=reached)


def _stop(x: str, y: int, anchor: str, who: str, at: str, *, reached: bool) -> str:
    kind = "here" if reached else "stop"
    shown = at if len(at) <= _AT_LETTERS else f"{at[: _AT_LETTERS // 2]}…{at[1 - _AT_LETTERS // 2 :]}"
    place = f'<text class="at" x="{x}" y="{y + 38}" text-anchor="{anchor}">{bare(shown)}</text>' if at else ""
    circle = f'<circle class="{kind}" cx="{x}" cy="{y}" r="6"/>'
    return f'{circle}<text x="{x}" y="{y + 23}" text-anchor="{anchor}">{bare(who)}</text>{place}'


def _percent(share: float) -> str:
    return f"{share:.4g}%"
