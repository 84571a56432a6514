"""Text that came over a wire, made fit for a report: no control characters, no padding, bounded."""

from __future__ import annotations

import unicodedata

from natprobe.model import clip

# Categories that move a cursor, hide text or turn its direction: control, format, surrogate, private, separators.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean(text: str, limit: int = 200) -> str:
    """Without what no reason phrase or product name needs. coturn pads its phrases with NULs (measured)."""
    seen = text if text.isprintable() else "".join(c if unicodedata.category(c) not in _HIDDEN else " " for c in text)
    return clip(seen.strip(), limit)
