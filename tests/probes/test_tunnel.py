"""What a proxy lets through, asked in the lab: ports compared, nothing twice, nothing where no proxy is."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.facts import Probed, SocksUdp, Tunnel
from natprobe.model import Failure, Observation
from natprobe.net.api import Stream
from natprobe.probes.tunnel import TUNNELS_MAX
from natprobe.proxy import Proxy
from natprobe.target import stun_server, turn_server
from tests.case import Relay
from tests.lab.build import Lab
from tests.lab.client import lab_of
from tests.lab.proxies import HttpProxy, SocksProxy
from tests.netns import addresses as at
from tests.probes.seen import of, seen

# Any host of the lab will do.
PROXY = at.STUN2
VIA, SOCKS = f"http://{PROXY}:3128", f"socks5://{PROXY}:1080"
PROBES = ("interfaces", "proxies", "names", "web", "join", "services", "turn", "tunnel")
CONTROL = "stun1.example.test"


def http(lab: Lab, **options: Any) -> HttpProxy:
    proxy = HttpProxy(net=lab.servers["stun2"], **options)
    proxy.listen()
    return proxy


def asked(
    lab: Lab, target: str = at.TARGET, scheme: str = "http", port: int = 3128, **options: Any
) -> list[Observation]:
    proxy = Proxy(scheme=scheme, host=PROXY, port=port)  # type: ignore[arg-type]  # a word of its Scheme
    return seen(lab, target, PROBES, **{"proxy": proxy, "stun": (stun_server(CONTROL),)} | options)


def table(found: list[Observation]) -> dict[tuple[str, int], tuple[str, int | None, str]]:
    """Of each place: what for, the status and the proxy's word. Each place has one fact."""
    tunnels = of(found, Tunnel)
    assert len({(each.host, each.port) for each in tunnels}) == len(tunnels)
    return {(each.host, each.port): (each.purpose, each.status, each.error) for each in tunnels}


def test_a_usual_squid_lets_443_through_and_nothing_else() -> None:
    lab = lab_of()
    proxy = http(lab)
    found = asked(lab)
    denied = (403, "ERR_ACCESS_DENIED 0")
    assert table(found) == {
        (at.TARGET, 443): ("web", 200, ""),
        (at.TARGET, 3478): ("port", *denied),
        (at.TARGET, 5349): ("port", *denied),
        (at.TARGET, 4443): ("port", *denied),
        (at.TARGET, 10000): ("port", *denied),
        (CONTROL, 443): ("control", 503, "ERR_CONNECT_FAIL 111"),  # the proxy asked, and nobody listens there
    }
    assert {each.via for each in of(found, Tunnel)} == {VIA}
    assert {each.endpoint for each in of(found, Tunnel)} == {f"{PROXY}:3128"}
    assert sorted(proxy.seen) == sorted((each.host, each.port) for each in of(found, Tunnel))


def test_a_proxy_that_leads_everywhere_tells_what_is_closed() -> None:
    lab = lab_of()
    http(lab, ports=None)
    said = table(asked(lab))
    assert {said[at.TARGET, port][1:] for port in (3478, 5349, 4443, 10000)} == {(503, "ERR_CONNECT_FAIL 111")}


def test_where_nothing_is_set_nothing_is_asked() -> None:
    lab = lab_of()
    proxy = http(lab)
    found = asked(lab, proxy="none")
    assert (of(found, Tunnel), proxy.seen) == ([], [])
    assert [each.status for each in of(found, Probed, "tunnel")] == ["complete"]


def test_a_proxy_that_is_not_there_is_not_asked_again() -> None:
    lab = lab_of()
    assert [each for each in of(asked(lab), Tunnel) if each.probe == "tunnel"] == []


def test_no_control_servers_no_control() -> None:
    lab = lab_of()
    http(lab)
    assert "control" not in {each.purpose for each in of(asked(lab, stun=()), Tunnel)}


def test_controls_are_the_public_ones_unless_told() -> None:
    lab = lab_of()
    proxy = http(lab)
    asked(lab, stun=None)
    assert [host for host, port in proxy.seen if host not in at.NAMES] == ["stun.l.google.com", "stun.cloudflare.com"]


def test_a_page_on_another_port_and_443_beside_it() -> None:
    lab = lab_of()
    http(lab, ports=None)
    said = table(asked(lab, f"https://{at.TARGET}:8443/"))
    assert said[at.TARGET, 8443][0] == "web"
    assert said[at.TARGET, 443] == ("port", 200, "")


@pytest.mark.parametrize(
    "turn", ["turn:turn.example.test", "turns:turn.example.test", "turn:turn.example.test:80?transport=tcp"]
)
def test_relays_are_asked_for_once(turn: str) -> None:
    """Over TCP and TLS by the probe of relays; of one over UDP it is a port that might pass."""
    lab = lab_of(relay=Relay(runs=True))
    http(lab, ports=None)
    found = asked(lab, turn=(turn_server(turn),))
    said = {place: purpose for place, (purpose, *_) in table(found).items()}
    over_udp = turn == "turn:turn.example.test"
    place = next(each for each in said if each[0] == "turn.example.test")
    assert said[place] == ("port" if over_udp else "relay")
    assert {each.probe for each in of(found, Tunnel) if each.host == place[0]} == {"tunnel" if over_udp else "turn"}


def test_where_relays_are_not_tried_their_ports_are() -> None:
    lab = lab_of(relay=Relay(runs=True))
    http(lab)
    found = asked(lab, turn=(turn_server("turns:turn.example.test"),), skip=("turn",))
    assert table(found)["turn.example.test", 5349] == ("relay", 403, "ERR_ACCESS_DENIED 0")


def test_a_relay_as_the_target() -> None:
    lab = lab_of(relay=Relay(runs=True))
    http(lab)
    said = table(asked(lab, "turns:turn.example.test"))
    assert said["turn.example.test", 5349] == ("relay", 403, "ERR_ACCESS_DENIED 0")
    assert said["turn.example.test", 443][0] == "port"
    assert (CONTROL, 443) in said


def test_it_is_bounded() -> None:
    lab = lab_of()
    proxy = http(lab, mood="hangs")
    many = tuple(turn_server(f"turns:turn.example.test:{6000 + number}") for number in range(20))
    found = asked(lab, f"https://{at.TARGET}:8443/", turn=many, stun=None, skip=("turn", "web"))
    tunnels = [each for each in of(found, Tunnel) if each.probe == "tunnel"]
    assert len(tunnels) == TUNNELS_MAX
    assert {each.failure for each in tunnels} == {Failure.TIMEOUT}
    assert {each.purpose for each in tunnels} == {"web", "relay", "port", "control"}  # none pushes the others out
    assert [each.status for each in of(found, Probed, "tunnel")] == ["complete"]
    assert proxy.seen == []


# --- SOCKS


def socks(lab: Lab, **options: Any) -> SocksProxy:
    proxy = SocksProxy(net=lab.servers["stun2"], address=PROXY, **options)
    proxy.listen()
    return proxy


def by_socks(lab: Lab, **options: Any) -> tuple[SocksUdp, list[Observation]]:
    found = asked(lab, scheme="socks5", port=1080, **options)
    (fact,) = of(found, SocksUdp)
    return fact, found


def test_udp_through_socks() -> None:
    lab = lab_of()
    socks(lab)
    fact, found = by_socks(lab)
    assert (fact.failure, fact.server, fact.reply, fact.tries) == (None, f"{at.STUN1}:3478", 0, 1)
    assert fact.mapped is not None
    assert fact.mapped.startswith(f"{PROXY}:")
    assert fact.relay is not None
    assert fact.relay.startswith(f"{PROXY}:")
    assert fact.via == SOCKS
    assert table(found)[at.TARGET, 443][0] == "web"
    assert {each.reply for each in of(found, Tunnel) if each.port == 10000} == {5}


def test_a_proxy_that_does_no_udp_says_so() -> None:
    lab = lab_of()
    socks(lab, udp=False)
    fact, _ = by_socks(lab)
    assert (fact.failure, fact.reply, fact.mapped) == (Failure.PROHIBITED, 2, None)


def test_udp_that_nobody_answers() -> None:
    lab = lab_of()
    socks(lab)
    lab.servers["stun1"].released(*lab.servers["stun1"]._udp[3478][:1])
    fact, _ = by_socks(lab)
    assert (fact.failure, fact.reply) == (Failure.TIMEOUT, 0)
    assert fact.tries > 3


def test_the_proxy_looks_a_server_up_where_nobody_else_does() -> None:
    lab = lab_of()
    socks(lab, names={"stun.hidden.test": at.STUN1})
    fact, _ = by_socks(lab, stun=(stun_server("stun:stun.hidden.test"),))
    assert (fact.failure, fact.host, fact.server) == (None, "stun.hidden.test", None)


@pytest.mark.parametrize("mood", ["closes", "garbage", "hangs"])
def test_a_proxy_that_is_no_socks_proxy(mood: Any) -> None:
    lab = lab_of()
    socks(lab, mood=mood)
    fact, _ = by_socks(lab)
    failures = {"closes": Failure.CLOSED, "garbage": Failure.PROTOCOL, "hangs": Failure.TIMEOUT}
    assert (fact.failure, fact.reply) == (failures[mood], None)


def test_a_relay_elsewhere_is_not_believed() -> None:
    """Loopback, another class of address: we would be sent knocking at doors that are not the proxy's."""
    lab = lab_of()
    heard: list[Any] = []
    lab.client.serve_udp("127.0.0.1", 4000, lambda udp, datagram: heard.append(datagram))

    async def lies(stream: Stream) -> None:
        await stream.read()
        await stream.write(b"\x05\x00")
        await stream.read()
        await stream.write(bytes.fromhex("05000001 7f000001 0fa0"))
        await stream.read()

    lab.servers["stun2"].listen(1080, lies)
    fact, _ = by_socks(lab)
    assert fact.relay == f"{PROXY}:4000"
    assert heard == []
    assert fact.failure is Failure.PORT_UNREACHABLE


def test_a_proxy_that_hangs_is_asked_at_once_and_for_nothing_more() -> None:
    """What waits for relays would begin when the page has been given up."""
    lab = lab_of()
    http(lab, mood="hangs")
    probes, proxy = (*PROBES[:4], "config", "signalling", *PROBES[4:]), Proxy(scheme="http", host=PROXY, port=3128)
    found = seen(lab, at.TARGET, probes, proxy=proxy, stun=(stun_server(CONTROL),))
    tunnels = of(found, Tunnel)
    assert {each.failure for each in tunnels} == {Failure.TIMEOUT}
    assert {(each.host, each.port) for each in tunnels} >= {(at.TARGET, 443), (CONTROL, 443), (at.TARGET, 10000)}
    assert all(each.at < 3.5 for each in tunnels)
    assert {each.port for each in tunnels}.isdisjoint({3478, 5349})
