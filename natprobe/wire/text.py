"""Text that came over a wire, made fit for a report: no control characters, no padding, bounded."""

from __future__ import annotations

from natprobe.model import clip


def clean(text: str, limit: int = 200) -> str:
    """Without what no reason phrase or product name needs: what moves a cursor, hides text, turns its direction or only
    looks like a space. coturn pads its phrases with NULs (measured).
    """
    seen = text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)
    return clip(seen.strip(), limit)
