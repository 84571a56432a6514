"""Words as HTML: escaped, with what stands between backticks as code. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from natprobe.wire.text import clean
from natprobe.wording import say

# What people are told is cleaned already; longer than this no sentence of it is.
_WORDS_MAX = 4000
_QUOTED = re.compile("`([^`]+)`")


def bare(words: str) -> str:
    """Fit to stand between tags and in a quoted attribute, and no character in it that is not seen; nor what begins a
    command in the logs of a CI (_tame.py).
    """
    shown = escape(words if words.isprintable() else clean(words, _WORDS_MAX))
    return shown.replace("##", "#&#35;").replace("::", ":&#58;")


def prose(words: str) -> str:
    """The same, with commands and names of settings as code."""
    return _QUOTED.sub(r"<code>\1</code>", bare(words))


def code(words: str) -> str:
    """A name, a place or a command."""
    return f"<code>{bare(words)}</code>"


def copyable(lines: Sequence[str], name: str, label: str) -> str:
    """Lines with a button that copies them; the button is there where the script is. `name`: the id of the lines."""
    text = "\n".join(map(bare, lines))
    named = bare(say("Copy the lines for {program}", program=label)) if label else bare(say("Copy"))
    button = f'<button type="button" data-copy="{name}" aria-label="{named}" hidden>{bare(say("Copy"))}</button>'
    return f'<div class="lines"><pre tabindex="0"><code id="{name}">{text}</code></pre>{button}</div>'


def listed(items: list[str], kind: str = "") -> str:
    """A list of what is HTML already."""
    if not items:
        return ""
    rows = "\n".join(f"<li>{each}</li>" for each in items)
    return f"<ul{_class(kind)}>\n{rows}\n</ul>"


def folded(summary: str, inside: str, kind: str = "", *, wide: bool = False) -> str:
    """What is opened by whoever wants to read it; `wide`: it is open already."""
    shown = " open" if wide else ""
    return f"<details{_class(kind)}{shown}><summary>{summary}</summary>\n{inside}\n</details>"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
