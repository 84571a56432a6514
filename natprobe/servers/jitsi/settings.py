"""The settings of Jitsi's parts that enter a report (see servers/settings.py), and the names that go with them.

From docker-jitsi-meet's env.example and templates, jitsi-videobridge's reference.conf, ice4j's HarvestConfig.
"""

from __future__ import annotations

from natprobe.servers.settings import Kind

_ENV = """
HTTP_PORT HTTPS_PORT JVB_PORT JVB_COLIBRI_PORT JICOFO_REST_PORT
JVB_ADVERTISE_IPS DOCKER_HOST_ADDRESS JVB_ADVERTISE_PRIVATE_CANDIDATES JVB_REQUIRE_VALID_ADDRESS
JVB_STUN_SERVERS JVB_DISABLE_STUN DISABLE_AWS_HARVESTER
JVB_TCP_HARVESTER_DISABLED JVB_TCP_PORT JVB_TCP_MAPPED_PORT
TURN_HOST TURN_PORT TURN_TRANSPORT TURNS_HOST TURNS_PORT TURN_TTL TURN_TLL TURN_USERNAME STUN_HOST STUN_PORT
P2P_STUN_SERVERS ENABLE_P2P
ENABLE_XMPP_WEBSOCKET ENABLE_COLIBRI_WEBSOCKET ENABLE_COLIBRI_WEBSOCKET_UNSAFE_REGEX COLIBRI_WEBSOCKET_PORT
COLIBRI_WEBSOCKET_REGEX COLIBRI_WEBSOCKET_JVB_LOOKUP_NAME JVB_WS_DOMAIN JVB_WS_SERVER_ID JVB_WS_TLS
ENABLE_SCTP ENABLE_OCTO_SCTP JVB_PREFER_SCTP COLIBRI_REST_ENABLED SHUTDOWN_REST_ENABLED
XMPP_DOMAIN XMPP_SERVER XMPP_PORT XMPP_AUTH_DOMAIN XMPP_GUEST_DOMAIN XMPP_MUC_DOMAIN XMPP_INTERNAL_MUC_DOMAIN
XMPP_CROSS_DOMAIN BOSH_RELATIVE PROSODY_HTTP_PORT
ENABLE_AUTH ENABLE_GUESTS AUTH_TYPE DISABLE_HTTPS ENABLE_HTTP_REDIRECT ENABLE_LETSENCRYPT LETSENCRYPT_DOMAIN
ENABLE_IPV6 CONFIG JITSI_IMAGE_VERSION JITSI_IMAGE_REPO
NAT_HARVESTER_LOCAL_ADDRESS NAT_HARVESTER_PUBLIC_ADDRESS
"""
_ENV_SECRETS = """
TURN_CREDENTIALS TURN_CREDENTIAL TURN_PASSWORD JWT_APP_SECRET JICOFO_AUTH_PASSWORD JVB_AUTH_PASSWORD
JICOFO_COMPONENT_SECRET
"""


def _kinds(plain: str, secret: str = "", url: str = "") -> dict[str, Kind]:
    found: dict[str, Kind] = dict.fromkeys(plain.split(), "plain")
    return found | dict.fromkeys(secret.split(), "secret") | dict.fromkeys(url.split(), "url")


DOCKER = _kinds(_ENV, _ENV_SECRETS, "PUBLIC_URL XMPP_BOSH_URL_BASE")
# Of compose only what stands in a service.
COMPOSE = DOCKER | _kinds(
    "image network_mode env_file extends << ports ports.target ports.published ports.protocol ports.host_ip volumes"
)

# --- the bridge

MAPPINGS = "ice4j.harvest.mapping.static-mappings"
STUN_ADDRESSES = "ice4j.harvest.mapping.stun.addresses"
UDP_PORT = "videobridge.ice.udp.port"
PRIVATE_HOST = "videobridge.http-servers.private.host"
PRIVATE_PORT = "videobridge.http-servers.private.port"
_HARVEST, _OLD = "org.ice4j.ice.harvest.", "org.jitsi.videobridge."
LOCAL, PUBLIC = f"{_HARVEST}NAT_HARVESTER_LOCAL_ADDRESS", f"{_HARVEST}NAT_HARVESTER_PUBLIC_ADDRESS"
OLD_PORT = f"{_OLD}SINGLE_PORT_HARVESTER_PORT"
OLD_STUN = f"{_HARVEST}STUN_MAPPING_HARVESTER_ADDRESSES"

_BRIDGE = f"""
{MAPPINGS} {STUN_ADDRESSES} {UDP_PORT} {PRIVATE_HOST} {PRIVATE_PORT}
{MAPPINGS}.local-address {MAPPINGS}.public-address {MAPPINGS}.local-port {MAPPINGS}.public-port
ice4j.harvest.mapping.stun.enabled ice4j.harvest.mapping.aws.enabled ice4j.harvest.mapping.aws.force
ice4j.harvest.allowed-addresses ice4j.harvest.blocked-addresses ice4j.harvest.allowed-interfaces
ice4j.harvest.blocked-interfaces ice4j.harvest.use-ipv6 ice4j.harvest.use-link-local-addresses
videobridge.ice.tcp.enabled videobridge.ice.tcp.port videobridge.ice.tcp.mapped-port videobridge.ice.tcp.ssltcp
videobridge.ice.advertise-private-candidates videobridge.health.require-valid-address videobridge.health.require-stun
videobridge.http-servers.public.host videobridge.http-servers.public.port
videobridge.websockets.enabled videobridge.websockets.domain videobridge.websockets.domains
videobridge.websockets.tls videobridge.websockets.server-id
videobridge.apis.rest.enabled videobridge.rest.shutdown.enabled
{LOCAL} {PUBLIC} {OLD_PORT} {OLD_STUN}
{_HARVEST}DISABLE_AWS_HARVESTER {_HARVEST}FORCE_AWS_HARVESTER {_HARVEST}ALLOWED_ADDRESSES
{_HARVEST}BLOCKED_ADDRESSES {_HARVEST}ALLOWED_INTERFACES {_HARVEST}BLOCKED_INTERFACES
{_HARVEST}DISABLE_LINK_LOCAL_ADDRESSES org.ice4j.ipv6.DISABLED
{_HARVEST}NAT_HARVESTER_LOCAL_PORT {_HARVEST}NAT_HARVESTER_PUBLIC_PORT
{_OLD}NAT_HARVESTER_LOCAL_ADDRESS {_OLD}NAT_HARVESTER_PUBLIC_ADDRESS
{_OLD}DISABLE_TCP_HARVESTER {_OLD}TCP_HARVESTER_PORT {_OLD}TCP_HARVESTER_MAPPED_PORT {_OLD}TCP_HARVESTER_SSLTCP
{_OLD}rest.private.jetty.host {_OLD}rest.private.jetty.port
{_OLD}rest.COLIBRI_WS_DOMAIN {_OLD}rest.COLIBRI_WS_TLS {_OLD}rest.COLIBRI_WS_SERVER_ID {_OLD}rest.COLIBRI_WS_DISABLE
"""
BRIDGE = _kinds(_BRIDGE)
FOCUS = _kinds("jicofo.xmpp.client.hostname jicofo.xmpp.client.domain jicofo.bridge.brewery-jid jicofo.rest.port")
PAGE = _kinds(
    """
    hosts.domain hosts.muc hosts.anonymousdomain hosts.focus useTurnUdp forceTurnRelay preferBosh useStunTurn
    p2p.enabled p2p.useStunTurn p2p.stunServers p2p.stunServers.urls p2p.stunServers.url p2p.iceTransportPolicy
    """,
    "p2p.stunServers.credential p2p.stunServers.password",
    "bosh websocket conferenceRequestUrl",
)
