"""What a case's check is told of its relay, and of its Jitsi's login: the same words in every ring."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from pathlib import Path

from tests.case import Case, Janus, Jitsi, Relay
from tests.case_cascade import Cascade
from tests.case_proxy import Proxy
from tests.netns import addresses as at

USER, PASSWORD, SECRET, REALM = "alice", "wonder-of-the-lab", "north-of-the-lab", "example.test"
OTHER_USER, OTHER_PASSWORD = "bob", "builder-of-the-lab"  # who has an allocation already, where somebody does
# What Jitsi's Prosody takes for a right token: it looks like one.
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJyb29tIjoiKiJ9.bGFi"
WRONG = "not-the-one-of-the-lab"


def options(case: Case, folder: Path) -> list[str]:
    """Further options of check; what must not be seen is written to a file in this folder."""
    own = [*_relay(case.relay, folder), *_login(case.jitsi, folder), *_janus(case.janus, folder)]
    return [*own, *_cascade(case.cascade, folder), *_proxy(case.proxy, folder)]


def environment(case: Case) -> dict[str, str]:
    """What stands in the variables of whoever runs the check."""
    proxy = case.proxy
    if not proxy.apart or proxy.told not in ("environment", "pac"):
        return {}
    if proxy.told == "pac":
        return {"auto_proxy": f"http://{at.PAC_NAME}/proxy.pac"}
    word = {"nothing": "", "right": f"{USER}:{PASSWORD}@", "wrong": f"{USER}:{WRONG}@"}[proxy.given]
    scheme, _, place = proxy_url(proxy).partition("://")
    # Chromium speaks HTTP to what stands in all_proxy, whatever its scheme (natprobe/host/proxies.py).
    return {"HTTPS_PROXY" if proxy.kind == "squid" else "SOCKS_SERVER": f"{scheme}://{word}{place}"}


def proxy_url(proxy: Proxy) -> str:
    if proxy.kind == "dante":
        return f"socks5://{at.PROXY_NAME}:{at.SOCKS_PORT}"
    return f"http://{at.PROXY_NAME}:{at.PROXY_PORT}"


def _proxy(proxy: Proxy, folder: Path) -> list[str]:
    if not proxy.apart or proxy.told == "environment":
        return []
    options = {"option": ["--proxy", proxy_url(proxy)], "wpad": ["--guess-proxy"]}.get(proxy.told, [])
    if proxy.given == "nothing":
        return options
    (path := folder / "proxy-password").write_text((PASSWORD if proxy.given == "right" else WRONG) + "\n")
    return [*options, "--proxy-username", USER, "--proxy-password-file", str(path)]


def _cascade(cascade: Cascade, folder: Path) -> list[str]:
    if not cascade.runs:
        return []
    options = ["--cascade", f"janus+https://{at.CASCADE_NAME}:8089/janus"]
    iface = {"outside": at.CASCADE, "inside": at.CASCADE_INSIDE}.get(cascade.iface)
    options += ["--iface", iface] if iface else []
    options += ["--cascade-address", f"{at.CASCADE}:{cascade.port}"] if cascade.port else []
    options += ["--apply"] if cascade.applied else []
    if cascade.key == "none":
        return options
    (path := folder / "admin-key").write_text((SECRET if cascade.key == "right" else WRONG) + "\n")
    return [*options, "--janus-admin-key-file", str(path)]


def _login(jitsi: Jitsi, folder: Path) -> list[str]:
    option, secret = {"token": ("jwt", TOKEN), "user": ("password", PASSWORD)}.get(jitsi.given, ("", ""))
    if not option:
        return []
    (path := folder / f"login-{option}").write_text(secret + "\n")
    return [*(["--user", USER] if option == "password" else []), f"--{option}-file", str(path)]


def _janus(janus: Janus, folder: Path) -> list[str]:
    """Where nothing is wanted, too: a secret that is not needed is no fault."""
    if janus.given == "nothing":
        return []
    kind = "secret" if janus.wants == "nothing" else janus.wants
    right = janus_token() if kind == "token" else SECRET
    (path := folder / f"janus-{kind}").write_text((WRONG if janus.given == "wrong" else right) + "\n")
    return [f"--janus-{kind}-file", str(path)]


def janus_token() -> str:
    """As applications sign it with the secret that Janus has: for a day, and for the plugins that are here."""
    content = ",".join([str(int(time.time()) + 86400), "janus", "janus.plugin.echotest", "janus.plugin.videoroom"])
    signed = hmac.new(SECRET.encode(), content.encode(), hashlib.sha1).digest()
    return f"{content}:{base64.b64encode(signed).decode()}"


def _relay(relay: Relay, folder: Path) -> list[str]:
    kind = _kind(relay)
    if not relay.runs or kind == "none":
        return []
    right = {"password": PASSWORD, "secret": SECRET}[kind]
    (path := folder / f"turn-{kind}").write_text((WRONG if relay.given == "wrong" else right) + "\n")
    return [*(["--turn-username", USER] if kind == "password" else []), f"--turn-{kind}-file", str(path)]


def _kind(relay: Relay) -> str:
    if relay.given == "none":
        return "none"
    right = "secret" if relay.access == "both" else relay.access
    other = {"password": "secret", "secret": "password", "none": "none"}
    return other[right] if relay.given == "other-kind" else right
