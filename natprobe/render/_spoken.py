"""Words made by others, in the language spoken: what knows no other language stands as it is."""

from __future__ import annotations

from natprobe.reasons import REASONS
from natprobe.wire.text import clean
from natprobe.wording import Phrase, say

# Of one sentence, in characters: what a field may hold.
_SAID_MAX = 2000


def spoken(words: str) -> str:
    """A sentence of a rule or a fix; of what is no Phrase nothing is filled in."""
    return tidy(say(words))


def place(name: str) -> str:
    """A file or a section: by its name, which no language has another word for, or in a rule's words."""
    return spoken(name) if isinstance(name, Phrase) else tidy(name)


def why(reason: str | None) -> str:
    """The sentence for a slug of reasons.py; one from a newer version stands for itself."""
    if reason in REASONS:
        return say(REASONS[reason])
    return tidy((reason or "").replace("-", " "))


def ended(words: str) -> str:
    """With a full stop, unless it asks or ends by itself."""
    bare = words.rstrip(". ")
    return bare if bare.endswith(("?", "!", "。", "？", "！")) else say("{sentence}.", sentence=bare)


def tidy(words: str) -> str:
    """Without what a terminal or a reader would act on."""
    return clean(words, _SAID_MAX)
