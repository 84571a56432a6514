"""The real Machine: sockets from the kernel, files bounded, packet filters by their own programs."""

from __future__ import annotations

from natprobe.host.machine import FileState, FilterText, SocketTable


class SystemMachine:
    """This machine, as a server."""

    def sockets(self) -> SocketTable:
        """See machine.Machine."""
        from natprobe.host.sockets import table

        return table()

    def read(self, path: str, limit: int) -> bytes:
        """See machine.Machine."""
        from natprobe.host import files

        return files.read(path, limit)

    def listing(self, path: str) -> list[str]:
        """See machine.Machine."""
        from natprobe.host import files

        return files.listing(path)

    def state(self, path: str) -> FileState:
        """See machine.Machine."""
        from natprobe.host import files

        return files.state(path)

    def real(self, path: str) -> str:
        """See machine.Machine."""
        from natprobe.host import files

        return files.real(path)

    def reads_as(self, path: str, user: str) -> bool | None:
        """See machine.Machine."""
        from natprobe.host import files

        return files.reads_as(path, user)

    def filters(self) -> list[FilterText]:
        """See machine.Machine."""
        from natprobe.host import filters

        return filters.texts()
