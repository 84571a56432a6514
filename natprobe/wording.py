"""Sentences with places in them, so that they can be said in another language. Pure.

What rules and fixes say is a `Phrase`: the English sentence, which also knows its template and what was filled in.
What renderers say goes through `say`, in the language that `speaking` set around them; English is what nobody set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

Translate = Callable[[str], str]


class Phrase(str):
    """An English sentence that can be said in other languages too. To JSON and to comparisons it is that sentence."""

    __slots__ = ("args", "template")
    template: str
    args: Mapping[str, object]


def phrase(template: str, /, **args: object) -> Phrase:
    """The template filled with these; one that is a Phrase itself is translated with the whole."""
    made = Phrase(template.format_map(args))
    made.template, made.args = template, args
    return made


def mark(template: str) -> str:
    """The same: what stands in a table and is said later (by `say` or `phrase`) is found by the catalogue's maker."""
    return template


def _english(words: str) -> str:
    return words


_TRANSLATE: ContextVar[Translate] = ContextVar("_TRANSLATE", default=_english)


@contextmanager
def speaking(translate: Translate) -> Iterator[None]:
    """Whatever is said within is said in the language that `translate` takes templates to."""
    token = _TRANSLATE.set(translate)
    try:
        yield
    finally:
        _TRANSLATE.reset(token)


def say(template: str, /, **args: object) -> str:
    """The template in the language spoken, filled with these. A Phrase brings its own; plain text from outside must
    come as an argument, never as the template.
    """
    if isinstance(template, Phrase):
        return say(template.template, **template.args)
    words = _TRANSLATE.get()(template) if template else ""
    return words.format_map({name: _said(value) for name, value in args.items()})


def _said(value: object) -> object:
    return say(value) if isinstance(value, Phrase) else value


def bare(value: object) -> str:
    """For msgspec, which writes no subclass of str by itself (its `enc_hook`). Raises NotImplementedError."""
    if isinstance(value, Phrase):
        return str(value)
    raise NotImplementedError(type(value))
