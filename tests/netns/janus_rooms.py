"""How a script beside a Janus asks its videoroom: the beginning of each such script."""

from __future__ import annotations

HEAD = """
import json, urllib.request
def ask(path, **body):
    data = json.dumps(body | {"transaction": "x"}).encode()
    with urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:8088/janus" + path, data)) as reply:
        return json.load(reply)
session = ask("", janus="create")["data"]["id"]
handle = ask(f"/{session}", janus="attach", plugin="janus.plugin.videoroom")["data"]["id"]
def asked(**body):
    return ask(f"/{session}/{handle}", janus="message", body=body)["plugindata"]["data"]
"""
