"""This machine's own firewall refuses to send

The operating system refused to send the packet at all (EPERM): a rule on this very machine, not a device on
the network.

How it shows: as if UDP were blocked, on this machine only.

What to do: allow the browser (and natprobe) to send UDP in the machine's own firewall or security software.

Sources: Linux netfilter's OUTPUT hook; measured: EPERM from send.
"""

from natprobe.derive.proxies import via
from natprobe.facts import Allocation, Binding, Connected, Facts, IceCheck, ProxyChoice, ids
from natprobe.fixes import media_place, media_port
from natprobe.model import Allow, Failure, Observation
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement

READS = (Binding, IceCheck, Connected, Allocation, ProxyChoice)


def check(facts: Facts) -> Judgement:
    """Every UDP or TCP step that the kernel itself refused. Where a browser goes through a proxy, TCP to anybody else
    is nothing that it would miss.
    """
    steps: list[Observation] = [*facts.of(Binding), *facts.of(IceCheck), *facts.of(Connected), *facts.of(Allocation)]
    led = via(facts) is not None
    tried = [each for each in steps if not (led and each.flow.startswith("tcp") and getattr(each, "via", None) is None)]
    refused = [each for each in tried if each.failure is Failure.PERMISSION_DENIED]
    if not refused:
        return CLEAR if tried else NOT_APPLICABLE
    proto = "tcp" if all(each.flow.startswith("tcp") for each in refused) else "udp"
    return [
        Found(
            message="This machine's own firewall refuses to send {proto} packets ({count} attempts were refused here)",
            args={"proto": proto.upper(), "count": len(refused)},
            evidence=ids(list(refused)),
            fixes=(
                Allow(
                    proto="tcp" if proto == "tcp" else "udp",
                    ports=(media_port(facts) or "1024-65535",) if proto == "udp" else _ports(list(refused)),
                    direction="out",
                    to=media_place(facts) if proto == "udp" else facts.target.host,
                    at="this machine's own firewall",
                    audience="user",
                    why="media travels over UDP" if proto == "udp" else "the page and the signalling travel over TCP",
                ),
            ),
        )
    ]


def _ports(refused: list[Observation]) -> tuple[str, ...]:
    """The remote ports of these flows."""
    return tuple(sorted({each.flow.rpartition(":")[2] for each in refused}, key=int))
