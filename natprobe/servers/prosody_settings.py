"""The settings of Prosody that enter a report (see servers/settings.py): from its manual, and of Jitsi's modules."""

from __future__ import annotations

from natprobe.servers.settings import Kind

_PLAIN = """
VirtualHost Component component_module authentication modules_enabled modules_disabled plugin_paths prosody_user
interfaces local_interfaces c2s_ports c2s_interfaces c2s_direct_tls_ports c2s_direct_tls_interfaces legacy_ssl_ports
s2s_ports s2s_interfaces component_ports component_interfaces component_interface use_ipv4 use_ipv6
http_ports http_interfaces https_ports https_interfaces http_default_host
cross_domain_websocket cross_domain_bosh consider_websocket_secure consider_bosh_secure certificates
external_service_host external_service_port external_service_ttl external_service_access
turn_external_host turn_external_port turn_external_ttl turn_external_tcp turn_external_tls_port
turncredentials_host turncredentials_port turncredentials_ttl
"""
_SERVICES = ("type", "host", "port", "transport", "algorithm", "ttl", "restricted", "username")
_SECRET = ("external_service_secret", "turn_external_secret", "turncredentials_secret")

KEYS: dict[str, Kind] = {
    **dict.fromkeys(_PLAIN.split(), "plain"),
    **dict.fromkeys(_SECRET, "secret"),
    **{f"external_services.{each}": "plain" for each in _SERVICES},
    **{f"external_services.{each}": "secret" for each in ("secret", "password")},
    **{f"turncredentials.{each}": "plain" for each in _SERVICES if each != "username"},
    **{f"{each}.{key}": "plain" for each in ("ssl", "https_ssl", "c2s_ssl") for key in ("key", "certificate")},
    "https_certificate": "plain",
}
