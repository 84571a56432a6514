"""What mail programs, chats and pages do to a report that is pasted into them. Each takes text to text."""

from __future__ import annotations

import html
import quopri
import re
import textwrap
from collections.abc import Callable

Damage = Callable[[str], str]


def quoted(text: str, mark: str = "> ") -> str:
    return "".join(f"{mark}{line}\n" for line in text.splitlines())


def at_spaces(text: str, width: int = 76, *, kept: bool = False) -> str:
    """Wrapped where a space stands; `kept`: which stays at the end of the line (format=flowed)."""
    return "\n".join(part for line in text.split("\n") for part in _broken(line, width, " " if kept else ""))


def _broken(line: str, width: int, end: str) -> list[str]:
    parts = []
    while len(line) > width and (at := line.rfind(" ", 1, width + 1)) > 0:
        parts.append(line[:at] + end)
        line = line[at + 1 :]
    return [*parts, line]


def anywhere(text: str, width: int = 76) -> str:
    return "\n".join(line[at : at + width] for line in text.split("\n") for at in range(0, max(1, len(line)), width))


def at_hyphens(text: str, width: int = 76) -> str:
    """As the line breaking of Unicode (UAX 14) has it: a hyphen or a slash may end a line, too."""
    lines = (textwrap.wrap(line, width, break_long_words=False, drop_whitespace=False) for line in text.split("\n"))
    return "\n".join(part.rstrip(" ") + (" " if part.endswith(" ") else "") for line in lines for part in line)


def printable(text: str) -> str:
    return quopri.encodestring(text.encode(errors="replace")).decode("ascii")


def escaped(text: str) -> str:
    return "<div>" + html.escape(text).replace("\n", "<br>\n") + "</div>"


def typographic(text: str, marks: str = "“”") -> str:
    """As word processors do it: by what stands before."""
    opened = re.sub(r'(?<!\\)"(?=[^"]*?")', '"', text)
    turn = iter(range(len(opened)))
    return re.sub(r'(?<!\\)"', lambda _: marks[next(turn) % 2], opened)


def french(text: str) -> str:
    return typographic(text, "«»").replace("«", "«\u00a0").replace("»", "\u00a0»")


def unbreakable(text: str) -> str:
    return re.sub(r"(?<=\n) +|(?<=:) (?=[\[{\"])", lambda found: "\u00a0" * len(found[0]), text)


def invisible(text: str) -> str:
    return text.replace("{", "\u200b{").replace(", ", ",\u2060 ")


def fenced(text: str) -> str:
    return f"Hello,\n\nhere it is:\n```json\n{text}```\nbye"


def bulleted(text: str) -> str:
    return "".join(f"- {line}\n" for line in text.splitlines())


def talked(text: str) -> str:
    return f"Hi {{helpdesk}},\n> can you send it?\nsure: config {{bosh: 1}}\n\n{text}\n-- \nAnna\n"


def indented(text: str, width: int = 78) -> str:
    """Wrapped at spaces and hyphens, long words anywhere, with what follows indented."""
    lines = (textwrap.wrap(line, width, subsequent_indent="    ") or [""] for line in text.split("\n"))
    return "\n".join(part for line in lines for part in line)


def linked(text: str, form: str = r"<\1>") -> str:
    return re.sub(r'(https?://[^\s"\\]+)', form, text)


WHOLE: dict[str, Damage] = {
    "as it is": lambda text: text,
    "in a mail": talked,
    "fenced": fenced,
    "quoted": quoted,
    "quoted twice": lambda text: quoted(quoted(text, ">"), ">"),
    "quoted thrice": lambda text: quoted(quoted(quoted(text))),
    "with bars": lambda text: quoted(text, "| "),
    "bulleted": bulleted,
    "wrapped at 72": lambda text: at_spaces(text, 72),
    "wrapped at 76": at_spaces,
    "wrapped at 78": lambda text: at_spaces(text, 78),
    "flowed": lambda text: at_spaces(text, 72, kept=True),
    "wrapped and quoted": lambda text: quoted(at_spaces(text, 72)),
    "quoted and wrapped": lambda text: at_spaces(quoted(text), 78),
    "flowed and quoted": lambda text: quoted(at_spaces(text, 72, kept=True), ">"),
    "cut at 80": lambda text: anywhere(text, 80),
    "cut and quoted": lambda text: quoted(anywhere(text, 72)),
    "quoted and cut": lambda text: anywhere(quoted(text), 76),
    "wrapped at hyphens": at_hyphens,
    "quoted-printable": printable,
    "quoted, quoted-printable": lambda text: printable(quoted(text)),
    "escaped": escaped,
    "escaped twice": lambda text: html.escape(html.escape(text)),
    "quoted and escaped": lambda text: html.escape(quoted(text)),
    "smart quotes": typographic,
    "smart quotes, German": lambda text: typographic(text, "„“"),
    "smart quotes, one sort": lambda text: typographic(text, "””"),
    "smart quotes, single": lambda text: typographic(text, "‘’"),
    "smart quotes, French": french,
    "smart quotes, quoted and wrapped": lambda text: quoted(at_spaces(typographic(text), 72)),
    "spaces that do not break": unbreakable,
    "invisible characters": invisible,
    "lines of Windows": lambda text: text.replace("\n", "\r\n"),
    "lines of old Macs": lambda text: anywhere(text, 80).replace("\n", "\r"),
    "empty lines between": lambda text: text.replace("\n", "\n\n"),
    "a page": lambda text: '<script type="application/json" id="natprobe-report">'
    + text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    + "</script>",
}  # fmt: skip

# Beside those: the seeds of tests/fuzzing.py count the others.
MORE: dict[str, Damage] = {
    "cut and quoted without a blank": lambda text: quoted(anywhere(text, 66), ">"),
    "smart quotes, cut": lambda text: anywhere(typographic(text), 66),
    "links in angles": linked,
    "links of Outlook": lambda text: linked(text, r"\1<\1>"),
    "links, quoted and wrapped": lambda text: quoted(at_spaces(linked(text), 72)),
}

ENCODED: dict[str, Callable[[str], bytes]] = {
    "UTF-8": str.encode,
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16, big, with a mark": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-16, big": lambda text: text.encode("utf-16-be"),
    "Windows-1252": lambda text: text.encode("cp1252", "replace"),
    "lines of Windows": lambda text: text.replace("\n", "\r\n").encode(),
}
