"""A report full of what must not be told: each secret in the fields that it belongs to, and in every text there is."""

from __future__ import annotations

from typing import get_args

import msgspec

from natprobe.diagnose import diagnose
from natprobe.facts import (
    Binding,
    Certificate,
    ConfigFile,
    HttpReply,
    Known,
    Listening,
    LocalAddress,
    ProxyChoice,
    ProxySetting,
    Resolved,
    Run,
    Setting,
)
from natprobe.model import Failure, Foreign, Observation, Report, Source, Target
from tests.made import numbered
from tests.samples import filled_with

V4, V4_INNER = "91.34.201.77", "10.83.7.29"
V6 = "2a02:810d:aa40:1234:211:22ff:fe33:4455"
MAPPED = "::ffff:91.34.201.77"
HOST, INNER_HOST, MACHINE = "meet.acmehospital.co.uk", "srv-oncology.acmehospital.co.uk", "ljungbergs-laptop"
IDN, IDN_SHOWN = "xn--krankenhaus-sd-osb.example.org", "krankenhaus-süd.example.org"
USER, ADMIN = "ljungberg", "o.sundqvist"
CARD = "wlx00112233aabb"
REVERSED = ("77.201.34.91.in-addr.arpa", ".".join("2a02810daa401234021122fffe334455"[::-1]) + ".ip6.arpa")
SHA = "5f0c2a77b1e94dd29f04c1c0b8c3e7a55f0c2a77b1e94dd29f04c1c0b8c3e7a5"

# What may be found nowhere, in small letters.
SECRETS = (
    *(V4, V4_INNER, V6, "2a02:810d", "201.34.91", "211:22ff:fe33", "00:11:22:33:aa:bb", "00112233aabb", "5.5.4.4.3.3"),
    *("4.3.3.e.f.f.f", "acmehospital", "srv-oncology", "ljungberg", "krankenhaus", "sundqvist", "nordstad", SHA[:12]),
    *("eyjhbgcioijiuzi1niis", "oncology"),
)
TELLING = (
    f"to {V4}:443 and [{V6}]:5 ({MAPPED}), {V4_INNER}/24, {V4_INNER}-10.83.7.99; https://{V4}/x http%3A%2F%2F{V4}%2F; "
    f"certificate for {HOST}, *.{HOST}, {HOST.upper()}. and {IDN} ({IDN_SHOWN}); on {MACHINE}: "
    f"/home/{USER}/jitsi/.env, C:\\Users\\{USER}\\x; {USER} logged in, ask {ADMIN}@acmehospital.co.uk; "
    f"{REVERSED[0]} {REVERSED[1]}; "
    f"/etc/prosody/conf.d/{HOST}.cfg.lua {HOST}-config.js from 00:11:22:33:AA:BB by {CARD}, {SHA} eyJhbGciOiJIUzI1NiIs"
)

TARGET = Target(input=f"https://{HOST}", host=HOST, port=443)
SOURCES = (Source(label="Ljungberg's laptop", started="2026-11-21T08:00:00Z", duration=2.0, natprobe="0.1.0"),)


def report() -> Report:
    """One of every kind with these words in every text, after what makes them known."""
    named: list[Observation] = [
        Run(
            version="0.1.0", started="2026-11-21T08:00:00Z", system="linux", sources=(V4_INNER,), stun=(f"stun:{HOST}",)
        ),
        LocalAddress(address=V4_INNER, interface=CARD, prefix=24, scope="private"),
        LocalAddress(address=V6, interface=CARD, prefix=64, scope="public"),
        LocalAddress(address=f"fe80::211:22ff:fe33:4455%{CARD}", interface=CARD, prefix=64, scope="link-local"),
        *(Resolved(name=each, family=4, by="dns", addresses=(V4,)) for each in (HOST, IDN, MACHINE, *REVERSED)),
        Resolved(name=INNER_HOST, family=4, by="system", addresses=(V4_INNER,)),
        Binding(server=f"{V4}:3478", transport="udp", origin="option", operator=HOST, mapped=f"{V4}:4000"),
        ProxySetting(
            by="environment", name="https_proxy", proxies=(f"https=http://{INNER_HOST}:3128",), bypass=(HOST,)
        ),
        ProxyChoice(host=HOST, port=443, ways=(f"http://{INNER_HOST}:3128",), via=f"http://{INNER_HOST}:3128"),
        certificate(),
        HttpReply(
            url=f"https://{HOST}/nordstad/", endpoint=f"{V4}:443", status=200, location=f"https://{HOST}/nordstad"
        ),
        Listening(proto="udp", address=V4_INNER, port=10000, process="java", user=USER, container="nordstad-jvb-1"),
        ConfigFile(path=f"/home/{USER}/nordstad/.env", system="docker", form="env"),
        Setting(file=f"/home/{USER}/nordstad/.env", line=3, system="docker", key="PUBLIC_URL", value=f"https://{HOST}"),
        Setting(file="/etc/turnserver.conf", line=3, system="coturn", key="realm", value="nordstad"),
        Setting(file="/etc/turnserver.conf", line=4, system="coturn", key="user", value=ADMIN),
        Setting(file="/etc/turnserver.conf", line=5, system="coturn", key="denied-peer-ip", value=f"{V4}-91.34.201.99"),
    ]
    texts = [_telling(kind) for kind in get_args(Known)]
    newer = {"kind": "Newer", "id": 9, "source": 0, "where": [V4, {"who": USER, HOST: f"{MACHINE} {V6}"}]}
    observations = numbered(*named, *texts, Foreign(raw=newer))
    return diagnose(TARGET, observations, SOURCES)


def _telling(kind: type[Observation]) -> Observation:
    full = filled_with(kind, TELLING)
    more = {"seen": [TELLING, {"by": V4}], "who": USER}
    return msgspec.structs.replace(full, failure=Failure.TIMEOUT, carried=more)


def certificate() -> Certificate:
    return Certificate(
        endpoint=f"{V4}:443",
        name=HOST,
        subject=f"CN={HOST},O=Acmehospital Trust,L=Nordstad",
        issuer="CN=Acmehospital Issuing CA,O=Acmehospital Trust,C=GB",
        names=(HOST, f"*.{HOST}", INNER_HOST, V4),
        not_before="2026-01-01T00:00:00Z",
        not_after="2027-01-01T00:00:00Z",
        days_left=40.0,
        self_issued=False,
        matches=True,
        chain=2,
        sha256=SHA,
    )
