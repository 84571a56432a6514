"""The bridge's own WebSocket (colibri-ws of older bridges): an endpoint with the right password gets in, else 403."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from tests.jitsi.bridge import Bridge


class Channel:
    """At `path` and below on loopback; the last part of the URL's path names the endpoint."""

    def __init__(self, bridge: Bridge, path: str) -> None:
        self._bridge, self._path = bridge, path

    async def open(self, port: int) -> None:
        self._server = await serve(_silent, "127.0.0.1", port, process_request=self._admit)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        url = urlsplit(request.path)
        place, _, name = url.path.rpartition("/")
        passwords = [agent.pwd for agent in self._bridge.agents.values() if agent.name == name]
        if place == self._path and parse_qs(url.query).get("pwd", [""])[0] in passwords:
            return None
        return connection.respond(HTTPStatus.FORBIDDEN, "")


async def _silent(connection: ServerConnection) -> None:
    await connection.wait_closed()
