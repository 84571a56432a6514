"""The settings of turnserver.conf that enter a report (see servers/settings.py). Names and meanings from its manual."""

from __future__ import annotations

from natprobe.servers.settings import Kind

_PLAIN = """
listening-device listening-port tls-listening-port alt-listening-port alt-tls-listening-port tcp-proxy-port
listening-ip aux-server relay-device relay-ip external-ip relay-threads min-port max-port
fingerprint lt-cred-mech no-auth use-auth-secret oauth realm server-name secure-stun check-origin
total-quota user-quota max-bps bps-capacity stale-nonce max-allocate-lifetime channel-lifetime permission-lifetime
cert pkey CA-file cipher-list dh-file no-tlsv1 no-tlsv1_1 no-tlsv1_2 tlsv1 tlsv1_1
no-udp no-tcp no-tls no-dtls no-udp-relay no-tcp-relay no-stun stun-only no-rfc5780 no-stun-backward-compatibility
response-origin-only-with-rfc5780 no-software-attribute
allowed-peer-ip denied-peer-ip no-multicast-peers allow-loopback-peers no-loopback-peers
keep-address-family allocation-default-address-family userdb mobility
no-cli cli-ip cli-port web-admin web-admin-ip web-admin-port web-admin-listen-on-workers prometheus prometheus-port
proc-user proc-group alternate-server tls-alternate-server redirect-all
"""
# How databases are reached is told with their passwords.
_SECRET = """
static-auth-secret cli-password pkey-pwd psql-userdb mysql-userdb mongo-userdb redis-userdb redis-statsdb
"""

KEYS: dict[str, Kind] = {
    **dict.fromkeys(_PLAIN.split(), "plain"),
    **dict.fromkeys(_SECRET.split(), "secret"),
    "user": "account",
}
