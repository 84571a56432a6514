"""What rules about several vantages share: the words of what `derive.joint` decided, and what is still to be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from natprobe.derive.deciding import Decided, decided
from natprobe.derive.joint import OPEN_CAUSES, failing, watches
from natprobe.derive.own_port import inner
from natprobe.facts import Facts
from natprobe.model import Address, Alternative, Fix, Where, family
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement, alternative
from natprobe.wording import mark, phrase

WATCH = mark(
    "on the server, while the check runs: sudo natprobe serve --watch --udp {port} -o watch.json; diagnose that too"
)
_ASKS: dict[str, str] = {
    "media-port-blocked-here": phrase("run the same check from another network, and diagnose both reports together"),
    "firewall-closed": phrase("on the server: sudo natprobe inspect, and diagnose both reports together"),
    "cloud-firewall": mark(
        "in the provider's console: does the security group let in UDP port {port}, and from everywhere?"
    ),
    "port-not-forwarded": mark("on the router that has {address}: is UDP port {port} passed on to the server?"),
    "forwarded-elsewhere": mark(
        "on the router that has {address}: to which machine and port is UDP port {port} passed?"
    ),
    "not-listening": mark("on the server: ss -ulpn | grep {port}"),
    "egress-closed": mark("on the server: does its own firewall let answers out from UDP port {port}?"),
    "vantages-disagree": phrase("is the media server this very machine, or another one behind the same address?"),
    "media-refuses-check": mark(
        "on the server: is what holds UDP port {port} the media server, and what does its log say?"
    ),
}

Words = Mapping[str, str]


def judged(
    vantages: Sequence[Facts],
    cause: str,
    messages: Words,
    fixes: Callable[[Decided], tuple[Fix, ...]],
    where: Where | None = None,
) -> Judgement:
    """What is decided for this cause, by the rule's own sentences."""
    found = decided(vantages, cause)
    if not found:
        return CLEAR if failing(vantages) else NOT_APPLICABLE
    return [
        Found(
            message=messages[each.words],
            args=each.args,
            evidence=each.evidence,
            alternatives=_left(each),
            fixes=fixes(each),
            where=where,
            instead_of=OPEN_CAUSES,
        )
        for each in found
    ]


def _left(found: Decided) -> tuple[Alternative, ...]:
    """The causes that stay possible, each with what decides: a watch, where none was kept."""
    undecided = not watches(found.asked.servers)
    asks = dict(_ASKS)
    if undecided:
        asks |= dict.fromkeys(("port-not-forwarded", "cloud-firewall"), WATCH)
    return tuple(alternative(each, phrase(asks[each], **found.args)) for each in found.left)


def server_of(found: Decided) -> Facts:
    """The client whose words for the server's settings fit: what it is, is a client's knowledge."""
    return found.asked.failing[0]


def inner_of(found: Decided) -> Address:
    """The server's own address, or what stands for it."""
    return inner(found.asked.servers, family(found.asked.address)) or "THE-SERVER'S-INNER-ADDRESS"
