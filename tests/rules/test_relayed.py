"""What came through a relay, on facts made by hand: its address, its silence, sizes, and what is open to anybody."""

from __future__ import annotations

import msgspec
import pytest

from natprobe.facts import Service
from natprobe.model import Allow, Failure, Observation, Set, Severity
from natprobe.rules import CLEAR, NOT_APPLICABLE
from tests.made import (
    LOCAL6,
    MEDIA,
    MEDIA6,
    OUTSIDE,
    RELAY_HOST,
    RELAY_TLS,
    RELAYED,
    STUN1,
    STUN1_6,
    STUN2,
    TIMEOUT,
    TURN,
    WEB6,
    address,
    allocated,
    checked,
    doubt,
    found,
    judged,
    ours,
    permitted,
    refused,
    relay,
    report,
    route,
    saw,
    silent,
    through,
    unallocated,
    unheard,
)
from tests.made_jitsi import INNER as INNER_MEDIA
from tests.made_jitsi import JITSI, candidate, config, forced, jitsi, services, socket
from tests.made_relays import (
    ELSEWHERE,
    INNER,
    NAME,
    PASSES,
    causes,
    closed_range,
    healthy,
    verdict,
    ways,
)


class TestAddress:
    def fix(self, *observations: Observation) -> tuple[str, str]:
        only = found("turn-relay-address-wrong", relay(), *observations, target=TURN)
        (setting,) = [each for each in only.fixes if isinstance(each, Set)]
        assert setting.file == "/etc/turnserver.conf"
        assert setting.after == "systemctl restart coturn"
        return setting.key, setting.value

    def test_behind_a_nat(self) -> None:
        inner = allocated(relayed=INNER)
        assert self.fix(inner) == ("external-ip", "203.0.113.40/10.0.0.40")
        assert self.fix(inner, through(seen_from="203.0.113.41:50000", leg=inner))[1] == "203.0.113.41/10.0.0.40"

    def test_what_peers_see(self) -> None:
        assert self.fix(allocated(), through(seen_from=ELSEWHERE)) == ("external-ip", "203.0.113.99")

    @pytest.mark.parametrize(
        "seen",
        [
            (allocated(), through(seen_from=ELSEWHERE), through(STUN2)),  # one server's word against another's
            (allocated(), through(seen_from=ELSEWHERE), ours("in")),  # what was sent to it arrived
            (allocated(), through(seen_from="203.0.113.40:1024")),  # another port: a NAT's, and peers reach it
            (allocated(server="10.0.0.40:3478", relayed=INNER),),  # a relay for an inner network
            (allocated(server="[2001:db8:f::40]:3478"),),  # IPv4 through IPv6
            (allocated(server="10.0.0.40:3478"),),  # asked inside for its outside address
        ],
    )
    def test_what_is_right(self, seen: tuple[Observation, ...]) -> None:
        assert judged("turn-relay-address-wrong", *seen, target=TURN) is CLEAR

    def test_it_blocks_though_data_came_back(self) -> None:
        assert ways(allocated(), through(seen_from=ELSEWHERE)) == [("blocked", "relay-address-wrong")]


class TestThrough:
    def test_silence_of_two_living_peers(self) -> None:
        only = found("turn-relay-silent", *PASSES, *closed_range(), target=TURN)
        assert [(each.proto, each.ports) for each in only.fixes if isinstance(each, Allow)] == [
            ("udp", ("49152-65535",))
        ]

    def test_a_server_and_our_own_socket(self) -> None:
        own = ours("in", failure=TIMEOUT)
        seen = (allocated(), permitted(), through(seen_from=None), own)
        assert found("turn-relay-silent", *PASSES, *seen, target=TURN)
        alone = (allocated(), permitted(OUTSIDE), own)
        assert doubt("turn-relay-silent", *PASSES, *alone, target=TURN) == "peer-unreached"
        both = (ours("in", failure=TIMEOUT), ours("out", failure=TIMEOUT))
        assert doubt("turn-relay-silent", *PASSES, allocated(), *both, target=TURN) == "peer-unreached"

    @pytest.mark.parametrize(
        "controls",
        [
            (),
            (saw(STUN1),),
            (unheard(STUN1, 9), unheard(STUN2, 9)),
            (saw(STUN1, transport="tcp"), saw(STUN2, transport="tcp")),  # alive, but who knows over UDP
        ],
    )
    def test_peers_that_may_be_dead(self, controls: tuple[Observation, ...]) -> None:
        assert doubt("turn-relay-silent", *controls, *closed_range(), target=TURN) == "peer-unreached"
        assert ways(*controls, *closed_range()) == [("unknown", "peer-unreached")]

    def test_where_the_media_server_answered_nothing_is_open(self) -> None:
        alone = (allocated(), permitted(OUTSIDE), ours("in", failure=TIMEOUT))
        through_it = checked(relayed=allocated().relayed)
        assert judged("turn-relay-silent", *PASSES, *alone, through_it, target=TURN) is CLEAR

    def test_eight_tries_are_too_few(self) -> None:
        few = [through(peer, None, tries=8) for peer in (STUN1, STUN2)]
        assert doubt("turn-relay-silent", *PASSES, allocated(), *few, target=TURN) == "peer-unreached"

    def test_large_ones_alone_do_not_count(self) -> None:
        large = [through(peer, None, size=1200) for peer in (STUN1, STUN2)]
        assert ways(*PASSES, allocated(), *large) == [("unknown", "peer-unreached")]

    def test_an_error_from_the_peer_came_through(self) -> None:
        assert ways(allocated(), through(seen_from=None, failure=Failure.ERROR_RESPONSE)) == [("open", None)]

    @pytest.mark.parametrize(("codes", "reason"), [((403, 403), "peers-forbidden"), ((403, None), "peer-unreached")])
    def test_forbidden_peers(self, codes: tuple[int | None, ...], reason: str) -> None:
        seen = (allocated(), *[permitted(code=code) for code in codes])
        assert ways(*seen) == [("unknown", reason)]
        assert verdict(*seen) == "unknown"

    def test_which_cannot_tell_of_the_media_server(self) -> None:
        seen = (allocated(), permitted(code=403))
        assert doubt("turn-peer-forbidden", *seen, target=TURN) == "peers-forbidden"
        assert judged("turn-peer-forbidden", *healthy(), target=TURN) is NOT_APPLICABLE
        assert causes(*seen) == []


class TestFullSize:
    def test_a_server_that_leaves_long_requests_unanswered(self) -> None:
        assert ways(allocated(), through(), through(seen_from=None, size=1200)) == [("open", None)]

    def test_lost_to_our_own_socket(self) -> None:
        lost = ours("in", 1200, failure=TIMEOUT)
        assert ways(allocated(), through(), ours("in"), lost) == [("blocked", "large-packets-lost")]
        few = ours("in", 1200, failure=TIMEOUT, tries=5)
        assert ways(allocated(), through(), ours("in"), few) == [("unknown", "large-packets-unsure")]
        assert ways(allocated(), through(), ours("in", failure=TIMEOUT), lost) == [("open", None)]  # not the size

    def test_over_a_stream_it_may_be_the_other_half(self) -> None:
        leg = allocated("tls", RELAY_TLS)
        lost = ours("in", 1200, leg, failure=TIMEOUT)
        assert ways(leg, through(leg=leg), lost) == [("open", None)]


class TestOpenRelay:
    LEG = (allocated(challenged=False, authenticated=False, realm=None),)

    def test_it_stays_an_error(self) -> None:
        made = report(NAME, *PASSES, *self.LEG, permitted(), through(), target=TURN)
        assert [(each.cause, each.severity) for each in made.findings] == [("turn-open-relay", "error")]
        assert made.verdict.status == "good"

    def test_credentials_that_nobody_asked_for(self) -> None:
        assert found("turn-open-relay", relay(), *self.LEG, target=TURN)

    def test_one_that_forbids_every_peer(self) -> None:
        assert judged("turn-open-relay", *self.LEG, permitted(code=403), target=TURN) is CLEAR

    def test_the_fix_leaves_one_kind_of_access(self) -> None:
        only = found("turn-open-relay", *self.LEG, target=TURN)
        assert [(each.op, each.key) for each in only.fixes if isinstance(each, Set)] == [
            ("remove", "no-auth"),
            ("set", "use-auth-secret"),
            ("set", "static-auth-secret"),
        ]


class TestOtherOutcomes:
    @pytest.mark.parametrize(
        ("leg", "way"),
        [
            (refused(300, alternate="203.0.113.50:3478"), ("unknown", "relay-redirects")),
            (refused(437), ("unknown", "relay-mismatch")),
            (unallocated(Failure.TOO_BIG), ("unknown", "too-big")),
        ],
    )
    def test_without_a_cause(self, leg: Observation, way: tuple[str, str]) -> None:
        assert ways(leg) == [way]
        assert causes(*PASSES, leg) == []

    def test_a_challenge_that_nobody_can_answer(self) -> None:
        assert ways(relay(), refused(401, authenticated=False)) == [("blocked", "relay-refuses")]

    def test_each_address_is_an_attempt(self) -> None:
        second = "203.0.113.41:3478"
        way = next(
            each
            for each in report(NAME, *PASSES, *healthy(), unallocated(TIMEOUT, server=second), target=TURN).paths
            if each.name == "turn-udp"
        )
        assert way.status == "open"
        assert [each.status for each in way.attempts] == ["open", "blocked"]


def test_each_vantage_by_itself() -> None:
    """Two clients with the same local address: the facts of one are no other's."""
    second = [msgspec.structs.replace(each, source=1) for each in (relay(), refused(401))]
    made = report(NAME, *PASSES, *healthy(), *second, target=TURN, sources=2)
    assert [each.cause for each in made.findings] == ["turn-unauthorized"]
    assert RELAYED in next(each for each in made.paths if each.name == "turn-udp").attempts[0].endpoint


class TestWhereTheMediaServerHasIpv6Alone:
    """Browsers get IPv4 from relays, over IPv6 too: nothing of it reaches an IPv6 address (443)."""

    @pytest.mark.parametrize(
        ("candidates", "way"),
        [
            ((MEDIA6,), ("blocked", "relay-other-family")),
            ((MEDIA6, MEDIA), ("unknown", "media-not-through-relay")),
            ((MEDIA,), ("unknown", "media-not-through-relay")),
            ((), ("unknown", "media-not-through-relay")),
        ],
    )
    def test_it_is_no_way(self, candidates: tuple[str, ...], way: tuple[str, str]) -> None:
        offers = [candidate(each) for each in candidates]
        told = report(*jitsi(*offers), saw(STUN1_6, local=LOCAL6), *healthy("tcp"), target=JITSI)
        assert [(each.status, each.reason) for each in told.paths if each.name == "turn-tcp"] == [way]

    SIX = (address("2001:db8:1::2", "public"), route(6))
    SILENT = (silent(MEDIA6, local=LOCAL6), silent(MEDIA6, size=1200, local=LOCAL6))
    SIGNED = (
        config(),
        socket(),
        services(Service(type="turns", host=RELAY_HOST, port=5349, transport="tcp", credentials=True)),
    )
    DEAD = tuple(unheard(each, 9, local=LOCAL6) for each in (STUN1_6, "[2001:db8:f::30]:3478"))

    @pytest.mark.parametrize(
        ("seen", "cause"),
        [
            ((*SIX, *SILENT, *DEAD), "ipv6-broken"),
            # That it answers over IPv4, which it doesn't offer, makes its IPv6 address no wrong one.
            ((*SIX, *SILENT, *DEAD, forced()), "ipv6-broken"),
            ((*SIX, *SILENT, saw(STUN1_6, local=LOCAL6), forced()), "wrong-address-advertised"),
            ((*SIX, *SILENT, saw(STUN1_6, local=LOCAL6)), "media-port-silent"),
            (
                (*SIX, checked(MEDIA6, local=LOCAL6, failure=Failure.PORT_UNREACHABLE, reported_by=WEB6)),
                "media-port-refused",
            ),
            # No IPv6 here at all, or nothing else to compare with: no cause, and no certainty.
            ((checked(MEDIA6, local="[::]:0", failure=Failure.NO_ROUTE),), None),
            ((*SIX, *SILENT), None),
        ],
    )
    def test_that_breaks_a_call_where_the_way_to_it_is_known_to_be_shut(
        self, seen: tuple[Observation, ...], cause: str | None
    ) -> None:
        told = report(*jitsi(candidate(MEDIA6), *seen, signed=self.SIGNED), *healthy("tls", RELAY_TLS), target=JITSI)
        assert told.verdict.status == ("broken" if cause else "unknown")
        assert [each.cause for each in told.findings if each.severity is Severity.ERROR] == ([cause] if cause else [])

    def test_a_media_server_that_answers_over_it_shows_that_ipv6_leads_somewhere(self) -> None:
        answers = (candidate(MEDIA6), checked(MEDIA6, local=LOCAL6))
        assert judged("ipv6-broken", *jitsi(*answers, *self.SIX, *self.DEAD), target=JITSI) is CLEAR
        refuses = (candidate(MEDIA6), checked(MEDIA6, local=LOCAL6, failure=Failure.UNAUTHORIZED))
        assert judged("ipv6-broken", *jitsi(*refuses, *self.SIX, *self.DEAD), target=JITSI) is CLEAR

    def test_beside_an_ipv4_address_that_nobody_reaches_it_is_alone(self) -> None:
        offers = (candidate(MEDIA6), candidate(INNER_MEDIA))
        only = found("ipv6-broken", *jitsi(*offers, *self.SIX, *self.SILENT, *self.DEAD), target=JITSI)
        assert only.severity is Severity.ERROR
        both = found("ipv6-broken", *jitsi(candidate(MEDIA6), candidate(), *self.SIX, *self.DEAD), target=JITSI)
        assert both.severity is None
