"""It listens on another address than configured

Janus's WebSocket is refused at the address that clients are led to, and answers on the same port of another address of
this very host. Seen from outside that is certain; which address was configured only the server can say.

How it shows: "WebSocket connection to wss://… failed" at once, for everybody, or, where the name has both addresses,
for some. It comes and goes with the order of the addresses in the host's network settings.

What to do: before 1.3.1 (of the old line: 0.15.1) Janus hands libwebsockets the name of the interface that has the
address of `ws_ip` or `wss_ip`, and gets that interface's first address: with two addresses on one interface it listens
on the wrong one, and an IPv6 address becomes an IPv4 one. The log says nothing of it. Update Janus; or leave the
address out, so that it listens on all; or have the name lead to the address that answers. HTTP is not concerned: its
own `ip` is bound as it stands. Look with `ss -ltnp` after every change.

Sources: Janus's own source and changelog (1.3.1), measured with 1.1.2; field reports: janus-gateway 3500, 3372.
"""

from natprobe.derive.janus import listening_elsewhere
from natprobe.facts import Facts, JanusDoor, JanusInfo, ids
from natprobe.model import Do, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.servers import janus
from natprobe.target import host_in

READS = (JanusDoor, JanusInfo)

_MESSAGE = "Janus's WebSocket is refused at {endpoint}, where {url} leads, and answers at {right}"


def check(facts: Facts) -> Judgement:
    """A refusal at one address, and Janus's own words at the other."""
    if not facts.of(JanusDoor, lambda each: each.transport == "websocket"):
        return NOT_APPLICABLE
    pairs = listening_elsewhere(facts)
    return [_found(facts, *pairs[0])] if pairs else CLEAR


def _found(facts: Facts, shut: JanusDoor, there: JanusDoor) -> Found:
    address = split(there.endpoint)[0]
    key = "wss_ip" if shut.url.startswith("wss:") else "ws_ip"
    version = next((each.version_string for each in facts.ok(JanusInfo) if each.version_string), None)
    return Found(
        message=_MESSAGE,
        args={"endpoint": shut.endpoint, "url": shut.url, "right": there.endpoint},
        evidence=ids([each for pair in listening_elsewhere(facts) for each in pair]),
        fixes=(
            *janus.websocket_everywhere(key, version),
            Do(
                text=f"Or have {host_in(shut.url)} lead to {address}, or name that address in the page",
                audience="server",
            ),
        ),
    )
