"""No UDP from this network comes back

Several independent servers were asked over UDP and none answered, while TCP to one of the very same hosts
works. So it is this network that drops or rejects UDP, not a server that is down.

How it shows: people join, see the others' names and their own picture, and hear and see nobody else, or are
thrown out after about 15 seconds. Where the server offers a relay over TCP or TLS the call works, with more
delay.

What to do: let UDP out to the media port of the server, and the answers back in. Where that is not to be had,
the server needs a TURN relay with TLS on port 443.

Sources: RFC 4787 section 5, RFC 8445 section 5.1.1.2, RFC 8835 section 3.4.
"""

from natprobe.derive import OWN, bindings, tcp_controls, udp_works
from natprobe.facts import Binding, Connected, Facts, Run, ids
from natprobe.fixes import let_media_out, more_servers
from natprobe.model import Failure, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement

READS = (Binding, Connected, Run)

_SILENT = (
    "No UDP comes back to this network: {servers} servers of {operators} operators never answered,"
    " while TCP to {control} works"
)
_REJECTED = (
    "No UDP gets out of this network: the firewall at {router} rejects it (ICMP {icmp}) towards {servers} servers of"
    " {operators} operators, while TCP to {control} works"
)


def check(facts: Facts) -> Judgement:
    """Never from the silence of one operator's servers, and never without a TCP control."""
    asked = [each for each in bindings(facts, "udp") if each.failure not in OWN]
    if not asked:
        return NOT_APPLICABLE
    works = udp_works(facts)
    if works is not None:
        return CLEAR if works else [_found(facts, asked)]
    operators = {each.operator for each in asked}
    return CouldNotTell(reason="few-servers" if len(operators) < 2 else "no-tcp-control", ask=more_servers(facts))


def _found(facts: Facts, asked: list[Binding]) -> Found:
    hosts = sorted({split(each.server)[0] for each in asked})
    controls = tcp_controls(facts, hosts)
    rejected = asked[0] if all(each.failure is Failure.PROHIBITED and each.reported_by for each in asked) else None
    return Found(
        message=_REJECTED if rejected else _SILENT,
        args={
            "servers": len(hosts),
            "operators": len({each.operator for each in asked}),
            "control": _endpoint(controls[0]),
            "router": rejected and rejected.reported_by,
            "icmp": rejected and rejected.icmp,
        },
        evidence=ids(asked, controls),
        fixes=let_media_out(facts),
    )


def _endpoint(control: Binding | Connected) -> str:
    return control.server if isinstance(control, Binding) else control.endpoint
