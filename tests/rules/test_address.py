"""The address that the settings tell clients, against this host's interfaces, STUN servers and names."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from natprobe.context import Context, Options
from natprobe.derive.own_names import told_names
from natprobe.facts import Facts, Platform, Resolved, Setting, StunServer
from natprobe.model import Observation, Set, Severity
from natprobe.probes import own_names
from natprobe.run import INSPECTION
from natprobe.servers.clouds import cloud
from natprobe.target import stun_server
from tests.configured import NOW
from tests.lab.machine import FakeMachine
from tests.made import STUN1, named, numbered, saw
from tests.made_server import INNER, PUBLIC, PUBLIC_OTHER, SERVER, inspected, own, setting

HOST = "meet.example.test"
OLD = "203.0.113.99"
MAPPING = {"section": "ice4j.harvest.mapping.static-mappings[0]"}
BRIDGE = (
    setting("jvb", "local-address", INNER, 3, **MAPPING),
    setting("jvb", "public-address", PUBLIC, 4, **MAPPING),
)
RELAY = setting("coturn", "external-ip", f"{PUBLIC}/{INNER}", 7)
JANUS = setting("janus", "nat_1_1_mapping", PUBLIC, 9, section="nat")
INSIDE = own(INNER)


def seen_as(address: str) -> Observation:
    return saw(STUN1, f"{address}:5000", f"{INNER}:5000")


def led(*addresses: str) -> Observation:
    return named(*addresses, probe="own_names")


def judged(*observations: Observation) -> list[Any]:
    return [each for each in inspected(*observations).findings if each.cause == "advertised-not-public"]


@pytest.mark.parametrize("said", [BRIDGE, (RELAY,), (JANUS,)])
@pytest.mark.parametrize(
    "here",
    [
        (own(PUBLIC),),
        (INSIDE, seen_as(PUBLIC)),
        (INSIDE, led(PUBLIC)),
        (INSIDE, seen_as(PUBLIC_OTHER), led(PUBLIC)),  # mapped inwards alone
        (own(PUBLIC_OTHER), own(PUBLIC, "eth1")),
    ],
)
def test_an_address_that_leads_here_is_right(said: tuple[Observation, ...], here: tuple[Observation, ...]) -> None:
    assert judged(*here, *said) == []


@pytest.mark.parametrize(
    ("said", "text"),
    [(BRIDGE, ""), ((RELAY,), f"external-ip={PUBLIC_OTHER}/{INNER}"), ((JANUS,), "")],
)
@pytest.mark.parametrize(
    ("here", "severity"),
    [
        ((own(PUBLIC_OTHER), led(PUBLIC_OTHER)), Severity.ERROR),
        ((INSIDE, seen_as(PUBLIC_OTHER), led(PUBLIC_OTHER)), Severity.ERROR),
        ((INSIDE, seen_as(PUBLIC_OTHER)), Severity.WARNING),
    ],
)
def test_one_that_does_not_is_told_with_the_line_to_write(
    said: tuple[Observation, ...], text: str, here: tuple[Observation, ...], severity: Severity
) -> None:
    (finding,) = judged(*here, *said)
    fix = finding.fixes[0]
    assert (finding.severity, finding.line, finding.file) == (severity, said[-1].line, said[-1].file)  # type: ignore[attr-defined]
    assert PUBLIC in finding.message
    assert PUBLIC_OTHER in finding.message
    assert isinstance(fix, Set)
    assert (fix.line, fix.text) == (finding.line, text)
    assert fix.value == said[-1].value.replace(PUBLIC, PUBLIC_OTHER)  # type: ignore[attr-defined]


def test_beside_a_right_one_a_wrong_one_is_less() -> None:
    said = setting("janus", "nat_1_1_mapping", f"{PUBLIC},{OLD}", 9)
    (finding,) = judged(own(PUBLIC), led(PUBLIC), said)
    assert (finding.severity, finding.fixes[0].value) == (Severity.WARNING, f"{PUBLIC},{PUBLIC}")


def test_without_anybody_outside_nobody_knows() -> None:
    report = inspected(INSIDE, *BRIDGE)
    assert [each.cause for each in report.findings] == []
    assert ("NP510", "outside-unknown") in {(each.code, each.reason) for each in report.unknown}


def test_an_inner_address_is_on_an_interface_or_wrong() -> None:
    said = setting("coturn", "external-ip", "10.9.9.9", 7)
    assert judged(INSIDE, said)
    assert not judged(own("10.9.9.9"), said)


# --- its names


@pytest.mark.parametrize(
    ("here", "there", "told"),
    [
        ((own(PUBLIC),), (OLD,), True),
        ((INSIDE, seen_as(PUBLIC)), (OLD,), True),
        ((own(PUBLIC),), (PUBLIC, OLD), False),
        ((INSIDE,), (OLD,), False),  # nobody outside was asked
        ((own(PUBLIC), INSIDE), (INNER,), False),  # another answer inside
        ((own(PUBLIC),), ("127.0.1.1",), False),  # its own hosts file
        ((own(PUBLIC),), ("2001:db8::99",), False),  # of a family that it has no address of
    ],
)
def test_a_name_that_leads_elsewhere_is_a_note(
    here: tuple[Observation, ...], there: tuple[str, ...], told: bool
) -> None:
    found = judged(*here, led(*there))
    assert [each.severity for each in found] == ([Severity.NOTE] if told else [])
    assert all(OLD in each.message and PUBLIC in each.message for each in found)


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ((setting("docker", "PUBLIC_URL", "https://Meet.Example.test:8443/"),), [HOST]),
        ((setting("nginx", "server_name", "_"),), []),
        ((setting("nginx", "server_name", f"{HOST} www.{HOST} ~^x$ *.wild.test localhost"),), [HOST, f"www.{HOST}"]),
        ((setting("prosody", "VirtualHost", HOST), setting("prosody", "VirtualHost", f"auth.{HOST}")), [HOST]),
        ((setting("prosody", "VirtualHost", "meet.jitsi"), setting("prosody", "VirtualHost", "auth.meet.jitsi")), []),
        ((setting("docker", "PUBLIC_URL", "https://203.0.113.10/"),), []),
        ((setting("docker", "PUBLIC_URL", ""),), []),
        ((setting("docker", "PUBLIC_URL", f"https://{HOST}"), setting("nginx", "server_name", "b.test")), [HOST]),
    ],
)
def test_the_names_that_settings_tell(said: tuple[Setting, ...], names: list[str]) -> None:
    assert told_names(Facts(SERVER, numbered(*said))) == names


class Names:
    """A Net that resolves alone."""

    def __init__(self, known: dict[str, list[str]]) -> None:
        self.known, self.asked = known, set[str]()

    def now(self) -> float:
        return 0.0

    async def system_addresses(self, name: str, version: int) -> list[str]:
        self.asked.add(name)
        return [each for each in self.known.get(name, []) if (":" in each) is (version == 6)]


def looked(
    net: Names, *facts: Observation, files: dict[str, str | bytes | int] | None = None, **more: Any
) -> list[Observation]:
    nothing: Any = None
    fake: Any = net
    context = Context(
        target=SERVER,
        options=Options(**({"stun": ()} | more)),
        net=fake,
        host=nothing,
        random=random.Random(1),
        unix_time=NOW,
        machine=FakeMachine(files or {}),
    )

    async def run() -> list[Observation]:
        return [each async for each in own_names.probe(context, Facts(SERVER, numbered(*facts)))]

    return asyncio.run(run())


def test_names_that_are_given_count_before_those_that_are_told() -> None:
    said = setting("docker", "PUBLIC_URL", "https://told.test")
    for given, name in (((), "told.test"), (("given.test",), "given.test")):
        net = Names({name: [PUBLIC, "2001:db8::7"]})
        found = [each for each in looked(net, said, names=given) if isinstance(each, Resolved)]
        assert net.asked == {name}
        assert {each.addresses for each in found} == {(PUBLIC,), ("2001:db8::7",)}


def test_the_stun_servers_are_looked_up_beside_them() -> None:
    net = Names({"stun.test": [PUBLIC_OTHER]})
    found = looked(net, stun=(stun_server("stun.test"),))
    assert {(each.transport, each.address) for each in found if isinstance(each, StunServer)} == {
        ("udp", PUBLIC_OTHER),
        ("tcp", PUBLIC_OTHER),
    }


@pytest.mark.parametrize(
    ("vendor", "tag", "provider"),
    [
        ("Amazon EC2\n", None, "AWS"),
        ("Microsoft Corporation", "7783-7084-3265-9085-8269-3286-77", "Azure"),
        ("Microsoft Corporation", "other", ""),
        ("QEMU", "OracleCloud.com", "Oracle Cloud"),
        ("Dell Inc.", None, ""),
        ("\x1b[31mHetzner", None, ""),
    ],
)
def test_whose_machine_it_is(vendor: str, tag: str | None, provider: str) -> None:
    files: dict[str, str | bytes | int] = {"/sys/class/dmi/id/sys_vendor": vendor}
    files |= {"/sys/class/dmi/id/chassis_asset_tag": tag} if tag else {}
    (found,) = [each for each in looked(Names({}), files=files) if isinstance(each, Platform)]
    assert found.cloud == provider
    assert "\x1b" not in found.vendor


def test_a_machine_without_firmware_says_nothing() -> None:
    assert [each for each in looked(Names({})) if isinstance(each, Platform)] == []
    assert cloud("", "") == ""


def test_it_has_its_place_before_those_that_read_it() -> None:
    assert INSPECTION.index("files") < INSPECTION.index("own_names") < INSPECTION.index("mapping")
