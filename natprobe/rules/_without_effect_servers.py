"""What of the configuration of coturn, Prosody and Janus does nothing where it stands, or not what it seems (np518)."""

from __future__ import annotations

from collections.abc import Iterator

from natprobe.derive.configured import settings
from natprobe.derive.januses import folders, said, true
from natprobe.derive.offered import Offer, offers
from natprobe.derive.turnserver import relays
from natprobe.facts import Facts, Setting, ids
from natprobe.model import Do, Fix, Set, Severity
from natprobe.rules import Found
from natprobe.servers import janus
from natprobe.servers.coturn_lines import line, removed
from natprobe.servers.files import COMPUTED
from natprobe.wording import mark, phrase

# A call of three in full quality takes so much of a relay, in bytes per second; what is less was meant for a session.
_ONE_CALL = 1_000_000
_BPS = mark(
    "bps-capacity is {value} bytes per second for the whole relay, shared by everybody: for one session it is max-bps"
)
_TABLE = phrase(
    "The table turncredentials is understood by an old module of Jitsi's alone: others take turncredentials_host, and"
    " without it hand out no relay"
)
_MODULE = mark("{key} is set, and Prosody's module {module} is in no modules_enabled: clients are handed no relay")
_ICE_LITE = phrase(
    "nat_1_1_mapping stands beside ice_lite: behind a NAT Janus is no ICE-lite agent, which has to be public"
)
_PRIVATE = phrase("keep_private_host does nothing without nat_1_1_mapping")
_IGNORED = phrase("ice_ignore_list is not read beside ice_enforce_list")
_PROSODY = "systemctl restart prosody"


def servers(facts: Facts) -> Iterator[Found]:
    """All of it."""
    yield from _capacity(facts)
    yield from _table(facts)
    yield from _modules(facts)
    for place in folders(facts):
        yield from _nat(facts, place)


def _capacity(facts: Facts) -> Iterator[Found]:
    for relay in relays(facts):
        said = relay.last("bps-capacity")
        if said is not None and said.value.isdecimal() and 0 < int(said.value[:15]) < _ONE_CALL:
            meant = removed(said.key, file=said.file, at=said.line, why=phrase("no limit for the whole relay"))
            one = line(
                "max-bps", said.value, file=said.file, at=said.line, why=phrase("bytes per second of one session")
            )
            yield _found(said, _BPS, (one,) if int(said.value) >= _ONE_CALL // 10 else (meant,), value=said.value)


def _old_table(facts: Facts) -> list[Offer]:
    """The list that only Jitsi's old module reads, where nothing else says what clients are to be handed."""
    table = [each for each in offers(facts) if each.way == "table"]
    return [] if settings(facts, "prosody", "turncredentials_host") else table


def _table(facts: Facts) -> Iterator[Found]:
    if table := _old_table(facts):
        instead = Do(
            text="Write the list as external_services, with the module external_services in modules_enabled: each entry"
            ' of TURN with secret = true and algorithm = "turn"; the secret as external_service_secret',
            audience="server",
            why="it comes with Prosody (0.12 and later) and with Jitsi's packages",
            after=_PROSODY,
        )
        yield _found(table[0].said, _TABLE, (instead,))


_MODULES = (
    ("turncredentials", ("turncredentials_secret",)),
    ("external_services", ("external_service_secret", "type")),
    ("turn_external", ("turn_external_host", "turn_external_secret")),
)


def _modules(facts: Facts) -> Iterator[Found]:
    """Only where every list is read; a host's own list adds to the global one. Nobody is told to enable what is to be
    left: the old table's module.
    """
    enabled = settings(facts, "prosody", "modules_enabled")
    if not enabled or any(each.value == COMPUTED for each in enabled):
        return
    old = {"turncredentials"} if _old_table(facts) else set()
    for module, keys in (each for each in _MODULES if each[0] not in old):
        told = [each for each in settings(facts, "prosody", *keys) if each.key != "type" or module in each.section]
        if told and module not in {each.value for each in enabled}:
            yield _found(told[0], _MODULE, (_enabled(module, enabled),), key=told[0].key, module=module)


def _enabled(module: str, enabled: list[Setting]) -> Fix:
    """Between two lines of a list; where one has them all in a line, only people can write it."""
    last = enabled[-1]
    own = [each for each in enabled if (each.file, each.section) == (last.file, last.section)]
    if own[0].line == last.line:
        text = phrase(
            'Add "{module}" to modules_enabled in line {line} of {file}', module=module, line=last.line, file=last.file
        )
        return Do(text=text, audience="server", after=_PROSODY)
    return Set(
        system="prosody",
        file=last.file,
        section=last.section,
        op="add",
        key="modules_enabled",
        value=f'"{module}"',
        line=own[0].line,
        text=f'        "{module}";',
        audience="server",
        after=_PROSODY,
    )


def _nat(facts: Facts, place: str) -> Iterator[Found]:
    """By the remarks in Janus's own sample."""
    mapping, lite, kept, enforced, ignored = (
        said(facts, place, "nat", key)
        for key in ("nat_1_1_mapping", "ice_lite", "keep_private_host", "ice_enforce_list", "ice_ignore_list")
    )
    if mapping is not None and mapping.value and lite is not None and true(lite.value):
        yield _found(lite, _ICE_LITE, (_without(lite),))
    if kept is not None and true(kept.value) and (mapping is None or not mapping.value):
        yield _found(kept, _PRIVATE, (_without(kept),), severity=Severity.NOTE)
    if enforced is not None and enforced.value and ignored is not None and ignored.value not in ("", "vmnet"):
        yield _found(ignored, _IGNORED, (_without(ignored),), severity=Severity.NOTE)


def _without(said: Setting) -> Set:
    return Set(
        system="Janus",
        file=said.file,
        section=phrase("section {section}", section=said.section),
        op="remove",
        key=said.key,
        line=said.line,
        audience="server",
        after=janus.RESTART,
    )


def _found(said: Setting, message: str, fixes: tuple[Fix, ...], severity: Severity | None = None, **args: str) -> Found:
    return Found(
        message=message,
        args=dict(args),
        evidence=ids(said),
        severity=severity,
        file=said.file,
        line=said.line,
        fixes=fixes,
    )
