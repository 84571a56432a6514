"""What a real browser makes of the laboratory's Janus: `python -m tests.netns.browser_janus CERTIFICATES RELAYS`.

Both are JSON, and Chromium's further arguments may follow as a third list. Inside a namespace, a page of the front
talks to Janus's own API and has the echo test answer it, as an application does. Prints JSON: the states that it
settled on, the way there, and where TCP leads from here.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

from tests.netns.addresses import TARGET
from tests.netns.browser import SETTLE_SECONDS, STATES, Facts, Page, browser, connections, digests

# janus.js names a STUN server, too, unless it is told others.
STUN = {"urls": "stun:stun1.example.test"}
CALL = """(async () => {
  const ask = async (path, body) => {
    const sent = { method: "POST", body: JSON.stringify({ transaction: Math.random().toString(36), ...body }) };
    return (await fetch("/janus" + path, sent)).json();
  };
  const session = "/" + (await ask("", { janus: "create" })).data.id;
  const handle = session + "/" + (await ask(session, { janus: "attach", plugin: "janus.plugin.echotest" })).data.id;
  const pc = window.pc = new RTCPeerConnection({ iceServers: %s, bundlePolicy: "max-bundle" });
  window.left = () => { pc.close(); return ask(session, { janus: "destroy" }); };
  pc.addTransceiver("audio");
  pc.onicecandidate = ({ candidate }) => ask(handle, { janus: "trickle", candidate: candidate || { completed: true } });
  const offer = await pc.createOffer();
  await ask(handle, { janus: "message", body: { audio: true, video: false }, jsep: offer });
  await pc.setLocalDescription(offer);
  while (!pc.remoteDescription) {
    for (const event of await (await fetch("/janus" + session + "?maxev=10")).json()) {
      if (event.jsep) await pc.setRemoteDescription(event.jsep);
    }
  }
})()"""


def called(page: Page, relays: list[dict[str, str]]) -> Facts:
    """Until it is connected or has failed, or for as long as nothing more will come."""
    page.visit(f"https://{TARGET}/")
    page.run(CALL % json.dumps([STUN, *relays]))
    began, facts = time.monotonic(), Facts()
    while time.monotonic() < began + SETTLE_SECONDS:
        facts = page.run(STATES)
        if facts["connection"] in ("connected", "failed"):
            break
        time.sleep(0.1)
    facts |= {"seconds": round(time.monotonic() - began, 1), "connections": connections()}
    page.run("left()")
    return facts


def main(certificates: list[str], relays: list[dict[str, str]], arguments: Sequence[str] = ()) -> None:
    with browser([key for path in certificates for key in digests(path)], arguments) as page:
        print(json.dumps(called(page, relays)))


if __name__ == "__main__":
    main(*map(json.loads, sys.argv[1:]))
