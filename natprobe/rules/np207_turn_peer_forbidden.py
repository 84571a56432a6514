"""The relay refuses to talk to the media server's address

A relay can be told which addresses its users may reach. Where the media server's own address is among the forbidden
ones, allocations succeed and permissions for it are refused (403): calls through the relay stay dead.

How it shows: direct calls work; whoever needs the relay joins, and hears and sees nobody.

What to do: in turnserver.conf, `denied-peer-ip` lists what is forbidden; add `allowed-peer-ip=` with the media server's
address, which counts before it. coturn always denies loopback, 0.0.0.0 and multicast, and newer ones
link-local and unique-local addresses too. Private addresses are often denied for good reasons: then have the media
server advertise its public address.

Without a session natprobe doesn't know the media server's address. It says `peers-forbidden` where the relay forbids
every peer that it was tried with.

Sources: RFC 8656 sections 10.2 and 19; measured: coturn 4.6.1 answers 403 `Forbidden IP` for all of them.
"""

from natprobe.derive.relays import legs_in
from natprobe.facts import Allocation, Facts, Permission
from natprobe.rules import NOT_APPLICABLE, CouldNotTell, Judgement

READS = (Allocation, Permission)

_ASK = "on the relay, look for denied-peer-ip in turnserver.conf: does it cover the media server, or everything?"


def check(facts: Facts) -> Judgement:
    """Only the media server's own address decides, and that is not known without a session."""
    return CouldNotTell(reason="peers-forbidden", ask=_ASK) if legs_in(facts, "peers-forbidden") else NOT_APPLICABLE
