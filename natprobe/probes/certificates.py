"""On the server: the certificates and keys that the configuration names: there, readable for their service, of a pair.

Of a key only its public half is compared; nothing of it is kept or told.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import zip_longest
from typing import Any, Literal, NamedTuple

from natprobe.context import Context
from natprobe.derive.configured import folder, inside
from natprobe.derive.januses import true
from natprobe.facts import CertificateFile, Facts, Listening, Setting
from natprobe.facts.config import System
from natprobe.host.machine import Machine
from natprobe.model import Failure, Observation, clip
from natprobe.net.failure import failure_of

REQUIRES = (Setting,)
TAKES = (Listening,)
YIELDS = (CertificateFile,)
TIMEOUT = 3.0

FILE_MAX = 1 << 18
FILES_MAX = 60
_PATH_MAX = 1000


class _Service(NamedTuple):
    """The settings that name certificate and key, whom packages have it run as, and its process."""

    certificate: str
    key: str
    user: str
    process: str


# nginx's first process reads them, as root, and so does a Janus that no unit gives another user.
_SERVICES: dict[System, tuple[_Service, ...]] = {
    "coturn": (_Service("cert", "pkey", "turnserver", "turnserver"),),
    "prosody": (_Service("certificate", "key", "prosody", "prosody"),),
    "janus": (_Service("cert_pem", "cert_key", "root", "janus"),),
    "nginx": (_Service("ssl_certificate", "ssl_certificate_key", "root", ""),),
}


class _Pair(NamedTuple):
    service: _Service
    certificate: Setting | None
    key: Setting | None


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Each pair once, wherever it is named. Paths in a container are not the host's."""
    if ctx.machine is None:
        return
    seen: set[tuple[str, ...]] = set()
    for pair in _pairs(facts):
        paths = tuple(_path(each) for each in (pair.certificate, pair.key) if each is not None)
        if paths not in seen and len(seen) < FILES_MAX:
            seen.add(paths)
            for each in _looked_at(ctx.machine, pair, _user(facts, pair.service), ctx.unix_time):
                yield each


def _pairs(facts: Facts) -> Iterator[_Pair]:
    """What stands in one section belongs together, in its order."""
    held = inside(facts)
    for system, services in _SERVICES.items():
        for service in services:
            groups: dict[tuple[str, str], tuple[list[Setting], list[Setting]]] = {}
            for each in facts.of(Setting, lambda each, system=system: each.system == system):  # type: ignore[misc]
                if each.file not in held and each.key in service[:2] and _is_path(each.value) and _used(facts, each):
                    both = groups.setdefault((each.file, each.section), ([], []))
                    both[each.key == service.key].append(each)
            for certificates, keys in groups.values():
                if system in ("coturn", "janus"):  # the last one counts
                    certificates, keys = certificates[-1:], keys[-1:]
                yield from (_Pair(service, *both) for both in zip_longest(certificates, keys))


# Switches without which a Janus's transport takes no certificate.
_SECURE = ("https", "wss", "admin_https", "admin_wss")


def _used(facts: Facts, said: Setting) -> bool:
    """What stands in files as packages bring it, for ports that are off, harms nobody. In janus.jcfg it is for DTLS."""
    if said.system != "janus" or "transport" not in said.file:
        return True
    return bool(facts.of(Setting, lambda each: each.file == said.file and each.key in _SECURE and true(each.value)))


def _is_path(value: str) -> bool:
    """And no variable, and nothing that stands in the configuration itself."""
    return bool(value) and "$" not in value and not value.startswith(("data:", "engine:", "…"))


def _path(said: Setting) -> str:
    return said.value if said.value.startswith("/") else f"{folder(said.file)}/{said.value}"


def _user(facts: Facts, service: _Service) -> str:
    """As it runs now, else as packages have it run."""
    running = facts.of(
        Listening, lambda each: bool(service.process) and each.process == service.process and each.user != ""
    )
    return running[0].user if running else service.user


def _looked_at(machine: Machine, pair: _Pair, user: str, unix_time: float) -> Iterator[CertificateFile]:
    from natprobe.wire import pem

    public: bytes | None = None
    if (said := pair.certificate) is not None:
        told = _told(machine, said, "certificate", user)
        data = _data(machine, told)
        if isinstance(data, bytes):
            try:
                chain = pem.chain(data, unix_time)
                public, more = chain.key, _words(chain)
            except ValueError:
                more = {"failure": Failure.PROTOCOL, "detail": "no certificate is in it that can be read"}
            told = _with(told, **more)
        else:
            told = data
        yield told
    if pair.key is not None:
        yield _key(machine, _told(machine, pair.key, "key", user), public)


def _key(machine: Machine, told: CertificateFile, public: bytes | None) -> CertificateFile:
    from natprobe.wire import pem

    data = _data(machine, told)
    if isinstance(data, CertificateFile):
        return data
    try:
        own = pem.public_key(data)
    except ValueError:
        return _with(told, failure=Failure.PROTOCOL, detail="no key is in it that can be read")
    return _with(told, matches=None if own is None or public is None else own == public)


def _told(machine: Machine, said: Setting, role: Literal["certificate", "key"], user: str) -> CertificateFile:
    path = _path(said)
    return CertificateFile(
        path=clip(path, _PATH_MAX),
        role=role,
        system=said.system,
        file=said.file,
        line=said.line,
        user=user,
        readable=machine.reads_as(path, user) if user else None,
    )


def _data(machine: Machine, told: CertificateFile) -> bytes | CertificateFile:
    """What is in it, or the fact that says why not."""
    try:
        return machine.read(told.path, FILE_MAX)[:FILE_MAX]
    except FileNotFoundError:
        return _with(told, failure=Failure.NO_DATA, readable=None)
    except (OSError, ValueError) as exc:
        failure, detail = failure_of(exc) if isinstance(exc, OSError) else (Failure.PROTOCOL, "")
        return _with(told, failure=failure, detail=detail)


def _words(chain: Any) -> dict[str, Any]:
    leaf = chain.leaf
    return {
        "names": leaf.names,
        "not_before": leaf.not_before,
        "not_after": leaf.not_after,
        "days_left": leaf.days_left,
        "chain": chain.length,
        "self_signed": leaf.self_issued,
    }


def _with(told: CertificateFile, **more: Any) -> CertificateFile:
    import msgspec

    return msgspec.structs.replace(told, **more)
