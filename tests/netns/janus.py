"""A case's Janus on the host `web`: Debian's, in the foreground with a folder of its own, what nginx passes on to it,
and the firewall before its media ports.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tests import access
from tests.case import Janus
from tests.netns import addresses as at
from tests.netns.certificates import Files
from tests.netns.kernel import Host, Process

TOOLS = ("janus",)
HTTP, HTTPS, WS, WSS, ADMIN, NOBODY = 8088, 8089, 8188, 8989, 7088, 5281
ADMIN_SECRET = "overlord-of-the-lab"
LOG = "janus.log"
TRANSPORTS = ("http", "websockets")
OUTSIDE = {"outside": at.WEB, "nat": at.WEB, "container": at.WEB, "inside": at.HOME_OUTSIDE}
_WS_IP = {"all": "", "first": at.WEB, "second": at.WEB_OTHER, "ipv6": at.WEB6, "absent": "10.5.5.5"}
_UPGRADE = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; '
_NO_NAME = 'proxy_set_header Sec-WebSocket-Protocol ""; '
Settings = Mapping[str, Mapping[str, str | int | bool]]


def start(host: Host, janus: Janus, files: Files, name: str = "janus", key: str = "", outside: str = "") -> Process:
    """`wait` for what this returns. nginx's part is `locations`. `name`: of its folder and log; `key`: videoroom's
    admin_key; `outside`: what its own mapping is, where that is not by where it stands.
    """
    folder = host.folder / name
    plugins = ("echotest", "videoroom") if janus.plugin == "both" else (janus.plugin,)
    for kind, parts in {"plugins": plugins, "transports": TRANSPORTS}.items():
        (folder / kind).mkdir(parents=True)
        for part in parts:
            module = f"libjanus_{part}.so"
            (folder / kind / module).symlink_to(_installed(kind) / module)
    settings = {"": _core(janus, folder, outside), "transport.http": _http(janus, files)}
    settings |= {"transport.websockets": _websockets(janus, files)}
    settings |= {"plugin.videoroom": {"general": {"admin_key": key}}} if key else {}
    for part, content in settings.items():
        (folder / ".".join(filter(None, ("janus", part, "jcfg")))).write_text(_written(content))
    return host.start(["janus", "-F", str(folder), "-C", str(folder / "janus.jcfg")], log=f"{name}.log")


def wait(process: Process, janus: Janus) -> None:
    secure = [HTTPS, WSS] if janus.api == "own" else []
    process.listens(tcp=[HTTP, WS, ADMIN, *secure])


def _installed(kind: str) -> Path:
    """Below the folder of this machine's architecture."""
    return next(Path("/usr/lib").glob(f"*/janus/{kind}"))


# --- its configuration


def _core(janus: Janus, folder: Path, outside: str) -> Settings:
    general: dict[str, str | int | bool] = {f"{kind}_folder": str(folder / kind) for kind in ("plugins", "transports")}
    general |= {f"{kind}_folder": str(folder / "none") for kind in ("events", "loggers")}
    general |= {"configs_folder": str(folder), "admin_secret": ADMIN_SECRET, "debug_level": 4, "debug_colors": False}
    if janus.wants == "secret":
        general["api_secret"] = access.SECRET
    if janus.wants == "token":
        general |= {"token_auth": True, "token_auth_secret": access.SECRET}
    media: dict[str, str | int | bool] = {"rtp_port_range": janus.range, "ipv6": janus.ipv6}
    return {"general": general, "media": media, "nat": _nat(janus, outside)}


def _nat(janus: Janus, outside: str) -> dict[str, str | int | bool]:
    mapped = {"own": outside or OUTSIDE[janus.stands], "wrong": at.RELAY_ELSEWHERE}.get(janus.mapping)
    return {
        "full_trickle": janus.full_trickle,
        "ice_lite": janus.lite,
        "ice_tcp": janus.ice_tcp,
        "ignore_mdns": not janus.mdns,
        "keep_private_host": janus.keep_private,
        **({"nat_1_1_mapping": mapped} if mapped else {}),
        **({"ice_enforce_list": "eth7"} if janus.enforce else {}),
    }


def _http(janus: Janus, files: Files) -> Settings:
    general: dict[str, str | int | bool] = {"http": True, "port": HTTP, "base_path": "/janus"}
    if janus.api == "nginx":
        general["ip"] = "127.0.0.1"
    if janus.api == "own":
        general |= {"https": True, "secure_port": HTTPS}
    admin: dict[str, str | int | bool] = {"admin_http": True, "admin_port": ADMIN, "admin_ip": "127.0.0.1"}
    return {"general": general, "admin": admin, "certificates": _certificates(files)}


def _websockets(janus: Janus, files: Files) -> Settings:
    general: dict[str, str | int | bool] = {"ws": True, "ws_port": WS}
    ip = "127.0.0.1" if janus.api == "nginx" else _WS_IP[janus.ws_ip]
    general |= {"ws_ip": ip} if ip else {}
    if janus.api == "own":
        general |= {"wss": True, "wss_port": WSS} | ({"wss_ip": ip} if ip else {})
    return {"general": general, "certificates": _certificates(files)}


def _certificates(files: Files) -> dict[str, str | int | bool]:
    return {"cert_pem": str(files.chain), "cert_key": str(files.key)}


def _written(settings: Settings) -> str:
    """libconfig's form, in which JSON's strings, numbers and booleans are what they are."""
    return "".join(
        f"{name}: {{\n" + "".join(f"  {key} = {json.dumps(value)}\n" for key, value in content.items()) + "}\n"
        for name, content in settings.items()
    )


# --- what nginx passes on to it


def locations(janus: Janus) -> str:
    """The two ways into its API, where nginx leads there."""
    if janus.api != "nginx":
        return ""
    return f"    location /janus {{ {_plain(janus)} }}\n    location = /janus-ws {{ {_websocket(janus)} }}\n"


def _plain(janus: Janus) -> str:
    return "return 404;" if janus.http == "no-path" else _passed(NOBODY if janus.http == "down" else HTTP, "/janus")


def _websocket(janus: Janus) -> str:
    match janus.websocket:
        case "no-path":
            return "return 404;"
        case "no-upgrade":
            return _passed(WS)
        case "no-subprotocol":
            return _UPGRADE + _NO_NAME + _passed(WS)
        case "down":
            return _UPGRADE + _passed(NOBODY)
    return _UPGRADE + _passed(WS)


def _passed(port: int, path: str = "") -> str:
    return f"proxy_pass http://127.0.0.1:{port}{path}; "
