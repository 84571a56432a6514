"""Proxies at the edges: passwords that are wrong, scripts that never end, lists of dead proxies, and who is asked."""

from __future__ import annotations

import asyncio
import base64
from urllib.parse import quote

import pytest

from natprobe.asking.routes import SettingsRoutes
from natprobe.asking.ways import ROUTES, Way
from natprobe.facts import ProxyChoice, ProxyScript, SignIn, Tunnel
from natprobe.host.api import ProxySettings
from natprobe.model import Failure, HostName
from natprobe.net.system import SystemNet
from natprobe.pairing import Login
from natprobe.proxy import Proxy
from natprobe.proxying import rules_of
from natprobe.run import SEQUENCE
from tests.lab.build import Lab
from tests.lab.client import lab_of
from tests.lab.network import Rule
from tests.lab.proxies import HttpProxy, loopback
from tests.netns import addresses as at
from tests.probes.loopback import LOOPBACK
from tests.probes.seen import of, says, seen
from tests.probes.test_proxies import ALIVE, PORT, choice, context, env, lab, run, script, with_wpad
from tests.probes.test_signalling import BINDS, OPEN, SUCCESS, offering, speaks
from tests.signing import NAME, listening, signed_in, upgraded

HIDDEN = "AbCdEfGhIj"


def asking(password: str, **options: bool) -> tuple[Lab, HttpProxy]:
    """A client that is set to a proxy that wants a password, and leads everywhere."""
    network = lab_of()
    proxy = HttpProxy(net=network.servers["stun2"], ports=None, users={"ann": "right"}, **options)  # type: ignore[arg-type]
    proxy.listen()
    place = f"http://ann:{password}@{at.STUN2}:{at.PROXY_PORT}"
    network.client.proxies = [env(proxies={"https": place})]
    return network, proxy


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("target", [at.TARGET, "turns:turn.example.test", f"janus+https://{at.TARGET}"])
def test_a_wrong_password_is_told_once(target: str, closes: bool) -> None:
    network, proxy = asking("wrong", closes_at_407=closes)
    found = seen(network, target, SEQUENCE)
    assert proxy.authorizations == [f"Basic {base64.b64encode(b'ann:wrong').decode()}"]
    first = of(found, Tunnel)[0]
    assert (first.failure, first.authenticated) == (Failure.UNAUTHORIZED, True)


def test_a_right_password_is_told_by_everybody() -> None:
    network, proxy = asking("right")
    found = seen(network, at.TARGET, SEQUENCE)
    asked = of(found, Tunnel)
    assert len(asked) > 3
    assert all(each.authenticated and each.status in (200, 503) for each in asked)
    assert len(proxy.authorizations) > len(asked)  # config and others go without a fact
    web = of(found, Tunnel, "web")[0]
    assert web.rtt_ms is not None
    assert web.rtt_ms < 200.0  # without the time that it waited for the one that told the password first


def test_a_password_that_is_no_text_crashes_nothing() -> None:
    network, proxy = asking("p\udce9%E9")
    seen(network, at.TARGET, SEQUENCE)
    assert {base64.b64decode(each[6:]) for each in proxy.authorizations} == {b"ann:p\xe9\xe9"}
    network, proxy = asking("p\ud800")
    seen(network, at.TARGET, SEQUENCE)
    assert proxy.authorizations == []


async def test_a_proxy_on_this_machine_makes_no_line_private() -> None:
    told = speaks((OPEN, offering("PLAIN")), (SUCCESS,), (OPEN, BINDS))
    proxy = HttpProxy(net=SystemNet(), ports=None, names={NAME: LOOPBACK})
    async with listening(told) as port, loopback(proxy) as proxy_port:

        class Local:
            async def to(self, host: HostName, port: int) -> tuple[Way, ...]:
                return (Way(address=LOOPBACK, proxy=Proxy(scheme="http", host=LOOPBACK, port=proxy_port)),)

            async def choice(self, host: HostName, port: int, purpose: str = "web") -> ProxyChoice:
                raise AssertionError("nobody asks")

        login = Login(user="ann", password=HIDDEN)
        async with signed_in(port, login=login, kept={ROUTES: Local()}) as signed:
            fact = signed.one(SignIn)
    assert (fact.reached, fact.failure) == ("stream", Failure.UNSUPPORTED)


async def test_a_name_with_umlauts_goes_to_the_proxy_and_the_server_in_a_labels() -> None:
    heads = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await upgraded(reader, writer))

    proxy = HttpProxy(net=SystemNet(), ports=None, names={"xn--bcher-kva.test": LOOPBACK})
    async with listening(talk) as port, loopback(proxy) as proxy_port:

        class Local:
            async def to(self, host: HostName, port: int) -> tuple[Way, ...]:
                return (Way(address=LOOPBACK, proxy=Proxy(scheme="http", host=LOOPBACK, port=proxy_port)),)

            async def choice(self, host: HostName, port: int, purpose: str = "web") -> ProxyChoice:
                raise AssertionError("nobody asks")

        url = f"ws://B\u00fccher.test:{port}/xmpp-websocket"
        async with signed_in(port, websocket=url, kept={ROUTES: Local()}) as signed:
            assert signed.one(SignIn).reached == "upgrade"
        assert proxy.seen[0] == ("xn--bcher-kva.test", port)
        assert f"Host: xn--bcher-kva.test:{port}\r\n".encode() in heads[0]


# --- scripts


def test_a_user_in_a_script_s_answer_is_nowhere() -> None:
    found = run(lab(), sources=[env(pac=script(f"return 'PROXY ann:{HIDDEN}@{at.WEB}:{PORT}; DIRECT'"))])
    assert choice(found).ways == ("direct",)  # browsers take no user there
    assert of(found, ProxyScript)[0].answer == f"PROXY …@{at.WEB}:{PORT}; DIRECT"
    assert HIDDEN not in repr(found)


@pytest.mark.parametrize("url", [f"h/p?{HIDDEN}", f"{HIDDEN}:word@h/p", f"{HIDDEN}:h"])
def test_a_url_without_a_scheme_is_not_quoted(url: str) -> None:
    found = run(lab(), sources=[env(pac=url)])
    assert of(found, ProxyScript)[0].detail == "no PAC file is got by what has no scheme"
    assert HIDDEN not in repr(found)


def test_a_script_that_never_ends_is_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.lab.host._TimelessSandbox.SECONDS", 0.3)
    network = lab()
    runs = []
    real = network.client.sandbox

    def counted() -> object:
        runs.append(1)
        return real()

    vars(network.client)["sandbox"] = counted
    routes = SettingsRoutes(context(network), rules_of(env(pac=script("for (;;);"))))

    async def main() -> list[object]:
        return [await routes.script(host, 443) for host in (at.TARGET, "a.example.test", "b.example.test")]

    found = network.clock.run(main())
    assert [each.failure for each in found] == [Failure.TIMEOUT] * 3  # type: ignore[attr-defined]
    assert runs == [1]


def test_where_the_function_fails_browsers_go_straight() -> None:
    for body in ("throw 1", "return nowhere()", "return 7"):
        found = run(lab(), sources=[env(pac=script(body), proxies={"https": ALIVE})])
        assert of(found, ProxyScript)[0].failure is Failure.PROTOCOL
        assert choice(found).ways == ("direct",)


@pytest.mark.parametrize("text", ["nowhere()", "var a = 1", "function FindProxyForURLEx() { return 'DIRECT' }", "{{"])
def test_where_there_is_no_function_what_is_set_beside_it_counts(text: str) -> None:
    found = run(lab(), sources=[env(pac=f"data:,{quote(text)}", proxies={"https": ALIVE})])
    assert of(found, ProxyScript)[0].failure is Failure.PROTOCOL
    assert choice(found).via == ALIVE


# --- which of them


def test_a_list_of_silent_proxies_takes_little_longer_than_one() -> None:
    network = lab()
    network.servers["web"]._rules = (Rule("drop", "tcp", frozenset(range(3130, 3140))),)
    silent = "; ".join(f"PROXY {at.WEB}:{3130 + each}" for each in range(7))
    began = network.clock.now
    found = run(network, sources=[env(pac=script(f"return '{silent}; PROXY {at.WEB}:{PORT}'"))])
    assert choice(found).via == ALIVE
    assert network.clock.now - began < 4.0


def test_the_order_decides_and_not_who_is_faster() -> None:
    """The first is somewhere else, its name is found late; the second answers at once and is tried meanwhile."""
    network = lab()
    real = network.client.system_addresses

    async def late(name: str, version: int) -> list[str]:
        await network.client.sleep(1.0)
        return [at.WEB] if version == 4 else await real(name, 4)

    vars(network.client)["system_addresses"] = late
    found = run(network, sources=[env(pac=script(f"return 'PROXY late:{PORT}; PROXY {at.WEB}:{PORT}; DIRECT'"))])
    assert choice(found).via == f"http://late:{PORT}"


@pytest.mark.parametrize("families", [(4,), (6,)])
def test_a_proxy_is_where_it_is_whatever_family_is_asked_for(families: tuple[int, ...]) -> None:
    network = lab()
    vars(network.client)["_hosts"] = {"proxy.example.test": [at.WEB]}
    found = run(network, sources=[env(proxies={"https": f"proxy.example.test:{PORT}"})], families=families)
    assert (choice(found).failure, choice(found).endpoint) == (None, f"{at.WEB}:{PORT}")


# --- the network's own word


def test_a_guess_gets_the_script_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network = with_wpad(monkeypatch, f"PROXY {at.WEB}:{PORT}")
    asked = []
    answer = network.servers["web"]._listeners[80]

    async def counted(stream: object) -> None:
        asked.append(1)
        await answer(stream)  # type: ignore[arg-type]

    network.servers["web"].listen(80, counted)
    found = run(network, guess_proxy=True)
    assert (choice(found).via, len(asked)) == (ALIVE, 1)


@pytest.mark.parametrize(("guess", "by"), [(True, ["wpad"]), (False, [])])
def test_dhcp_counts_for_guesses_only(guess: bool, by: list[str]) -> None:
    """Browsers ask DHCP on Windows alone."""
    network = lab()
    text = f"function FindProxyForURL(url, host) {{ return 'PROXY {at.WEB}:{PORT}' }}".encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n".encode()
    network.servers["web"].listen(80, says(head + text))
    network.client.leases = [("eth0", f"http://{at.WEB}/p.pac")]
    sources: list[ProxySettings] = [] if guess else [env(detect=True)]
    found = run(network, sources=sources, guess_proxy=guess)
    assert [each.by for each in of(found, ProxyScript)] == by
    assert (choice(found).via is not None) is guess
