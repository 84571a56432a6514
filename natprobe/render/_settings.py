"""Changes of configuration as lines to copy, in the syntax of the file that they belong into. Pure."""

from __future__ import annotations

from natprobe.facts.config import Form
from natprobe.model import Set
from natprobe.render._outline import Copy
from natprobe.render._spoken import place
from natprobe.servers.files.writing import written
from natprobe.servers.places import by_name

# Where a file's name does not say it.
_FORMS: dict[str, Form] = {"coturn": "flat", "nginx": "nginx", "prosody": "lua"}


def lines(fix: Set) -> tuple[Copy, ...]:
    """The rule's own line where it has written one; none for what is taken out, and for values told in words. Of a line
    that is there only `inspect --diff` knows what else stands in it.
    """
    if fix.op == "remove":
        return ()
    found = (fix.text.strip(),) if fix.text else _written(fix) if fix.line is None else None
    return (Copy(label=place(fix.file), lines=found),) if found else ()


def _written(fix: Set) -> tuple[str, ...] | None:
    if fix.system == "squid":
        return (f"{fix.key} {fix.value}".strip(),)
    named = by_name(fix.file)
    form = named[1] if named else _FORMS.get(fix.system.lower())
    return written(form, fix.key, fix.value) if form else None
