"""A STUN Binding transaction, and what else came to its socket, as facts: for the probes that ask for mappings."""

from __future__ import annotations

from collections.abc import Iterator

from natprobe.facts import Binding, Facts, Stray, StunServer
from natprobe.model import Failure, Family, clip, family, flow, join
from natprobe.net.stun import Outcome, StunSocket

# A guest sends few packets: so many servers per family.
SERVERS_MAX = 12
_ORDER = {"target": 0, "option": 1, "srv": 2, "control": 3}


def servers_of(facts: Facts, version: Family, transport: str) -> list[StunServer]:
    """Each address and port once; what the target itself offers comes first."""
    fitting = [each for each in facts.ok(StunServer) if family(each.address) == version and each.transport == transport]
    ordered = sorted(fitting, key=lambda each: (_ORDER[each.origin], each.address, each.port))
    return list({(each.address, each.port): each for each in reversed(ordered)}.values())[::-1][:SERVERS_MAX]


def strays_of(sock: StunSocket) -> Iterator[Stray]:
    """What came and was no proper answer."""
    for (sender, fault), count in sock.strays.items():
        yield Stray(local=join(*sock.local), sender=join(*sender), fault=fault, count=count)


def binding_of(server: StunServer, transport: str, local: str | None, outcome: Outcome) -> Binding:
    """What the server said that it saw, or why it said nothing."""
    remote = join(server.address, server.port)
    attributes = outcome.packet.message.attributes if outcome.packet else {}
    failure, detail = outcome.failure, outcome.detail
    mapped = _endpoint(attributes.get("XOR-MAPPED-ADDRESS"))
    plain = _endpoint(attributes.get("MAPPED-ADDRESS"))
    if failure is None and mapped is None and plain is None:
        failure, detail = Failure.PROTOCOL, "a success answer without an address"
    error = attributes.get("ERROR-CODE")
    return Binding(
        server=remote,
        transport=transport,  # type: ignore[arg-type]  # a word of Transport, from its callers
        origin=server.origin,
        operator=server.operator,
        local=local,
        tries=outcome.tries,
        mapped=mapped or plain,
        mapped_plain=plain,
        response_origin=_endpoint(attributes.get("RESPONSE-ORIGIN")),
        other_address=_endpoint(attributes.get("OTHER-ADDRESS")),
        software=clip(attributes.get("SOFTWARE", ""), 200) or None,
        error_code=error[0] if error else None,
        icmp=outcome.icmp,
        reported_by=outcome.reported_by,
        rtt_ms=None if outcome.rtt is None else round(outcome.rtt * 1000, 2),
        flow=flow(transport, local, remote),
        failure=failure,
        detail=clip(detail, 200),
    )


def _endpoint(value: tuple[str, int] | None) -> str | None:
    return join(*value) if value else None
