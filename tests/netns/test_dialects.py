"""Firewall fixes as they are printed, in each dialect: put into a real packet filter that shuts everything, each lets
through what it is for, and nothing else.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from natprobe.model import Allow, Forward
from natprobe.render._dialects import lines
from tests.netns.filtering import BRIDGE, CONTAINER, SERVER, SERVER6, Lab, lab

# The lines are run by root: what they begin with is nobody's program here.
_AS_ROOT = 'sudo() { "$@"; }\n'
_PORT, _OUTER = 10000, 4000
# The stranger's end of the wire: what answers a datagram answers from there.
OUTSIDE = "203.0.113.1"

INTO = Allow(
    proto="udp", ports=("10000",), direction="in", to=SERVER, at="the server's own firewall", audience="server"
)
# Answers of the server, which leave from the port that they came to.
ANSWERS = Allow(
    proto="udp", ports=("10000",), direction="out", from_=SERVER, at="the server's own firewall", audience="server"
)
OUT = Allow(
    proto="udp", ports=("10000",), direction="out", to=CONTAINER, at="this machine's own firewall", audience="user"
)
THROUGH = Allow(
    proto="udp",
    ports=("10000",),
    direction="out",
    to=OUTSIDE,
    at="the firewall between this network and the internet",
    audience="network",
)
LED = Forward(
    proto="udp", outside=f"{SERVER}:{_OUTER}", inside=f"{CONTAINER}:{_PORT}", at="the router", audience="server"
)

_NFT = """\
nft -f - <<'END'
table inet filter {
  chain input { type filter hook input priority filter; policy drop; meta l4proto ipv6-icmp accept; }
  chain output { type filter hook output priority filter; policy drop; meta l4proto ipv6-icmp accept; }
  chain forward { type filter hook forward priority filter; policy drop; }
}
END
"""
_IPTABLES = """\
for chain in INPUT OUTPUT FORWARD; do iptables -P $chain DROP; ip6tables -P $chain DROP; done
ip6tables -A INPUT -p ipv6-icmp -j ACCEPT
ip6tables -A OUTPUT -p ipv6-icmp -j ACCEPT
"""
_UFW = """\
ufw --force reset >/dev/null
ufw default deny incoming; ufw default deny outgoing; ufw default deny routed
ufw --force enable
"""
# It lets out all that comes from the host, unless a policy says otherwise; and it leads on within a zone.
_FIREWALLD = """\
firewall-cmd --permanent --new-policy=shut
firewall-cmd --permanent --policy=shut --add-ingress-zone=HOST
firewall-cmd --permanent --policy=shut --add-egress-zone=ANY
firewall-cmd --permanent --policy=shut --set-target=DROP
firewall-cmd --permanent --zone=internal --add-interface=docker0
firewall-cmd --reload
"""
STATES = {"nft": _NFT, "iptables": _IPTABLES, "ufw": _UFW, "firewalld": _FIREWALLD}
TOOLS = {"firewalld": "firewall-cmd"}
# What is opened, by which fixes, and who knocks where.
STEPS: tuple[tuple[tuple[str, ...], tuple[Allow | Forward, ...]], ...] = (
    (("in", "in, IPv6"), (INTO, ANSWERS)),
    (("out",), (OUT,)),
    (("through",), (THROUGH,)),
    (("forward",), (LED,)),
)


@pytest.fixture(scope="module")
def network() -> Iterator[Lab]:
    with lab() as made:
        words = [sys.executable, "-m", "tests.netns.echoing", str(_PORT)]
        made.network["stranger"].start(words, log="stranger.log").listens(udp=(_PORT,), addresses=2)
        made.network["stranger"].run(["ip", "route", "add", "172.17.0.0/16", "via", SERVER])
        yield made


@pytest.mark.parametrize("dialect", ["nft", "iptables", "ufw", pytest.param("firewalld", marks=pytest.mark.long)])
def test_what_is_printed_opens_what_it_is_for(network: Lab, dialect: str) -> None:
    tool = TOOLS.get(dialect, dialect)
    if not shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
        pytest.skip(f"not installed: {tool}")
    network.clean()
    with ExitStack() as stack:
        stack.callback(network.clean)
        if dialect == "firewalld":
            stack.enter_context(network.firewalld())
        network.shell(STATES[dialect])
        assert opened(network) == set()
        for number, (_, fixes) in enumerate(STEPS, 1):
            for fix in fixes:
                follow(network, fix, dialect)
            assert opened(network) == {name for names, _ in STEPS[:number] for name in names}


def follow(network: Lab, fix: Allow | Forward, dialect: str) -> None:
    """Every line, remarks and all; those of a file at its head."""
    for copied in lines(fix, (), (dialect,)):
        text = "\n".join(copied.lines)
        if copied.label.startswith("/"):
            file = copied.label
            network.shell(f"cat - {file} >{file}.new <<'END'\n{text}\nEND\nmv {file}.new {file}")
        else:
            network.shell(_AS_ROOT + text)


def opened(network: Lab) -> set[str]:
    by_name = {
        "in": f"udp/{SERVER}/{_PORT}",
        "in, IPv6": f"udp/{SERVER6}/{_PORT}",
        "out": f"udp/{CONTAINER}/{_PORT}",
        "through": f"udp/{OUTSIDE}/{_PORT}",
        "forward": f"udp/{SERVER}/{_OUTER}",
    }
    met = network.knock([by_name[each] for each in ("in", "in, IPv6", "forward")])
    met |= network.knock([by_name["out"]], "server", BRIDGE)
    met |= network.knock([by_name["through"]], "container", CONTAINER)
    return {name for name, word in by_name.items() if met[word] == "accept"}
