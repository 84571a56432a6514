"""Every cause that natprobe can name: its code, default severity, place and meaning. Codes are never reused.

A cause without a rule in natprobe/rules is not judged yet. New ones get the next free number of their hundred.
"""

from __future__ import annotations

from natprobe.model import Data, Severity, Where


class Cause(Data, frozen=True, kw_only=True):
    """A row of the table: `severity` and `where` are defaults that a rule may lower or move."""

    code: str
    name: str
    severity: Severity
    where: Where
    meaning: str


_TABLE = """\
NP101|udp-blocked|error|local-network|no UDP from this network comes back from anywhere, TCP passes
NP102|media-port-blocked-here|error|local-network|UDP passes, but packets to the media port are lost before the server's network (by place or a second vantage)
NP103|mapping-varies|note|local-network|address- or port-dependent mapping: matters between two clients, not towards a public server
NP104|binding-short-lived|warning|local-network|UDP mappings die sooner than keep-alives come
NP105|carrier-nat|note|provider|the outside address is shared by the provider
NP106|double-nat|note|local-network|two NATs in a row before the provider
NP107|vpn-splits-path|warning|this-host|media and web leave by different ways
NP108|stun-rewritten|warning|local-network|something rewrites addresses inside packets
NP109|stun-filtered|error|local-network|UDP passes, STUN doesn't
NP110|dtls-filtered|error|local-network|ICE passes, the DTLS handshake doesn't: the call connects and stays dead
NP111|mtu-blackhole|error|local-network|small packets pass, full-size ones vanish
NP112|ipv6-broken|warning|local-network|IPv6 is there and doesn't work
NP113|path-lossy|warning|local-network|loss, jitter or round trip too high for a call
NP114|dns-filtered|error|local-network|the resolver withholds or changes the answer
NP115|name-unresolved|error|local-network|the name has no address
NP116|local-firewall|error|this-host|this machine's own rules refuse to send
NP117|sources-differ|warning|this-host|this machine's addresses fare differently
NP201|turn-not-offered|warning|turn|clients get no relay to fall back on
NP202|turn-without-credentials|error|turn|a relay is offered without a user name: calls break
NP203|turn-unreachable|error|turn|the relay doesn't answer on this transport
NP204|turn-unauthorized|error|turn|the relay refuses the credentials
NP205|turn-realm-missing|error|turn|the relay has no realm
NP206|turn-relay-address-wrong|error|turn|the relayed address is private, unspecified or not the one peers see
NP207|turn-peer-forbidden|error|turn|the relay refuses to talk to the media server's address
NP208|turn-relay-silent|error|turn|allocated and permitted, but nothing comes through
NP209|turn-certificate|error|turn|the relay's certificate is not one that browsers accept
NP210|turn-443-not-turn|error|turn|something else answers on the relay's TLS port
NP211|turn-capacity|error|turn|quota, ports or bandwidth used up
NP212|turn-stalled|error|turn|Binding answers, Allocate never does
NP213|turn-transport-disabled|warning|turn|the relay refuses this transport or address family
NP214|turn-open-relay|error|turn|anybody may relay without credentials
NP215|turn-no-443|warning|turn|no relay on 443: networks that allow only the web stay out
NP216|turn-lists-nothing-for-bridge|warning|turn|relays are offered, but the client's filter drops them for the bridge
NP217|turn-inner-addresses|warning|turn|the relay lets its users reach the server's inner addresses
NP218|stun-unreachable|error|turn|the STUN server doesn't answer
NP219|turn-answer-unusable|error|turn|the relay answers, but with an error of its own or in a way that clients don't accept
NP301|private-address-advertised|error|server-host|only a private address is advertised
NP302|container-address-advertised|error|server-host|only the container's or pod's address is advertised
NP303|loopback-advertised|error|server-host|a loopback address is advertised
NP304|wrong-address-advertised|error|server-host|the advertised address is not the one that answers
NP305|hairpin-missing|error|server-edge|from inside, the public address doesn't answer; from outside it does
NP306|media-port-silent|error|server-edge|the media port answers nobody
NP307|media-port-refused|error|server-host|the media port is closed
NP308|media-port-prohibited|error|server-edge|a firewall says so
NP309|media-port-mismatch|error|server-host|another port answers than the one advertised
NP310|replies-from-other-address|error|server-host|answers come from another address than was asked
NP311|bridge-unavailable|error|server-process|signalling works, no bridge is available
NP312|focus-unavailable|error|server-process|signalling works, nobody runs conferences
NP313|bridges-share-address|error|server-host|two bridges advertise one address and port
NP314|tcp-fallback-obsolete|note|server-host|ICE over TCP on 4443/443 is no longer there: offer TURN/TLS
NP315|useless-candidates|note|server-host|addresses that no client can reach are advertised beside good ones
NP316|janus-mdns-only|warning|server-process|only .local candidates on the client's side and Janus can't resolve them
NP317|janus-ports-outside-range|error|server-edge|media ports lie outside the opened range
NP318|janus-enforce-list-ignored|warning|server-process|the address list matches nothing, so everything is offered
NP319|janus-candidates-missing|error|server-process|no usable candidates before ICE gives up
NP320|media-refuses-check|error|server-process|the media server answers, but refuses the ICE check
NP321|path-dies-after-a-while|error|server-edge|the path opens and is lost within a minute
NP401|web-unreachable|error|server-edge|the web front doesn't answer
NP402|certificate-invalid|error|server-host|the certificate is not one that browsers and phones accept (name, expiry, issuer, missing intermediate)
NP403|certificate-expiring|warning|server-host|the certificate ends soon
NP404|tls-intercepted|error|proxy|somebody between answers with another certificate
NP405|websocket-refused|error|server-edge|signalling's WebSocket, or BOSH where clients take that, is refused or misrouted
NP406|websocket-not-upgraded|error|server-edge|accepted and closed at once: the proxy in front doesn't upgrade
NP407|bridge-channel-refused|warning|server-edge|the bridge's own WebSocket is misrouted or its target refuses
NP408|config-points-elsewhere|error|server-host|clients are sent to a host or port they can't reach
NP409|origin-refused|error|server-process|signalling refuses this page's origin
NP410|login-required|note|server-process|a login or token is needed to go on
NP411|proxy-required|note|proxy|only a proxy leads out
NP412|proxy-refuses-port|error|proxy|the proxy refuses the port that the relay needs
NP413|proxy-authentication|error|proxy|the proxy wants a password
NP414|proxy-ignores-media|error|proxy|web goes through the proxy, UDP has no way out
NP415|captive-portal|error|local-network|a portal answers instead of the server
NP416|insecure-context|error|server-host|no secure origin: browsers give no camera or microphone
NP417|signalling-cut-when-idle|warning|server-edge|signalling that says nothing for some seconds is cut before clients ping
NP501|not-listening|error|server-host|nothing listens where the configuration says
NP502|listening-on-other-address|error|server-host|it listens on another address than configured
NP503|loopback-only|error|server-host|it listens on loopback only
NP504|port-held-by-other|error|server-host|another process holds the port
NP505|wildcard-answers-from-other-address|warning|server-host|answers leave from another of the host's addresses
NP506|firewall-closed|error|server-host|the host's firewall drops the port
NP507|firewall-conflicts-with-docker|warning|server-host|the firewall manager and Docker's rules undo each other
NP508|port-not-published|error|server-host|the container's port is not published, or differently
NP509|private-api-exposed|error|server-host|an administration interface is reachable from outside
NP510|advertised-not-public|error|server-host|the configured public address is not this host's
NP511|mapping-local-equals-public|error|server-host|the NAT mapping maps an address to itself
NP512|mapping-local-not-bound|error|server-host|the NAT mapping names an address that the server doesn't have
NP513|iface-not-local|error|server-host|the cascade's interface is not on this host
NP514|turn-secret-mismatch|error|server-host|signalling and relay don't share the secret
NP515|turn-auth-mode-conflict|error|server-host|static users and shared secret exclude each other
NP516|certificate-unreadable|error|server-host|the service can't read its certificate or key
NP517|setting-obsolete|warning|server-host|the setting is gone in this version
NP518|setting-without-effect|warning|server-host|the setting does nothing here
NP519|port-not-forwarded|error|server-edge|the router in front does not pass the port on
NP520|forwarded-elsewhere|error|server-edge|the router passes the port to another host or port
NP521|cloud-firewall|error|server-edge|packets never reach the host though its own firewall is open: the provider's firewall or security group
NP522|clock-off|error|server-host|a machine's clock is off: credentials that carry a time count as expired
NP523|egress-closed|error|server-edge|the server's own packets don't get out where others' pass
NP901|no-raw-sockets|note|this-host|some questions need privileges
NP902|probe-crashed|warning|this-host|a probe failed by a fault of natprobe
NP903|out-of-time|note|this-host|the time ran out before this could be told
NP904|vantages-disagree|warning|unknown|the merged reports contradict each other: they are about different servers, addresses or times
"""


def _row(line: str) -> Cause:
    code, name, severity, where, meaning = line.split("|")
    return Cause(code=code, name=name, severity=Severity(severity), where=Where(where), meaning=meaning)


CAUSES: dict[str, Cause] = {cause.name: cause for cause in map(_row, _TABLE.splitlines())}
BY_CODE: dict[str, Cause] = {cause.code: cause for cause in CAUSES.values()}


def find(word: str) -> Cause | None:
    """The cause of this code (any case) or name, or None."""
    return BY_CODE.get(word.strip().upper()) or CAUSES.get(word.strip().lower())
