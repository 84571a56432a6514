"""Some questions need privileges

Something refuses in the server's name, or no router on the way to it could be told, and natprobe may not look at
packets themselves here: raw sockets take root's privileges (Linux: CAP_NET_RAW). With them it compares from how many
routers away a refusal comes with other packets of the same host, so that a firewall shows that refuses in the server's
name; and it reads how routers quote its packets, where these no longer look like its own. No verdict rests on it.

How it shows: only in this report, as a note. The media works or doesn't all the same.

What to do: check once as root. Or let one Python do it: `setcap cap_net_raw+ep` on the Python of a virtual environment
made with `--copies`, then `bin/python3 -m natprobe`. Without that option it would be the system's Python that gets the
privilege, for everybody. Whoever may run that Python can from then on read and forge the packets of the whole machine:
keep its folder to yourself, and take the privilege back with `setcap -r`.

Sources: capabilities(7) and packet(7) of Linux' manual, RFC 792, RFC 5927 section 7.
"""

from natprobe.derive.forged import refused
from natprobe.facts import Facts, RawAccess, Trail, ids
from natprobe.model import Do, Failure
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement

READS = (RawAccess, Trail)


def check(facts: Facts) -> Judgement:
    """Only where raw sockets would have an answer."""
    tried = facts.of(RawAccess)
    denied = [each for each in tried if each.failure is Failure.PERMISSION_DENIED]
    if not denied:
        return CLEAR if tried else NOT_APPLICABLE
    if shut := refused(facts):
        message = (
            "Whether the server itself refuses {endpoint} can be told by raw sockets, which this user may not have"
        )
        return [_found(message, shut[0][1], ids(denied))]
    dark = [each for each in facts.of(Trail, lambda each: each.control == "none") if _dark(facts, each)]
    if not dark:
        return CLEAR
    message = (
        "No router on the way to {endpoint} could be told: one may quote packets so that only raw sockets, which this"
        " user may not have, know them again"
    )
    return [_found(message, dark[0].subject, ids(denied, dark))]


def _dark(facts: Facts, trail: Trail) -> bool:
    """Whether no packet about it was answered by anybody on the way, or by nobody knows whom."""
    about = facts.of(Trail, lambda each: each.subject == trail.subject)
    told = any(hop.address is not None and not hop.reached for each in about for hop in each.hops)
    return not told or any(each.unattributed for each in about)


def _found(message: str, endpoint: str, evidence: tuple[int, ...]) -> Found:
    return Found(message=message, args={"endpoint": endpoint}, evidence=evidence, fixes=_FIXES)


_FIXES = (
    Do(text='Check once more as root: sudo "$(command -v natprobe)" check, and the rest as before', audience="user"),
    Do(
        text="Or let a Python of natprobe's own do it: make a virtual environment by python3 -m venv --copies,"
        " install natprobe there, sudo setcap cap_net_raw+ep its bin/python3, and check by bin/python3 -m natprobe",
        audience="user",
        why="whoever may run that Python can then read and forge all packets of this machine: keep its folder to"
        " yourself, and take it back with setcap -r",
    ),
)
