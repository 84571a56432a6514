"""The address list matches nothing, so everything is offered

Janus says that it has IPv6 off, and offers IPv6 addresses all the same. That happens where `ice_enforce_list` names no
interface or address that is there (eth0, where it is called ens3), or `ice_ignore_list` covers all of them: nothing is
left, and then libnice takes every address of the machine, link-local ones included.

How it shows: not at all, or slow connections: clients try addresses that no way leads to. It also means that the list
which was to keep inner or virtual interfaces out does not.

What to do: name the interface as `ip address show` does, or its address, in full or as the beginning of it; or leave
the list out.

On the server `natprobe inspect` compares the list with the host's interfaces and addresses.

Sources: Janus's sample configuration (nat), measured with 1.1.2: with such a list the answer has IPv6 and link-local
addresses though `info` says ipv6: false; field reports: janus-gateway 397.
"""

from natprobe.derive.configured import settings
from natprobe.derive.janus import unwanted
from natprobe.facts import Candidate, Facts, JanusInfo, LocalAddress, Setting, ids
from natprobe.model import split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement, _janus_files
from natprobe.servers import janus
from natprobe.wording import listed, mark

READS = (JanusInfo, Candidate, Setting, LocalAddress)

_MESSAGE = mark(
    "Janus offers {addresses} though it has IPv6 off: its list of interfaces matches none that is there, so that every"
    " address of the machine is offered"
)


def check(facts: Facts) -> Judgement:
    """The two words of its own against each other; on the server its file against the interfaces."""
    if facts.of(LocalAddress) and settings(facts, "janus", "ice_enforce_list"):
        return _janus_files.enforced(facts)
    told = [each for each in facts.ok(JanusInfo) if each.ipv6 is not None]
    if not told or not facts.of(Candidate):
        return NOT_APPLICABLE
    extra = unwanted(facts)
    if not extra:
        return CLEAR
    return [
        Found(
            message=_MESSAGE,
            args={"addresses": listed(split(each.endpoint)[0] for each in extra)},
            evidence=ids(told, extra),
            fixes=janus.interfaces(),
        )
    ]
