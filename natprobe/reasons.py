"""Why something is not known or not offered: the slugs that a report carries and the sentences that people read."""

from __future__ import annotations

REASONS: dict[str, str] = {
    "needs-session": "needs a session with the media server, which this version does not open yet",
    "not-named": "the address names another transport",
    "needs-credentials": "the relay is alive and wants credentials, and none were given",
    "relay-refuses-credentials": "the relay refuses the credentials",
    "relay-refuses": "the relay refuses the request",
    "relay-silent": "the relay allocates, but nothing comes through",
    "relay-address-wrong": "the relay gives out an address that peers cannot reach",
    "relay-without-realm": "the relay asks for credentials without naming its realm",
    "relay-full": "the relay has no room left",
    "relay-full-by-check": "the relay has no room left, which this check's other allocations on it may have taken",
    "relay-transport-disabled": "the relay relays no such traffic",
    "relay-redirects": "the relay sends its clients to another server, which this version does not follow",
    "relay-mismatch": "the relay still has an allocation from the same port: try again",
    "relay-unverified": "the relay's answers do not verify with the credentials",
    "relay-not-turn": "what answers there is not a relay",
    "relay-stalled": "the relay is alive and never answers the request to allocate",
    "tls-certificate": "the certificate is not one that browsers accept",
    "peers-forbidden": "the relay forbids the peers that natprobe could try it with",
    "peer-unreached": "the relay allocates, but no peer answered through it; the media server was not tried",
    "media-not-through-relay": "the relay works; the media server was not tried through it",
    "proxy-not-looked-for": "this version does not look for proxies yet",
    "no-media-server": "the target is not a media server",
    "serve-has-no-relay": "`natprobe serve` is no relay",
    "serve-has-no-proxy": "`natprobe serve` is tried on its own ports only",
    "no-tcp-port": "the pasted line names no TCP port",
    "p2p-any": "a forecast: two clients such as this one find each other directly, and this one finds any other, since"
    " everybody sees the same port of it and whom it wrote to may answer from another",
    "p2p-likely": "a forecast: two clients such as this one find each other directly, and so do this one and any peer"
    " with endpoint-independent mapping, since everybody sees the same port of it",
    "p2p-open": "a forecast: two clients such as this one find each other directly, since anybody may send in; so do"
    " this one and a peer with endpoint-independent mapping, unless that lets in only the very port that it wrote to",
    "p2p-unlikely": "a forecast: two clients such as this one meet through the server or a relay, since each"
    " destination sees another port; a peer with endpoint-independent mapping is met directly, unless it lets in only"
    " the very port that it wrote to",
    "p2p-no-udp": "a forecast: no UDP comes back to this network, so nobody can be called directly",
    "p2p-no-stun": "a forecast: STUN is dropped on the way, by which two clients would find each other",
    "needs-second-client": "needs a second client to try it with",
    "not-tried": "was not tried",
    "out-of-time": "the time ran out before it could be tried",
    "no-address": "the name has no address to try",
    "silence": "nothing came back, however often it was sent",
    "large-packets-lost": "small packets pass, full-size ones do not",
    "large-packets-unsure": "small packets pass, and full-size ones were sent too seldom to tell",
    "check-refused": "the media server answers, but refuses the check",
    "timeout": "no answer in time",
    "refused": "the connection is refused",
    "reset": "the connection is reset",
    "closed": "the connection is closed without an answer",
    "tls-alert": "the other side ends the TLS handshake with an alert",
    "tls-other": "what answers there does not speak TLS as it should",
    "redirect-limit": "the page leads from redirect to redirect without end",
    "limit": "more came than natprobe reads",
    "port-unreachable": "the server says that nothing listens on the port (ICMP)",
    "prohibited": "a firewall says that it is prohibited (ICMP)",
    "unreachable-host": "a router says that the host cannot be reached (ICMP)",
    "unreachable-net": "a router says that the network cannot be reached (ICMP)",
    "no-route": "this machine has no route there",
    "permission-denied": "this machine's own rules refuse to send",
    "address-not-local": "the address to send from is not on this machine",
    "wrong-sender": "the answer comes from another address than was asked",
    "protocol": "the answer is not one that a media server gives",
    "no-tcp-control": "the servers asked over UDP did not answer over TCP either, so it may be their silence",
    "few-controls": "too little came back to tell a filter from lost packets",
    "few-servers": "too few independent servers could be compared",
    "no-control": "nothing that should work could be reached to compare with",
    "second-network": "a second private network lies beyond this network's router, which may translate into it or only"
    " route",
    "shared-range-hop": "a router beyond one's own has an address of the range for providers' NAT, and some providers"
    " number routers from it without translating",
    "no-answer": "no server answered",
    "packets-lost": "too many packets were lost to tell",
    "needs-response-port": "no server could be made to answer to an idle socket, and where a NAT keeps port numbers"
    " nobody sees whether its mapping is a new one",
    "one-destination": "only one IPv6 destination could be tried",
}


def sentence(reason: str | None) -> str:
    """The words for a slug; one from a newer version stands for itself."""
    return REASONS.get(reason or "", (reason or "").replace("-", " "))
