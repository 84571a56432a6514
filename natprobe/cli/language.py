"""The language that people are told things in: what `--lang` says, else the environment, read as gettext reads it.

English is in the code; of any other language the catalogues in natprobe/locale are read, and only then.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from natprobe.cli.errors import UsageError
from natprobe.wording import speaking

ENGLISH = "en"
LANGUAGES = (ENGLISH, "zh")
# As pages for browsers name it (BCP 47).
_TAGS = {"zh": "zh-Hans"}
_CATALOGUES = Path(__file__).parent.parent / "locale"


def language(wanted: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """One of LANGUAGES. Of the environment LC_ALL counts before LC_MESSAGES and LANG; LANGUAGE may list several by
    preference, unless those say C. Raises UsageError for a `--lang` that there is not.
    """
    if wanted is not None:
        if _base(wanted) not in LANGUAGES:
            raise UsageError(f"there is no language {wanted[:40]!a}; there are {', '.join(LANGUAGES)}")
        return _base(wanted)
    set_to = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environment.get(name))), "")
    if _base(set_to) in ("", "c", "posix"):
        return ENGLISH
    preferred = environment.get("LANGUAGE") or set_to
    return next((found for each in preferred.split(":") if (found := _base(each)) in LANGUAGES), ENGLISH)


def _base(name: str) -> str:
    """`zh` of `zh_CN.UTF-8`."""
    return re.split(r"[-_.@]", name.strip().lower())[0]


@contextmanager
def spoken(name: str) -> Iterator[None]:
    """Whatever is said within is said in this language; without its catalogues in English."""
    if name == ENGLISH:
        yield
        return
    from gettext import translation

    words = translation("natprobe", _CATALOGUES, [name], fallback=True)
    words.add_fallback(translation("pages", _CATALOGUES, [name], fallback=True))
    with speaking(words.gettext, _TAGS[name]):
        yield
