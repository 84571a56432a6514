"""Files of this machine, read with care: regular ones only, so many bytes, and without waiting for anybody."""

from __future__ import annotations

import errno
import os
import stat

from natprobe.host.machine import FileState

_NAMES_MAX = 10_000
# Opening must neither wait (a FIFO), nor take a terminal. Windows has neither.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


def read(path: str, limit: int) -> bytes:
    """At most `limit` + 1 bytes. Raises OSError, EINVAL for what is no regular file: to open a device may do things."""
    _regular(os.stat(path), path)
    handle = os.open(path, _FLAGS)
    try:
        _regular(os.fstat(handle), path)
        return _read(handle, limit + 1)
    finally:
        os.close(handle)


def _regular(found: os.stat_result, path: str) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "no regular file", path)


def _read(handle: int, wanted: int) -> bytes:
    parts: list[bytes] = []
    while wanted > 0 and (part := os.read(handle, min(wanted, 1 << 20))):
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)


def listing(path: str) -> list[str]:
    """The names in a folder, sorted; of more than 10,000 the first that come. Raises OSError."""
    names: list[str] = []
    with os.scandir(path) as found:
        for each in found:
            if len(names) == _NAMES_MAX:
                break
            names.append(each.name)
    return sorted(names)


def state(path: str) -> FileState:
    """Of what is behind the links. Raises OSError."""
    found = os.stat(path)
    return FileState(found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode), found.st_size)


def real(path: str) -> str:
    """The absolute path without links; of a ring of links, or one that we may not follow, what there is of it."""
    try:
        return os.path.realpath(path)
    except OSError:  # such as /proc/PID/exe of another user's process
        return os.path.abspath(path)


def reads_as(path: str, user: str) -> bool | None:
    """By the modes of the file and of all folders above it. None: no such user, or what isn't there for us to see, or
    modes are not all (POSIX ACLs).
    """
    try:
        import pwd
    except ImportError:  # Windows
        return None
    try:
        who = pwd.getpwnam(user)
        groups = set(os.getgrouplist(user, who.pw_gid))
        whole = os.path.realpath(path, strict=True)
        places = [(each, 0o1) for each in _folders(whole)] + [(whole, 0o4)]
        return all(_may(each, who.pw_uid, groups, wanted) for each, wanted in places) if who.pw_uid else True
    except (OSError, KeyError, _NotByMode):
        return None


class _NotByMode(Exception):
    """An access control list decides."""


def _folders(path: str) -> list[str]:
    found: list[str] = []
    while (above := os.path.dirname(path)) != path:
        found.append(path := above)
    return found


def _may(path: str, uid: int, groups: set[int], wanted: int) -> bool:
    """POSIX 1003.1, file access permissions: the first class that the user is in decides, also against him."""
    if _has_acl(path):
        raise _NotByMode
    found = os.stat(path)
    shift = 6 if found.st_uid == uid else 3 if found.st_gid in groups else 0
    return bool(found.st_mode >> shift & wanted)


def _has_acl(path: str) -> bool:
    try:
        return "system.posix_acl_access" in os.listxattr(path)
    except (OSError, AttributeError):  # a file system or a system without them
        return False
