"""Each way that media can go, tried by a real browser, all at once: a data channel to the laboratory's bridge for each,
whose echo of 4 kB counts.

`python -m tests.netns.browser_paths meeting ROOT`, on the bridge's own host, signs a participant in for each way, and
prints the sessions that they are offered. `… page GIVEN`, on the client, has Chromium answer them, one
RTCPeerConnection each: without servers for the direct ways, with one relay and iceTransportPolicy "relay" for the
others. What one prints the other reads; the last line is what came of it. `… relay GIVEN` needs no bridge: there a
second RTCPeerConnection of the page gives back what it gets, both by the relay.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
import sys
import time
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from tests.netns import addresses as at
from tests.netns.browser import (
    SETTLE_SECONDS,
    Facts,
    Page,
    accepted,
    browser,
    connections,
    described,
    invited,
)
from tests.netns.jitsi_client import FOCUS, ICE, MUC, SERVICES, connected, enter

WAYS = ("direct-udp", "direct-tcp", "turn-udp", "turn-tcp", "turn-tls")
BEGIN = """(async () => {
  window.tried = {};
  const begin = async ({ name, sdp, iceServers }) => {
    const one = tried[name] = { echoed: false, errors: [] };
    const pc = one.pc = new RTCPeerConnection({ iceServers, iceTransportPolicy: iceServers.length ? "relay" : "all" });
    const channel = pc.createDataChannel("echo"), sent = "0123456789abcdef".repeat(256);
    channel.onopen = () => channel.send(sent);
    channel.onmessage = ({ data }) => { one.echoed = data === sent; };
    pc.onicecandidateerror = (event) => one.errors.push(`${event.errorCode} ${event.errorText}`);
    await pc.setRemoteDescription({ type: "offer", sdp });
    await pc.setLocalDescription(await pc.createAnswer());
    return [name, pc.localDescription.sdp];
  };
  return Promise.all(%s.map(begin));
})()"""
LOOP = """(async () => {
  const { name, iceServers } = %s, one = { echoed: false, errors: [] };
  const [pc, other] = [0, 1].map(() => new RTCPeerConnection({ iceServers, iceTransportPolicy: "relay" }));
  window.tried = { [name]: Object.assign(one, { pc }) };
  const channel = pc.createDataChannel("echo"), sent = "0123456789abcdef".repeat(256);
  channel.onopen = () => channel.send(sent);
  channel.onmessage = ({ data }) => { one.echoed = data === sent; };
  other.ondatachannel = ({ channel }) => { channel.onmessage = ({ data }) => channel.send(data); };
  pc.onicecandidate = ({ candidate }) => other.addIceCandidate(candidate);
  other.onicecandidate = ({ candidate }) => pc.addIceCandidate(candidate);
  const offer = await pc.createOffer();
  await other.setRemoteDescription(offer);
  await pc.setLocalDescription(offer);
  const answer = await other.createAnswer();
  await pc.setRemoteDescription(answer);
  await other.setLocalDescription(answer);
})()"""
STATES = """(() => {
  const told = ({ pc, echoed, errors }) => {
    const none = pc.iceGatheringState === "complete" && !/^a=candidate/m.test(pc.localDescription.sdp);
    const settled = echoed || none || pc.connectionState === "failed";
    return { ice: pc.iceConnectionState, connection: pc.connectionState, echoed, errors, settled };
  };
  return Object.fromEntries(Object.entries(tried).map(([name, one]) => [name, told(one)]));
})()"""
# Whether a meeting's page could sign in: Jitsi's takes the WebSocket that config.js names, and nothing else then.
SIGNING = """new Promise((done) => {
  const socket = new WebSocket("wss://%s/xmpp-websocket", "xmpp");
  socket.onopen = () => done(true);
  socket.onerror = () => done(false);
  setTimeout(() => done(false), 5000);
})"""


# --- on the bridge's host


async def meeting(root: str) -> None:
    context = ssl.create_default_context(cafile=root)
    context.set_alpn_protocols(["http/1.1"])
    clients = [await connected(context, at.TARGET, host="127.0.0.1") for _ in WAYS]
    for client in clients:
        assert await client.login() == ""
    answer = await clients[0].request("get", at.TARGET, f"<services xmlns='{SERVICES}'/>")
    services = [dict(each.attrib) for each in answer.iter(f"{{{SERVICES}}}service")]
    room = f"natprobe-{secrets.token_hex(8)}@{MUC}"
    asked = f"<conference xmlns='{FOCUS}' room='{room}' machine-uid='{secrets.token_hex(16)}'/>"
    await clients[0].request("set", f"focus.{at.TARGET}", asked)
    for client in clients:
        assert await enter(client, room) == ""
    offers = dict(zip(WAYS, [await invited(client) for client in clients], strict=True))
    told = {name: ElementTree.tostring(_transport(offer), "unicode") for name, offer in offers.items()}
    print(json.dumps({"services": services, "offers": told}), flush=True)
    answers = json.loads(await asyncio.to_thread(sys.stdin.readline))
    members = dict(zip(WAYS, clients, strict=True))
    for name, sdp in answers:
        await members[name].request("set", f"{room}/focus", accepted(offers[name], sdp))
    await asyncio.to_thread(sys.stdin.readline)
    for client in clients:
        await client.leave(room)


def _transport(offer: Element) -> Element:
    return next(offer.iter(f"{{{ICE}}}transport"))


# --- on the client


def page(given: Facts) -> None:
    """`given`: `arguments` of Chromium, `login` for its proxy."""
    told = json.loads(sys.stdin.readline())
    with browser([], given["arguments"], given["login"]) as shown:
        signing = signed_in(shown)
        answers = shown.run(BEGIN % json.dumps(ways(told)))
        print(json.dumps(answers), flush=True)
        print(json.dumps({"ways": settled(shown), "connections": connections(), **signing}), flush=True)


def relay(given: Facts) -> None:
    """`given`: also the `name` of its way, and `iceServers`."""
    with browser([], given["arguments"], given["login"]) as shown:
        shown.run(LOOP % json.dumps(given))
        print(json.dumps({"ways": settled(shown), "connections": connections()}), flush=True)


def ways(told: Facts) -> list[Facts]:
    """Those that there are: what each peer connection is told."""
    relays = {f"turn-{_transport_of(each)}": each for each in told["services"] if each["type"] in ("turn", "turns")}
    found = []
    for name, xml in told["offers"].items():
        transport = ElementTree.fromstring(xml)
        over = ("tcp", "ssltcp") if name == "direct-tcp" else ("udp",)
        there = any(each.get("protocol") in over for each in transport.iter(f"{{{ICE}}}candidate"))
        if there and (name.startswith("direct") or name in relays):
            servers = [_server(relays[name])] if name in relays else []
            found.append({"name": name, "sdp": described(transport, over), "iceServers": servers})
    return found


def _transport_of(service: dict[str, str]) -> str:
    return "tls" if service["type"] == "turns" else service.get("transport", "udp")


def _server(service: dict[str, str]) -> dict[str, str]:
    url = f"{service['type']}:{service['host']}:{service['port']}?transport={service.get('transport', 'tcp')}"
    return {"urls": url, "username": service.get("username", ""), "credential": service.get("password", "")}


def signed_in(shown: Page) -> Facts:
    failure = shown.opened(f"https://{at.TARGET}/")
    if failure:
        shown.visit("about:blank")
        return {"page": failure, "websocket": False}
    return {"page": "", "websocket": shown.run(SIGNING % at.TARGET)}


def settled(shown: Page) -> Any:
    """Until each has echoed or failed, or for as long as nothing more will come."""
    began = time.monotonic()
    while time.monotonic() < began + SETTLE_SECONDS:
        states = shown.run(STATES)
        if all(each["settled"] for each in states.values()):
            break
        time.sleep(0.1)
    return states


if __name__ == "__main__":
    word, given = sys.argv[1:]
    if word == "meeting":
        asyncio.run(meeting(given))
    else:
        {"page": page, "relay": relay}[word](json.loads(given))
