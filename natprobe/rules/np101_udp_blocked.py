"""No UDP from this network comes back

Several independent servers were asked over UDP and none answered, while TCP to one of the very same hosts
works. So it is this network that drops or rejects UDP, not a server that is down. Where one of IPv4 and IPv6 carries
UDP, it is a warning: a browser takes the one that does.

Where routers on the way answer packets with few hops to live, the report says at which of them UDP ends.

Where the target is a `natprobe serve` that tells over TCP what it counted, it is known whether packets get out and only
answers are lost, or nothing gets there at all.

How it shows: people join, see the others' names and their own picture, and hear and see nobody else, or are
thrown out after about 15 seconds. Where the server offers a relay over TCP or TLS the call works, with more
delay.

What to do: let UDP out to the media port of the server, and the answers back in. In a home network that is mostly a
setting for single devices: guest access, parental control (FRITZ!Box: `Internet > Filter > Zugangsprofile`, where the
profile "Gast" or a list of network applications may shut UDP). In a company's it is a rule of the firewall (pfSense,
OPNsense: a pass rule for UDP on LAN; MikroTik: `/ip firewall filter`, chain forward; UniFi: a LAN-out or zone rule).
Where that is not to be had, the server needs a TURN relay with TLS on port 443.

Sources: RFC 4787 section 5, RFC 8445 section 5.1.1.2, RFC 8835 section 3.4.
"""

from natprobe.derive import OWN, arrival, bindings, media_checks, tcp_controls, udp_works
from natprobe.derive.proxies import reached
from natprobe.facts import (
    Arrived,
    Binding,
    Connected,
    Facts,
    HopName,
    IceCheck,
    ProxyChoice,
    Run,
    Trail,
    Watched,
    ids,
)
from natprobe.fixes import let_media_out, more_servers
from natprobe.model import Do, Failure, Family, Severity, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.rules._place import firewall, first, placed
from natprobe.wording import mark, phrase

READS = (Binding, Connected, Run, ProxyChoice, IceCheck, Arrived, Watched, Trail, HopName)

_SILENT = mark(
    "No UDP comes back to this network: {servers} servers of {operators} operators never answered,"
    " while TCP to {control} works"
)
_REJECTED = mark(
    "No UDP gets out of this network: the firewall at {router} rejects it (ICMP {icmp}) towards {servers} servers of"
    " {operators} operators, while TCP to {control} works"
)


_ONE_FAMILY = mark(
    "No UDP over IPv{family} comes back to this network: {servers} servers of {operators} operators never answered,"
    " while TCP to {control} works, and UDP over IPv{other}"
)


def check(facts: Facts) -> Judgement:
    """Never from the silence of one operator's servers, and never without a TCP control. Where the page comes by a
    proxy it is proxy-ignores-media.
    """
    asked = [each for each in bindings(facts, "udp") if each.failure not in OWN]
    if not asked:
        return NOT_APPLICABLE
    works = udp_works(facts)
    if works is False:
        return CLEAR if reached(facts) else [_found(facts, asked)]
    if works:
        families: tuple[Family, ...] = (4, 6)
        shut = [version for version in families if udp_works(facts, version) is False]
        return [_in_one(facts, version) for version in shut] or CLEAR
    operators = {each.operator for each in asked}
    return CouldNotTell(reason="few-servers" if len(operators) < 2 else "no-tcp-control", ask=more_servers(facts))


def _found(facts: Facts, asked: list[Binding]) -> Found:
    hosts = sorted({split(each.server)[0] for each in asked})
    controls = tcp_controls(facts, hosts)
    rejected = asked[0] if all(each.failure is Failure.PROHIBITED and each.reported_by for each in asked) else None
    way, counted = _counted(facts)
    args = {
        "servers": len(hosts),
        "operators": len({each.operator for each in asked}),
        "control": _endpoint(controls[0]),
        "router": rejected and rejected.reported_by,
        "icmp": rejected and rejected.icmp,
        "arrived": sum(each.packets for each in counted if isinstance(each, Arrived)),
    }
    message = _REJECTED if rejected else _SILENT
    if way in _COUNTED and not rejected:
        message = phrase(_COUNTED[way], finding=phrase(message, **args), arrived=args["arrived"])
    at = first(facts, [each.subject for each in facts.of(Trail)])
    found = Found(
        message=message,
        args=args,
        evidence=ids(asked, controls, counted),
        fixes=(*let_media_out(facts, firewall(facts, at)), _AT_HOME),
    )
    return placed(facts, at, found)


def _counted(facts: Facts) -> tuple[arrival.Direction | None, list[Arrived | Watched]]:
    """What a `natprobe serve` on the other side saw of it, and told over TCP."""
    for endpoint in dict.fromkeys(each.endpoint for each in media_checks(facts)):
        way = arrival.lost(facts, endpoint)
        if way is not None:
            return way, [
                *facts.of(Watched, lambda each: each.proto == "udp"),
                *(arrival.arrivals(facts, endpoint) or ()),
            ]
    return None, []


_COUNTED: dict[arrival.Direction | None, str] = {
    "up": mark("{finding}; nothing of ours arrived at the target, which counts what comes"),
    "down": mark(
        "{finding}; what is sent gets out: {arrived} packets arrived at the target, and its answers do not come back"
    ),
}


def _in_one(facts: Facts, version: Family) -> Found:
    asked = [each for each in bindings(facts, "udp", version) if each.failure not in OWN]
    hosts = sorted({split(each.server)[0] for each in asked})
    controls = tcp_controls(facts, hosts)
    return Found(
        message=_ONE_FAMILY,
        args={
            "family": version,
            "other": 10 - version,
            "servers": len(hosts),
            "operators": len({each.operator for each in asked}),
            "control": _endpoint(controls[0]),
        },
        evidence=ids(asked, controls),
        severity=Severity.WARNING,
        fixes=(
            Do(
                text=phrase(
                    "Let UDP over IPv{version} out in the firewall between this network and the internet, and the"
                    " answers back in, as over IPv{other}",
                    version=version,
                    other=10 - version,
                ),
                audience="network",
                why="media travels over UDP",
            ),
        ),
    )


_AT_HOME = Do(
    text="At home, see whether the router restricts this device: guest network, parental control (FRITZ!Box:"
    " `Internet > Filter > Zugangsprofile`)",
    audience="user",
    why="home routers let UDP out unless told otherwise",
)


def _endpoint(control: Binding | Connected) -> str:
    return control.server if isinstance(control, Binding) else control.endpoint
