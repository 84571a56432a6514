"""The directives of nginx that enter a report (see servers/settings.py): where it listens, and where it leads."""

from __future__ import annotations

from natprobe.servers.settings import Kind

_PLAIN = """
user server listen server_name ssl_certificate ssl_certificate_key location proxy_http_version proxy_read_timeout
ssl_preread upstream
"""
# Of the headers that are set for whoever is behind only these: others may be somebody's token.
HEADERS = ("upgrade", "connection", "host", "sec-websocket-protocol")

KEYS: dict[str, Kind] = {
    **dict.fromkeys(_PLAIN.split(), "plain"),
    **{f"proxy_set_header {each}": "plain" for each in HEADERS},
    "proxy_pass": "url",
}
