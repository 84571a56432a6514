"""Rules about inspection of TLS and about portals: each as it speaks, and the networks that only look like it."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.model import Failure, Observation, Where
from natprobe.rules import CLEAR
from natprobe.servers.middleboxes import maker
from tests.made import (
    HOST,
    PAGE,
    STUN1,
    STUN2,
    WEB,
    certificate,
    connected,
    found,
    judged,
    named,
    page,
    report,
    saw,
    session,
    unheard,
    words,
)
from tests.made_jitsi import JITSI, PASSES, config, jitsi, refused_socket
from tests.made_proxy import (
    SOCKETS_DEAD,
    UDP_WORKS,
    behind,
    choice,
    led,
    tunnel,
)

ISSUER = "CN=Zscaler Intermediate Root CA,O=Zscaler Inc."


def causes(*observations: Observation, target: Any = JITSI) -> dict[str, str]:
    return {each.cause: str(each.severity) for each in report(*observations, target=target).findings}


def errors(*observations: Observation, target: Any = JITSI) -> set[str]:
    return {cause for cause, severity in causes(*observations, target=target).items() if severity == "error"}


# --- inspection


def leaf(issuer: str = ISSUER, sha: str = "11", **more: Any) -> Observation:
    return certificate(issuer=issuer, sha256=sha, **more)


def test_a_known_maker_signs() -> None:
    """Trusted or not, and whatever the way."""
    trusted = jitsi(*PASSES, front=(connected(), session(), leaf(), page(says=("jitsi",))))
    assert errors(*trusted) == {"tls-intercepted"}
    assert "Zscaler" in words("tls-intercepted", *trusted, target=JITSI)
    assert "this machine trusts" in words("tls-intercepted", *trusted, target=JITSI)
    refused = (named(WEB), *UDP_WORKS, connected(), session(failure=Failure.TLS_CERTIFICATE), leaf())
    assert errors(*refused, target=PAGE) == {"tls-intercepted"}
    assert "do not trust" in words("tls-intercepted", *refused, target=PAGE)


def test_the_proxy_shows_another_certificate_than_the_server() -> None:
    own = (connected(), session(), certificate(sha256="22"))
    between = (tunnel(), *led(connected(), session(), leaf("CN=Head office")), *led(page(says=("jitsi",))))
    seen = behind(*PASSES, network=UDP_WORKS, straight=own, front=between)
    assert errors(*seen) == {"tls-intercepted"}
    assert "through the proxy" in words("tls-intercepted", *seen, target=JITSI)


def test_certificates_that_only_differ() -> None:
    """Two servers of one authority; and a name that leads inside here, and outside from where the proxy is."""
    front = (tunnel(), *led(connected(), session(), certificate(sha256="33")), *led(page(says=("jitsi",))))
    same = behind(*PASSES, network=UDP_WORKS, straight=(connected(), session(), certificate(sha256="22")), front=front)
    assert judged("tls-intercepted", *same, target=JITSI) is CLEAR
    inner = {"endpoint": "192.168.77.5:443"}
    inside = (connected("192.168.77.5:443"), session("192.168.77.5:443"), leaf("CN=Own CA", **inner))
    split = behind(*PASSES, network=UDP_WORKS, straight=inside, front=front)
    assert judged("tls-intercepted", *split, target=JITSI) is CLEAR


@pytest.mark.parametrize(
    ("through", "intercepts"),
    [
        ((session(), leaf("CN=WE1,O=Google Trust Services", logged=2)), False),
        # One log is no public authority's way, and what nobody trusts is none at all.
        ((session(), leaf("CN=WE1,O=Google Trust Services", logged=1)), True),
        ((session(failure=Failure.TLS_CERTIFICATE), leaf("CN=WE1,O=Google Trust Services", logged=2)), True),
        # A name that such devices sign with is one, whatever else stands there.
        ((session(), leaf(logged=3)), True),
    ],
)
def test_two_public_authorities_for_one_name(through: tuple[Observation, ...], intercepts: bool) -> None:
    """As a CDN may have them: the proxy meets another of its places than we do."""
    own = (connected(), session(), certificate(issuer="CN=R11,O=Let's Encrypt,C=US", sha256="22", logged=2))
    front = (tunnel(), *led(connected(), *through, page(says=("jitsi",))))
    seen = behind(*PASSES, network=UDP_WORKS, straight=own, front=front)
    assert ("tls-intercepted" in causes(*seen)) is intercepts


def test_an_authority_of_the_companys_own_is_none() -> None:
    private = leaf("CN=Example GmbH Root CA 2024,O=Example GmbH")
    seen = (named(WEB), *UDP_WORKS, connected(), session(failure=Failure.TLS_CERTIFICATE), private)
    assert judged("tls-intercepted", *seen, target=PAGE) is CLEAR
    assert errors(*seen, target=PAGE) == {"certificate-invalid"}


def test_a_program_on_this_machine() -> None:
    seen = (named(WEB), connected(), session(), leaf("CN=Kaspersky Anti-Virus Personal Root Certificate"))
    only = found("tls-intercepted", *seen, target=PAGE)
    assert only.where is Where.THIS_HOST
    assert {each.audience for each in only.fixes} == {"user"}


@pytest.mark.parametrize(
    ("issuer", "whose"),
    [
        ("CN=Zscaler Root CA,O=Zscaler Inc.", "Zscaler"),
        ("CN=FG100E4Q16003423,OU=Certificate Authority,O=Fortinet", "Fortinet"),
        ("CN=ca.example.goskope.com,O=Netskope Inc.", "Netskope"),
        ("CN=Fireware HTTPS Proxy (SN 1),O=WatchGuard_Technologies", "WatchGuard"),
        ("CN=Sophos_CA_X1", "Sophos"),
        ("CN=mitmproxy,O=mitmproxy", "mitmproxy"),
        ("CN=ACME SSL Inspection CA", "an inspection of TLS"),
        ("CN=R3,O=Let's Encrypt,C=US", None),
        ("CN=Cloudflare Inc ECC CA-3,O=Cloudflare\\, Inc.", None),
        ("CN=Symantec Class 3 Secure Server CA - G4", None),
        ("CN=Squidward Hosting", None),
        ("CN=DigiCert TLS RSA SHA256 2020 CA1", None),
        ("CN=Example GmbH Root CA", None),
    ],
)
def test_makers(issuer: str, whose: str | None) -> None:
    assert maker(issuer) == whose


def test_a_websocket_that_inspection_strips_is_no_fault_of_the_servers() -> None:
    front = (connected(), session(), leaf(), page(says=("jitsi",)))
    seen = (named(WEB), *UDP_WORKS, *front, *_stripped())
    assert errors(*seen) == {"tls-intercepted"}


def _stripped() -> tuple[Observation, ...]:
    return config(), refused_socket(426)


# --- portals


PORTAL = page(f"http://{HOST}/", 302, location="http://login.hotel.test/")


def portal(*more: Observation, answer: Observation = PORTAL, network: tuple[Observation, ...] = SOCKETS_DEAD) -> Any:
    shut = connected(failure=Failure.REFUSED)
    return (choice(None), named(WEB), *network, connected(f"{WEB}:80"), shut, answer, *more)


def test_a_portal() -> None:
    seen = portal()
    assert report(*seen, target=PAGE).verdict.status == "broken"
    assert errors(*seen, target=PAGE) == {"captive-portal"}
    assert "leads to http://login.hotel.test/" in words("captive-portal", *seen, target=PAGE)


def test_a_portal_that_shows_its_page_at_once() -> None:
    assert errors(*portal(answer=page(f"http://{HOST}/")), target=PAGE) == {"captive-portal"}


def test_a_portal_with_a_certificate_of_its_own() -> None:
    refused = session(failure=Failure.TLS_CERTIFICATE)
    own = certificate(issuer="CN=hotel", subject="CN=hotel", names=("login.hotel.test",), matches=False)
    seen = (named(WEB), *SOCKETS_DEAD, connected(f"{WEB}:80"), connected(), refused, own, PORTAL)
    assert errors(*seen, target=PAGE) == {"captive-portal"}


def test_network_authentication_required() -> None:
    assert "511" in words("captive-portal", *portal(answer=page(f"http://{HOST}/", 511)), target=PAGE)


@pytest.mark.parametrize(
    "network",
    [
        UDP_WORKS,
        (unheard(STUN1), unheard(STUN2), saw(STUN1, transport="tcp")),
        (),
    ],
)
def test_a_server_of_plain_http_is_no_portal(network: tuple[Observation, ...]) -> None:
    """Others answer, or nobody else was asked."""
    assert judged("captive-portal", *portal(network=network), target=PAGE) is CLEAR
    assert judged("captive-portal", *portal(answer=page(f"http://{HOST}/"), network=network), target=PAGE) is CLEAR


def test_the_way_to_the_secure_page_is_no_portal() -> None:
    usual = page(f"http://{HOST}/", 301, location=f"https://{HOST}/")
    assert judged("captive-portal", *portal(answer=usual), target=PAGE) is CLEAR
