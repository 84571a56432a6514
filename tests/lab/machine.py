"""A Machine that is made of what a test says: files, folders, sockets, packet filters. Nothing real is looked at."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Mapping, Sequence

from natprobe.host.machine import FileState, FilterText, Forwarding, Socket, SocketTable


class FakeMachine:
    """`files`: path -> what is in it, an errno's number where it can't be read. `users`: path -> who may read it, for
    those that not everybody may.
    """

    def __init__(
        self,
        files: Mapping[str, str | bytes | int] | None = None,
        sockets: Sequence[Socket] = (),
        forwardings: Sequence[Forwarding] = (),
        hidden: int = 0,
        filters: Sequence[FilterText] = (),
        users: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self.files, self.users = dict(files or {}), dict(users or {})
        self._table = SocketTable(tuple(sockets), tuple(forwardings), hidden)
        self._filters = list(filters)
        self.reads: list[str] = []

    def sockets(self) -> SocketTable:
        return self._table

    def read(self, path: str, limit: int) -> bytes:
        self.reads.append(path)
        return self._content(path)[: limit + 1]

    def listing(self, path: str) -> list[str]:
        inside = path.rstrip("/") + "/"
        names = {each[len(inside) :].partition("/")[0] for each in self.files if each.startswith(inside)}
        if not names:
            raise _error(errno.ENOTDIR if path in self.files else errno.ENOENT, path)
        return sorted(names)

    def state(self, path: str) -> FileState:
        if any(each.startswith(path.rstrip("/") + "/") for each in self.files):
            return FileState(0, 0, 0o755, 0)
        content = self.files.get(path)
        if content is None:
            raise _error(errno.ENOENT, path)
        return FileState(0, 0, 0o600 if path in self.users else 0o644, 0 if isinstance(content, int) else len(content))

    def real(self, path: str) -> str:
        return os.path.normpath(os.path.join("/", path))

    def reads_as(self, path: str, user: str) -> bool | None:
        if path not in self.files:
            return None
        return user == "root" or path not in self.users or user in self.users[path]

    def filters(self) -> list[FilterText]:
        return self._filters

    def _content(self, path: str) -> bytes:
        content = self.files.get(path)
        if content is None:
            raise _error(errno.EISDIR if self._is_folder(path) else errno.ENOENT, path)
        if isinstance(content, int):
            raise _error(content, path)
        return content.encode() if isinstance(content, str) else content

    def _is_folder(self, path: str) -> bool:
        return any(each.startswith(path.rstrip("/") + "/") for each in self.files)


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)
