"""Sentences with places in them, so that they can be said in another language. Pure.

What rules and fixes say is a `Phrase`: the English sentence, which also knows its template and what was filled in.
What renderers say goes through `say`, in the language that `speaking` set around them; English is what nobody set.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from string import Formatter

Translate = Callable[[str], str]
# Chinese signs; the same with their punctuation, which brings its own space.
# Compiled when Chinese is spoken: that takes 10 ms, and re keeps them.
_HAN, _LETTER = "[\u4e00-\u9fff]", "[A-Za-z0-9]"
_SIGN = "[\u3001-\u3011\u4e00-\u9fff\uff01-\uff5e]"
_SIGN_AND_SPACE, _SPACE_AND_SIGN = f"{_SIGN} ", f" {_SIGN}"


class Phrase(str):
    """An English sentence that can be said in other languages too. To JSON and to comparisons it is that sentence."""

    __slots__ = ("args", "template")
    template: str
    args: Mapping[str, object]


def phrase(template: str, /, **args: object) -> Phrase:
    """The template filled with these; one that is a Phrase itself is translated with the whole. Without any it stands
    as it is, braces and all.
    """
    made = Phrase(template.format_map(args) if args else template)
    made.template, made.args = template, args
    return made


def listed(words: Iterable[str]) -> str:
    """Each once, in order, with an "and" between."""
    return _joined(list(dict.fromkeys(words)), mark("{first} and {last}"))


def enumerated(words: Iterable[str]) -> str:
    """The same with commas; for words, since numbers and names need no translation of what stands between."""
    return _joined(list(dict.fromkeys(words)), mark("{first}, {last}"))


def _joined(words: list[str], template: str) -> str:
    """By halves, so that a long list makes no deep nest."""
    if len(words) < 2:
        return words[0] if words else ""
    half = len(words) // 2
    return phrase(template, first=_joined(words[:half], template), last=_joined(words[half:], template))


def mark(template: str) -> str:
    """The same: what stands in a table and is said later (by `say` or `phrase`) is found by the catalogue's maker."""
    return template


def _english(words: str) -> str:
    return words


_TRANSLATE: ContextVar[Translate] = ContextVar("_TRANSLATE", default=_english)
_LANGUAGE: ContextVar[str] = ContextVar("_LANGUAGE", default="en")


@contextmanager
def speaking(translate: Translate, language: str = "en") -> Iterator[None]:
    """Whatever is said within is said in the language that `translate` takes templates to; `language`: its tag (BCP
    47), such as `zh-Hans`.
    """
    token, tag = _TRANSLATE.set(translate), _LANGUAGE.set(language)
    try:
        yield
    finally:
        _TRANSLATE.reset(token)
        _LANGUAGE.reset(tag)


def language() -> str:
    """The tag of the language spoken, for formats that name it."""
    return _LANGUAGE.get()


def say(template: str, /, **args: object) -> str:
    """The template in the language spoken, filled with these; without any it stands as it is, braces and all. A
    Phrase brings its own; plain text from outside must come as an argument, never as the template.
    """
    if isinstance(template, Phrase):
        return say(template.template, **template.args)
    words = _TRANSLATE.get()(template) if template else ""
    if not args:
        return words
    said = {name: _said(value) for name, value in args.items()}
    return _spaced(words, said) if _LANGUAGE.get().startswith("zh") else words.format_map(said)


def _said(value: object) -> object:
    return say(value) if isinstance(value, Phrase) else value


def _spaced(words: str, args: Mapping[str, object]) -> str:
    """Filled, with spaces as Chinese has them: one between a sign and a letter or digit, none between two signs. What
    stands in a place is a name here and a Chinese phrase there, which no template knows.
    """
    made = ""
    for literal, name, spec, _ in Formatter().parse(words):
        made = _next(made, literal)
        made = _next(made, format(args[name], spec or "")) if name is not None else made
    return made


def _next(made: str, part: str) -> str:
    """Only where the two meet: what was filled in stands as it is."""
    if re.match(_SIGN_AND_SPACE, made[-2:]) and re.match(_SIGN, part):
        return made[:-1] + part
    if re.match(_SIGN, made[-1:]) and re.match(_SPACE_AND_SIGN, part):
        return made + part[1:]
    last = made[-1:]
    apart = (re.match(_LETTER, last) and re.match(_HAN, part)) or (re.match(_HAN, last) and re.match(_LETTER, part))
    return f"{made} {part}" if apart else made + part


def bare(value: object) -> str:
    """For msgspec, which writes no subclass of str by itself (its `enc_hook`). Raises NotImplementedError."""
    if isinstance(value, Phrase):
        return str(value)
    raise NotImplementedError(type(value))
