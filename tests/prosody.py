"""A real Prosody on loopback, in the foreground, with a configuration and a folder of its own; nginx before it for TLS.

Hosts: `meet.test` lets guests in and hands out services, `old.test` hands out none, `login.test` has the user `alice`
with the password `pencil` (SCRAM-SHA-1 and PLAIN), `plain.test` the same user by PLAIN only.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.certificates import server_pem

USER, PASSWORD = "alice", "pencil"
TURN_SECRET = "the-relay-secret"
_WAIT_SECONDS = 15.0
_CONFIG = """
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}"
run_as_root = true
modules_enabled = {{ "saslauth"; "disco"; "ping"; "websocket"; "bosh"; "external_services"; }}
modules_disabled = {{ "s2s"; "tls"; "limits"; }}
c2s_ports = {{ }}
log = {{ {{ levels = {{ min = "warn" }}, to = "file", filename = "{folder}/prosody.log" }} }}
http_ports = {{ {port} }}
http_interfaces = {{ "127.0.0.1" }}
https_ports = {{ }}
http_default_host = "meet.test"
cross_domain_websocket = true
consider_websocket_secure = true
consider_bosh_secure = true
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
storage = "internal"
VirtualHost "meet.test"
  authentication = "anonymous"
  external_services = {{
    {{ type = "stun", host = "turn.test", port = 3478, transport = "udp" }};
    {{ type = "turn", host = "127.0.0.1", port = 3478, transport = "udp", secret = "{secret}", algorithm = "turn" }};
    {{ type = "turns", host = "127.0.0.1", port = 443, transport = "tcp", secret = "{secret}", algorithm = "turn" }};
    {{ type = "turns", host = "127.0.0.1", port = 5349, secret = "{secret}", algorithm = "turn" }};
  }}
VirtualHost "old.test"
  authentication = "anonymous"
  modules_disabled = {{ "external_services"; }}
VirtualHost "login.test"
  authentication = "internal_hashed"
VirtualHost "plain.test"
  authentication = "internal_plain"
  disable_sasl_mechanisms = {{ "SCRAM-SHA-1"; "SCRAM-SHA-256"; "SCRAM-SHA-1-PLUS"; "SCRAM-SHA-256-PLUS"; "DIGEST-MD5" }}
"""
_NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log warn; worker_processes 1;
events {{ }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{tls} ssl; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {chain}; ssl_certificate_key {chain};
    location /xmpp-websocket {{ proxy_pass http://127.0.0.1:{http}; proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_set_header Host meet.test; }}
    location /no-upgrade {{ proxy_pass http://127.0.0.1:{http}/xmpp-websocket; proxy_set_header Host meet.test; }}
    location /http-bind {{ proxy_pass http://127.0.0.1:{http}; proxy_set_header Host meet.test; }}
    location /quiet/ {{ proxy_pass http://127.0.0.1:{http}/; proxy_http_version 1.1; proxy_read_timeout 1200ms;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_set_header Host meet.test; }}
    location /down {{ proxy_pass http://127.0.0.1:{nobody}; }}
    location / {{ default_type text/html; return 200 '<html><title>Jitsi Meet</title></html>'; }}
  }}
}}
"""


def missing() -> str:
    """What is not installed, empty where all is there."""
    return " and ".join(each for each in ("prosody", "nginx") if shutil.which(each) is None)


@contextmanager
def serving(folder: Path, name: str) -> Iterator[tuple[int, int]]:
    """The ports: Prosody's plain HTTP, and nginx's TLS with a certificate for `name`."""
    http, tls, nobody = (free_port() for _ in range(3))
    data = folder / "prosody"
    data.mkdir()
    for host in ("login%2etest", "plain%2etest"):
        (data / host / "accounts").mkdir(parents=True)
        (data / host / "accounts" / f"{USER}.dat").write_text(f'return {{ ["password"] = "{PASSWORD}"; }};\n')
    config = data / "prosody.cfg.lua"
    config.write_text(_CONFIG.format(folder=data, port=http, secret=TURN_SECRET))
    (chain := folder / "chain.pem").write_bytes(server_pem("good", name))
    front = folder / "nginx.conf"
    front.write_text(_NGINX.format(folder=folder, tls=tls, http=http, nobody=nobody, chain=chain))
    started = [
        subprocess.Popen(["prosody", "--config", str(config), "-F"], stdout=subprocess.DEVNULL),
        subprocess.Popen(["nginx", "-p", str(folder), "-c", str(front)]),
    ]
    try:
        for port, process in zip((http, tls), started, strict=True):
            _until_open(port, process)
        yield http, tls
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(10)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(os.fsdecode(process.args[0]))  # type: ignore[index,arg-type]
