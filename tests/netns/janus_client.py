"""A small client of the laboratory's Janus, by itself: `python -m tests.netns.janus_client ROOT WORD URL` prints JSON.

`info`: what it says of itself over HTTP. `call`: the echo test's answer to an offer of ours, its candidates, and what
each of them answers to a check. `open`: how far a WebSocket gets. `sessions`: those that it has, asked on its own host.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import ssl
import sys
import time
import urllib.request
from typing import Any
from urllib.error import HTTPError

from aioice.stun import Class, Message, Method, parse_message
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus

from tests.netns.janus import ADMIN, ADMIN_SECRET

PATIENCE = 3.0
Facts = dict[str, Any]
OFFER = (
    *("v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0", "m=audio 9 UDP/TLS/RTP/SAVPF 111"),
    *("c=IN IP4 0.0.0.0", "a=mid:0", "a=sendrecv", "a=rtcp-mux", "a=rtpmap:111 opus/48000/2", "a=setup:active"),
    *("a=ice-options:trickle", "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)),
)


class Client:
    """HTTP: every request is its own, and what comes besides is polled."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        self._url, self._context = url, context
        self.heard = list[Facts]()  # all that Janus said, in its order

    async def ask(self, path: str = "", **body: Any) -> Facts:
        sent = json.dumps({"transaction": secrets.token_hex(4)} | body).encode() if body else None
        said: Facts = await asyncio.to_thread(self._fetched, self._url + path, sent)
        self.heard.append(said)
        return said

    async def events(self, session: int) -> list[Facts]:
        url = f"{self._url}/{session}?maxev=10&rid={time.time_ns()}"
        said: list[Facts] = await asyncio.to_thread(self._fetched, url, None)
        self.heard += said
        return said

    def _fetched(self, url: str, sent: bytes | None) -> Any:
        request = urllib.request.Request(url, sent, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE, context=self._context) as answer:
                return json.load(answer)
        except HTTPError as exc:
            return {"status": exc.code}


async def info(url: str, context: ssl.SSLContext) -> Facts:
    return await Client(url, context).ask("/info")


async def call(url: str, context: ssl.SSLContext) -> Facts:
    """Through to the checks; the session is destroyed whatever comes."""
    client = Client(url, context)
    created = await client.ask(janus="create")
    if created.get("janus") != "success":
        return {"heard": client.heard}
    session = created["data"]["id"]
    try:
        facts = await _called(client, session)
    finally:
        await client.ask(f"/{session}", janus="destroy")
    return facts | {"heard": client.heard}


async def _called(client: Client, session: int) -> Facts:
    attached = await client.ask(f"/{session}", janus="attach", plugin="janus.plugin.echotest")
    if attached.get("janus") != "success":
        return {"error": attached["error"]["code"]}
    own = (f"a=ice-ufrag:{secrets.token_hex(4)}", f"a=ice-pwd:{secrets.token_hex(12)}")
    jsep = {"type": "offer", "sdp": "\r\n".join((*OFFER, *own)) + "\r\n"}
    body = {"audio": True, "video": False}
    await client.ask(f"/{session}/{attached['data']['id']}", janus="message", body=body, jsep=jsep)
    answer, trickled = "", list[str]()
    while not answer or ("a=candidate" not in answer and "" not in trickled):
        for event in await client.events(session):
            answer = event.get("jsep", {}).get("sdp", "") or answer
            if event["janus"] == "trickle":
                trickled.append(event["candidate"].get("candidate", ""))
    lines = [line.removeprefix("a=") for line in answer.splitlines() if line.startswith("a=candidate:")]
    lines += [each for each in trickled if each]
    found = [line.split(":", 1)[1].split() for line in lines]
    udp = [each for each in found if each[2].lower() == "udp"]
    ufrag, pwd = (re.findall(rf"a=ice-{word}:(\S+)", answer)[0] for word in ("ufrag", "pwd"))
    checks = [await checked(each[4], int(each[5]), ufrag + ":" + own[0].split(":")[1], pwd) for each in udp]
    return {"answer": answer, "trickled": trickled, "candidates": [_shown(each) for each in found], "checks": checks}


def _shown(words: list[str]) -> str:
    """Without the port: `udp 203.0.113.10 host`, `tcp 203.0.113.10 host passive`."""
    return " ".join([words[2].lower(), words[4], words[7], *words[9:10]])


class Asker(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        message = parse_message(data)
        if message.message_class in (Class.RESPONSE, Class.ERROR) and not self.answer.done():
            code = message.error_code
            self.answer.set_result(str(code) if code else message.attributes["XOR-MAPPED-ADDRESS"][0])

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_result(type(exc).__name__)


async def checked(address: str, port: int, username: str, password: str) -> str:
    """Our address as Janus sees it, or what came instead."""
    request = Message(Method.BINDING, Class.REQUEST)
    request.attributes |= {"USERNAME": username, "PRIORITY": 1, "ICE-CONTROLLING": 1}
    request.add_message_integrity(password.encode())
    try:
        loop = asyncio.get_running_loop()
        sent, asker = await loop.create_datagram_endpoint(Asker, remote_addr=(address, port))
    except OSError as exc:
        return type(exc).__name__
    sent.sendto(bytes(request))
    try:
        return await asyncio.wait_for(asker.answer, 1)
    except TimeoutError:
        return "silence"
    finally:
        sent.close()


async def opened(url: str, context: ssl.SSLContext) -> Facts:
    """The status of a refusal, or what Janus answers."""
    options: Facts = {"ssl": context} if url.startswith("wss:") else {}
    try:
        async with connect(url, subprotocols=["janus-protocol"], proxy=None, **options) as socket:  # type: ignore[list-item]
            await socket.send(json.dumps({"janus": "info", "transaction": "t"}))
            return {"answer": json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))["janus"]}
    except InvalidStatus as exc:
        return {"answer": exc.response.status_code}
    except (OSError, ConnectionClosed, InvalidHandshake, InvalidMessage, TimeoutError) as exc:
        return {"answer": type(exc).__name__}


async def sessions(url: str, context: ssl.SSLContext) -> Facts:
    asked = {"janus": "list_sessions", "admin_secret": ADMIN_SECRET}
    return await Client(f"http://127.0.0.1:{ADMIN}/admin", context).ask(**asked)


TODO = {"info": info, "call": call, "open": opened, "sessions": sessions}


async def main(root: str, word: str, url: str) -> None:
    context = ssl.create_default_context(cafile=root)
    context.set_alpn_protocols(["http/1.1"])
    print(json.dumps(await TODO[word](url, context)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
