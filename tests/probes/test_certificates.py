"""The certificates and keys that configuration files name: what is seen of them, and what is made of it."""

from __future__ import annotations

import pytest

from natprobe.codec import dump
from natprobe.facts import CertificateFile, Facts, Program
from natprobe.model import Failure, Severity
from tests.configured import finding, observed, report
from tests.lab.certificates import server_pem
from tests.made_server import SERVER

TURN, CHAIN, KEY = "/etc/turnserver.conf", "/etc/ssl/turn/fullchain.pem", "/etc/ssl/turn/privkey.pem"
HOST = "turn.example.test"
CONF = (
    f"use-auth-secret\nstatic-auth-secret=s\nrealm=r\ncert={CHAIN}\npkey={KEY}\n"
    "denied-peer-ip=0.0.0.0-255.255.255.255\n"
)


def parts(kind: str = "good", name: str = HOST) -> tuple[bytes, bytes]:
    """Chain and key, which the lab has in one file."""
    whole = server_pem(kind, name)
    begin = whole.index(b"-----BEGIN CERTIFICATE-----")
    return whole[begin:], whole[:begin]


def files(kind: str = "good") -> dict[str, str | bytes | int]:
    chain, key = parts(kind)
    return {TURN: CONF, CHAIN: chain, KEY: key}


def seen(given: dict[str, str | bytes | int], **more: object) -> list[CertificateFile]:
    return Facts(SERVER, observed(given, **more)).of(CertificateFile)  # type: ignore[arg-type]  # users, options


def test_a_pair_that_is_right() -> None:
    chain, key = seen(files())
    assert (chain.role, chain.path, chain.file, chain.line, chain.user) == ("certificate", CHAIN, TURN, 4, "turnserver")
    assert (chain.readable, chain.names, chain.chain, chain.self_signed) == (True, (HOST,), 2, False)
    assert chain.days_left is not None
    assert (key.role, key.line, key.matches, key.readable) == ("key", 5, True, True)
    assert report(*observed(files())).findings == ()


def test_nothing_of_the_key_is_told() -> None:
    body = parts()[1].splitlines()[1].decode()
    assert body not in dump(report(*observed(files())))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({CHAIN: None}, "is not there"),
        ({KEY: b"no key at all"}, "holds none that can be read"),
        ({CHAIN: b"-----BEGIN CERTIFICATE-----\nnonsense\n"}, "holds none that can be read"),
        ({KEY: parts("good", "another.example.test")[1]}, "is not that of its certificate"),
    ],
)
def test_a_file_that_is_wrong(change: dict[str, bytes | None], fault: str) -> None:
    given = {path: content for path, content in (files() | change).items() if content is not None}
    only = finding(report(*observed(given)), "certificate-unreadable")
    assert fault in only.message
    assert (only.file, only.severity) == (TURN, Severity.ERROR)
    assert only.fixes


def test_a_key_for_root_alone() -> None:
    """As certbot leaves it: there, and not readable for turnserver."""
    found = report(*observed(files(), users={KEY: ["root"]}))
    only = finding(found, "certificate-unreadable")
    assert only.message == f"coturn runs as turnserver, who may not read its key {KEY}"
    assert only.line == 5
    assert report(*observed(files(), users={KEY: ["turnserver"]})).findings == ()


def test_what_only_root_may_look_at_is_no_fault() -> None:
    hidden = files() | {KEY: 13}  # EACCES
    (_, key) = seen(hidden)
    assert key.failure is Failure.PERMISSION_DENIED
    assert report(*observed(hidden)).findings == ()


def test_nginx_reads_as_root_and_every_pair_counts() -> None:
    conf = "".join(
        f"server {{ listen 443 ssl; ssl_certificate /c/{name}.pem; ssl_certificate_key /c/{name}.key; }}\n"
        for name in "ab"
    )
    chain, key = parts("good", "a.test")
    given: dict[str, str | bytes | int] = {"/etc/nginx/nginx.conf": conf, "/c/a.pem": chain, "/c/a.key": key}
    given |= {"/c/b.pem": chain}
    told = [(each.path, each.failure, each.user) for each in seen(given, users={"/c/a.key": []})]
    gone = Failure.NO_DATA
    assert told == [
        ("/c/a.pem", None, "root"),
        ("/c/a.key", None, "root"),
        ("/c/b.pem", None, "root"),
        ("/c/b.key", gone, "root"),
    ]


@pytest.mark.parametrize(("kind", "cause"), [("expired", "turn-certificate"), ("expiring", "certificate-expiring")])
def test_time(kind: str, cause: str) -> None:
    import time

    given = files(kind)
    only = finding(report(*observed(given, unix_time=time.time())), cause)
    assert (only.file, only.line) == (TURN, 4)


def test_the_certificate_alone() -> None:
    chain, key = parts("incomplete")
    conf = CONF.replace("fullchain", "cert")
    given: dict[str, str | bytes | int] = {TURN: conf, CHAIN.replace("fullchain", "cert"): chain, KEY: key}
    assert "that of its issuer is left out" in finding(report(*observed(given)), "turn-certificate").message


def test_versions_of_packages() -> None:
    status = "".join(
        f"Package: {name}\nStatus: {state}\nArchitecture: amd64\nVersion: {version}\nDescription: x\n more\n\n"
        for name, state, version in (
            ("coturn", "install ok installed", "4.6.1-1"),
            ("janus", "deinstall ok config-files", "1.1.2-1"),
            ("libwebsockets17", "install ok installed", "4.1.6-3"),
            ("prosody-modules", "install ok installed", "1"),
            ("nginx", "install ok installed", "1.22.1-9+deb12u1"),
        )
    )
    found = Facts(SERVER, observed({"/var/lib/dpkg/status": status}, ("programs",))).of(Program)
    assert [(each.name, each.version, each.by) for each in found] == [
        ("coturn", "4.6.1-1", "package"),
        ("libwebsockets", "4.1.6-3", "package"),
        ("nginx", "1.22.1-9+deb12u1", "package"),
    ]
    assert observed({}, ("programs",)) == []


def test_what_janus_takes_no_certificate_for() -> None:
    """Its sample names one that is not there, beside ports that are off."""
    conf = 'general: {{ https = {} }}\ncertificates: {{ cert_pem = "/c/a.pem" }}\n'
    path = "/etc/janus/janus.transport.http.jcfg"
    assert seen({path: conf.format("false")}) == []
    assert [each.failure for each in seen({path: conf.format("true")})] == [Failure.NO_DATA]
    assert seen({"/etc/janus/janus.jcfg": conf.format("false")}) != []


def test_a_certificate_for_none_of_nginxs_names() -> None:
    conf = "server {{ server_name {}; listen 443 ssl; ssl_certificate /c/a.pem; ssl_certificate_key /c/a.key; }}\n"
    chain, key = parts("good", "a.example.test")
    for names, wrong in (("a.example.test", False), ("_", False), ("b.test a.example.test", False), ("b.test", True)):
        files: dict[str, str | bytes | int] = {"/c/a.pem": chain, "/c/a.key": key}
        found = report(*observed(files | {"/etc/nginx/nginx.conf": conf.format(names)}))
        assert {each.cause for each in found.findings} == ({"certificate-invalid"} if wrong else set())
