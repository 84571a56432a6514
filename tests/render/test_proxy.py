"""Proxies and what they said, in one line each."""

from __future__ import annotations

import pytest

from natprobe.facts import Allocation, Connected, ProxyChoice, ProxyScript, ProxySetting, SocksUdp, Tunnel
from natprobe.model import Failure, Observation
from natprobe.render._words import seen

VIA = "http://proxy.test:3128"


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (
            ProxySetting(
                by="environment", name="https_proxy", proxies=(f"https={VIA}",), bypass=("a.test",), counts=True
            ),
            "the environment (https_proxy): https=http://proxy.test:3128, none for a.test",
        ),
        (
            ProxySetting(by="desktop", name="org.gnome.system.proxy", pac="http://a.test/p.pac", detect=True),
            "the desktop's settings (org.gnome.system.proxy): script http://a.test/p.pac and ask the network,"
            " which browsers here do not go by",
        ),
        (ProxySetting(by="option", name="--proxy", counts=True), "the options (--proxy): no proxy"),
        (
            ProxyScript(
                by="wpad", url="http://wpad.test/wpad.dat", asked="https://meet.test/", answer="DIRECT", size=9
            ),
            "proxy script http://wpad.test/wpad.dat of 9 bytes for https://meet.test/: DIRECT",
        ),
        (ProxyChoice(host="meet.test", port=443), "browsers go straight to meet.test:443"),
        (
            ProxyChoice(host="meet.test", port=443, bypassed="*.test"),
            "browsers go straight to meet.test:443, as *.test says",
        ),
        (
            ProxyChoice(host="meet.test", port=443, ways=(VIA,), via=VIA, by="option"),
            f"browsers reach meet.test:443 by proxy {VIA}",
        ),
        (
            ProxyChoice(host="meet.test", port=443, ways=(VIA, "socks5://b.test:1080"), failure=Failure.REFUSED),
            f"browsers reach meet.test:443 by proxy {VIA} or socks5://b.test:1080: refused",
        ),
        (
            Tunnel(via=VIA, host="2001:db8::7", port=443, purpose="web", status=200, authenticated=True, rtt_ms=3.0),
            f"tunnel to [2001:db8::7]:443 by proxy {VIA}, with name and password, HTTP 200 in 3.0 ms",
        ),
        (
            Tunnel(
                via=VIA,
                host="meet.test",
                port=443,
                purpose="web",
                status=407,
                schemes=("Negotiate", "Basic"),
                error="ERR_CACHE_ACCESS_DENIED 0",
                failure=Failure.UNAUTHORIZED,
            ),
            f"tunnel to meet.test:443 by proxy {VIA}, HTTP 407, wants Negotiate or Basic, ERR_CACHE_ACCESS_DENIED 0:"
            " unauthorized",
        ),
        (
            Tunnel(via=VIA, host="meet.test", port=9, purpose="port", reply=2, failure=Failure.PROHIBITED),
            f"tunnel to meet.test:9 by proxy {VIA}, SOCKS reply 2: prohibited",
        ),
        (
            SocksUdp(via=VIA, host="stun.test", port=3478, reply=0, mapped="198.51.100.80:4000", tries=1),
            f"STUN over UDP to stun.test:3478 by proxy {VIA} saw 198.51.100.80:4000",
        ),
        (
            SocksUdp(via=VIA, host="stun.test", port=3478, reply=2, failure=Failure.PROHIBITED),
            f"STUN over UDP to stun.test:3478 by proxy {VIA}, not sent, SOCKS reply 2: prohibited",
        ),
        (Connected(endpoint="192.0.2.3:3128", via=VIA, rtt_ms=1.0), f"TCP to 192.0.2.3:3128 by proxy {VIA} in 1.0 ms"),
        (
            Allocation(server="192.0.2.3:3128", host="turn.test", port=5349, transport="tls", via=VIA, tries=1),
            f"Allocate TLS to turn.test:5349 by proxy {VIA}, 1 try",
        ),
    ],
)
def test_one_line(fact: Observation, words: str) -> None:
    assert seen(fact) == words
