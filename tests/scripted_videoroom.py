"""A scripted Janus with a videoroom of few words: it answers requests about rooms, and its remote publishers tell of
packets by their levels, as 1.1.2 does.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.lab.certificates import server_context
from tests.scripted_janus import Json, ScriptedJanus

LOCALHOST = "localhost"


class ScriptedVideoroom(ScriptedJanus):
    """`refused`: by videoroom's request, the plugin's error code and words, all of them or only where it names this
    `iface`. `numbers`: whether rooms may have numbers. `deaf`: its ports hear nothing. `mute`: requests that are done
    and never answered. `rooms`: those that there are.
    """

    def __init__(self, **told: Any) -> None:
        plugins: Json = {"janus.plugin.echotest": {}, "janus.plugin.videoroom": {}}
        super().__init__(**told | {"info": {"plugins": plugins} | told.get("info", {})})
        self.refused: dict[str, tuple[int, str]] = told.get("refused", {})
        self.iface: str | None = told.get("iface")
        self.numbers: bool = told.get("numbers", True)
        self.deaf: bool = told.get("deaf", False)
        self.mute: set[str] = told.get("mute", set())
        self.rooms: dict[object, int] = {}
        self.asked: list[Json] = []
        self._ears: list[_Ear] = []

    def requests(self) -> list[str]:
        """What was asked of the videoroom, in order."""
        return [each["request"] for each in self.asked]

    def close(self) -> None:
        """Its ports."""
        for each in self._ears:
            each.close()

    def _answer(self, asked: Json) -> Json:
        body = asked.get("body", {})
        if asked["janus"] != "message" or "request" not in body:
            return super()._answer(asked)
        self.asked.append(body)
        common = {"transaction": asked["transaction"], "session_id": asked["session_id"]}
        code = self._no(body)
        if code is not None:
            said: Json = {"videoroom": "event", "error_code": code[0], "error": code[1]}
        elif body["request"] in ("join", "joinandconfigure"):
            self._push_event(asked, {"videoroom": "joined", "room": body["room"], "id": 77, "publishers": []})
            return {"janus": "ack"} | common
        else:
            said = self._done(asked, body)
        if body["request"] in self.mute:
            return {}
        plugin = {"plugin": "janus.plugin.videoroom", "data": said}
        return {"janus": "success", "sender": asked["handle_id"], "plugindata": plugin} | common

    def _json(self, writer: asyncio.StreamWriter, said: Json | list[Json]) -> None:
        if said:
            super()._json(writer, said)

    def _no(self, body: Json) -> tuple[int, str] | None:
        if body["request"] == "create" and isinstance(body["room"], str) is self.numbers:
            return 430, "Invalid element type (room should be a number, or a string)"
        if body["request"] not in self.refused or (self.iface is not None and body.get("iface") != self.iface):
            return None
        return self.refused[body["request"]]

    def _done(self, asked: Json, body: Json) -> Json:
        room = body["room"]
        if body["request"] == "create":
            self.rooms[room] = 0
            return {"videoroom": "created", "room": room}
        if body["request"] == "destroy":
            self.rooms.pop(room)
            return {"videoroom": "destroyed", "room": room}
        if body["request"] == "remove_remote_publisher":
            self._push_event(asked, {"videoroom": "event", "room": room, "leaving": body["id"]})
        if body["request"] == "add_remote_publisher":
            port = self._listen(asked, room)
            return {"videoroom": "success", "room": room, "id": 4711, "port": port, "rtcp_port": port + 1}
        return {"videoroom": "success", "room": room}

    def _push_event(self, asked: Json, said: Json) -> None:
        plugin = {"plugin": "janus.plugin.videoroom", "data": said}
        about = {"session_id": asked["session_id"], "sender": asked["handle_id"]}
        self.sessions[asked["session_id"]].put_nowait({"janus": "event", "plugindata": plugin} | about)

    def _listen(self, asked: Json, room: object) -> int:
        """RTP by what it says: the stream by its source, the level by RFC 6464 in RFC 8285's short form."""
        ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ear.bind(("127.0.0.1", 0))
        ear.setblocking(False)
        loop = asyncio.get_running_loop()
        talking: dict[int, bool] = {}

        def heard() -> None:
            packet = ear.recv(2000)
            first, _, _, _, source, form, words, named, level = struct.unpack("!BBHIIHHBB", packet[:18])
            assert (first, form, words, named) == (0x90, 0xBEDE, 1, 0x10)
            mindex, loud = (source - 1000) // 10, level & 0x7F < 64
            if not self.deaf and talking.get(mindex, False) is not loud:
                talking[mindex] = loud
                told = {"room": room, "id": 4711, "mindex": mindex, "audio-level-dBov-avg": float(level & 0x7F)}
                self._push_event(asked, {"videoroom": "talking" if loud else "stopped-talking"} | told)

        loop.add_reader(ear.fileno(), heard)
        self._ears.append(_Ear(loop, ear))
        return int(ear.getsockname()[1])


class _Ear:
    def __init__(self, loop: asyncio.AbstractEventLoop, ear: socket.socket) -> None:
        self._loop, self._ear = loop, ear

    def close(self) -> None:
        self._loop.remove_reader(self._ear.fileno())
        self._ear.close()


@asynccontextmanager
async def served(janus: ScriptedVideoroom) -> AsyncIterator[int]:
    """Over TLS, on a port of its own at localhost."""
    writers: list[asyncio.StreamWriter] = []

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await janus(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    context = server_context("good", LOCALHOST)
    server = await asyncio.start_server(met, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        janus.close()
        for each in writers:
            if not each.transport.is_closing():  # before 3.11.7 such a one over TLS has nothing left to abort
                each.transport.abort()
