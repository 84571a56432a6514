"""The focus' HTTP: `POST /conference-request/v1` with JSON, as jicofo answers it. It is asked in XMPP's words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from itertools import count
from xml.etree.ElementTree import Element, SubElement, fromstring

from tests.jitsi.offers import FOCUS

# Where what is asked over HTTP is addressed to, and so its answers come from.
DOMAIN = "http"
PATH = "/conference-request/v1"
REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found"}


class Requests:
    """One connection for each request. `ask` takes the request's stanza; its answer comes by `answered`."""

    def __init__(self, ask: Callable[[Element], None]) -> None:
        self._ask, self._numbers = ask, count(1)
        self._waiting: dict[str, asyncio.Future[Element]] = {}

    async def open(self, port: int) -> None:
        self._server = await asyncio.start_server(self._met, "127.0.0.1", port)

    def answered(self, text: str) -> None:
        reply = fromstring(text)
        self._waiting.pop(reply.get("id", "")).set_result(reply)

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *headers = head.lower().split("\r\n")
        method, url = line.split()[:2]
        size = next((int(each.partition(":")[2]) for each in headers if each.startswith("content-length:")), 0)
        asked = json.loads(await reader.readexactly(size) or b"{}")
        status, body = await self._reply(asked) if (method, url.partition("?")[0]) == ("post", PATH) else (404, "")
        content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close"
        writer.write(f"HTTP/1.1 {status} {REASONS[status]}\r\n{content}\r\n\r\n{body}".encode())
        writer.close()

    async def _reply(self, asked: dict[str, str]) -> tuple[int, str]:
        stanza = Element("iq", {"type": "set", "id": f"h{next(self._numbers)}", "from": "", "to": DOMAIN})
        SubElement(stanza, f"{{{FOCUS}}}conference", {"room": asked["room"], "machine-uid": asked["machineUid"]})
        answer = self._waiting[stanza.get("id", "")] = asyncio.get_running_loop().create_future()
        self._ask(stanza)
        return spoken(await answer)


def spoken(reply: Element) -> tuple[int, str]:
    """The status and the JSON of an answer in XMPP; what is refused has a word, or none."""
    found = reply.find(f"{{{FOCUS}}}conference")
    if found is None:
        words = {each.tag.rpartition("}")[2] for each in reply.iter()}
        known = {"not-authorized": (403, ""), "not-acceptable": (400, "Bad request: invalid-session")}
        return next((known[each] for each in known if each in words), (400, "Bad request: "))
    properties = {each.get("name"): each.get("value") for each in found}
    ready = found.get("ready") == "true"
    return 200, json.dumps({"ready": ready, "focusJid": found.get("focusjid"), "properties": properties})
