"""What is read out of a packet filter's rules is what real packets meet; and what a fix says, applied, lets them in."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.netns import filter_rules as rules
from tests.netns.filtering import CONTAINER, SECOND, SERVER, SERVER6, Lab, asked, lab

ASKED = [
    *asked(),
    *asked({"tcp": (8080, 2222)}, (SECOND,)),
    f"tcp/{SERVER}/8080",
    f"tcp/{SERVER}/5349",
]
# What depends on what nobody knows before.
IN_DOUBT = {"marked-before": {f"udp/{SERVER}/10000", f"udp/{SERVER6}/10000"}}


@pytest.fixture(scope="module")
def network() -> Iterator[Lab]:
    with lab() as made:
        yield made


@pytest.fixture
def server(network: Lab) -> Iterator[Lab]:
    network.clean()
    yield network
    network.clean()


def needs(tool: str) -> None:
    if not shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
        pytest.skip(f"not installed: {tool}")


def plain(told: Mapping[str, str]) -> dict[str, str]:
    """A refusal of TCP by ICMP may come before connect() has ended, and is silence then."""
    return {word: "drop" if word.startswith("tcp") and said == "reject" else said for word, said in told.items()}


def agree(server: Lab, name: str) -> None:
    foretold, met = plain(server.foretold(ASKED)), plain(server.knock(ASKED))
    assert {word for word, said in foretold.items() if said == "unknown"} == IN_DOUBT.get(name, set())
    assert {word: said for word, said in foretold.items() if said != "unknown"} == {
        word: said for word, said in met.items() if foretold[word] != "unknown"
    }


@pytest.mark.parametrize("name", rules.NFT)
def test_nft(server: Lab, name: str) -> None:
    server.shell(rules.NFT[name])
    agree(server, name)


@pytest.mark.parametrize("name", rules.IPTABLES)
def test_iptables(server: Lab, name: str) -> None:
    needs("iptables")
    server.shell(rules.IPTABLES[name])
    agree(server, name)


@pytest.mark.parametrize("name", rules.LEGACY)
def test_the_old_interface(server: Lab, name: str) -> None:
    needs("iptables-legacy")
    server.shell(rules.LEGACY[name])
    agree(server, name)


@pytest.mark.parametrize("name", rules.UFW)
def test_ufw(server: Lab, name: str) -> None:
    needs("ufw")
    server.shell(rules.UFW[name])
    agree(server, name)


def test_firewalld(server: Lab) -> None:
    needs("firewall-cmd")
    with server.firewalld():
        server.shell(rules.FIREWALLD["firewalld"])
        agree(server, "firewalld")
        found = inspected(server, "udp/10000")
        assert found["args"]["manager"] == "firewalld"
        apply(server, found)
        assert plain(server.knock([f"udp/{SERVER}/10000"])) == {f"udp/{SERVER}/10000": "accept"}


def report(server: Lab, *expected: str) -> tuple[dict[str, Any], str]:
    """As JSON, and as people read it. Configuration of this machine is none of the server's."""
    words = [word for each in expected for word in ("--expect", each)]
    path = server.folder / "report.json"
    own = ("--only", "filters", "--skip", "files", "--stun", "none", "-q")
    server.server.natprobe("inspect", *words, *own, "--format", "json", "-o", str(path))
    text = server.server.natprobe("diagnose", str(path), "-q").stdout
    return json.loads(path.read_text()), text


def inspected(server: Lab, port: str) -> dict[str, Any]:
    """The finding about this port, and with it the lines to copy."""
    proto, number = port.split("/")
    said, text = report(server, f"*:{number}/{proto}")
    (found,) = [each for each in said["findings"] if each["cause"].startswith("firewall")]
    lines = {"lines": re.findall(r"^ +sudo (.*)$", text, re.MULTILINE)}
    return {**found, **lines}


def apply(server: Lab, found: Mapping[str, Any]) -> None:
    """Every line, as it is printed."""
    assert found["lines"]
    server.shell("\n".join(found["lines"]))


CLOSED = {
    "accepts-some": ("NFT", "nftables"),
    "two-tables": ("NFT", "nftables"),
    "verdict-maps": ("NFT", "nftables"),
    "before-routing": ("NFT", "nftables"),
    "ingress": ("NFT", "nftables"),
    "server": ("IPTABLES", "iptables"),
    "more-matches": ("IPTABLES", "iptables"),
    "six": ("IPTABLES", "iptables"),
    "legacy": ("LEGACY", "iptables-legacy"),
    "legacy-beside-nft": ("LEGACY", "iptables-legacy"),
    "ufw": ("UFW", "ufw"),
    "ufw-ranges": ("UFW", "ufw"),
}
PORTS = {"verdict-maps": "udp/3478", "ingress": "udp/3478", "ufw": "tcp/5349"}


@pytest.mark.parametrize("name", CLOSED)
def test_a_fix_as_it_is_printed_opens_the_port(server: Lab, name: str) -> None:
    group, manager = CLOSED[name]
    for tool in {"NFT": (), "LEGACY": ("iptables-legacy",), "UFW": ("ufw",)}.get(group, ("iptables",)):
        needs(tool)
    server.shell(getattr(rules, group)[name])
    port = PORTS.get(name, "udp/10000")
    proto, number = port.split("/")
    knocks = asked({proto: (int(number),)}, (SERVER6,) if name == "six" else (SERVER,))
    assert set(plain(server.knock(knocks)).values()) <= {"drop", "reject"}
    found = inspected(server, port)
    assert found["args"]["manager"] == manager
    apply(server, found)
    assert set(server.knock(knocks).values()) == {"accept"}


@pytest.mark.parametrize("name", ["ufw", "docker", "docker-user", "bridge-only"])
def test_what_is_open_is_no_finding(server: Lab, name: str) -> None:
    needs("ufw" if name == "ufw" else "iptables")
    server.shell({**rules.UFW, **rules.IPTABLES}[name])
    open_ports = {"ufw": "*:443/tcp", "docker": "*:10000/udp", "docker-user": "*:10000/udp", "bridge-only": "*:80/tcp"}
    said, _ = report(server, open_ports[name])
    assert [each["cause"] for each in said["findings"] if each["cause"].startswith("firewall")] == []


def test_what_docker_leads_past_ufw_is_open_until_its_own_chain_drops_it(server: Lab) -> None:
    needs("ufw")
    server.shell(rules.UFW["ufw-and-docker"])
    knock = [f"tcp/{SERVER}/8080"]
    assert set(server.knock(knock).values()) == {"accept"}
    found = inspected(server, "tcp/443")
    assert (found["cause"], found["severity"]) == ("firewall-conflicts-with-docker", "warning")
    (line,) = re.findall(r"sudo (iptables .*)$", found["fixes"][0]["text"])
    server.shell(line)
    assert set(server.knock(knock).values()) == {"drop"}
    said, _ = report(server, "*:443/tcp")
    assert [each["cause"] for each in said["findings"] if each["cause"].startswith("firewall")] == []


def test_a_container_that_the_forward_chain_has_forgotten(server: Lab) -> None:
    needs("iptables")
    server.shell(rules.IPTABLES["docker-forgotten"])
    found = inspected(server, "udp/10000")
    assert (found["cause"], found["severity"]) == ("firewall-conflicts-with-docker", "error")
    assert found["args"]["to"] == f"{CONTAINER}:10000"
    assert "systemctl restart docker" in found["fixes"][0]["text"]


def test_an_ordinary_user_is_told_that_the_rules_are_hidden(server: Lab) -> None:
    server.shell(rules.NFT["accepts-some"])
    path = server.folder / "user.json"
    path.touch()
    path.chmod(0o666)
    server.folder.chmod(0o755)
    user = ["setpriv", "--reuid", "65534", "--clear-groups", sys.executable, "-m", "natprobe"]
    words = ["inspect", "--expect", "*:10000/udp", "--only", "filters", "--skip", "files", "--stun", "none", "-q"]
    server.server.run([*user, *words, "--json", "-o", str(path)], check=False)
    said = json.loads(path.read_text())
    filters = [each for each in said["observations"] if each["kind"] == "PacketFilter"]
    assert "permission-denied" in {each["failure"] for each in filters}
    assert [each for each in said["observations"] if each["kind"] == "Passage"] == []
    (unknown,) = [each for each in said["unknown"] if each["code"] == "NP506"]
    assert (unknown["reason"], unknown["ask"]) == ("filters-hidden", "sudo natprobe inspect")
