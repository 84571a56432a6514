"""The relay of a case: coturn in each of its states, what stands in its place on the TLS port, what shares 443."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

from natprobe.derive.inner import INNER
from tests import access
from tests.case import Relay
from tests.netns import addresses as at
from tests.netns.certificates import Files
from tests.netns.kernel import Host, Process

COTURN = (
    *("turnserver", "-n", "-v", "--relay-threads=1", "--no-rfc5780", "--no-cli", "--log-file=stdout", "--simple-log"),
)
LOG = "relay.log"
# Debian's libnginx-mod-stream.
STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
_STATES = {
    "healthy": (),
    "stalled": ("--stun-only",),
    "no-udp-relay": ("--no-udp-relay",),
    "realm-missing": (),
    "user-quota": ("--user-quota=1",),
    "total-quota": ("--total-quota=1",),
    "bandwidth": ("--bps-capacity=50000", "--max-bps=50000"),
    "redirects": (f"--alternate-server={at.RELAY}:{at.ALTERNATE_TURN_PORT}",),
    "redirects-in-ring": (f"--alternate-server={at.RELAY}:{at.ALTERNATE_TURN_PORT}",),
    "one-port": ("--min-port=60000", "--max-port=60000"),
    "ipv6-only": (),
    "server-error": (),  # not to be had from coturn: the memory ring's
    "full": (),  # that too: with an address it doesn't have coturn says so after 65,535 tries, which take seconds
    "denies": (
        "--denied-peer-ip=0.0.0.0-255.255.255.255",
        "--denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ),
}
_REALM = f"--realm={access.REALM}"
# The states in which somebody has to have an allocation already, and who.
_TAKEN = {
    "user-quota": (access.USER, access.PASSWORD),
    "total-quota": (access.OTHER_USER, access.OTHER_PASSWORD),
    "bandwidth": (access.OTHER_USER, access.OTHER_PASSWORD),
    "one-port": (access.OTHER_USER, access.OTHER_PASSWORD),
}
_USERS = (
    "--lt-cred-mech",
    f"--user={access.USER}:{access.PASSWORD}",
    f"--user={access.OTHER_USER}:{access.OTHER_PASSWORD}",
)
_SECRET = ("--use-auth-secret", f"--static-auth-secret={access.SECRET}")
_ACCESS = {
    "password": (_REALM, *_USERS),
    "secret": (_REALM, *_SECRET),
    "both": (_REALM, *_USERS, *_SECRET),
    "none": (_REALM, "--no-auth"),
}
# The key of RFC 8489 section 9.2.2, as turnadmin makes it. With a plain password an empty realm works (measured).
_KEY = hashlib.md5(f"{access.USER}:{access.REALM}:{access.PASSWORD}".encode()).hexdigest()
_USER_OF_REALM = f"--user={access.USER}:0x{_KEY}"
# By whether a NAT lies before it.
_EXTERNAL = {
    ("own", False): (),
    ("private", False): (f"--external-ip={at.RELAY_INSIDE}",),
    ("wrong", False): (f"--external-ip={at.RELAY_ELSEWHERE}",),
    ("own", True): (f"--external-ip={at.RELAY}/{at.RELAY_INSIDE}",),
    ("private", True): (),
    ("wrong", True): (f"--external-ip={at.RELAY_ELSEWHERE}/{at.RELAY_INSIDE}",),
}
_SERVED = ("none", "unreadable", "http")  # kinds with which coturn serves no TLS itself
_WEB_BEHIND = 4444
# What nginx's stream module reads of a ClientHello, and where each of it goes; nothing listens on the discard port.
_RELAY_BEHIND, _WEB, _NOWHERE = (f"127.0.0.1:{at.TURNS_PORT}", f"127.0.0.1:{_WEB_BEHIND}", "127.0.0.1:9")
_BY_NAME, _BY_ALPN = "$ssl_preread_server_name", "$ssl_preread_alpn_protocols"
_MAPS = {
    "name": (_BY_NAME, {"turn.example.test": _RELAY_BEHIND, "default": _WEB}),
    "alpn": (_BY_ALPN, {r"~\bstun\.turn\b": _RELAY_BEHIND, "default": _WEB}),
    "alpn-shut": (_BY_ALPN, {r"~\bstun\.turn\b": _RELAY_BEHIND, "default": _NOWHERE}),
    "web-alpn": (_BY_ALPN, {r"~\b(h2|http/1\.[01])\b": _WEB, "default": _RELAY_BEHIND}),
    "shut": (_BY_NAME, {"default": _NOWHERE}),
}


def start(host: Host, relay: Relay, files: Files | None) -> None:
    """Returns when all of it listens, and others have what they are to have. `files` is its certificate, if any."""
    process = host.start(_argv(host, relay, files), log=LOG)
    if files is not None and relay.tls == "http":
        _web(host, files).listens(tcp=[at.TURNS_PORT], addresses=2)
    if files is not None and relay.front != "none":
        _front(host, relay, files).listens(tcp=[at.TURN_WEB_PORT], addresses=2)
    secure = [at.TURNS_PORT] if relay.tls not in _SERVED else []
    udp = [] if relay.udp == "refused" else [at.TURN_PORT, *secure]
    tcp = [] if relay.tcp == "refused" else [at.TURN_PORT, *secure]
    process.listens(udp=udp, tcp=tcp, addresses=len(_listening(relay)))
    if relay.state.startswith("redirects"):
        _other(host, relay)
    if relay.state in _TAKEN:
        _take(host, relay)
        process.wait(lambda: ": new, realm=" in process.log.read_text())


def _other(host: Host, relay: Relay) -> None:
    """The one that clients are sent to."""
    own = host.folder / "alternate"
    back = [f"--alternate-server={at.RELAY}:{at.TURN_PORT}"] if relay.state == "redirects-in-ring" else []
    argv = [each for each in _argv(host, relay, None) if "alternate-server" not in each]
    more = [*back, f"--listening-port={at.ALTERNATE_TURN_PORT}", f"--pidfile={own}.pid", f"--userdb={own}.db"]
    process = host.start([*argv, *more], log="alternate.log")
    process.listens(udp=[at.ALTERNATE_TURN_PORT], tcp=[at.ALTERNATE_TURN_PORT], addresses=2)


def _take(host: Host, relay: Relay) -> None:
    """An allocation of somebody else's, that stays."""
    scenario = {"port": at.TURN_PORT, "user": _TAKEN[relay.state], "steps": [["allocate"], ["wait", 600]]}
    argv = [sys.executable, "-m", "tests.netns.turn_client", _listening(relay)[0], json.dumps([scenario])]
    host.start(argv, log="holder.log")


def _listening(relay: Relay) -> tuple[str, ...]:
    if relay.nat:
        return (at.RELAY_INSIDE,)
    return (at.RELAY, at.RELAY6, "127.0.0.1") if relay.front != "none" else (at.RELAY, at.RELAY6)


def _argv(host: Host, relay: Relay, files: Files | None) -> list[str]:
    own = host.folder / host.name  # its files would else be the machine's
    shown = files if relay.tls not in _SERVED else None
    secure = [f"--cert={shown.chain}", f"--pkey={shown.key}"] if shown else []
    lacking = {"--no-udp", "--no-dtls"} if relay.udp == "refused" else set()
    lacking |= {"--no-tcp", "--no-tls"} if relay.tcp == "refused" else set()
    if relay.tls == "unreadable":
        secure = [f"--cert={own}-not-there.pem", f"--pkey={own}-not-there.pem"]
    elif not shown:
        lacking |= {"--no-tls", "--no-dtls"}
    listening = [f"--listening-ip={address}" for address in _listening(relay)]
    own_addresses = (at.RELAY_INSIDE,) if relay.nat else (at.RELAY, at.RELAY6)
    relays = tuple(f"--relay-ip={address}" for address in own_addresses)
    if relay.state == "ipv6-only":
        relays = (f"--relay-ip={at.RELAY6}",)
    admitted = ("--lt-cred-mech", _USER_OF_REALM) if relay.state == "realm-missing" else _ACCESS[relay.access]
    inner = tuple(f"--denied-peer-ip={each.denied}" for each in INNER.values()) if relay.inner == "denied" else ()
    rest = (*relays, *admitted, *_STATES[relay.state], *_EXTERNAL[relay.external, relay.nat], *inner)
    return [*COTURN, *listening, *rest, *sorted(lacking), *secure, f"--pidfile={own}.pid", f"--userdb={own}.db"]


def _web(host: Host, files: Files) -> Process:
    """Another server on the relay's TLS port."""
    return _nginx(host, lambda folder: _site(folder, files, at.TURNS_PORT))


def _front(host: Host, relay: Relay, files: Files) -> Process:
    """The port that relay and web server share."""
    return _nginx(host, lambda folder: _stream(relay) + _site(folder, files, _WEB_BEHIND), f"load_module {STREAM};\n")


def _nginx(host: Host, content: Callable[[Path], str], head: str = "") -> Process:
    (folder := host.folder / "relay-web").mkdir()
    config = folder / "nginx.conf"
    start = f"{head}daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nuser root;\nevents {{}}\n"
    config.write_text(start + content(folder))
    return host.start(["nginx", "-p", str(folder), "-e", "stderr", "-c", str(config)], log="relay-web.log")


def _stream(relay: Relay) -> str:
    variable, ways = _MAPS[relay.front]
    lines = "".join(f'    "{name}" {behind};\n' for name, behind in ways.items())
    heads = "".join(f"    listen {where}{at.TURN_WEB_PORT};\n" for where in ("", "[::]:"))
    return (
        f"stream {{\n  map {variable} $behind {{\n{lines}  }}\n"
        f"  server {{\n{heads}    ssl_preread on;\n    proxy_pass $behind;\n  }}\n}}\n"
    )


def _site(folder: Path, files: Files, port: int) -> str:
    heads = "".join(f"    listen {where}{port} ssl;\n" for where in ("", "[::]:"))
    kinds = "client_body proxy fastcgi uwsgi scgi"
    temporary = "".join(f"  {kind}_temp_path {folder}/{kind};\n" for kind in kinds.split())
    return (
        f"http {{\n  access_log off;\n{temporary}  server {{\n{heads}"
        f"    ssl_protocols TLSv1.2 TLSv1.3;\n"
        f"    ssl_certificate {files.chain};\n    ssl_certificate_key {files.key};\n"
        f"    location / {{ default_type text/plain; return 200 here; }}\n  }}\n}}\n"
    )
