"""The relay of a case: coturn in each of its states, or what stands in its place on the TLS port."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests import access
from tests.case import Relay
from tests.netns import addresses as at
from tests.netns.certificates import Files
from tests.netns.kernel import Host, Process

COTURN = (
    *("turnserver", "-n", "-v", "--relay-threads=1", "--no-rfc5780", "--no-cli", "--log-file=stdout", "--simple-log"),
    *(f"--listening-ip={address}" for address in (at.RELAY, at.RELAY6)),
)
LOG = "relay.log"
# `full` relays from an address that the machine doesn't have: no socket, 508 for everyone.
_STATES = {
    "healthy": (),
    "stalled": ("--stun-only",),
    "full": (f"--relay-ip={at.RELAY_ELSEWHERE}",),
    "no-udp-relay": ("--no-udp-relay",),
    "realm-missing": (),
    "denies": (
        "--denied-peer-ip=0.0.0.0-255.255.255.255",
        "--denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ),
}
_REALM = f"--realm={access.REALM}"
_ACCESS = {
    "password": (_REALM, "--lt-cred-mech", f"--user={access.USER}:{access.PASSWORD}"),
    "secret": (_REALM, "--use-auth-secret", f"--static-auth-secret={access.SECRET}"),
    "none": (_REALM, "--no-auth"),
}
# The key of RFC 8489 section 9.2.2, as turnadmin makes it. With a plain password an empty realm works (measured).
_KEY = hashlib.md5(f"{access.USER}:{access.REALM}:{access.PASSWORD}".encode()).hexdigest()
_USER_OF_REALM = f"--user={access.USER}:0x{_KEY}"
_EXTERNAL = {
    "own": (),
    "private": (f"--external-ip={at.RELAY_INSIDE}",),
    "wrong": (f"--external-ip={at.RELAY_ELSEWHERE}",),
}


def start(host: Host, relay: Relay, files: Files | None) -> None:
    """Returns when all of it listens. `files` is its certificate, where it has one."""
    process = host.start(_argv(host, relay, files), log=LOG)
    if files is not None and relay.tls == "http":
        _web(host, files).listens(tcp=[at.TURNS_PORT], addresses=2)
    secure = [at.TURNS_PORT] if files is not None and relay.tls != "http" else []
    udp = [] if relay.udp == "refused" else [at.TURN_PORT, *secure]
    tcp = [] if relay.tcp == "refused" else [at.TURN_PORT, *secure]
    process.listens(udp=udp, tcp=tcp, addresses=2)


def _argv(host: Host, relay: Relay, files: Files | None) -> list[str]:
    own = host.folder / host.name  # its files would else be the machine's
    shown = files if relay.tls != "http" else None
    secure = [f"--cert={shown.chain}", f"--pkey={shown.key}"] if shown else []
    lacking = {"--no-udp", "--no-dtls"} if relay.udp == "refused" else set()
    lacking |= {"--no-tcp", "--no-tls"} if relay.tcp == "refused" else set()
    lacking |= set() if shown else {"--no-tls", "--no-dtls"}
    relays = () if relay.state == "full" else (f"--relay-ip={at.RELAY}", f"--relay-ip={at.RELAY6}")
    admitted = ("--lt-cred-mech", _USER_OF_REALM) if relay.state == "realm-missing" else _ACCESS[relay.access]
    rest = (*relays, *admitted, *_STATES[relay.state], *_EXTERNAL[relay.external])
    return [*COTURN, *rest, *sorted(lacking), *secure, f"--pidfile={own}.pid", f"--userdb={own}.db"]


def _web(host: Host, files: Files) -> Process:
    """Another server on the relay's TLS port."""
    (folder := host.folder / "relay-web").mkdir()
    config = folder / "nginx.conf"
    config.write_text(_nginx(folder, files))
    return host.start(["nginx", "-p", str(folder), "-e", "stderr", "-c", str(config)], log="relay-web.log")


def _nginx(folder: Path, files: Files) -> str:
    heads = "".join(f"    listen {where}{at.TURNS_PORT} ssl;\n" for where in ("", "[::]:"))
    kinds = "client_body proxy fastcgi uwsgi scgi"
    temporary = "".join(f"  {kind}_temp_path {folder}/{kind};\n" for kind in kinds.split())
    return (
        f"daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nuser root;\nevents {{}}\n"
        f"http {{\n  access_log off;\n{temporary}  server {{\n{heads}"
        f"    ssl_certificate {files.chain};\n    ssl_certificate_key {files.key};\n"
        f"    location / {{ default_type text/plain; return 200 here; }}\n  }}\n}}\n"
    )
