"""The rules about cascades, on facts made by hand."""

from __future__ import annotations

import msgspec
import pytest

from natprobe.codec import dump, load, merge
from natprobe.derive.cascade import RELAYS_MAX
from natprobe.diagnose import diagnose
from natprobe.model import Allow, Do, Forward, Observation, Severity
from natprobe.render._words import advice, seen
from natprobe.render.text import render
from natprobe.rules import CLEAR, NOT_APPLICABLE
from tests.made import doubt, found, judged, named, report
from tests.made_cascade import INSIDE, OUTSIDE, URL, added, flow, refused, relay
from tests.made_janus import API, JANUS, PASSES, janus

IFACE, PORT, EGRESS = "iface-not-local", "port-not-forwarded", "egress-closed"


def text(*observations: Observation) -> str:
    return " ".join(render(report(*observations, target=API)).split())


class TestIface:
    def test_not_asked_for(self) -> None:
        assert judged(IFACE, relay()) is NOT_APPLICABLE

    @pytest.mark.parametrize("made", [(), (refused(), added())])
    def test_an_outside_address(self, made: tuple[Observation, ...]) -> None:
        said = found(IFACE, relay(iface=OUTSIDE), *made)
        assert said.args["iface"] == OUTSIDE
        lines = [line for each in said.fixes for line in advice(each)]
        assert f"give publish_remotely {OUTSIDE} as host" in lines[0]
        add, publish = relay(iface=OUTSIDE).requests
        assert '"iface"' not in add
        assert f'"host": "{OUTSIDE}"' in publish
        assert isinstance(said.fixes[-1], Forward)
        assert INSIDE in said.fixes[-1].inside
        assert isinstance(said.fixes[0], Do)

    def test_its_own_address(self) -> None:
        assert judged(IFACE, relay(iface=INSIDE)) is CLEAR
        assert '"iface": "10.0.1.60"' in relay(iface=INSIDE).requests[0]

    def test_one_that_it_does_not_show(self) -> None:
        assert doubt(IFACE, relay(iface="10.0.9.9")) == "own-addresses-untold"

    def test_what_the_request_says_counts(self) -> None:
        """It knows all of its addresses, and we only those that it shows."""
        assert judged(IFACE, relay(iface="10.0.9.9"), added("10.0.9.9", bound="10.0.9.9")) is CLEAR
        assert found(IFACE, relay(iface="10.0.9.9"), refused("10.0.9.9")).args["iface"] == "10.0.9.9"

    def test_a_port_that_is_taken_has_the_same_code(self) -> None:
        taken = refused("10.0.9.9", words="Could not open UDP socket for RTP stream")
        assert doubt(IFACE, relay(iface="10.0.9.9"), taken) == "own-addresses-untold"


class TestPort:
    def test_not_tried(self) -> None:
        assert judged(PORT, relay()) is judged(EGRESS, relay()) is NOT_APPLICABLE

    def test_all_arrives(self) -> None:
        both = (relay(), added(), flow("target", 40, delay_ms=20.0), flow("here", 40))
        assert judged(PORT, *both) is judged(EGRESS, *both) is CLEAR

    def test_nothing_arrives(self) -> None:
        neither = (relay(), added(), flow("target", 0), flow("here", 0))
        said = found(PORT, *neither)
        assert (said.args["port"], said.args["sent"], said.args["passed"]) == (10000, 40, 40)
        (forward,) = said.fixes
        assert isinstance(forward, Forward)
        assert "10000 and 10001" in forward.outside
        assert [each.cause for each in said.alternatives] == ["firewall-closed"]
        assert judged(EGRESS, *neither) is CLEAR

    def test_its_own_public_address(self) -> None:
        """There is no router to forward anything."""
        bare = relay(local_ip=OUTSIDE, public_ips=())
        said = found(PORT, bare, added(), flow("target", 0), flow("here", 0))
        assert [each.cause for each in said.alternatives] == ["firewall-closed"]
        (opening,) = said.fixes
        assert isinstance(opening, Allow)
        assert (opening.direction, opening.to) == ("in", OUTSIDE)

    def test_only_from_here(self) -> None:
        shut = (relay(), added(), flow("target", 0), flow("here", 39))
        assert judged(PORT, *shut) is CLEAR
        (opening,) = found(EGRESS, *shut).fixes
        assert isinstance(opening, Allow)
        assert (opening.direction, opening.to) == ("out", OUTSIDE)

    def test_who_lets_us_in_may_not_know_the_target(self) -> None:
        shut = (relay(), added(), flow("target", 0), flow("here", 39))
        assert [each.cause for each in found(EGRESS, *shut).alternatives] == ["firewall-closed"]
        beside = found(EGRESS, named(OUTSIDE), *shut).alternatives
        assert [each.cause for each in beside] == ["firewall-closed", "hairpin-missing"]

    def test_only_from_the_target(self) -> None:
        """A firewall that knows the other server is a good one."""
        known = (relay(), added(), flow("target", 40), flow("here", 0))
        assert judged(PORT, *known) is judged(EGRESS, *known) is CLEAR

    @pytest.mark.parametrize("target", [(), (flow("target", 0, passed=0, sent=0),)])
    def test_the_target_had_nothing_to_forward(self, target: tuple[Observation, ...]) -> None:
        """From here alone it may be such a firewall."""
        assert doubt(PORT, relay(), added(), *target, flow("here", 0)) == "cascade-untried"
        assert judged(PORT, relay(), added(), *target, flow("here", 40)) is CLEAR
        assert doubt(EGRESS, relay(), added(), *target, flow("here", 40)) == "cascade-untried"

    def test_a_request_was_refused(self) -> None:
        assert doubt(PORT, relay(), refused(None, 433, "Unauthorized (wrong admin_key)")) == "cascade-refused"

    def test_too_few_to_tell(self) -> None:
        few = (relay(), added(), flow("target", 0, sent=8, passed=8), flow("here", 0))
        assert doubt(PORT, *few) == "cascade-untried"


@pytest.mark.parametrize(
    "observations",
    [
        (relay(iface=OUTSIDE),),
        (relay(), added(), flow("target", 0), flow("here", 0)),
        (relay(), added(), flow("target", 0), flow("here", 40)),
    ],
)
def test_an_error_beside_good_media(observations: tuple[Observation, ...]) -> None:
    """It was asked for: what will not work is no warning, and says nothing of this client's own media."""
    told = report(*janus(*PASSES), *observations, target=JANUS)
    assert told.verdict.status == "good"
    assert [each.severity for each in told.findings] == [Severity.ERROR]
    assert told.verdict.summary.startswith("Media will flow")


class TestText:
    def test_the_requests_are_there_to_be_copied(self) -> None:
        lines = render(report(relay(), target=API)).splitlines()
        assert sum(each.strip().startswith(f'{URL} {{"request": "add_remote_publisher"') for each in lines) == 1

    def test_what_came_of_it(self) -> None:
        said = text(relay(), added(), flow("target", 40, delay_ms=31.2), flow("here", 38))
        assert "40 of 40 packets forwarded by the target arrived, about 31 ms on the way, which suits a call" in said
        assert "38 of 40 packets sent to 203.0.113.60:10000 from here arrived" in said
        assert "keeps the ports 10000 and 10001 until it is restarted" in said

    def test_a_newer_one_keeps_no_ports(self) -> None:
        assert "restarted" not in text(relay(version=1202), added(), flow("here", 38))

    @pytest.mark.parametrize("more", [{"arrived": 38, "delay_ms": 20.0}, {"arrived": 40, "delay_ms": 200.0}])
    def test_a_poor_way(self, more: dict[str, float]) -> None:
        assert "too poor for a good call" in text(relay(), added(), flow("target", **more), flow("here", 40))  # type: ignore[arg-type]

    def test_why_not(self) -> None:
        assert "which came with 1.1.0" in text(relay(version=14))
        assert "videoroom is not loaded" in text(relay(rooms=False))
        assert "add_remote_publisher failed at https://cascade.example.test:8089/janus (433, Unauthorized" in text(
            relay(), refused(None, 433, "Unauthorized (wrong secret)")
        )
        assert "--janus-admin-key-file" in text(relay(), refused(None, 433, "Unauthorized (wrong admin_key)"))
        assert "is not known" in text(relay(iface="10.0.9.9"))

    def test_in_one_line_each(self) -> None:
        assert "203.0.113.60:8089" not in seen(relay(iface=INSIDE))
        assert seen(added(INSIDE, bound=INSIDE)).startswith("add_remote_publisher to https://cascade.example.test")
        assert "39 of 40 packets arrived" in seen(flow("target", 39))

    def test_of_several_vantages_each_its_own(self) -> None:
        """Both count their servers from 1."""
        one, other = report(relay(), added(), flow("here", 40), target=API), report(relay(), target=API)
        saved = merge([(name, load(dump(each))) for name, each in (("one", one), ("other", other))])
        said = " ".join(render(diagnose(saved.target, saved.observations, saved.sources)).split())
        assert said.count("packets sent to 203.0.113.60:10000 from here arrived") == 1
        assert said.count(f"To {URL}") == 2


def test_a_text_that_is_no_url() -> None:
    odd = msgspec.structs.replace(relay(iface=OUTSIDE), url="https://[")
    assert report(odd, added(), flow("target", 0), flow("here", 0), target=API).findings


def test_of_any_number_of_servers_a_few() -> None:
    many = [msgspec.structs.replace(relay(), relay=number) for number in range(50)]
    assert text(*many).count(f"To {URL}") == RELAYS_MAX


def test_an_address_that_it_maps_and_nothing_of_its_own() -> None:
    bare = relay(iface=OUTSIDE, local_ip=None)
    assert "()" not in text(bare)
