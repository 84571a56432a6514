"""Which proxy a browser uses for the target, in the in-memory internet: by option, by settings, by script, by guess."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest

from natprobe.asking.routes import SettingsRoutes
from natprobe.asking.ways import ROUTES, Routes, access_to, by_proxy
from natprobe.context import Context, Options
from natprobe.facts import Facts, ProxyChoice, ProxyScript, ProxySetting
from natprobe.host.api import ProxySettings
from natprobe.model import Failure, Observation
from natprobe.probes import proxies
from natprobe.proxy import named
from natprobe.proxying import IMPLICIT
from natprobe.target import parse
from tests.lab.build import Lab
from tests.lab.client import lab_of
from tests.lab.network import Rule
from tests.lab.proxies import HttpProxy
from tests.netns import addresses as at
from tests.probes.seen import of, says, seen

PORT = 3128
ALIVE, DEAD = f"http://{at.WEB}:{PORT}", f"http://{at.WEB}:3129"
SILENT = f"http://{at.WEB}:3130"
HIDDEN = "AbCdEfGhIj"


def lab() -> Lab:
    """With a proxy at the web server's address."""
    found = lab_of()
    HttpProxy(net=found.servers["web"]).listen(PORT)
    found.servers["web"]._rules = (Rule("drop", "tcp", frozenset({3130})),)
    return found


def env(**parts: Any) -> ProxySettings:
    return ProxySettings("environment", "https_proxy", counts=True, suffix=True, **parts)


def sent(network: Lab) -> list[object]:
    return [each for each in network.network.log if each.fate == "sent"]


def run(
    network: Lab, target: str = at.TARGET, sources: Sequence[ProxySettings] = (), **options: Any
) -> list[Observation]:
    network.client.proxies = sources
    return seen(network, target, ["proxies"], **options)


def context(network: Lab) -> Context:
    return Context(
        target=parse(at.TARGET).target,
        options=Options(),
        net=network.client,
        host=network.client,
        random=random.Random(0),
        unix_time=0.0,
    )


def choice(found: list[Observation]) -> ProxyChoice:
    (only,) = of(found, ProxyChoice)
    return only


def test_nothing_set_sends_nothing() -> None:
    network = lab()
    began = network.clock.now
    found = run(network)
    only = choice(found)
    assert (only.host, only.port, only.ways, only.via) == (at.TARGET, 443, ("direct",), None)
    assert (only.by, only.failure, only.bypassed) == (None, None, None)
    assert of(found, ProxySetting) == []
    assert sent(network) == []
    assert network.clock.now == began


def test_a_desktop_that_says_none_is_a_setting() -> None:
    network = lab()
    sources = [ProxySettings("desktop", "mode", counts=True), env(proxies={"https": ALIVE})._replace(counts=False)]
    found = run(network, sources=sources)
    assert (choice(found).via, choice(found).by, choice(found).name) == (None, "desktop", "mode")
    assert [(each.by, each.counts) for each in of(found, ProxySetting)] == [("desktop", True), ("environment", False)]
    assert sent(network) == []


@pytest.mark.parametrize(
    ("target", "place"),
    [
        ("meet.example.test", ("meet.example.test", 443, "web")),
        ("https://meet.example.test:8443/Room", ("meet.example.test", 8443, "web")),
        ("http://meet.example.test", ("meet.example.test", 443, "web")),
        ("janus+wss://meet.example.test:8989", ("meet.example.test", 8989, "web")),
        ("turns:turn.example.test", ("turn.example.test", 5349, "relay")),
        ("turn:turn.example.test?transport=tcp", ("turn.example.test", 3478, "relay")),
        ("stun:stun1.example.test", ("stun1.example.test", 3478, "relay")),
        (f"natprobe://meet.example.test:10000?tcp=4443#{'a' * 22}", ("meet.example.test", 4443, "relay")),
    ],
)
def test_the_place_that_is_asked_for(target: str, place: tuple[str, int, str]) -> None:
    found = choice(run(lab(), target, [env(proxies={"https": ALIVE})]))
    assert (found.host, found.port, found.purpose) == place
    assert (found.via, found.endpoint) == (ALIVE, f"{at.WEB}:{PORT}")


def test_the_environments_proxy() -> None:
    found = run(lab(), sources=[env(proxies={"https": f"http://user:{HIDDEN}@{at.WEB}:{PORT}"}, bypass=("a.test",))])
    (fact,) = of(found, ProxySetting)
    assert (fact.proxies, fact.bypass, fact.counts) == ((f"https={ALIVE}",), ("a.test",), True)
    assert (choice(found).ways, choice(found).via, choice(found).by) == ((ALIVE,), ALIVE, "environment")
    assert HIDDEN not in repr(found)


def test_a_host_on_the_list_goes_straight() -> None:
    network = lab()
    found = choice(run(network, sources=[env(proxies={"https": ALIVE}, bypass=("example.test",))]))
    assert (found.via, found.ways, found.bypassed) == (None, ("direct",), "example.test")
    assert sent(network) == []


@pytest.mark.parametrize("target", ["localhost", "127.0.0.1", "stun:[::1]", "https://meet.localhost"])
def test_this_machine_is_never_asked_of_a_proxy(target: str) -> None:
    network = lab()
    found = choice(run(network, target, proxy=named(ALIVE).proxy))
    assert (found.via, found.bypassed, found.by) == (None, IMPLICIT, "option")
    assert sent(network) == []


def test_the_option_goes_before_all_settings() -> None:
    found = run(lab(), sources=[env(proxies={"https": DEAD})], proxy=named(ALIVE).proxy)
    assert (choice(found).via, choice(found).by, choice(found).name) == (ALIVE, "option", "--proxy")
    assert [each.proxies for each in of(found, ProxySetting)] == [(f"all={ALIVE}",)]


def test_none_by_option() -> None:
    network = lab()
    found = run(network, sources=[env(proxies={"https": ALIVE})], proxy="none")
    assert (choice(found).via, choice(found).by, choice(found).failure) == (None, "option", None)
    assert sent(network) == []


@pytest.mark.parametrize(
    ("proxy", "failure"),
    [
        (DEAD, Failure.REFUSED),
        (SILENT, Failure.TIMEOUT),
        ("http://nobody.example.test:3128", Failure.NXDOMAIN),
    ],
)
def test_a_dead_proxy_is_no_direct_way(proxy: str, failure: Failure) -> None:
    network = lab()
    began = network.clock.now
    found = choice(run(network, sources=[env(proxies={"https": proxy})]))
    assert (found.via, found.ways, found.failure) == (None, (proxy,), failure)
    assert network.clock.now - began < 2.0


def test_a_proxy_by_name_at_its_first_address_that_answers() -> None:
    found = choice(run(lab(), sources=[env(proxies={"https": f"http://{at.TARGET}:{PORT}"})]))
    assert (found.via, found.endpoint) == (f"http://{at.TARGET}:{PORT}", f"{at.WEB}:{PORT}")


def ways(
    network: Lab, sources: Sequence[ProxySettings], *places: tuple[str, int]
) -> list[list[tuple[str, str | None]]]:
    """What others get of the drawer, after the probe."""
    network.client.proxies = sources
    ctx = context(network)

    async def main() -> list[list[tuple[str, str | None]]]:
        async for _ in proxies.probe(ctx, Facts(ctx.target, [])):
            pass
        return [[(each.address, each.via) for each in await by_proxy(ctx, *place)] for place in places]

    return network.clock.run(main())


def test_routes_are_for_others() -> None:
    network = lab()
    sources = [env(proxies={"https": ALIVE}, bypass=("turn.example.test",))]
    found = ways(network, sources, (at.TARGET, 443), ("turn.example.test", 443), ("other.example", 5349), ("::1", 443))
    assert found == [[(at.WEB, ALIVE)], [], [(at.WEB, ALIVE)], []]
    begun = [each for each in network.network.log if each.fate == "sent" and each.packet.flag == "SYN"]
    assert len(begun) == 1


def test_a_dead_proxy_stays_the_way() -> None:
    """Its failures are what a browser sees."""
    assert ways(lab(), [env(proxies={"https": DEAD})], (at.TARGET, 443)) == [[(at.WEB, DEAD)]]


def test_who_we_are_lies_in_the_drawer() -> None:
    network = lab()
    network.client.proxies = [env(proxies={"https": f"http://user:{HIDDEN}@{at.WEB}:{PORT}"})]
    ctx = context(network)

    async def main() -> None:
        async for _ in proxies.probe(ctx, Facts(ctx.target, [])):
            pass

    network.clock.run(main())
    access = access_to(ctx, named(ALIVE).proxy)
    assert access is not None
    assert (access.user, access.password) == ("user", HIDDEN)
    assert access_to(ctx, named(DEAD).proxy) is None
    assert isinstance(ctx.keep.get(ROUTES, SettingsRoutes), Routes)


# --- scripts


def script(body: str) -> str:
    text = f"function FindProxyForURL(url, host) {{ {body} }}"
    return f"data:application/x-ns-proxy-autoconfig,{quote(text)}"


def by_script(body: str, **parts: Any) -> tuple[ProxyScript, ProxyChoice]:
    found = run(lab(), sources=[env(pac=script(body), **parts)])
    (fact,) = of(found, ProxyScript)
    return fact, choice(found)


def test_a_script_says_which() -> None:
    fact, found = by_script(f"return url == 'https://meet.example.test/' ? 'PROXY {at.WEB}:{PORT}; DIRECT' : 'DIRECT'")
    assert (fact.asked, fact.answer) == ("https://meet.example.test/", f"PROXY {at.WEB}:{PORT}; DIRECT")
    assert (fact.url, fact.by, fact.failure) == ("data:…", "environment", None)
    assert fact.size > 50
    assert (found.ways, found.via) == ((ALIVE, "direct"), ALIVE)


def test_a_script_may_say_direct() -> None:
    _, found = by_script("return 'DIRECT'")
    assert (found.ways, found.via, found.by) == (("direct",), None, "environment")


@pytest.mark.parametrize("dead", [DEAD, SILENT])
def test_the_next_of_a_list_counts_where_the_first_is_dead(dead: str) -> None:
    place = dead.removeprefix("http://")
    assert by_script(f"return 'PROXY {place}; PROXY {at.WEB}:{PORT}; DIRECT'")[1].via == ALIVE
    found = by_script(f"return 'PROXY {place}; DIRECT'")[1]
    assert (found.via, found.failure, found.ways) == (None, None, (dead, "direct"))


def test_an_answer_that_is_none_is_direct() -> None:
    assert by_script("return 'nonsense'")[1].ways == ("direct",)


def test_a_script_that_fails_leaves_what_is_set_beside_it() -> None:
    found = run(lab(), sources=[env(pac="data:,throw%201", proxies={"https": ALIVE})])
    assert [each.failure for each in of(found, ProxyScript)] == [Failure.PROTOCOL]
    assert choice(found).via == ALIVE
    assert by_script("return nowhere()")[1].ways == ("direct",)


def test_a_script_that_is_not_there_leaves_the_direct_way() -> None:
    found = run(lab(), sources=[env(pac=f"http://user:{HIDDEN}@{at.WEB}:81/p.pac?{HIDDEN}")])
    (fact,) = of(found, ProxyScript)
    assert (fact.url, fact.failure) == (f"http://{at.WEB}:81/p.pac", Failure.REFUSED)
    assert choice(found).ways == ("direct",)
    assert HIDDEN not in repr(found)


def test_where_no_engine_runs_the_script_the_way_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the direct one nor what is set beside it: a browser here would know."""
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    sources = [env(pac=script("return 'DIRECT'"), proxies={"https": ALIVE})]
    found = run(lab(), sources=sources)
    assert [each.failure for each in of(found, ProxyScript)] == [Failure.UNSUPPORTED]
    assert of(found, ProxyChoice) == []
    assert ways(lab(), sources, (at.TARGET, 443)) == [[]]


def test_a_script_is_not_asked_for_this_machine() -> None:
    network = lab()
    found = run(network, "localhost", [env(pac=f"http://{at.WEB}/p.pac")])
    assert of(found, ProxyScript) == []
    assert choice(found).bypassed == IMPLICIT
    assert sent(network) == []


def test_several_hosts_ask_the_same_script() -> None:
    body = f"return host == 'meet.example.test' ? 'PROXY {at.WEB}:{PORT}' : 'DIRECT'"
    found = ways(lab(), [env(pac=script(body))], (at.TARGET, 443), ("turn.example.test", 443))
    assert found == [[(at.WEB, ALIVE)], []]


# --- guesses


def test_nothing_is_guessed_unless_asked() -> None:
    network = lab()
    found = run(network, guess_proxy=True, sources=[env(proxies={"https": ALIVE})])
    assert choice(found).by == "environment"


def test_a_guess_that_finds_nothing_is_direct() -> None:
    found = run(lab(), guess_proxy=True)
    assert (choice(found).by, choice(found).via) == (None, None)


def with_wpad(monkeypatch: pytest.MonkeyPatch, answer: str) -> Lab:
    """The client's domain has a server that says where the proxy is."""
    network = lab()
    text = f"function FindProxyForURL(url, host) {{ return '{answer}' }}".encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n".encode()
    network.servers["web"].listen(80, says(head + text))
    network.client.domains = ["office.example.test"]
    monkeypatch.setattr(network.client, "_hosts", {"wpad.example.test": [at.WEB]})
    return network


def test_the_network_is_asked_where_the_settings_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = run(with_wpad(monkeypatch, f"PROXY {at.WEB}:{PORT}"), sources=[env(detect=True)])
    (fact,) = of(found, ProxyScript)
    assert (fact.by, fact.url, fact.failure) == ("wpad", "http://wpad.example.test/wpad.dat", None)
    assert (choice(found).via, choice(found).by) == (ALIVE, "environment")


def test_where_the_network_knows_nothing_what_is_set_counts() -> None:
    network = lab()
    network.client.domains = ["office.example.test"]
    found = run(network, sources=[env(detect=True, pac=script(f"return 'PROXY {at.WEB}:{PORT}'"))])
    assert [each.by for each in of(found, ProxyScript)] == ["environment"]
    assert choice(found).via == ALIVE


def test_the_network_is_guessed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    found = run(with_wpad(monkeypatch, f"PROXY {at.WEB}:{PORT}"), guess_proxy=True)
    assert (choice(found).via, choice(found).by) == (ALIVE, "wpad")
    assert [(each.by, each.detect) for each in of(found, ProxySetting)] == [("wpad", True)]


def test_the_network_is_not_asked_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    network = with_wpad(monkeypatch, f"PROXY {at.WEB}:{PORT}")
    assert choice(run(network)).via is None
    assert sent(network) == []


def test_a_script_in_a_file() -> None:
    network = lab()
    network.client.files = {
        "/etc/proxy.pac": f"function FindProxyForURL() {{ return 'PROXY {at.WEB}:{PORT}' }}".encode()
    }
    found = run(network, sources=[env(pac="/etc/proxy.pac")])
    assert [each.url for each in of(found, ProxyScript)] == ["/etc/proxy.pac"]
    assert choice(found).via == ALIVE


def test_a_usual_name_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    network = lab()
    monkeypatch.setattr(network.client, "_hosts", {"squid": [at.WEB]})
    found = run(network, guess_proxy=True)
    assert (choice(found).by, choice(found).name, choice(found).via) == ("guess", "squid:3128", "http://squid:3128")
    assert [(each.by, each.proxies) for each in of(found, ProxySetting)] == [("guess", ("all=http://squid:3128",))]


def test_the_routes_of_nothing_cost_nothing() -> None:
    """No network, no clock, and nothing that is waited for."""
    ctx = Context(
        target=parse(at.TARGET).target,
        options=Options(),
        net=None,  # type: ignore[arg-type]
        host=None,  # type: ignore[arg-type]
        random=None,  # type: ignore[arg-type]
        unix_time=0.0,
    )
    going = SettingsRoutes(ctx, None).choice(at.TARGET, 443)
    with pytest.raises(StopIteration) as ended:
        going.send(None)
    assert ended.value.value.ways == ("direct",)
