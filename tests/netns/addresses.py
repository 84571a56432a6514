"""The plan of addresses (tests/case.py draws it)."""

LAN_CLIENT, LAN_ROUTER = "192.168.1.2", "192.168.1.1"
SECOND_OUTSIDE, SECOND_ROUTER = "192.168.178.2", "192.168.178.1"  # where a second router lies before the home router
TUNNEL_CLIENT, TUNNEL_ROUTER, TUNNEL_OUTSIDE = "10.8.0.2", "10.8.0.1", "198.51.100.99"
UPLINK_CLIENT, UPLINK_ROUTER, UPLINK_OUTSIDE = "10.20.0.2", "10.20.0.1", "198.51.100.77"
HOME_OUTSIDE = "198.51.100.7"
SERVER_INSIDE, SERVER_ROUTER = "192.168.77.5", "192.168.77.1"  # a server's behind the client's router
GHOST6 = "2001:db8:1::9"
CLIENT6, ROUTER6 = "2001:db8:1::2", "2001:db8:1::1"

WEB, WEB_OTHER, WEB6 = "203.0.113.10", "203.0.113.11", "2001:db8:f::10"
STUN1, STUN1_OTHER = "203.0.113.20", "203.0.113.21"
STUN1_6, STUN1_OTHER6 = "2001:db8:f::20", "2001:db8:f::21"
STUN2, STUN2_6 = "203.0.113.30", "2001:db8:f::30"
RELAY, RELAY6, RELAY_ELSEWHERE = "203.0.113.40", "2001:db8:f::40", "203.0.113.99"
RELAY_INSIDE, RELAY_ROUTER = "10.0.0.40", "10.0.0.1"  # what it has behind a NAT of its own
JANUS_INSIDE, JANUS_ROUTER = "10.0.0.10", "10.0.0.2"  # and a Janus
CASCADE, CASCADE_INSIDE, CASCADE_ROUTER = "203.0.113.60", "10.0.1.60", "10.0.1.1"
CASCADE_NAME = "cascade.example.test"
PROXY, PROXY_OUTSIDE, PROXY_PORT, SOCKS_PORT = "10.30.0.3", "198.51.100.80", 3128, 1080
PROXY_NAME, PAC_NAME, WPAD_NAME, DOMAIN = "proxy.example.test", "pac.example.test", "wpad.example.test", "example.test"
CONTAINER, CONTAINER_ROUTER = "172.18.0.5", "172.18.0.1"
RESOLVER, RESOLVER_OTHER = "203.0.113.53", "203.0.113.54"

TARGET = "meet.example.test"
NAMES = {
    TARGET: (WEB, WEB6),
    "stun1.example.test": (STUN1, STUN1_6),
    "stun2.example.test": (STUN2, STUN2_6),
    "turn.example.test": (RELAY, RELAY6),
}
# The relay's S-NAPTR records: name, order, preference, flags, service and replacement; and the SRV that one leads to.
NAPTR = (
    ("turn.example.test", 100, 10, "s", "RELAY:turn.tcp", "_turn._tcp.calls.example.test"),
    ("turn.example.test", 100, 20, "", "RELAY:turn.tls:turn.dtls", "secure.example.test"),
    ("secure.example.test", 100, 10, "a", "RELAY:turn.tls", "turn.example.test"),
)
SRV_NAME, SRV_HOST = "_turn._tcp.calls.example.test", "turn.example.test"
STUN_PORT, ALTERNATE_PORT, STUNS_PORT = 3478, 3479, 5349
TURN_PORT, TURNS_PORT, TURN_WEB_PORT = 3478, 5349, 443
ALTERNATE_TURN_PORT = 3480  # where another relay is, in the cases in which the first one sends there
IGNORING_PORT = 3488  # a server that ignores CHANGE-REQUEST, where a test starts it
MEDIA_UDP, MEDIA_TCP = 10000, 4443
