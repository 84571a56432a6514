"""The states of one host, as the facts that a client's, `inspect`'s and `serve --watch`'s reports would have of them.

The client is behind a NAT of its own and comes from OUTSIDE. The server has the name's public address itself, or the
inner one behind a router or a cloud's one-to-one NAT.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from natprobe.codec import Saved, merge
from natprobe.diagnose import diagnose
from natprobe.facts import Arrived, Candidate, Passage, Platform, Run, Sockets, Watched
from natprobe.model import Failure, Observation, Report, Source, Target
from tests.made import (
    MEDIA,
    OUTSIDE,
    PAGE,
    PEER,
    PROHIBITED,
    SOURCE,
    STUN1,
    STUN2,
    UNREACHABLE,
    WEB,
    WEB_OTHER,
    address,
    checked,
    named,
    numbered,
    saw,
    silent,
)
from tests.made_server import SERVER, listening, own, published

INNER, ELSEWHERE = "10.0.1.60", "203.0.113.99"
INSIDE = f"{WEB}:41000"  # how servers outside see a client behind the server's own router
STRANGER = "192.0.2.77:5000"
EARLIER = "2026-11-21T03:00:00Z"

Kind = Literal["check", "inspect", "watch"]
Facts = tuple[Observation, ...]


class Given(NamedTuple):
    """One report: whose, and what is in it."""

    kind: Kind
    label: str
    facts: Facts
    target: Target = PEER
    started: str = SOURCE.started


class State(NamedTuple):
    """What is wrong with the host, the reports, and the one cause that they come to together.

    `left`: the causes that stay possible beside it. `alone`: what the client says by itself.
    """

    name: str
    given: tuple[Given, ...]
    causes: tuple[str, ...]
    left: tuple[str, ...] = ()
    alone: str | None = "media-port-silent"


# --- reports


def client(*checks: Observation, label: str = "client", outside: str = OUTSIDE, **more: Any) -> Given:
    """A network where UDP works; silent checks unless others are given."""
    local = more.pop("local", "192.168.1.2:40000")
    mine = address(local.rpartition(":")[0], "private")
    seen = (saw(STUN1, outside, local), saw(STUN2, outside, local))
    return Given("check", label, (mine, named(WEB), *seen, *(checks or (silent(),))), **more)


def good(label: str = "outside", outside: str = "192.0.2.5:4000", **more: Any) -> Given:
    """A client that gets through."""
    return client(checked(), checked(size=1200), label=label, outside=outside, local="192.168.7.2:40000", **more)


def inspect(*found: Observation, at: str = WEB, sockets: bool = True, **more: Any) -> Given:
    """The server's own report."""
    table = (Sockets(listening=5),) if sockets else ()
    return Given("inspect", "server", (own(at), *table, *found), SERVER, **more)


def routed(*found: Observation, **more: Any) -> Given:
    """Behind a router, which STUN servers see it by."""
    return inspect(saw(STUN1, f"{WEB}:10000", f"{INNER}:50000"), *found, at=INNER, **more)


def watch(*came: Arrived, by: str = "interface", port: int = 10000, **more: Any) -> Given:
    """What was seen of the port while the client tried."""
    seen = Watched(proto="udp", port=port, seconds=60.0, by=by)  # type: ignore[arg-type]  # a word of it
    return Given("watch", "watch", (seen, *came), SERVER, **more)


# --- facts


def held(at: str = "0.0.0.0", process: str | None = "natprobe", **more: Any) -> Observation:
    """Who has the port."""
    return listening(address=at, process=process, **more)


def passage(outcome: str = "accept", at: str | None = None, **more: Any) -> Passage:
    """What the packet filter does with it."""
    fields: dict[str, Any] = {"proto": "udp", "port": 10000, "port_end": 10000, "family": 4, "address": at} | more
    return Passage(outcome=outcome, **fields)  # type: ignore[arg-type]  # a word of it


def came(sender: str = OUTSIDE, local: str = MEDIA, answered: int = 0, **more: Any) -> Arrived:
    """Nine checks that came from somebody."""
    fields: dict[str, Any] = {"proto": "udp", "what": "check", "by": "interface", "packets": 9} | more
    return Arrived(local=local, sender=sender, answered=answered, **fields)


CLOSED = checked(failure=UNREACHABLE, reported_by=WEB, icmp="port-unreachable")
REJECTED = checked(failure=PROHIBITED, reported_by=WEB, icmp="admin-prohibited")
LOST = checked(failure=Failure.UNREACHABLE_HOST, reported_by=WEB, icmp="host-unreachable")
OPEN, READY = passage(), (held(), passage())
INNER_OPEN = passage(at=INNER)
TCP = Candidate(endpoint=MEDIA, transport="tcp")
CLOUD = Platform(vendor="Amazon EC2", cloud="AWS")
PROXY = listening(process="docker-proxy")
BEHIND = "172.18.0.5:10000"
LED = passage(to=BEHIND)
AT_INNER = f"{INNER}:10000"


def drops(
    chain: str, rule: str = "policy drop", manager: str = "nftables", outcome: str = "drop", **more: Any
) -> Passage:
    """A filter that shuts it, and where."""
    return passage(outcome, chain=chain, rule=rule, manager=manager, **more)


STATES: tuple[State, ...] = (
    # --- the public address is the server's own
    State("closed", (client(CLOSED), inspect(OPEN)), ("not-listening",), alone="media-port-refused"),
    State("closed-silent", (client(), inspect(OPEN)), ("not-listening",)),
    State("closed-watched", (client(), inspect(OPEN), watch(came())), ("not-listening",)),
    State(
        "other-address",
        (client(CLOSED), inspect(own(WEB_OTHER), held(WEB_OTHER), OPEN)),
        ("listening-on-other-address",),
        alone="media-port-refused",
    ),
    State("ipv6-alone", (client(), inspect(held("::", v6only=True), OPEN)), ("listening-on-other-address",)),
    State(
        "loopback-only",
        (client(CLOSED), inspect(held("127.0.0.1"), OPEN)),
        ("loopback-only",),
        alone="media-port-refused",
    ),
    State("dead-container", (client(), inspect(PROXY, published(by="both"), LED), watch(came())), ("not-listening",)),
    State("wrong-process", (client(), inspect(held(process="miniserv.pl"), OPEN)), ("port-held-by-other",)),
    State(
        "wrong-process-watched",
        (client(), inspect(held(process="miniserv.pl"), OPEN), watch(came())),
        ("port-held-by-other",),
    ),
    State("input-drop", (client(), inspect(held(), drops("inet filter input"))), ("firewall-closed",)),
    State(
        "input-drop-watched", (client(), inspect(held(), drops("ip filter INPUT")), watch(came())), ("firewall-closed",)
    ),
    State(
        "input-reject",
        (client(REJECTED), inspect(held(), drops("inet filter input", "reject", outcome="reject"))),
        ("firewall-closed",),
        alone="media-port-prohibited",
    ),
    State(
        "input-reject-as-closed",
        (client(CLOSED), inspect(held(), drops("ip filter INPUT", "REJECT", "iptables", "reject"))),
        ("firewall-closed",),
        alone="media-port-refused",
    ),
    State("ufw", (client(), inspect(held(), drops("ip filter ufw-user-input", manager="ufw"))), ("firewall-closed",)),
    State(
        "firewalld",
        (client(REJECTED), inspect(held(), drops("inet firewalld filter_IN_public", "reject", "firewalld", "reject"))),
        ("firewall-closed",),
        alone="media-port-prohibited",
    ),
    State("raw-prerouting", (client(), inspect(held(), drops("ip raw PREROUTING"))), ("firewall-closed",)),
    State(
        "forward-drop",
        (
            client(),
            inspect(PROXY, published(by="both"), drops("ip filter FORWARD", manager="docker", to="172.18.0.5:10000")),
        ),
        ("firewall-conflicts-with-docker",),
    ),
    State("output-drop", (client(), inspect(*READY), watch(came())), ("egress-closed",), ("media-refuses-check",)),
    State("output-drop-serve", (client(), inspect(*READY), watch(came(by="socket"), by="socket")), ("egress-closed",)),
    State(
        "egress-upstream",
        (client(), inspect(*READY), watch(came(answered=9))),
        ("egress-closed",),
        ("media-port-blocked-here",),
    ),
    State("cloud", (client(), inspect(*READY), watch()), ("cloud-firewall",), ("media-port-blocked-here",)),
    State(
        "cloud-two-networks",
        (client(), client(label="other", outside="192.0.2.9:1"), inspect(*READY)),
        ("cloud-firewall",),
    ),
    State(
        "cloud-by-serve",
        (client(), inspect(*READY), watch(by="socket")),
        ("cloud-firewall",),
        ("media-port-blocked-here",),
    ),
    State("cloud-rejects", (client(CLOSED), inspect(*READY)), ("cloud-firewall",), alone="media-port-refused"),
    State(
        "some-sources",
        (client(), good(), inspect(held(), drops("ip f INPUT", sources="all but 192.0.2.0/24"))),
        ("firewall-closed",),
    ),
    State("cloud-some-sources", (client(), good(), inspect(*READY)), ("media-port-blocked-here",), ("cloud-firewall",)),
    # --- the client's own side
    State(
        "blocked-here",
        (client(), good()),
        ("media-port-blocked-here",),
        ("firewall-closed", "cloud-firewall"),
    ),
    State(
        "blocked-here-watched",
        (client(), inspect(*READY), watch(came(STRANGER, answered=9))),
        ("media-port-blocked-here",),
        ("cloud-firewall",),
    ),
    State(
        "answers-blocked-here",
        (client(), good(), inspect(*READY), watch(came(answered=9))),
        ("media-port-blocked-here",),
    ),
    # --- behind a router
    State(
        "not-forwarded",
        (client(), routed(held(), INNER_OPEN), watch()),
        ("port-not-forwarded",),
        ("forwarded-elsewhere", "media-port-blocked-here"),
    ),
    State(
        "not-forwarded-two-networks",
        (client(), client(label="other", outside="192.0.2.9:1"), routed(held(), INNER_OPEN)),
        ("port-not-forwarded",),
        ("forwarded-elsewhere",),
    ),
    State(
        "wrong-target-refuses",
        (client(CLOSED), routed(held(), INNER_OPEN), watch()),
        ("forwarded-elsewhere",),
        ("port-not-forwarded",),
        "media-port-refused",
    ),
    State(
        "wrong-target-dead",
        (client(LOST), routed(held(), INNER_OPEN), watch()),
        ("forwarded-elsewhere",),
        alone="media-port-prohibited",
    ),
    State(
        "wrong-port",
        (client(), routed(held(), INNER_OPEN), watch(came(local=f"{INNER}:10001"))),
        ("forwarded-elsewhere",),
    ),
    State(
        "wrong-protocol",
        (
            client(),
            routed(held(), INNER_OPEN),
            watch(came(local=AT_INNER, proto="tcp", what="connection")),
        ),
        ("port-not-forwarded",),
    ),
    State("routed-input-drop", (client(), routed(held(), drops("inet f input", at=INNER))), ("firewall-closed",)),
    State("routed-closed", (client(), routed(INNER_OPEN)), ("not-listening",), ("vantages-disagree",)),
    State("routed-loopback", (client(), routed(held("127.0.0.1"), INNER_OPEN)), ("loopback-only",)),
    State("hairpin", (client(outside=INSIDE, label="inside"), good()), ("hairpin-missing",)),
    State(
        "hairpin-watched",
        (client(outside=INSIDE), routed(held(), INNER_OPEN), watch(came(STRANGER, AT_INNER, 9))),
        ("hairpin-missing",),
    ),
    State(
        "inside-alone",
        (client(outside=INSIDE), routed(held(), INNER_OPEN), watch()),
        ("hairpin-missing",),
        ("port-not-forwarded",),
    ),
    # --- a cloud that maps the address one to one
    State("one-to-one", (good(), routed(held(), INNER_OPEN, CLOUD)), (), alone=None),
    State(
        "one-to-one-closed",
        (client(), routed(held(), INNER_OPEN, CLOUD), watch()),
        ("cloud-firewall",),
        ("media-port-blocked-here",),
    ),
    State(
        "one-to-one-own-filter", (client(), routed(held(), drops("ip f INPUT", at=INNER), CLOUD)), ("firewall-closed",)
    ),
    # --- addresses and times
    State(
        "mapping-wrong",
        (
            client(Candidate(endpoint=MEDIA, transport="udp"), TCP, silent(), target=PAGE),
            inspect(held(process="java"), OPEN, at=ELSEWHERE),
        ),
        ("advertised-not-public",),
    ),
    State("name-elsewhere", (client(), inspect(*READY, at=ELSEWHERE)), ("vantages-disagree",)),
    State("another-server", (good(), inspect(OPEN)), ("vantages-disagree",), alone=None),
    State(
        "hours-apart",
        (client(), inspect(*READY), watch(started=EARLIER)),
        ("media-port-silent", "vantages-disagree"),
        ("media-port-blocked-here", "cloud-firewall"),
    ),
    # --- what stays open
    State(
        "nobody-watched",
        (client(), inspect(*READY)),
        ("media-port-silent",),
        ("media-port-blocked-here", "cloud-firewall"),
    ),
    State(
        "nobody-watched-routed",
        (client(), routed(held(), INNER_OPEN)),
        ("media-port-silent",),
        ("media-port-blocked-here", "port-not-forwarded"),
    ),
    State(
        "filter-unseen",
        (client(), inspect(held())),
        ("media-port-silent",),
        ("media-port-blocked-here", "firewall-closed", "cloud-firewall"),
    ),
    State(
        "several-networks",
        (client(), client(label="other", outside="192.0.2.9:1")),
        ("media-port-silent",),
        ("firewall-closed", "cloud-firewall", "port-not-forwarded", "not-listening"),
    ),
    State("healthy", (good(), inspect(*READY), watch(came("192.0.2.5:4000", answered=9))), (), alone=None),
)


# --- their diagnosis


def saved(given: Given) -> tuple[str, Saved]:
    """The report as it is read from its file."""
    vantage: Any = "client" if given.kind == "check" else "server"
    source = Source(vantage=vantage, started=given.started, duration=SOURCE.duration, natprobe="0.1.0")
    begun = Run(version="0.1.0", started=given.started)
    return given.label, Saved(given.target, (source,), tuple(numbered(begun, *given.facts)))


def together(given: Sequence[Given]) -> Report:
    """The merged diagnosis."""
    found = merge([saved(each) for each in given])
    return diagnose(found.target, found.observations, found.sources)


def without(given: Sequence[Given], *kinds: Kind) -> list[Given]:
    """The reports but for these."""
    return [each for each in given if each.kind not in kinds]
