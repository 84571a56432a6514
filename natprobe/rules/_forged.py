"""What rules about refusals say where it is not the server that refuses in its name."""

from __future__ import annotations

from collections.abc import Sequence

from natprobe.derive.forged import Transport, forged
from natprobe.facts import Connected, Facts, IceCheck, ids
from natprobe.model import Allow, Do, Fix, Where, split
from natprobe.rules import Found
from natprobe.wording import phrase


def by_another(facts: Facts, transport: Transport, shut: Sequence[IceCheck | Connected]) -> Found | None:
    """None where it is the server's own word, as far as one can tell."""
    for each in shut:
        seen = forged(facts, each.endpoint, transport)
        if seen is None:
            continue
        address, port = split(each.endpoint)
        return Found(
            message="What refuses {transport} port {port} in the name of {address} is not what answers there otherwise:"
            " it is {nearer} routers nearer, about {distance} from here",
            args={
                "address": address,
                "transport": transport.upper(),
                "port": port,
                "nearer": seen.nearer,
                "distance": seen.hops + 1,
            },
            evidence=ids(list(shut), list(seen.evidence)),
            where=seen.where,
            fixes=_fixes(transport, address, port, seen.hops + 1, seen.where),
        )
    return None


def _fixes(transport: Transport, address: str, port: int, distance: int, where: Where) -> tuple[Fix, ...]:
    look = Do(
        text=phrase(
            "Find the firewall that rejects what goes to {address}, {transport} port {port}, about {distance} routers"
            " from here (traceroute {address} lists them), and let it pass there",
            address=address,
            transport=transport.upper(),
            port=port,
            distance=distance,
        ),
        audience="network",
    )
    if where is not Where.LOCAL_NETWORK:
        return (look,)
    allow = Allow(
        proto=transport,
        ports=(str(port),),
        direction="out",
        to=address,
        at="the firewall between this network and the internet",
        audience="network",
    )
    return (allow, look)
