"""What a probe gets beside the facts: target, options, network, host, and a drawer for what is secret or alive."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from natprobe.addresses import address_class
from natprobe.facts import Expected, Facts
from natprobe.host.api import Host
from natprobe.host.machine import Machine
from natprobe.model import Data, Family, Observation, Target, family
from natprobe.net.api import Net, Stream
from natprobe.proxy import Proxy

T = TypeVar("T")

# How long mappings and signalling may be left idle (seconds); less tells nothing that a round trip wouldn't.
IDLE_MIN, IDLE_MAX = 2.0, 600.0
# How long a session may be watched (--hold, in seconds): consent is asked for every five or so (RFC 7675 section 5.1),
# and a permission on a relay lasts five minutes.
HOLD_MIN, HOLD_MAX = 5.0, 300.0
# How many conferences may be asked for (--sessions).
SESSIONS_MAX = 8
# How many other Janus servers publishers may be forwarded to (--cascade).
CASCADE_MAX = 4
# How many addresses a server may be asked whether it can bind them (--iface of inspect).
IFACES_MAX = 8
# How many ports may be expected (--expect), folders and files named, and names of the server's own (--name).
EXPECTED_MAX, FILES_MAX, NAMES_MAX = 1000, 100, 16
# What relays may be tried with (--bitrate), in bits per second.
BITRATE_MIN, BITRATE_MAX = 32_000, 20_000_000
# Packets of a train on one way, one each 20 ms: as many as are no guess, and ten seconds' and twenty's. A guest sends
# few: so many ways have one at most.
PACKETS, PACKETS_MAX, TRAINS_MAX = 20, 1000, 8


class Cascade(Data, frozen=True, kw_only=True):
    """One `--cascade`: a Janus, the address that it is to bind there (`iface`), and where the target is to send to."""

    relay: Target
    iface: str | None = None
    address: str | None = None
    port: int | None = None


class Options(Data, frozen=True, kw_only=True):
    """The options of commands that probes read. `stun` None: the public control servers; empty: none at all.
    `idle`: how many seconds mappings, and signalling, are left idle to see whether they survive; 0: not tried.
    `bitrate`: bits per second to try relays and `natprobe serve` with, 0: none; `compare`: whether all ways are
    measured beside each other; `packets`: how many on each way;
    `trace`: whether the way to the media server is followed though nothing fails on it;
    `audit_relay`: whether inner addresses are asked for.
    `shallow`: no session is accepted; `deep`: one on every path that passed a check; `hold`: how many seconds the
    accepted one is watched, 0: not at all; `sessions`: how many conferences are asked for, to meet more bridges.
    `join`: whether a room may be entered; `media_addresses`: where the media server is tried besides; `login`: how to
    sign in, the secrets of which lie in the drawer. `tenant`: the path before the room in a pasted link.
    `cascade`: where a Janus's publishers are to be forwarded to; `apply`: whether that is tried in rooms of ours.
    `ifaces`: of `inspect`, the addresses and interfaces that this machine is to bind.
    `expected`: of `inspect`, the ports that are to be there; `files`: where configuration is looked for instead of the
    usual places; `names`: under which names the server is known outside.
    `proxy`: the one that a browser would be set to, or what its settings say (`auto`), or none; `guess_proxy`: whether
    the network is asked for one where nothing is set.

    `sources`: this machine's addresses to send from, empty for all; `families` are those of the sources then.
    """

    timeout: float = 20.0
    families: tuple[Family, ...] = (4, 6)
    sources: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    stun: tuple[Target, ...] | None = None
    turn: tuple[Target, ...] = ()
    turn_access: Literal["none", "password", "secret"] = "none"
    idle: float = 0.0
    bitrate: int = 0
    compare: bool = False
    packets: int = PACKETS
    trace: bool = False
    audit_relay: bool = False
    shallow: bool = False
    deep: bool = False
    hold: float = 0.0
    sessions: int = 1
    tenant: str = ""
    join: bool = True
    media_addresses: tuple[str, ...] = ()
    login: Literal["anonymous", "token", "password"] = "anonymous"
    cascade: tuple[Cascade, ...] = ()
    apply: bool = False
    ifaces: tuple[str, ...] = ()
    expected: tuple[Expected, ...] = ()
    files: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    proxy: Literal["auto", "none"] | Proxy = "auto"
    guess_proxy: bool = False
    insecure: bool = False
    ca_pem: str | None = None

    def wants(self, probe: str) -> bool:
        """Whether the user lets it run."""
        return probe not in self.skip and (not self.only or probe in self.only)


# The drawer's key of the credentials for relays that bring none of their own.
RELAY_ACCESS = "turn"
# Of the Login for signalling, and of the name of the room to enter where the user gave one.
SIGN_IN = "login"
ROOM = "room"
# Of the Access to a proxy (natprobe.pairing.ProxyAccess), under PROXY_ACCESS + its `shown`, or PROXY_ACCESS for any.
PROXY_ACCESS = "proxy-access/"
# Of the credentials that a pasted token gives, those of a `natprobe serve`; its candidates' session too.
PEER_SESSION = "serve"
# Of the word by which `natprobe serve` tells this run's packets from others (facts.Run.session).
_SESSION_WORD = "session-word"
# Of the JanusAccess for Janus's API.
JANUS_ACCESS = "janus-access"


class Closable(Protocol):
    """Something alive."""

    async def aclose(self) -> None:
        """Says goodbye to the other side and ends; may be cancelled."""


class Keep:
    """A typed drawer for what is no fact: credentials, sessions, sockets. Never serialised; its repr says nothing."""

    def __init__(self) -> None:
        self._things: dict[str, object] = {}

    def put(self, key: str, thing: object) -> str:
        """Keeps it, and gives the key back, which an observation may carry."""
        self._things[key] = thing
        return key

    def get(self, key: str, kind: type[T]) -> T | None:
        """What lies under this key, if it is of that kind."""
        thing = self._things.get(key)
        return thing if isinstance(thing, kind) else None

    def all(self, kind: type[T]) -> list[T]:
        """Everything of that kind, in the order in which it was put there."""
        return [thing for thing in self._things.values() if isinstance(thing, kind)]

    def close(self) -> list[Closable]:
        """Empties the drawer: what is alive, last in first out."""
        things: list[Any] = [thing for thing in reversed(self._things.values()) if hasattr(thing, "aclose")]
        self._things.clear()
        return things

    def __repr__(self) -> str:
        return "Keep()"


@dataclass(frozen=True, kw_only=True)
class Context:
    """The first argument of every probe. `random` is the run's only source of chance; `unix_time` its time of day.

    `machine`: the server that is inspected; None: none is.
    """

    target: Target
    options: Options
    net: Net
    host: Host
    random: random.Random
    unix_time: float
    machine: Machine | None = None
    keep: Keep = field(default_factory=Keep)

    async def tcp(self, remote: tuple[str, int], local: str | None = None, *, segment: int | None = None) -> Stream:
        """A connection from `local`, or as `--source` wants it, else from where the system likes. Raises OSError.
        `segment` as api.Net has it.

        Of an interface's addresses a link-local one reaches only others of its kind.
        """
        if local is not None:
            return await self.net.tcp(remote, local, segment=segment)
        fitting = [each for each in self.options.sources if family(each) == family(remote[0])]
        near = _link_local(remote[0])
        local = min(fitting, key=lambda each: _link_local(each) is not near, default=None)
        return await self.net.tcp(remote, local, segment=segment)

    def session_word(self) -> str:
        """Our user fragment in checks: random, and the same in all of a run (RFC 8839 section 5.4)."""
        word = self.keep.get(_SESSION_WORD, str)
        if word is None:
            word = f"{self.random.getrandbits(32):08x}"
            self.keep.put(_SESSION_WORD, word)
        return word

    def transaction_id(self) -> bytes:
        """A STUN transaction id (RFC 8489 section 5: 96 bits, hard to guess)."""
        return self.random.randbytes(12)


def _link_local(address: str) -> bool:
    return address_class(address) == "link-local"


class Probe(Protocol):
    """A module of natprobe/probes."""

    REQUIRES: tuple[type[Observation], ...]
    TAKES: tuple[type[Observation], ...]
    YIELDS: tuple[type[Observation], ...]
    TIMEOUT: float
    probe: Callable[[Context, Facts], AsyncIterator[Observation]]
