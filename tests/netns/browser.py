"""What a real browser makes of the laboratory's Jitsi, run inside a namespace: `python -m tests.netns.browser ROOT`.

Two participants join by the laboratory's own client; the session that one of them is offered goes to Chromium, whose
RTCPeerConnection answers as Jitsi's page has it: the bridge's candidates, credentials and fingerprint, and the relays
that lib-jitsi-meet keeps for the bridge. Prints JSON: the states that it settled on, and the way there.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any
from xml.etree.ElementTree import Element

import psutil
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.sync.client import ClientConnection, connect

from tests.netns.addresses import TARGET
from tests.netns.jitsi_client import (
    DISCO,
    FEATURES,
    FOCUS,
    ICE,
    JINGLE,
    MUC,
    OFFERED,
    SERVICES,
    Client,
    connected,
    enter,
)

PROGRAM = "chromium"
DTLS = "urn:xmpp:jingle:apps:dtls:0"
START_SECONDS, STEP_SECONDS = 20.0, 10.0
# Chromium says "failed" about 15 s after nothing has answered; a handshake that nobody answers it never ends.
SETTLE_SECONDS = 20.0
ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--mute-audio"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions"),
    *("--remote-debugging-port=0", "--remote-allow-origins=*"),
)
ANSWER = """(async () => {
  const { sdp, iceServers } = %s;
  const pc = window.pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
  await pc.setRemoteDescription({ type: "offer", sdp });
  await pc.setLocalDescription(await pc.createAnswer());
  return pc.localDescription.sdp;
})()"""
STATES = """(async () => {
  const stats = [...(await pc.getStats()).values()];
  const of = (id) => stats.find((each) => each.id === id);
  const carrier = stats.find((each) => each.type === "transport" && each.selectedCandidatePairId);
  const local = carrier && of(of(carrier.selectedCandidatePairId).localCandidateId);
  const relayed = local && local.candidateType === "relay";
  const way = !local ? null : relayed ? `turn-${local.relayProtocol}` : `direct-${local.protocol}`;
  return { ice: pc.iceConnectionState, connection: pc.connectionState, way };
})()"""
Facts = dict[str, Any]
NOBODY: Mapping[str, str] = MappingProxyType({})


class Page:
    """An empty page, driven by the DevTools protocol."""

    def __init__(self, socket: ClientConnection, login: Mapping[str, str] = NOBODY) -> None:
        self._socket, self._number, self._login = socket, 0, login
        if login:
            self.asked("Fetch.enable", handleAuthRequests=True)

    def run(self, script: str) -> Any:
        """What the promise of this script comes to."""
        said = self.asked("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in said:
            raise RuntimeError(json.dumps(said["exceptionDetails"])[:500])
        return said["result"].get("value")

    def visit(self, url: str) -> None:
        """Returns when the page is there."""
        if failure := self.opened(url):
            raise RuntimeError(f"no page at {url}: {failure}")

    def opened(self, url: str) -> str:
        """What hindered it, by Chromium's name, or nothing; when nothing more happens there."""
        try:
            failure = str(self.asked("Page.navigate", url=url).get("errorText", ""))
        except TimeoutError:
            return "silence"
        until = time.monotonic() + STEP_SECONDS
        while not (there := self._place()).endswith("complete") and time.monotonic() < until:
            time.sleep(0.02)
        return failure or ("" if there == url + "complete" else there)

    def _place(self) -> str:
        """Where the page is and how far; nothing while it changes."""
        with suppress(RuntimeError):
            return str(self.run("location.href + document.readyState"))
        return ""

    def asked(self, method: str, **params: Any) -> Any:
        """The answer to a command of the DevTools protocol. Raises RuntimeError."""
        number = self._send(method, params)
        while (said := json.loads(self._socket.recv(STEP_SECONDS))).get("id") != number:
            self._event(said)
        if "error" in said:
            raise RuntimeError(f"{method}: {said['error']}")
        return said["result"]

    def _send(self, method: str, params: Facts) -> int:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        return self._number

    def _event(self, said: Facts) -> None:
        """With a login every request waits for us, and what would be asked of the user is asked of us."""
        waiting = {"requestId": said.get("params", {}).get("requestId")}
        if said.get("method") == "Fetch.requestPaused":
            self._send("Fetch.continueRequest", waiting)
        if said.get("method") == "Fetch.authRequired":
            answer = {"response": "ProvideCredentials", **self._login}
            self._send("Fetch.continueWithAuth", {**waiting, "authChallengeResponse": answer})


@contextmanager
def browser(roots: list[str], more: Sequence[str] = (), login: Mapping[str, str] = NOBODY) -> Iterator[Page]:
    """Chromium with a profile of its own; `roots`: digests of the keys whose certificates it takes; `more` arguments;
    `login`: the `username` and `password` that it is told when it asks for them.
    """
    program = shutil.which(PROGRAM)
    assert program is not None
    with tempfile.TemporaryDirectory(prefix="natprobe-chromium-", ignore_cleanup_errors=True) as folder:
        trusted = [f"--ignore-certificate-errors-spki-list={','.join(roots)}"]
        argv = [program, *ARGUMENTS, *trusted, *more, f"--user-data-dir={folder}", "about:blank"]
        quiet = subprocess.DEVNULL
        child = subprocess.Popen(argv, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
        try:
            with connect(_page(Path(folder) / "DevToolsActivePort"), max_size=None, proxy=None) as socket:
                yield Page(socket, login)
        finally:
            child.terminate()
            child.wait(STEP_SECONDS)
            with suppress(ProcessLookupError):  # one of its processes may be in a PAC script that never ends
                os.killpg(child.pid, signal.SIGKILL)


def _page(path: Path) -> str:
    """The address of the page's socket, once the browser has written its port."""
    until = time.monotonic() + START_SECONDS
    while not (path.exists() and path.read_text().strip()):
        if time.monotonic() > until:
            raise RuntimeError("chromium did not start")
        time.sleep(0.05)
    port = path.read_text().split()[0]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/json/list", timeout=STEP_SECONDS) as answer:
        return str(next(each["webSocketDebuggerUrl"] for each in json.load(answer) if each["type"] == "page"))


def digests(path: str) -> list[str]:
    """Of the public keys in a PEM file, as Chromium's option wants them."""
    found = x509.load_pem_x509_certificates(Path(path).read_bytes())
    keys = [each.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for each in found]
    return [base64.b64encode(hashlib.sha256(each).digest()).decode() for each in keys]


def connections() -> list[tuple[str, int]]:
    """Where TCP goes from here by now: what carries and leads to no server of its own went through a proxy."""
    there = [each.raddr for each in psutil.net_connections("tcp") if each.status == psutil.CONN_ESTABLISHED]
    return sorted({(each.ip, each.port) for each in there if each})


# --- what the page is told


def described(transport: Element, over: Sequence[str] = ("udp",)) -> str:
    """The bridge's transport as an offer with nothing but a data channel in it (RFC 8839, RFC 8841), and its candidates
    over these transports.
    """
    fingerprint = next(transport.iter(f"{{{DTLS}}}fingerprint"))
    lines = [
        *("v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0"),
        *("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", "a=mid:0", "a=sctp-port:5000"),
        *(f"a=ice-ufrag:{transport.get('ufrag')}", f"a=ice-pwd:{transport.get('pwd')}"),
        f"a=fingerprint:{fingerprint.get('hash')} {fingerprint.text}",
        "a=setup:actpass",
    ]
    for each in transport.iter(f"{{{ICE}}}candidate"):
        if each.get("protocol") in over:
            words = ("foundation", "component", "protocol", "priority", "ip", "port")
            base = f" raddr {each.get('rel-addr')} rport {each.get('rel-port')}" if each.get("rel-addr") else ""
            lines.append(f"a=candidate:{' '.join(each.get(w, '') for w in words)} typ {each.get('type')}{base}")
    return "\r\n".join(lines) + "\r\n"


def relays(services: list[dict[str, str]]) -> list[dict[str, str]]:
    """What lib-jitsi-meet keeps for the bridge: TURN over TCP and TLS (strophe.jingle.js)."""
    return [
        {
            "urls": f"{each['type']}:{each['host']}:{each['port']}?transport=tcp",
            "username": each.get("username", ""),
            "credential": each.get("password", ""),
        }
        for each in services
        if each["type"] in ("turn", "turns") and each.get("transport") == "tcp"
    ]


def accepted(offer: Element, sdp: str) -> str:
    """The session-accept that says what the page's answer says; the bridge needs no candidates of ours."""
    ufrag, pwd = (re.search(rf"a=ice-{word}:(\S+)", sdp) for word in ("ufrag", "pwd"))
    fingerprint = re.search(r"a=fingerprint:(\S+) (\S+)", sdp)
    assert ufrag
    assert pwd
    assert fingerprint
    print_ = f"<fingerprint xmlns='{DTLS}' hash='{fingerprint[1]}' setup='active'>{fingerprint[2]}</fingerprint>"
    own = f"<transport xmlns='{ICE}' ufrag='{ufrag[1]}' pwd='{pwd[1]}'><rtcp-mux/>{print_}</transport>"
    content = f"<content creator='initiator' name='audio'>{own}</content>"
    return f"<jingle xmlns='{JINGLE}' action='session-accept' sid='{offer[0].get('sid')}'>{content}</jingle>"


# --- the meeting


async def met(root: str, keys: list[str]) -> Facts:
    context = ssl.create_default_context(cafile=root)
    context.set_alpn_protocols(["http/1.1"])
    one, other = await connected(context, TARGET), await connected(context, TARGET)
    for client in (one, other):
        assert await client.login() == ""
    answer = await one.request("get", TARGET, f"<services xmlns='{SERVICES}'/>")
    services = [dict(each.attrib) for each in answer.iter(f"{{{SERVICES}}}service")]
    room = f"natprobe-{secrets.token_hex(8)}@{MUC}"
    asked = f"<conference xmlns='{FOCUS}' room='{room}' machine-uid='{secrets.token_hex(16)}'/>"
    await one.request("set", f"focus.{TARGET}", asked)
    for client in (one, other):
        assert await enter(client, room) == ""
    offers = [await invited(client) for client in (one, other)]
    with browser(keys) as page:
        facts = await watched(page, one, room, offers[0], relays(services))
    for client in (one, other):
        await client.leave(room)
    return facts


async def invited(client: Client) -> Element:
    question = await client.wait(lambda each: each.find(f"{{{DISCO}}}query") is not None)
    listed = "".join(f"<feature var='{each}'/>" for each in FEATURES)
    await client.answer(question, f"<query xmlns='{DISCO}'>{listed}</query>")
    offer = await client.wait(lambda each: any(each.find(tag) is not None for tag in OFFERED))
    await client.answer(offer)
    return offer


async def watched(page: Page, client: Client, room: str, offer: Element, servers: list[dict[str, str]]) -> Facts:
    """Until it is connected or has failed, or for as long as nothing more will come."""
    sdp = described(next(offer.iter(f"{{{ICE}}}transport")))
    given = json.dumps({"sdp": sdp, "iceServers": servers})
    answer = await asyncio.to_thread(page.run, ANSWER % given)
    reply = await client.request("set", f"{room}/focus", accepted(offer, answer))
    assert reply.get("type") == "result"
    began, facts = time.monotonic(), Facts()
    while time.monotonic() < began + SETTLE_SECONDS:
        facts = await asyncio.to_thread(page.run, STATES)
        if facts["connection"] in ("connected", "failed"):
            break
        await asyncio.sleep(0.1)
    return facts | {"seconds": round(time.monotonic() - began, 1)}


if __name__ == "__main__":
    root, *certificates = sys.argv[1:]
    print(json.dumps(asyncio.run(met(root, [key for path in certificates for key in digests(path)]))))
