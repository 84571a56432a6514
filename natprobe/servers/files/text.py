"""The bytes of a configuration file as text, whatever wrote them: Windows editors, old locales, a broken disk."""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
# More control characters than one in so many are no text's.
_BINARY_SHARE = 50


def decoded(data: bytes) -> str | None:
    """The text, its lines ended as Unix has it, without a byte order mark. None: it is none."""
    mark, name = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", _guess(data)))
    text = data[len(mark) :].decode(name, "replace")
    if len(_CONTROL.findall(text)) * _BINARY_SHARE > len(text):
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", " ")


def _guess(data: bytes) -> str:
    """UTF-16 without a mark has NULs in every second byte of ASCII; what is no UTF-8 is Latin-1, as all bytes are."""
    start = data[:1000]
    for name, nuls in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        if len(start) > 3 and nuls.count(0) * 2 > len(nuls):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)  # the end may be cut off
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"
