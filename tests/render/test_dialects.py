"""Firewall fixes as lines to copy: each dialect's own words, and nothing that a shell would make something of."""

from __future__ import annotations

import re
import shlex
from typing import Any, Literal

import msgspec
import pytest

from natprobe.facts import Passage, Platform, Resolved, TurnServer
from natprobe.model import Allow, Forward, Observation
from natprobe.render._dialects import NAMES, lines
from natprobe.render._dialects.passing import shutting
from natprobe.servers import cascade, squid
from natprobe.servers.jitsi import media
from natprobe.wording import speaking

EDGE = "the server's firewall and its cloud's security group"
BORDER = "the firewall between this network and the internet"
PROVIDER = "the provider's firewall (security group)"
RESOLVED = Resolved(name="meet.example.test", family=4, by="system", addresses=("203.0.113.10", "203.0.113.11"))


def allow(**changes: Any) -> Allow:
    usual: dict[str, Any] = {"proto": "udp", "ports": ("10000",), "direction": "in", "at": EDGE, "audience": "server"}
    return Allow(**(usual | changes))


INTO = allow(to="203.0.113.10")
OUT = allow(direction="out", to="meet.example.test", audience="user", at="this machine's own firewall")
BEYOND = allow(direction="out", to="203.0.113.10", audience="network", at=BORDER)
# Answers leave from the media port, to wherever clients are.
OWN = allow(direction="out", from_="203.0.113.10", at="the server's own firewall")
LED = media.forwarded("203.0.113.10", "10.0.1.60", [10000])


def led(outside: str, inside: str, proto: Literal["udp", "tcp"] = "udp") -> Forward:
    return Forward(proto=proto, outside=outside, inside=inside, audience="server")


def written(fix: Allow | Forward, *dialects: str, known: tuple[Observation, ...] = ()) -> list[str]:
    """Without remarks, but those that are all there is."""
    every = [line for copied in lines(fix, (), dialects, known) for line in copied.lines]
    return [each for each in every if not each.startswith("#")] or every


@pytest.mark.parametrize(
    ("fix", "dialect", "wanted"),
    [
        (INTO, "ufw", ["sudo ufw allow 10000/udp"]),
        (INTO, "nft", ["sudo nft insert rule inet filter input udp dport 10000 accept"]),
        (
            allow(ports=("10000", "20000-20049")),
            "nft",
            ["sudo nft insert rule inet filter input udp dport '{ 10000, 20000-20049 }' accept"],
        ),
        (allow(ports=("20000-20049",)), "ufw", ["sudo ufw allow 20000:20049/udp"]),
        (
            allow(ports=("5000 and 5001",)),
            "ufw",
            ["sudo ufw allow 5000/udp", "sudo ufw allow 5001/udp"],
        ),
        (allow(family=6), "nft", ["sudo nft insert rule inet filter input meta nfproto ipv6 udp dport 10000 accept"]),
        (allow(family=6), "iptables", ["sudo ip6tables -I INPUT -p udp --dport 10000 -j ACCEPT"]),
        (
            OUT,
            "nft",
            [
                "sudo nft insert rule inet filter output ip daddr '{ 203.0.113.10, 203.0.113.11 }' udp dport 10000"
                " accept",
                "sudo nft insert rule inet filter input ct state established,related accept",
            ],
        ),
        (
            OUT,
            "iptables",
            [
                "sudo iptables -I OUTPUT -d 203.0.113.10,203.0.113.11 -p udp --dport 10000 -j ACCEPT",
                "sudo iptables -I INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
            ],
        ),
        (OWN, "ufw", ["sudo ufw allow out proto udp from any port 10000 to any"]),
        (OWN, "nft", ["sudo nft insert rule inet filter output udp sport 10000 accept"]),
        (OWN, "aws", []),
        (
            BEYOND,
            "iptables",
            [
                "sudo iptables -I FORWARD -d 203.0.113.10 -p udp --dport 10000 -j ACCEPT",
                "sudo iptables -I FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
            ],
        ),
        (BEYOND, "pfsense", ["# Firewall, Rules, LAN: Pass, UDP, destination 203.0.113.10, port 10000"]),
        (BEYOND, "hetzner", []),
        (INTO, "squid", []),
        (INTO, "openwrt", []),
        (squid.ports_allowed("turn.example.test", [5349]), "squid", ["acl SSL_ports port 5349"]),
        (squid.ports_allowed("turn.example.test", [5349]), "nft", []),
        (LED, "iptables", ["sudo iptables -t nat -I PREROUTING -d 203.0.113.10 -p udp --dport 10000 -j DNAT"
                           " --to-destination 10.0.1.60",
                           "sudo iptables -I FORWARD -d 10.0.1.60 -p udp --dport 10000 -j ACCEPT"]),
        (LED, "aws", []),
        (
            LED,
            "fritzbox",
            ["# Internet, Permit Access, Port Sharing: device 10.0.1.60, UDP, port 10000, outside 10000"],
        ),
    ],
)  # fmt: skip
def test_lines(fix: Allow | Forward, dialect: str, wanted: list[str]) -> None:
    assert written(fix, dialect, known=(RESOLVED,)) == wanted


def test_unless_asked_it_is_what_most_have() -> None:
    assert written(INTO) == written(INTO, "ufw")
    assert written(OUT) == ["sudo ufw allow out 10000/udp"]
    assert written(squid.ports_allowed("turn.example.test", [5349])) == ["acl SSL_ports port 5349"]
    assert written(BEYOND) == written(LED) == []


def test_of_a_cloud_its_own() -> None:
    fix = allow(at=PROVIDER)
    assert written(fix) == []
    assert written(fix, known=(Platform(vendor="Amazon EC2", cloud="AWS"),)) == written(fix, "aws")
    assert written(fix, known=(Platform(vendor="Google", cloud="Google Cloud"),)) == written(fix, "gcp")
    assert written(fix, "ufw", "nft") == []


def test_a_name_without_addresses_is_said_to_be_looked_up() -> None:
    for dialect, part in (("nft", "ip daddr meet.example.test udp"), ("iptables", "-d meet.example.test -p udp")):
        (copied,) = lines(OUT, (), (dialect,))
        assert copied.lines[0] == "# the name is looked up once, when the line runs"
        assert part in copied.lines[1]
    (egress,) = written(allow(direction="out", to="meet.example.test", audience="network", at=BORDER), "aws")
    assert "CidrIp=0.0.0.0/0" in egress


def test_addresses_of_both_families() -> None:
    seen = tuple(
        TurnServer(host="turn.example.test", address=address, port=3478, transport="udp", origin="option")
        for address in ("203.0.113.40", "2001:db8::40")
    )
    fix = allow(direction="out", to="turn.example.test", audience="network", at=BORDER, ports=("3478",))
    four, _, six, _ = written(fix, "iptables", known=seen)
    assert four.startswith("sudo iptables -I FORWARD -d 203.0.113.40 ")
    assert six.startswith("sudo ip6tables -I FORWARD -d 2001:db8::40 ")
    (line,) = written(fix, "aws", known=seen)
    assert "IpRanges=[{CidrIp=203.0.113.40/32}],Ipv6Ranges=[{CidrIpv6=2001:db8::40/128}]" in line


def test_what_does_not_last_says_so() -> None:
    for fix in (INTO, OUT, BEYOND, LED):
        for dialect in ("nft", "iptables"):
            (copied,) = lines(fix, (), (dialect,))
            assert copied.lines[-1].startswith("# lost at the next restart")


HOSTILE = [
    "a;reboot",
    "$(reboot)",
    "`reboot`",
    "a b",
    "-j",
    "a'b",
    "a\nb",
    "a|b",
    "*",
    "",
    "a>b",
    "203.0.113.10/0",
    "fe80::1%a;b",
]


@pytest.mark.parametrize("word", HOSTILE)
def test_nothing_that_a_shell_would_act_on(word: str) -> None:
    """In whatever field it stands: no line at all."""
    given: list[Allow | Forward] = [
        allow(ports=(word,)),
        allow(ports=(f"10000 and {word}",)),
        allow(direction="out", to=word, audience="network", at=BORDER),
        allow(direction="out", from_=word, at=EDGE),
        led(f"{word}:10000", "10.0.1.60:10000"),
        led("203.0.113.10:10000", f"{word}:10000"),
        led(f"{word}, the ports 1 and 2", "the same ports of 10.0.1.60"),
        led("203.0.113.10, the ports 1 and 2", f"the same ports of {word}"),
        led(f"203.0.113.10, the ports {word}", "the same ports of 10.0.1.60"),
    ]
    assert [each for each in given if lines(each, (), NAMES)] == []


@pytest.mark.parametrize("port", ["0", "65536", "99999", "20-10", "1-65536", "010", "+1", "1:2", "of rtp_port_range"])
def test_ports_are_ports(port: str) -> None:
    assert lines(allow(ports=(port,)), (), NAMES) == ()


def test_an_opening_for_some_is_not_made_one_for_all() -> None:
    assert lines(allow(from_="192.0.2.0/24"), (), NAMES) == ()


# What its command line's reference says of the two commands: options, and the shape of --ip-permissions.
_PERMISSION = re.compile(
    r"IpProtocol=(?:udp|tcp),FromPort=\d+,ToPort=\d+"
    r"(?:,IpRanges=\[\{CidrIp=[0-9.]+/\d+\}(?:,\{CidrIp=[0-9.]+/\d+\})*\])?"
    r"(?:,Ipv6Ranges=\[\{CidrIpv6=[0-9a-f:]+/\d+\}(?:,\{CidrIpv6=[0-9a-f:]+/\d+\})*\])?"
)


RANGES = allow(ports=("3478", "49152-65535"))
ANSWERS = allow(direction="out", from_="203.0.113.10", at=PROVIDER)


@pytest.mark.parametrize("fix", [INTO, BEYOND, RANGES, ANSWERS, allow(family=6)])
def test_aws_takes_it(fix: Allow) -> None:
    (line,) = written(fix, "aws")
    words = shlex.split(line)
    assert words[:2] == ["aws", "ec2"]
    assert words[2] == f"authorize-security-group-{'ingress' if fix.direction == 'in' else 'egress'}"
    assert (words[3], words[4], words[5]) == ("--group-id", "YOUR-GROUP-ID", "--ip-permissions")
    assert words[6:]
    assert all(_PERMISSION.fullmatch(each) and "Ranges" in each for each in words[6:])


def test_openwrt_sets_every_option_of_one_section() -> None:
    for fix, kind in ((LED, "redirect"), (BEYOND, "rule")):
        first, *options, commit, restart = written(fix, "openwrt")
        assert first == f"uci add firewall {kind}"
        assert all(re.fullmatch(rf"uci set firewall\.@{kind}\[-1\]\.[a-z_]+='[\w. -]+'", each) for each in options)
        assert (commit, restart) == ("uci commit firewall", "service firewall restart")


def test_several_ports_of_a_router() -> None:
    fix = cascade._forward("203.0.113.60", ["10.0.1.60"], "5000 and 5001")
    assert [each for each in written(fix, "iptables") if "DNAT" in each] == [
        f"sudo iptables -t nat -I PREROUTING -d 203.0.113.60 -p udp --dport {port} -j DNAT --to-destination 10.0.1.60"
        for port in (5000, 5001)
    ]
    assert lines(cascade._forward("203.0.113.60", [], "5000 and 5001"), (), NAMES) == ()


def test_another_port_inside_and_ipv6() -> None:
    other = led("[2001:db8::9]:443", "[2001:db8::60]:8443", "tcp")
    nft = written(other, "nft")
    assert (
        "sudo nft insert rule ip6 meetings prerouting ip6 daddr 2001:db8::9 tcp dport 443 dnat to [2001:db8::60]:8443"
        in nft
    )
    (dnat, _) = written(other, "iptables")
    assert dnat.endswith("--to-destination [2001:db8::60]:8443")
    assert lines(other, (), ("ufw",))[0].label == "/etc/ufw/before6.rules"
    assert lines(other, (), ("firewalld",)) == ()


def test_remarks_are_said_in_the_language_spoken() -> None:
    with speaking(str.upper):
        (copied,) = lines(INTO, (), ("nft",))
    assert [each for each in copied.lines if each.startswith("#")] == [
        "# YOUR CHAIN MAY HAVE ANOTHER NAME: SUDO NFT LIST CHAINS",
        "# LOST AT THE NEXT RESTART, UNLESS IT STANDS IN /ETC/NFTABLES.CONF, TOO",
    ]


@pytest.mark.parametrize("chain", ["ip filter -F", "ip --flush INPUT", "ip filter $(reboot)", "ip filter a;b"])
def test_a_chain_that_no_system_has_gets_no_line(chain: str) -> None:
    """A pasted report may say anything of it."""
    passage = Passage(
        proto="udp", port=10000, port_end=10000, family=4, outcome="drop", chain=chain, manager="iptables"
    )
    assert shutting([passage]) == []
    assert shutting([msgspec.structs.replace(passage, chain="ip filter ufw-user-input")]) != []
