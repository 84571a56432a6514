"""Every kind of Observation, and Facts: the language that probes, rules and saved reports share.

An observation is raw: who said what to which socket. Whether that means that UDP is blocked is derive's
business, so that tomorrow's rules can judge today's report. The kinds stand in this folder by what they are about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, get_args

from natprobe.facts.arrival import Arrived, Watched
from natprobe.facts.config import CertificateFile, ConfigFile, Program, Setting
from natprobe.facts.firewall import PacketFilter, Passage
from natprobe.facts.host import AddressClass, BindTry, DefaultRoute, LocalAddress, Platform, SourceAddress
from natprobe.facts.ice import Candidate, IceCheck, IceEnded, MediaHandshake, PathBurst, PathHeld
from natprobe.facts.janus import (
    CascadeFlow,
    CascadeRelay,
    CascadeRequest,
    JanusCall,
    JanusDoor,
    JanusEnd,
    JanusInfo,
    MediaEcho,
)
from natprobe.facts.jitsi import (
    BridgeChannel,
    ConferenceReply,
    JitsiConfig,
    PoolCheck,
    PseudoTls,
    RoomEntry,
    Service,
    Services,
    SessionOffer,
    SignallingIdle,
    SignIn,
)
from natprobe.facts.listening import Expected, Listening, OwnExchange, PortTry, Published, Sockets
from natprobe.facts.names import NaptrAnswer, NaptrRecord, Resolved, SrvAnswer, SrvRecord
from natprobe.facts.proxy import IdleTunnel, ProxyChoice, ProxyScript, ProxySetting, ProxySource, SocksUdp, Tunnel
from natprobe.facts.quality import Marked, PathRate
from natprobe.facts.raw import Answerer, Quote, RawAccess
from natprobe.facts.run import INTERRUPTED, RUN_LIMIT, TORN, Probed, Run
from natprobe.facts.size import PathSize, TlsHello
from natprobe.facts.stun import (
    Binding,
    FilteringTest,
    Hairpin,
    Hop,
    IdleMapping,
    Opening,
    Origin,
    OtherPayload,
    RouterAnswer,
    Stray,
    StunServer,
    Transport,
)
from natprobe.facts.trace import HopName, Trail, TrailHop
from natprobe.facts.turn import Allocation, Permission, RelayBurst, Relayed, TurnServer
from natprobe.facts.web import Certificate, Connected, HttpReply, TlsSession
from natprobe.model import Failure, Kind, Observation, Source, Target, Vantage

__all__ = [
    "INTERRUPTED",
    "KINDS",
    "RUN_LIMIT",
    "TORN",
    "AddressClass",
    "Allocation",
    "Answerer",
    "Arrived",
    "BindTry",
    "Binding",
    "BridgeChannel",
    "Candidate",
    "CascadeFlow",
    "CascadeRelay",
    "CascadeRequest",
    "Certificate",
    "CertificateFile",
    "ConferenceReply",
    "ConfigFile",
    "Connected",
    "DefaultRoute",
    "Expected",
    "Facts",
    "FilteringTest",
    "Hairpin",
    "Hop",
    "HopName",
    "HttpReply",
    "IceCheck",
    "IceEnded",
    "IdleMapping",
    "IdleTunnel",
    "JanusCall",
    "JanusDoor",
    "JanusEnd",
    "JanusInfo",
    "JitsiConfig",
    "Known",
    "Listening",
    "LocalAddress",
    "Marked",
    "MediaEcho",
    "MediaHandshake",
    "NaptrAnswer",
    "NaptrRecord",
    "Opening",
    "Origin",
    "OtherPayload",
    "OwnExchange",
    "PacketFilter",
    "Passage",
    "PathBurst",
    "PathHeld",
    "PathRate",
    "PathSize",
    "Permission",
    "Platform",
    "PoolCheck",
    "PortTry",
    "Probed",
    "Program",
    "ProxyChoice",
    "ProxyScript",
    "ProxySetting",
    "ProxySource",
    "PseudoTls",
    "Published",
    "Quote",
    "RawAccess",
    "RelayBurst",
    "Relayed",
    "Resolved",
    "RoomEntry",
    "RouterAnswer",
    "Run",
    "Service",
    "Services",
    "SessionOffer",
    "Setting",
    "SignIn",
    "SignallingIdle",
    "Sockets",
    "SocksUdp",
    "SourceAddress",
    "SrvAnswer",
    "SrvRecord",
    "Stray",
    "StunServer",
    "TlsHello",
    "TlsSession",
    "Trail",
    "TrailHop",
    "Transport",
    "Tunnel",
    "TurnServer",
    "Watched",
    "ids",
    "server_kind",
]

Known = (
    Run
    | Probed
    | LocalAddress
    | DefaultRoute
    | SourceAddress
    | ProxySetting
    | ProxyScript
    | ProxyChoice
    | Resolved
    | SrvAnswer
    | NaptrAnswer
    | StunServer
    | Candidate
    | Connected
    | TlsSession
    | Certificate
    | HttpReply
    | Binding
    | FilteringTest
    | Stray
    | Hairpin
    | IdleMapping
    | Hop
    | RouterAnswer
    | Opening
    | OtherPayload
    | Trail
    | HopName
    | RawAccess
    | Quote
    | Answerer
    | TurnServer
    | Allocation
    | Permission
    | Relayed
    | RelayBurst
    | Tunnel
    | IdleTunnel
    | SocksUdp
    | IceCheck
    | IceEnded
    | MediaHandshake
    | PathBurst
    | PathRate
    | Marked
    | PathHeld
    | PathSize
    | TlsHello
    | JitsiConfig
    | SignIn
    | SignallingIdle
    | Services
    | ConferenceReply
    | RoomEntry
    | SessionOffer
    | PoolCheck
    | BridgeChannel
    | PseudoTls
    | JanusDoor
    | JanusInfo
    | JanusCall
    | JanusEnd
    | MediaEcho
    | CascadeRelay
    | CascadeRequest
    | CascadeFlow
    | BindTry
    | Platform
    | Sockets
    | Listening
    | Published
    | Expected
    | PortTry
    | OwnExchange
    | ConfigFile
    | Setting
    | CertificateFile
    | Program
    | PacketFilter
    | Passage
    | Watched
    | Arrived
)
KINDS: dict[str, type[Observation]] = {kind.__name__: kind for kind in get_args(Known)}

K = TypeVar("K", bound=Observation)
T = TypeVar("T")


class Facts:
    """The observations so far and the target: all that a rule may look at. `source`: of a finished report's vantage,
    its label and when it was.
    """

    def __init__(
        self,
        target: Target,
        observations: Sequence[Observation],
        vantage: Vantage = "client",
        source: Source | None = None,
    ) -> None:
        self.target, self.vantage, self.source = target, vantage, source
        self._by_kind: dict[type[Observation], list[Observation]] = {}
        self._derived: dict[tuple[Any, ...], Any] = {}
        for observation in observations:
            self.add(observation)

    def add(self, observation: Observation) -> None:
        """One more fact, at the end."""
        self._by_kind.setdefault(type(observation), []).append(observation)
        self._derived.clear()

    def once(self, derived: Callable[..., T], *of: object) -> T:
        """What follows from these facts, worked out once for each `of`, and anew where a fact was added. For what many
        rules ask; nobody changes what they get.
        """
        key = (derived, *of)
        if key not in self._derived:
            self._derived[key] = derived(self, *of)
        return self._derived[key]  # type: ignore[no-any-return]  # what `derived` gave

    def of(self, kind: type[K], keep: Callable[[K], bool] | None = None) -> list[K]:
        """All observations of this kind, worked or not, in order; those that `keep` wants."""
        found: list[K] = self._by_kind.get(kind, [])  # type: ignore[assignment]  # keyed by the very type
        return [each for each in found if keep is None or keep(each)]

    def ok(self, kind: type[K], keep: Callable[[K], bool] | None = None) -> list[K]:
        """Those that worked."""
        return [each for each in self.of(kind, keep) if each.failure is None]

    def failed(self, kind: type[K], *failures: Failure) -> list[K]:
        """Those that failed: in one of these ways, or in any."""
        return [
            each for each in self.of(kind) if each.failure is not None and (not failures or each.failure in failures)
        ]

    def probe(self, name: str) -> Probed | None:
        """How this probe ended, or None when it never began."""
        return next(iter(self.of(Probed, lambda each: each.probe == name)), None)


def ids(*groups: Observation | Sequence[Observation]) -> tuple[int, ...]:
    """The evidence: the ids of these observations, each once, in order."""
    found: set[int] = set()
    for group in groups:
        found |= {group.id} if isinstance(group, Observation) else {each.id for each in group}
    return tuple(sorted(found))


def server_kind(facts: Facts) -> Kind:
    """What the server is: what the user said, else what its pages say of it, or what answers at Janus's ports."""
    if facts.target.kind != "auto":
        return facts.target.kind
    marks = {mark for reply in facts.ok(HttpReply) for mark in reply.says}
    if "jitsi" in marks:
        return "jitsi"
    answers = any(each.reached == "answer" for each in facts.of(JanusDoor))
    return "janus" if "janus" in marks or answers else "auto"
