"""Where natprobe itself broke, in words that quote nothing."""

from __future__ import annotations


def place_of(exc: BaseException) -> str:
    """The exception's kind and where it broke; never its words, which may quote a secret."""
    while isinstance(exc, BaseExceptionGroup):  # a task group's: the first of what went wrong in it
        exc = exc.exceptions[0]
    frame = exc.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_globals.get('__name__')}:{frame.tb_lineno}" if frame else "?"
    return f"{type(exc).__name__} at {place}"
