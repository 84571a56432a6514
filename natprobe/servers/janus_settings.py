"""The settings of Janus that enter a report (see servers/settings.py): of janus.jcfg, its HTTP and its WebSockets.

Names from the samples that come with its sources. What plugins say of rooms and mountpoints has secrets and pins.
"""

from __future__ import annotations

from natprobe.servers.settings import Kind

_GENERAL = """
interface server_name token_auth session_timeout
http port ip https secure_port secure_interface secure_ip base_path acl
ws ws_port ws_interface ws_ip wss wss_port wss_interface wss_ip ws_acl
rtp_port_range local_ip
"""
_ADMIN = """
admin_http admin_port admin_interface admin_ip admin_https admin_secure_port admin_secure_interface admin_secure_ip
admin_base_path admin_acl
admin_ws admin_ws_port admin_ws_interface admin_ws_ip admin_wss admin_wss_port admin_wss_interface admin_wss_ip
admin_ws_acl
"""
_MEDIA = "ipv6 ipv6_linklocal rtp_port_range"
_NAT = """
stun_server stun_port full_trickle ice_nomination ice_lite ice_tcp nat_1_1_mapping keep_private_host
turn_server turn_port turn_type turn_user ice_enforce_list ice_ignore_list ignore_mdns ignore_unreachable_ice_server
allow_force_relay
"""
_SECRET = ("general.api_secret", "general.token_auth_secret", "general.admin_secret", "nat.turn_pwd")


def _plain(section: str, keys: str) -> dict[str, Kind]:
    return {f"{section}.{key}": "plain" for key in keys.split()}


KEYS: dict[str, Kind] = {
    **_plain("general", _GENERAL),
    **_plain("admin", _ADMIN),
    **_plain("media", _MEDIA),
    **_plain("nat", _NAT),
    **_plain("certificates", "cert_pem cert_key"),
    **_plain("transports", "disable"),
    **_plain("plugins", "disable"),
    **dict.fromkeys(_SECRET, "secret"),
    "certificates.cert_pwd": "secret",
    "nat.turn_rest_api": "url",
    "nat.turn_rest_api_key": "secret",
}
