"""Relays that work, and relays that don't: told, in time, and given back."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from natprobe.cli.access import Access
from natprobe.derive import FULL_SIZE
from natprobe.diagnose import diagnose
from natprobe.facts import Allocation, Connected, Facts, Permission, Relayed, TlsSession, TurnServer
from natprobe.model import Failure
from natprobe.probes.turn import _servers
from natprobe.target import parse, turn_server
from tests import access
from tests.case import Network, Relay
from tests.lab import check
from tests.lab.build import Lab
from tests.lab.client import lab_of
from tests.lab.sockets import LabUdp
from tests.netns import addresses as at
from tests.probes.relaying import ALICE, HEALTHY, NAME, PROBES, TARGETS, allocation, asked, but, took
from tests.probes.seen import of, seen


class TestWhatWorks:
    @pytest.mark.parametrize("transport", TARGETS)
    def test_allocated_permitted_and_through(self, transport: str) -> None:
        lab = lab_of(relay=HEALTHY)
        found = asked(lab, TARGETS[transport])
        one = allocation(found)
        assert (one.failure, one.transport, one.challenged, one.authenticated) == (None, transport, True, True)
        assert (one.realm, one.software, one.signed, one.lifetime) == (access.REALM, "Coturn-4.6.1 'Gorst'", True, 600)
        assert one.local is not None
        assert one.mapped == one.local.replace(at.LAN_CLIENT, "198.51.100.7")
        assert one.relayed is not None
        assert one.relayed.startswith(f"{at.RELAY}:")
        assert [each.failure for each in of(found, Permission)] == [None] * 3
        passed = of(found, Relayed)
        assert {(each.by, each.direction, each.size >= FULL_SIZE) for each in passed} == {
            (by, direction, large)
            for by, direction in (("stun", "both"), ("own-socket", "in"), ("own-socket", "out"))
            for large in (False, True)
        }
        assert {each.failure for each in passed} == {None}
        assert {each.seen_from for each in passed if each.direction != "in"} == {one.relayed}
        assert {each.flow for each in (*passed, one)} == {one.flow}

    @pytest.mark.parametrize("transport", TARGETS)
    def test_it_is_quick_and_gives_back(self, transport: str) -> None:
        lab = lab_of(relay=HEALTHY)
        _, seconds = took(lab, TARGETS[transport])
        assert seconds < 0.5
        assert lab.relay is not None
        assert len(lab.relay.clients) >= 1
        assert lab.relay.allocations == []

    def test_tls_shows_its_certificate(self) -> None:
        found = asked(lab_of(relay=HEALTHY), TARGETS["tls"])
        assert [(each.verified, each.alpn, each.name) for each in of(found, TlsSession)] == [(True, None, NAME)]
        assert len(of(found, Connected, "turn")) == 1

    def test_a_shared_secret_makes_credentials(self) -> None:
        lab = lab_of(relay=Relay(runs=True, access="secret"))
        found = asked(lab, TARGETS["udp"], Access(secret=access.SECRET))
        assert allocation(found).failure is None
        assert {each.access for each in of(found, TurnServer)} == {"secret"}

    def test_over_ipv6_an_ipv4_address_is_asked_for_as_browsers_do(self) -> None:
        lab = lab_of(relay=HEALTHY, network=Network(ipv6="works"))
        found = asked(lab, f"turn:[{at.RELAY6}]")
        one = allocation(found)
        assert (one.failure, one.relay) == (None, 4)
        assert one.relayed is not None
        assert one.relayed.startswith(f"{at.RELAY}:")
        assert {each.failure for each in of(found, Relayed)} == {None}
        assert {each.by for each in of(found, Relayed)} == {"stun", "own-socket"}

    @pytest.mark.parametrize("seed", range(4))
    def test_behind_a_nat_with_several_addresses(self, seed: int) -> None:
        """A socket of ours may be seen under another address than the one that is permitted: no size is to blame."""
        lab = lab_of(seed, relay=HEALTHY, network=Network(pool=3))
        found = check.session(lab, TARGETS["udp"], access=ALICE)
        report = diagnose(parse(TARGETS["udp"]).target, found.observations, [found.source])
        assert {each.name: each.status for each in report.paths}["turn-udp"] == "open"

    def test_every_server_of_the_options_once(self) -> None:
        lab = lab_of(relay=HEALTHY)
        more = tuple(map(turn_server, (TARGETS["tcp"], TARGETS["udp"], TARGETS["tcp"])))
        found = seen(lab, TARGETS["udp"], PROBES, access=ALICE, turn=more)
        assert sorted(each.transport for each in of(found, Allocation)) == ["tcp", "udp"]

    def test_who_named_it_first_counts(self) -> None:
        one = TurnServer(host=NAME, address=at.RELAY, port=3478, transport="udp", origin="target")
        other = msgspec.structs.replace(one, port=3479, origin="srv")
        facts = Facts(parse(TARGETS["udp"]).target, [one, other, msgspec.structs.replace(one, origin="option")])
        lab = lab_of()
        context = check.prepared(lab, parse(TARGETS["udp"]), check.usual(lab))._context
        assert _servers(context, facts) == [one, other]


class TestWhatDoesNot:
    @pytest.mark.parametrize(("transport", "tries"), [("udp", 9), ("tcp", 3), ("tls", 3), ("dtls", 9)])
    def test_silence_is_a_fact_within_three_seconds(self, transport: str, tries: int) -> None:
        lab = lab_of(relay=but(udp="drop", tcp="drop"))
        found, seconds = took(lab, TARGETS[transport])
        assert (allocation(found).failure, allocation(found).tries) == (Failure.TIMEOUT, tries)
        assert 2.4 < seconds < 3.0

    @pytest.mark.parametrize("transport", TARGETS)
    def test_refused_is_known_at_once(self, transport: str) -> None:
        lab = lab_of(relay=but(udp="refused", tcp="refused"))
        found = asked(lab, TARGETS[transport])
        wanted = Failure.REFUSED if transport in ("tcp", "tls") else Failure.PORT_UNREACHABLE
        one = allocation(found)
        assert one.failure is wanted
        assert one.duration_ms is not None
        assert one.duration_ms <= 50

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_wrong_credentials(self, transport: str) -> None:
        found = asked(lab_of(relay=HEALTHY), TARGETS[transport], Access(username=access.USER, password="wrong"))
        one = allocation(found)
        assert (one.failure, one.error_code, one.authenticated) == (Failure.UNAUTHORIZED, 401, True)
        assert not of(found, Permission)

    def test_without_credentials_it_is_alive_and_guarded(self) -> None:
        one = allocation(asked(lab_of(relay=HEALTHY), TARGETS["udp"], Access()))
        assert (one.failure, one.challenged, one.authenticated) == (Failure.UNAUTHORIZED, True, False)

    @pytest.mark.parametrize(("state", "code"), [("full", 508), ("no-udp-relay", 442), ("realm-missing", 401)])
    def test_refusals_have_their_code(self, state: str, code: int) -> None:
        found, seconds = took(lab_of(relay=but(state=state)), TARGETS["udp"])
        assert allocation(found).error_code == code
        assert seconds < 0.5

    def test_a_private_relayed_address_is_not_knocked_at(self) -> None:
        lab = lab_of(relay=but(external="private"))
        found = asked(lab, TARGETS["udp"])
        assert {each.by for each in of(found, Relayed)} == {"stun"}
        assert not [each for each in lab.network.log if each.packet.destination[0] == at.RELAY_INSIDE]

    @pytest.mark.parametrize("kind", ["expired", "self-signed", "wrong-name"])
    @pytest.mark.parametrize("transport", ["tls", "dtls"])
    def test_nothing_is_asked_behind_a_certificate_that_is_refused(self, transport: str, kind: str) -> None:
        lab = lab_of(relay=but(tls=kind))
        assert allocation(asked(lab, TARGETS[transport])).failure is Failure.TLS_CERTIFICATE
        assert lab.relay is not None
        assert not [each for each in lab.relay.clients.values() if each.server.seen]

    def test_unless_the_user_does_not_mind(self) -> None:
        lab = lab_of(relay=but(tls="expired"))
        found = seen(lab, TARGETS["tls"], PROBES, access=ALICE, insecure=True)
        assert allocation(found).failure is None


class TestTheAllocationIsGivenBack:
    @pytest.mark.parametrize("transport", TARGETS)
    @pytest.mark.parametrize("after", [0.04, 0.07, 0.1, 0.13, 0.16, 0.2, 0.3])
    def test_whenever_it_is_interrupted(self, transport: str, after: float) -> None:
        lab = lab_of(relay=but(range="closed"))
        seconds = interrupted(lab, TARGETS[transport], after)
        assert lab.relay is not None
        assert lab.relay.allocations == []
        assert seconds < 1.0

    def test_also_where_its_last_answer_is_lost(self) -> None:
        """Nothing comes back any more: what is left of the relay is asked to go, thrice, within a second."""
        lab = lab_of(relay=but(range="closed"))
        assert lab.relay is not None
        tell = LabUdp.send
        heard: list[bytes] = []

        def mute(udp: LabUdp, data: bytes, to: tuple[str, int], ttl: int | None = None) -> None:
            if udp.local == (at.RELAY, at.TURN_PORT) and lab.clock.now > began + 0.5:
                heard.append(data)
                return
            tell(udp, data, to, ttl)

        began = lab.clock.now
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(LabUdp, "send", mute)
            assert interrupted(lab, TARGETS["udp"], 0.6) < 1.0
        assert len(heard) == 3
        assert lab.relay.allocations == []

    def test_a_relay_that_was_never_heard_is_not_waited_for(self) -> None:
        lab = lab_of(relay=but(udp="drop"))
        assert interrupted(lab, TARGETS["udp"], 0.5) == 0.0


def interrupted(lab: Lab, target: str, after: float) -> float:
    """A run that is cancelled so long after it began; how long it took to end."""
    session, ended = check.prepared(lab, parse(target), check.usual(lab, ALICE), ALICE), []

    async def cut() -> None:
        run = asyncio.create_task(session.go(PROBES))
        await asyncio.sleep(after)
        began = lab.clock.now
        run.cancel()
        await asyncio.wait([run])
        ended.append(lab.clock.now - began)
        await asyncio.sleep(1.0)  # what is on its way arrives

    lab.clock.run(cut())
    return ended[0]
