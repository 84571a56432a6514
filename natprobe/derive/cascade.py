"""Cascades between two Janus servers (videoroom's remote publishers): what can be bound, what to ask for. Pure.

`iface` of add_remote_publisher is an address to bind, and only one of the server's own can be (videoroom's source, and
measured with 1.1.2: error 499 for any other). Behind NAT the public address is none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from natprobe.addresses import address_class
from natprobe.derive import SILENT_TRIES
from natprobe.facts import CascadeFlow, CascadeRelay, CascadeRequest, Facts
from natprobe.model import Address, family

# Remote publishers came with 1.1.0.
PLUGIN_SINCE = 1100
# What videoroom says where `iface` names none of its host's addresses: its code for whatever has no code of its own.
UNKNOWN_ERROR = 499
# Where making rooms, or forwarding, takes an admin_key: there is none in the request, or a wrong one.
KEY_WANTED = (429, 433)
# Before 1.2.2 it keeps the ports of a remote publisher that has got packets until it is restarted (measured: 1.1.2).
PORTS_FREED_SINCE = 1202
# What a call bears on this way, the clients' own ways on top of it: one in fifty, and milliseconds one way.
LOSS_FIT, DELAY_FIT_MS = 0.02, 150.0
# A run tries four; a report that was made to keep us busy may have any number.
RELAYS_MAX = 10
ADD, PUBLISH = "add_remote_publisher", "publish_remotely"


def asked(facts: Facts) -> list[CascadeRelay]:
    """The servers of --cascade."""
    return facts.of(CascadeRelay)[:RELAYS_MAX]


def own_addresses(relay: CascadeRelay) -> tuple[Address, ...]:
    """Those that are surely on its host: candidates are only where nothing is put in their place."""
    hosts = [each for each in relay.hosts if each not in relay.public_ips]
    return tuple(dict.fromkeys([*hosts, *([relay.local_ip] if relay.local_ip else [])]))


def iface_local(facts: Facts, relay: CascadeRelay) -> bool | None:
    """What came of the request that was made with it, else what can be told without."""
    if iface_refused(facts, relay):
        return False
    made = facts.ok(CascadeRequest, lambda each: each.relay == relay.relay and each.request == ADD)
    return True if any(each.iface == relay.iface for each in made) else iface_told(relay)


def iface_refused(facts: Facts, relay: CascadeRelay) -> list[CascadeRequest]:
    """Requests of ours that its videoroom refused for the address."""
    made = facts.of(CascadeRequest, lambda each: each.relay == relay.relay and each.request == ADD)
    return [each for each in made if refuses_iface(each)]


def refuses_iface(request: CascadeRequest) -> bool:
    """Whether that is what its no is about: the code stands for a port that is taken, too."""
    about = request.iface is not None and "interface" in request.detail
    return about and request.error_code == UNKNOWN_ERROR


def iface_told(relay: CascadeRelay) -> bool | None:
    """Whether the address to bind is one of its host's. None: not known, since a host may have more than it shows.

    A public address is surely none where all that it shows is inside a NAT, or where it says itself that this is what
    the NAT maps to it.
    """
    own = [each for each in own_addresses(relay) if relay.iface and family(each) == family(relay.iface)]
    if relay.iface is None or (not own and relay.iface not in relay.public_ips):
        return None
    if relay.iface in own:
        return True
    inside = all(address_class(each) != "public" for each in own)
    return False if inside and address_class(relay.iface) == "public" else None


@dataclass(frozen=True)
class Way:
    """What was sent to one relay's port: from here, and by the target, where it had something to forward."""

    relay: CascadeRelay
    here: CascadeFlow
    target: CascadeFlow | None

    @property
    def flows(self) -> list[CascadeFlow]:
        """Both."""
        return [self.here, *([self.target] if self.target else [])]

    @property
    def arrives(self) -> bool:
        """Whether anything does."""
        return any(each.arrived for each in self.flows)

    @property
    def shut(self) -> bool:
        """Whether nothing does, from either side, however often it is sent."""
        return self.target is not None and not self.arrives and all(map(_enough, self.flows))

    @property
    def shut_out(self) -> bool:
        """Whether nothing of the target's does, and what is sent from here arrives."""
        return self.target is not None and not self.target.arrived and self.arrives and _enough(self.target)


def ways(facts: Facts) -> list[Way]:
    """Of every relay that --apply has tried."""
    found = []
    for relay in asked(facts):
        flows = {each.by: each for each in arrivals(facts, relay) if each.passed or each.by == "here"}
        if "here" in flows:
            found.append(Way(relay, flows["here"], flows.get("target")))
    return found


def _enough(flow: CascadeFlow) -> bool:
    return (flow.sent if flow.passed is None else flow.passed) >= SILENT_TRIES


def bound(facts: Facts, relay: CascadeRelay) -> CascadeRequest | None:
    """The answer that names the ports of our remote publisher."""
    made = facts.ok(CascadeRequest, lambda each: each.relay == relay.relay and each.request == ADD)
    return made[0] if made else None


def refusals(facts: Facts, relay: CascadeRelay) -> list[CascadeRequest]:
    """What came to nothing, but for the address to bind, which is told by itself."""
    failed = facts.of(CascadeRequest, lambda each: each.relay == relay.relay and each.failure is not None)
    return [each for each in failed if not refuses_iface(each)]


def suits(flow: CascadeFlow) -> bool | None:
    """Whether a call over this way would be a good one: what is lost, and how late the rest comes (ITU-T G.114)."""
    if not flow.passed or flow.delay_ms is None:
        return None
    return flow.arrived >= (1 - LOSS_FIT) * flow.passed and flow.delay_ms <= DELAY_FIT_MS


def arrivals(facts: Facts, relay: CascadeRelay) -> list[CascadeFlow]:
    """What packets were sent there, and what came."""
    return facts.of(CascadeFlow, lambda each: each.relay == relay.relay)


def requests(relay: CascadeRelay, source: str) -> tuple[str, ...]:
    """First to the relay, then to the target, whose API is `source`; what stands in <> is to be filled in."""
    add: dict[str, object] = {
        "request": ADD,
        "room": "<its room>",
        "secret": "<that room's secret>",
        "streams": "<the publisher's streams, as listparticipants and the publishers event name them>",
    }
    if relay.iface is not None and iface_told(relay) is not False:
        add["iface"] = relay.iface
    if relay.port is not None:
        add |= {"port": relay.port, "rtcp_port": relay.port + 1}
    publish: dict[str, object] = {
        "request": PUBLISH,
        "room": "<the publisher's room>",
        "secret": "<that room's secret>",
        "publisher_id": "<the publisher's id>",
        "remote_id": "<a name of your own>",
        "host": relay.host or "<its public address>",
        "port": relay.port or "<port of its answer>",
        "rtcp_port": relay.port + 1 if relay.port is not None else "<rtcp_port of its answer>",
    }
    return (f"{relay.url} {_written(add)}", f"{source} {_written(publish)}")


def _written(body: dict[str, object]) -> str:
    """As JSON; a placeholder stands there bare, since it may become a number."""
    text = json.dumps(body)
    return text.replace('"<', "<").replace('>"', ">")
