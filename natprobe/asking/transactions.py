"""STUN Binding transactions: whom to ask, what came of it as facts, and what an answer says of its server."""

from __future__ import annotations

from collections.abc import Iterator

from natprobe.addresses import address_class
from natprobe.facts import Binding, Facts, Stray, StunServer
from natprobe.model import Address, Failure, Family, clip, family, flow, join
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
        rtt_ms=outcome.rtt_ms,
        flow=flow(transport, local, remote),
        failure=failure,
        detail=clip(detail, 200),
    )


def other_address(outcome: Outcome, at: tuple[str, int]) -> tuple[str, int] | None:
    """The OTHER-ADDRESS of the server at `at` (RFC 5780 section 7.4), where answers from there can show anything:
    coturn's second address names itself (measured).
    """
    other: tuple[str, int] | None = outcome.packet.message.attributes.get("OTHER-ADDRESS") if outcome.packet else None
    if other is None or other[0] == at[0] or other[1] == at[1] or not may_name(at[0], other[0]):
        return None
    return other


def may_name(server: Address, other: Address) -> bool:
    """Only an address of the same family and class: a server's word must not send us knocking at inner doors."""
    return family(other) == family(server) and address_class(other) == address_class(server)


def failure_to_change(outcome: Outcome) -> Failure | None:
    """Of a CHANGE-REQUEST: an error (420: a server without RFC 5780 after all) says nothing of the network."""
    unable = outcome.failure in (Failure.ERROR_RESPONSE, Failure.UNAUTHORIZED)
    return Failure.UNSUPPORTED if unable else outcome.failure


def _endpoint(value: tuple[str, int] | None) -> str | None:
    return join(*value) if value else None
