"""A small client of the laboratory's Jitsi, by itself: `python -m tests.netns.jitsi_client ROOT [WORD …]` prints JSON.

`front`: what the web front says to an upgrade and to a BOSH request. `login`: how far signing in gets, with what is
in the environment. `join`: two participants, from signing in to the answered check and back out. `ice`: one of them
accepts, and has a whole ICE session.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import ssl
import sys
import urllib.error
import urllib.request
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import aioice
from aioice.stun import Class, Message, Method, parse_message
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.netns.addresses import TARGET

URL = f"wss://{TARGET}/xmpp-websocket"
FRAMING, SASL = "urn:ietf:params:xml:ns:xmpp-framing", "urn:ietf:params:xml:ns:xmpp-sasl"
BIND, DISCO = "urn:ietf:params:xml:ns:xmpp-bind", "http://jabber.org/protocol/disco#info"
FOCUS, JINGLE = "http://jitsi.org/protocol/focus", "urn:xmpp:jingle:1"
ICE, SERVICES = "urn:xmpp:jingle:transports:ice-udp:1", "urn:xmpp:extdisco:2"
MUC = f"conference.{TARGET}"
FEATURES = ("urn:xmpp:jingle:1", "urn:xmpp:jingle:apps:rtp:1", ICE, "urn:xmpp:jingle:apps:rtp:audio")
OFFERED = (f"{{{FOCUS}}}bridgeNotAvailable", f"{{{JINGLE}}}jingle")
PATIENCE = 3.0
Facts = dict[str, Any]


def name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


class Client:
    """One participant: stanzas that come while another one is awaited are kept."""

    def __init__(self, socket: ClientConnection, domain: str) -> None:
        self._socket, self._domain, self._kept = socket, domain, list[Element]()
        self.jid = self.nick = ""

    async def open(self) -> Element:
        """The stream's features, or the error that ends it."""
        await self.send(f"<open xmlns='{FRAMING}' to='{self._domain}' version='1.0'/>")
        first = await self._one()
        return await self._one() if name(first) == "open" else first

    async def login(self) -> str:
        """The condition of a refusal, or nothing."""
        features = await self.open()
        if name(features) == "error":
            return "stream:" + name(features[0])
        mechanisms = [each.text for each in features.iter(f"{{{SASL}}}mechanism")]
        if "ANONYMOUS" not in mechanisms:
            return "only:" + ",".join(sorted(str(each) for each in mechanisms))
        await self.send(f"<auth xmlns='{SASL}' mechanism='ANONYMOUS'/>")
        answer = await self._one()
        if name(answer) != "success":
            return f"{name(answer[0])}:{answer.findtext(f'{{{SASL}}}text') or ''}"
        await self.open()
        bound = await self.request("set", "", f"<bind xmlns='{BIND}'/>")
        self.jid = bound.findtext(f"{{{BIND}}}bind/{{{BIND}}}jid") or ""
        self.nick = self.jid[:8]
        return ""

    async def request(self, kind: str, to: str, body: str) -> Element:
        token = secrets.token_hex(4)
        address = f" to='{to}'" if to else ""
        await self.send(f"<iq xmlns='jabber:client' type='{kind}' id='{token}'{address}>{body}</iq>")
        return await self.wait(lambda each: each.get("id") == token)

    async def wait(self, wanted: Any) -> Element:
        found = next((each for each in self._kept if wanted(each)), None)
        if found is not None:
            self._kept.remove(found)
            return found
        async with asyncio.timeout(PATIENCE):
            while not wanted(got := await self._one()):
                self._kept.append(got)
        return got

    async def answer(self, asked: Element, body: str = "") -> None:
        attributes = f"type='result' id='{asked.get('id')}' to='{asked.get('from')}'"
        await self.send(f"<iq xmlns='jabber:client' {attributes}>{body}</iq>")

    async def send(self, text: str) -> None:
        await self._socket.send(text)

    async def _one(self) -> Element:
        return ElementTree.fromstring(await asyncio.wait_for(self._socket.recv(decode=True), PATIENCE))

    async def leave(self, room: str) -> None:
        await self.send(f"<presence xmlns='jabber:client' type='unavailable' to='{room}/{self.nick}'/>")
        await self.send(f"<close xmlns='{FRAMING}'/>")
        await self._socket.close()


async def connected(context: ssl.SSLContext, domain: str, token: str = "", **where: Any) -> Client:
    """`where`: a `host` that is not what the name leads to."""
    url, origin = URL + (f"?token={token}" if token else ""), f"https://{TARGET}"
    socket = await connect(url, ssl=context, subprotocols=["xmpp"], origin=origin, proxy=None, **where)  # type: ignore[list-item,arg-type]
    return Client(socket, domain)


async def front(context: ssl.SSLContext) -> Facts:
    """The upgrade's status and whether a stream opens; BOSH's status; what config.js says."""
    try:
        client = await connected(context, TARGET)
    except InvalidStatus as exc:
        upgrade: Any = exc.response.status_code
    else:
        try:
            upgrade = name(await client.open())
        except ConnectionClosed:
            upgrade = "closed"
    body = f"<body xmlns='http://jabber.org/protocol/httpbind' rid='1' to='{TARGET}' wait='5' hold='1' ver='1.6'/>"
    post = urllib.request.Request(f"https://{TARGET}/http-bind", body.encode(), {"Content-Type": "text/xml"})
    bosh, said = await asyncio.to_thread(fetched, post, context)
    config, text = await asyncio.to_thread(fetched, f"https://{TARGET}/some/config.js", context)
    return {"upgrade": upgrade, "bosh": bosh, "mechanisms": "mechanism>" in said, "config": config, "text": text}


def fetched(what: str | urllib.request.Request, context: ssl.SSLContext) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(what, timeout=PATIENCE, context=context) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as exc:
        return exc.code, ""


async def login(context: ssl.SSLContext) -> Facts:
    domain = os.environ.get("DOMAIN", TARGET)
    client = await connected(context, domain, os.environ.get("TOKEN", ""))
    refused = await client.login()
    return {"refused": refused, "jid": client.jid}


async def join(context: ssl.SSLContext, *, whole: bool = False) -> Facts:
    """Through to the answered checks; everything that is learned on the way."""
    domain = os.environ.get("DOMAIN", TARGET)
    one, other = await connected(context, domain), await connected(context, domain)
    facts: Facts = {"refused": [await one.login(), await other.login()]}
    answer = await one.request("get", TARGET, f"<services xmlns='{SERVICES}'/>")
    facts["services"] = [dict(each.attrib) for each in answer.iter(f"{{{SERVICES}}}service")]
    facts["services_error"] = name(answer[0][0]) if answer.get("type") == "error" else ""
    room = f"natprobe-{secrets.token_hex(8)}@{MUC}"
    asked = f"<conference xmlns='{FOCUS}' room='{room}' machine-uid='{secrets.token_hex(16)}'/>"
    try:
        reply = await one.request("set", f"focus.{TARGET}", asked)
    except TimeoutError:
        return facts | {"conference": "silence"}
    facts["conference"] = [name(each) for each in reply.find("{jabber:client}error") or ()]
    if (conference := reply.find(f"{{{FOCUS}}}conference")) is not None:
        facts["ready"], facts["focusjid"] = conference.get("ready"), conference.get("focusjid")
    if facts.get("ready") == "true":
        facts["entered"] = [await enter(each, room) for each in (one, other)]
        if facts["entered"] == ["", ""]:
            await session(one, other, room, facts, whole)
    for client in (one, other):
        await client.leave(room)
    return facts


async def enter(client: Client, room: str) -> str:
    """The condition of a refusal, or nothing."""
    me = f"{room}/{client.nick}"
    await client.send(
        f"<presence xmlns='jabber:client' to='{me}'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
    )
    own = await client.wait(lambda each: name(each) == "presence" and each.get("from") == me)
    error = own.find("{jabber:client}error")
    return name(error[0]) if error is not None else ""


async def session(one: Client, other: Client, room: str, facts: Facts, whole: bool) -> None:
    offers = []
    for client in (one, other):
        asked = await client.wait(lambda each: each.find(f"{{{DISCO}}}query") is not None)
        listed = "".join(f"<feature var='{each}'/>" for each in FEATURES)
        await client.answer(asked, f"<query xmlns='{DISCO}'>{listed}</query>")
    for client in (one, other):
        offer = await client.wait(lambda each: any(each.find(tag) is not None for tag in OFFERED))
        if name(offer) == "presence":
            facts["bridge"] = "none"
            return
        await client.answer(offer)
        offers.append(offer)
    transport = next(offers[0].iter(f"{{{ICE}}}transport"))
    facts["candidates"] = [dict(each.attrib) for each in transport.iter(f"{{{ICE}}}candidate")]
    facts["checks"] = [await checked(transport, each) for each in facts["candidates"] if each["protocol"] == "udp"]
    if whole:
        facts["ice"] = await accepted(one, room, offers[0])


class Asker(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        message = parse_message(data)
        code = message.error_code
        self.answer.set_result(str(code) if code else message.attributes["XOR-MAPPED-ADDRESS"][0])

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_result(type(exc).__name__)


async def checked(transport: Element, candidate: dict[str, str]) -> str:
    """Our address as the bridge sees it, or what came instead."""
    request = Message(Method.BINDING, Class.REQUEST)
    request.attributes |= {"USERNAME": transport.get("ufrag", "") + ":x", "PRIORITY": 1, "ICE-CONTROLLED": 1}
    request.add_message_integrity(transport.get("pwd", "").encode())
    where = (candidate["ip"], int(candidate["port"]))
    try:
        sent, asker = await asyncio.get_running_loop().create_datagram_endpoint(Asker, remote_addr=where)
    except OSError as exc:
        return type(exc).__name__
    sent.sendto(bytes(request))
    try:
        return await asyncio.wait_for(asker.answer, 1)
    except TimeoutError:
        return "silence"
    finally:
        sent.close()


async def accepted(client: Client, room: str, offer: Element) -> str:
    """A whole ICE session, told of no candidates of ours: the pair that was nominated."""
    jingle, transport = offer[0], next(offer.iter(f"{{{ICE}}}transport"))
    ice = aioice.Connection(ice_controlling=False)
    await ice.gather_candidates()
    ice.remote_username, ice.remote_password = transport.get("ufrag"), transport.get("pwd")
    for number, each in enumerate(transport.iter(f"{{{ICE}}}candidate")):
        if each.get("protocol") == "udp":
            where = each.get("ip", ""), int(each.get("port", "0"))
            await ice.add_remote_candidate(aioice.Candidate(str(number), 1, "udp", 1, *where, "host"))
    await ice.add_remote_candidate(None)
    own = f"<transport xmlns='{ICE}' ufrag='{ice.local_username}' pwd='{ice.local_password}'/>"
    content = f"<content creator='initiator' name='audio'>{own}</content>"
    body = f"<jingle xmlns='{JINGLE}' action='session-accept' sid='{jingle.get('sid')}'>{content}</jingle>"
    reply = await client.request("set", f"{room}/focus", body)
    if reply.get("type") != "result":
        return "not accepted"
    try:
        await asyncio.wait_for(ice.connect(), PATIENCE)
    except (ConnectionError, TimeoutError) as exc:
        return type(exc).__name__
    await ice.close()
    return "connected"


async def whole(context: ssl.SSLContext) -> Facts:
    return await join(context, whole=True)


TODO = {"front": front, "login": login, "join": join, "ice": whole}


async def main(root: str, word: str) -> None:
    context = ssl.create_default_context(cafile=root)
    context.set_alpn_protocols(["http/1.1"])
    print(json.dumps(await TODO[word](context)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
