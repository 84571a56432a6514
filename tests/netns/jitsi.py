"""A case's Jitsi on the host `web`: Prosody in the foreground with a folder of its own, the focus and the bridge in one
process (tests/jitsi), what nginx passes on to them, and the firewall before the bridge.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import msgspec

from tests import access
from tests.case import Jitsi
from tests.jitsi.__main__ import CHANNEL, READY
from tests.jitsi.offers import Offered
from tests.jitsi.settings import Settings
from tests.netns import addresses as at
from tests.netns.kernel import Host, Process

TOOLS = ("prosody",)
MODULES = Path(__file__).parent / "prosody"
HTTP, COMPONENTS, NOBODY, REQUESTS = 5280, 5347, 5281, 8888
SECRET = "component-of-the-lab"
MUC, GUESTS, TURN = f"conference.{at.TARGET}", f"guest.{at.TARGET}", "turn.example.test"
FOCUS = f"focus@auth.{at.TARGET}"
REQUEST, COLIBRI = "conference-request/v1", "colibri-ws/default-id/c0nf"
CONFIG, STATUS, LOG, PROSODY_LOG = "jitsi-config.js", "jitsi-status.json", "jitsi.log", "prosody.log"
ADVERTISED = {
    "own": at.WEB,
    "private": "10.0.0.10",
    "container": "172.18.0.5",
    "loopback": "127.0.0.1",
    "wrong": at.RELAY_ELSEWHERE,
    "ipv6": "2001:db8:f:0:0:0:0:10",  # as Java writes it
}
BEHIND_THE_CLIENTS_ROUTER = {"own": at.HOME_OUTSIDE, "private": at.SERVER_INSIDE}
_INNER = ("private", "container", "loopback")
_PAGES = {
    "own": (f"//{at.TARGET}/http-bind", f"wss://{at.TARGET}/xmpp-websocket"),
    "localhost": ("https://localhost:8443/http-bind", "wss://localhost:8443/xmpp-websocket"),
    "private": ("https://192.168.50.10/http-bind", "wss://192.168.50.10/xmpp-websocket"),
    "http": (f"http://{at.TARGET}/http-bind", f"ws://{at.TARGET}/xmpp-websocket"),
}
_UPGRADE = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; '
# Who names an origin has to name another one than the page's; who names none is none of its matter.
_STRANGERS = 'if ($http_origin = "https://' + at.TARGET + '") { return 403; } '
_INDEX = "<!DOCTYPE html><html><head><title>Jitsi Meet</title></head></html>"


def start(host: Host, jitsi: Jitsi) -> tuple[Process, Process]:
    """Both processes; `wait` for what this returns. nginx's part is `locations`."""
    (host.folder / CONFIG).write_text(config_js(jitsi))
    folder = host.folder / "prosody"
    folder.mkdir()
    (config := folder / "prosody.cfg.lua").write_text(prosody(jitsi, folder))
    _user(folder)
    server = host.start(["prosody", "--config", str(config), "-F"], log=PROSODY_LOG)
    path = host.folder / "jitsi.json"
    path.write_bytes(msgspec.json.encode(settings(jitsi, host.folder / STATUS)))
    return server, host.start([sys.executable, "-m", "tests.jitsi", str(path)], log=LOG)


def wait(server: Process, process: Process) -> None:
    """Until both serve: without a focus, nobody else waits for Prosody."""
    process.wait(lambda: READY in process.log.read_text())
    server.listens(tcp=[HTTP])


def status(folder: Path) -> dict[str, int]:
    """How many rooms, members and endpoints there are, and what has been asked so far (Focus.status)."""
    found: dict[str, int] = json.loads((folder / STATUS).read_text())
    return found


def sessions(folder: Path, *, most: bool = False) -> int:
    """How many clients Prosody has, or had at most, signed in or not: mod_lab_sessions logs every change."""
    told = [int(each) for each in re.findall(r"\bsessions: (\d+)", (folder / PROSODY_LOG).read_text())]
    return (max(told) if most else told[-1]) if told else 0


def settings(jitsi: Jitsi, path: Path) -> Settings:
    return Settings(
        domain=at.TARGET,
        muc=MUC,
        secret=SECRET,
        port=COMPONENTS,
        addresses=(at.SERVER_INSIDE,) if jitsi.inside != "no" else (at.WEB, at.WEB6),
        candidates=candidates(jitsi),
        status=str(path),
        udp=at.MEDIA_UDP,
        tcp=at.MEDIA_TCP if jitsi.old else 0,
        http=REQUESTS,
        channel=f"wss://{at.TARGET}/{COLIBRI}" if jitsi.channel != "none" else "",
        authority=at.TARGET if jitsi.login == "guests" else "",
        focus="down" if jitsi.focus == "missing" else jitsi.focus,
        bridge=jitsi.bridge,
        private="0.0.0.0" if jitsi.private_api else "127.0.0.1",
    )


def candidates(jitsi: Jitsi) -> tuple[Offered, ...]:
    """Its addresses inside are host candidates; with one of them there, those outside are mapped ones."""
    known = ADVERTISED | (BEHIND_THE_CLIENTS_ROUTER if jitsi.inside != "no" else {})
    inner = next((known[each] for each in jitsi.advertise if each in _INNER), "")
    found = [
        Offered(ip=known[each], port=jitsi.port, type="srflx", base=inner)
        if inner and each in ("own", "wrong")
        else Offered(ip=known[each], port=jitsi.port)
        for each in jitsi.advertise
    ]
    old = [Offered(ip=each.ip, port=at.MEDIA_TCP, protocol="ssltcp") for each in found if jitsi.old]
    return (*found, *old)


# --- the web front


def config_js(jitsi: Jitsi) -> str:
    """As the packages write it: comments, trailing commas, assignments afterwards."""
    bosh, websocket = _PAGES[jitsi.page]
    lines = [f"        domain: '{at.TARGET}',"]
    lines += [f"        anonymousdomain: '{GUESTS}',"] if jitsi.login == "guests" else []
    lines += [f"        // focus: 'focus.{at.TARGET}',", f"        muc: 'conference.' + subdomain + '{at.TARGET}',"]
    urls = [f"    bosh: '{bosh}',"] if jitsi.bosh != "not-configured" else []
    urls += [f"    websocket: '{websocket}',"] if jitsi.websocket != "not-configured" else []
    urls += [f"    conferenceRequestUrl: 'https://{at.TARGET}/{REQUEST}',"] * (jitsi.request != "not-configured")
    hosts, ways = "\n".join(lines), "\n".join(urls)
    turn = "config.useTurnUdp = true;\n" if jitsi.turn_udp else ""
    return (
        "/* eslint-disable no-unused-vars, no-var */\n\nvar subdomain = '';\n\nvar config = {\n"
        f"    // Connection\n    //\n\n    hosts: {{\n{hosts}\n    }},\n{ways}\n"
        "    testing: {\n        // p2pTestMode: false,\n    },\n    p2p: {\n        enabled: true,\n"
        "        stunServers: [\n            { urls: 'stun:stun2.example.test:3478' },\n        ],\n    },\n};\n\n"
        f"{turn}/* eslint-enable no-unused-vars, no-var */\n"
    )


def locations(folder: Path, jitsi: Jitsi) -> str:
    """nginx's part of it: config.js for the room's page and every tenant's, and the two ways to Prosody."""
    script = f"default_type application/javascript; alias {folder / CONFIG};"
    page = f"default_type text/html; return 200 '{_INDEX}';"
    parts = [f"= /config.js {{ {script} }}", f"~ ^/[^/]+/config\\.js$ {{ {script} }}"]
    quiet = f"proxy_read_timeout {jitsi.quiet}s; " if jitsi.quiet else ""
    parts += [f"= /xmpp-websocket {{ {quiet}{_websocket(jitsi, page)} }}"]
    parts += [f"= /http-bind {{ {quiet}{_bosh(jitsi)} }}"]
    parts += [f"= /{REQUEST} {{ {_passed(REQUEST, NOBODY if jitsi.request == 'down' else REQUESTS)} }}"]
    if jitsi.channel == "works":
        parts.append(f"~ ^/colibri-ws/ {{ {_UPGRADE}proxy_pass http://127.0.0.1:{CHANNEL}; }}")
    # A room's page, at the top or below a tenant.
    parts += [f"~ ^/[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)?$ {{ {page} }}"]
    return "".join(f"    location {part}\n" for part in parts)


def _websocket(jitsi: Jitsi, page: str) -> str:
    match jitsi.websocket:
        case "no-path" | "not-configured":
            return "return 404;"
        case "html":
            return page
        case "no-upgrade":
            return _passed("xmpp-websocket", HTTP)
        case "origin-refused":
            return _STRANGERS + _UPGRADE + _passed("xmpp-websocket", HTTP)
        case "down":
            return _UPGRADE + _passed("xmpp-websocket", NOBODY)
    return _UPGRADE + _passed("xmpp-websocket", HTTP)


def _bosh(jitsi: Jitsi) -> str:
    if jitsi.bosh == "not-configured":
        return "return 404;"
    if jitsi.bosh == "origin-refused":
        return _STRANGERS + _passed("http-bind", HTTP)
    return _passed("http-bind", NOBODY if jitsi.bosh == "down" else HTTP)


def _passed(path: str, port: int) -> str:
    return f"proxy_pass http://127.0.0.1:{port}/{path}$is_args$args; proxy_set_header Host {at.TARGET}; "


# --- Prosody


def prosody(jitsi: Jitsi, folder: Path) -> str:
    """One file, everything on loopback."""
    extra = ', "external_services"' if jitsi.services != "none" else ""
    extra += ', "lab_services"' if jitsi.delivery != "asked" else ""
    room = ', "lab_room"' if jitsi.room != "open" else ""
    room += ', "lab_services"' if jitsi.delivery == "metadata" else ""
    logins = {"anonymous": "anonymous", "token": "lab_token", "guests": "internal_plain", "password": "internal_plain"}
    guests = f'VirtualHost "{GUESTS}"\n  authentication = "anonymous"\n' if jitsi.login == "guests" else ""
    return f"""\
run_as_root = true
data_path = "{folder}"
pidfile = "{folder}/prosody.pid"
certificates = "{folder}"
plugin_paths = {{ "{MODULES}" }}
log = {{ info = "*console" }}
modules_enabled = {{ "saslauth", "disco", "ping", "bosh", "websocket", "lab_sessions"{extra} }}
modules_disabled = {{ "s2s", "s2s_bidi", "offline", "tls" }}
c2s_ports, c2s_direct_tls_ports, s2s_ports, https_ports = {{}}, {{}}, {{}}, {{}}
http_ports, http_interfaces = {{ {HTTP} }}, {{ "127.0.0.1" }}
component_ports, component_interfaces = {{ {COMPONENTS} }}, {{ "127.0.0.1" }}
http_default_host = "{at.TARGET}"
consider_bosh_secure, consider_websocket_secure = true, true
allow_unencrypted_plain_auth = true
admins = {{ "{FOCUS}" }}
lab_services, lab_main = "{jitsi.delivery}", "{at.TARGET}"
{_services(jitsi)}
VirtualHost "{at.TARGET}"
  authentication = "{logins[jitsi.login]}"
  lab_token = "{access.TOKEN}"
{guests}
Component "{MUC}" "muc"
  modules_enabled = {{ "muc"{room} }}
  restrict_room_creation = true
  muc_room_locking = false
  muc_room_default_public_jids = true
  muc_room_default_history_length, max_history_messages = 0, 0
  lab_room, lab_focus, lab_named = "{jitsi.room}", "{FOCUS}", "standup"
{_focus(jitsi)}"""


def _focus(jitsi: Jitsi) -> str:
    """Its two domains. Jitsi's own module stands before a focus that isn't there, and says service-unavailable, as
    any component of Prosody's does to what it doesn't know; a component of ours would say remote-server-timeout.
    """
    if jitsi.focus == "missing":
        return ""
    down = f'Component "focus.{at.TARGET}" "ping"\n'
    domains = [f"auth.{at.TARGET}"] if jitsi.focus == "down" else [f"focus.{at.TARGET}", f"auth.{at.TARGET}"]
    listed = "".join(f'Component "{domain}"\n  component_secret = "{SECRET}"\n' for domain in domains)
    return listed + down * (jitsi.focus == "down")


def _user(folder: Path) -> None:
    """Prosody's own format; the folder's name is escaped as in a URL."""
    accounts = folder / at.TARGET.replace(".", "%2e") / "accounts"
    accounts.mkdir(parents=True)
    (accounts / f"{access.USER}.dat").write_text(f'return {{ ["password"] = "{access.PASSWORD}" }};\n')


def _services(jitsi: Jitsi) -> str:
    entries = {
        "stun": 'type = "stun", port = 3478, transport = "udp"',
        "turn-udp": 'type = "turn", port = 3478, transport = "udp", secret = true',
        "turn-tcp": 'type = "turn", port = 3478, transport = "tcp", secret = true',
        # Prosody makes credentials for turns only where it is told how.
        "turns": f'type = "turns", port = {jitsi.turns}, transport = "tcp", secret = true, algorithm = "turn"',
        "no-credentials": f'type = "turns", port = {jitsi.turns}, transport = "tcp", secret = true',
        "turns-without-transport": f'type = "turns", port = {jitsi.turns}, secret = true, algorithm = "turn"',
    }
    several = {"none": [], "all": ["stun", "turn-udp", "turn-tcp", "turns"], "turn-udp-only": ["stun", "turn-udp"]}
    listed = "; ".join(
        f'{{ {entries[each]}, host = "{TURN}" }}' for each in several.get(jitsi.services, [jitsi.services])
    )
    return f'external_service_secret = "{access.SECRET}"\nexternal_services = {{ {listed} }}' if listed else ""
