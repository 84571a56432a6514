"""What stands in for one address or name: of its class, as near to others as it was, and by its key alone."""

from __future__ import annotations

import ipaddress
import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natprobe.addresses import address_class, blocks, carried_by_ipv6, of_containers
from natprobe.codec import dump, load
from natprobe.diagnose import diagnose
from natprobe.facts import Resolved, Setting
from natprobe.model import Source, Target
from natprobe.redact import redact
from natprobe.redact._addresses import Addresses, Ip
from natprobe.redact._fields import Fields
from natprobe.redact._holders import Holders
from natprobe.redact._names import NAME_MAX, Names
from natprobe.redact._texts import Texts
from natprobe.servers.middleboxes import maker

KEY, OTHER = (random.Random(seed).randbytes(32) for seed in (1, 2))
SOURCE = Source(started="2026-11-21T08:00:00Z", duration=1.0, natprobe="0.1.0")
anywhere = st.ip_addresses()
# Where the blocks are, and beside them.
near = st.sampled_from(blocks()).flatmap(
    lambda block: st.integers(-(1 << 12), 1 << 12).map(
        lambda away: type(block.network_address)((int(block.network_address) + away) % (1 << block.max_prefixlen))
    )
)
ips = st.one_of(anywhere, near)
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)


def shared(one: Ip, other: Ip) -> int:
    """How many leading bits two addresses have in common."""
    return one.max_prefixlen - (int(one) ^ int(other)).bit_length()


@given(ips)
def test_it_is_of_the_same_class(address: Ip) -> None:
    found = Addresses(KEY).of(address)
    assert found.version == address.version
    assert address_class(str(found)) == address_class(str(address))
    assert of_containers(str(found)) == of_containers(str(address))
    assert carried_by_ipv6(str(found)) == carried_by_ipv6(str(address))


@given(ips, st.integers(0, 127), st.integers(0))
def test_neighbours_stay_neighbours_and_others_others(address: Ip, bits: int, noise: int) -> None:
    """As near as before, but where IPv4 is carried: there the IPv4 addresses are."""
    size = address.max_prefixlen
    flipped = int(address) ^ (1 << (size - 1 - bits % size) | noise % (1 << (size - 1 - bits % size) or 1))
    other = type(address)(flipped)
    stand_ins = Addresses(KEY)
    assert shared(stand_ins.of(address), stand_ins.of(other)) == shared(address, other)


@given(st.sets(ips, max_size=30))
def test_no_two_are_taken_for_one(addresses: set[Ip]) -> None:
    stand_ins = Addresses(KEY)
    assert len({stand_ins.of(each) for each in addresses}) == len(addresses)


@pytest.mark.parametrize("network", ["8.0.0.0/6", "91.34.0.0/16", "10.83.0.0/16", "192.168.128.0/17", "2a02:810d::/32"])
def test_the_key_decides(network: str) -> None:
    chance = random.Random(5)
    block = ipaddress.ip_network(network)
    addresses = [block[chance.randrange(block.num_addresses)] for _ in range(40)]
    one, other = Addresses(KEY), Addresses(OTHER)
    assert sum(one.of(each) == other.of(each) for each in addresses) <= 2
    assert sum(one.of(each) == each for each in addresses) <= 2
    assert [Addresses(KEY).of(each) for each in addresses] == [one.of(each) for each in addresses]


def test_each_bit_of_a_host_depends_on_the_key() -> None:
    """But for the first three, which blocks hang on: 91 begins as 100.64.0.0/10 and 127.0.0.0/8 do not."""
    address = ipaddress.ip_address("91.34.201.77")
    found = [int(Addresses(random.Random(seed).randbytes(16)).of(address)) for seed in range(60)]
    assert all(15 <= sum(each >> bit & 1 for each in found) <= 45 for bit in range(29))


@pytest.mark.parametrize("carrying", ["::ffff:{v4}", "64:ff9b::{v4}", "64:ff9b:1::{v4}"])
def test_ipv4_in_ipv6_is_the_same_one(carrying: str) -> None:
    v4 = ipaddress.ip_address("91.34.201.77")
    found = Addresses(KEY).of(ipaddress.ip_address(carrying.format(v4=v4)))
    assert found.packed[-4:] == Addresses(KEY).of(v4).packed
    sixth = ipaddress.IPv6Address(b"\x20\x02" + v4.packed + bytes(10))
    assert Addresses(KEY).of(sixth).packed[2:6] == Addresses(KEY).of(v4).packed


def test_hardware_shows_no_more() -> None:
    """Its own half of an address (RFC 4291 appendix A) has ff:fe in its middle."""
    found = Addresses(KEY).of(ipaddress.ip_address("fe80::211:22ff:fe33:4455"))
    assert found in ipaddress.ip_network("fe80::/64")
    assert found.packed[11:13] != b"\xff\xfe"


def test_every_pair_in_one_network_stays_in_one() -> None:
    names = ("192.168.178.20", "192.168.178.1", "192.168.178.250", "192.168.179.1", "192.168.10.1")
    addresses = [ipaddress.ip_address(each) for each in names]
    stand_ins = Addresses(KEY)
    for one, other in combinations(addresses, 2):
        assert shared(one, other) == shared(stand_ins.of(one), stand_ins.of(other))


# --- names


def texts(key: bytes = KEY) -> Texts:
    addresses = Addresses(key)
    return Texts(Names(key, addresses), addresses)


def names(key: bytes = KEY) -> Names:
    return Names(key, Addresses(key))


@given(st.lists(labels, min_size=1, max_size=5).map(lambda found: ".".join([*found, "example", "com"])))
def test_a_name_below_another_stays_below_it(name: str) -> None:
    stand_ins = names()
    above = name.partition(".")[2]
    assert stand_ins.host(name).endswith(f".{stand_ins.host(above)}")
    assert stand_ins.host(f"*.{above}") == f"*.{stand_ins.host(above)}"
    assert len(stand_ins.host(name).split(".")) == len(name.split("."))


@given(st.sets(labels.map(lambda found: f"{found}.com"), max_size=30))
def test_no_two_names_are_taken_for_one(found: set[str]) -> None:
    stand_ins = names()
    assert len({stand_ins.host(each) for each in found}) == len(found)
    assert not {stand_ins.host(each) for each in found} & found


@settings(deadline=None)  # the first loads the rules
@given(st.from_regex(r"[0-9A-Za-z_.:%*-]{0,253}", fullmatch=True))
def test_whatever_is_called_a_name_still_fits(name: str) -> None:
    found = names().host(name)
    assert len(found) <= NAME_MAX
    target = Target(input="x", host=name, port=443)
    hidden = redact(target, [Resolved(id=1, name=name, family=4, by="dns")], [SOURCE], KEY)
    load(dump(diagnose(*hidden)))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("meet.example.com", "meet.*.com"),
        ("conference.meet.example.co.uk", "conference.meet.*.co.uk"),
        ("internal.auth.meet.jitsi", "internal.auth.meet.jitsi"),
        ("auth.localhost", "auth.localhost"),
        ("turn.media.com", "turn.*.com"),  # a usual word, and yet somebody's name
        ("printer", "*"),
        ("localhost", "localhost"),
        ("stun.cloudflare.com", "stun.cloudflare.com"),
        ("_turn._tcp.example.com.", "_turn._tcp.*.com."),
        ("stun2.acme.lan", "stun2.*.lan"),
    ],
)
def test_only_what_says_whose_it_is_goes(name: str, found: str) -> None:
    parts = names().host(name).split(".")
    assert len(parts) == len(found.split("."))
    for part, original, wanted in zip(parts, name.split("."), found.split("."), strict=True):
        assert (part == original) if wanted != "*" else part.startswith("name-")


@given(ips.map(lambda address: address.reverse_pointer))
def test_reversed_names_are_of_the_stand_in(name: str) -> None:
    found = names().host(name)
    assert found.endswith((".in-addr.arpa", ".ip6.arpa"))
    digits = name.removesuffix(".in-addr.arpa").split(".")[::-1]
    if name.endswith(".in-addr.arpa"):
        assert names().address(".".join(digits)) == ".".join(found.removesuffix(".in-addr.arpa").split(".")[::-1])


# --- texts


@given(st.text(max_size=300))
def test_any_text_gives_some_text(text: str) -> None:
    found = texts()
    found.learning = True
    found.text(text)
    found.learning = False
    assert isinstance(found.text(text), str)


marks = st.text(st.sampled_from(" -.,;:/\\()[]{}<>\"'=@#&+?!|$^`\u00e9\u4e2d\t\n"), max_size=3)


@given(
    st.integers(0x32000000, 0x5FFFFFFF).map(ipaddress.IPv4Address)
    | st.integers(0x2A02 << 112, 0x2A03 << 112).map(ipaddress.IPv6Address),
    marks.filter(lambda text: not text.endswith(("-", "::", "*"))),
    marks.filter(lambda text: not text.startswith(":")),
)
def test_an_address_is_found_among_any_marks(address: Ip, before: str, behind: str) -> None:
    """As sentences, lists and programs write it, in languages without blanks too."""
    for written in (str(address), str(address).upper(), address.exploded):
        assert written not in texts().text(f"{before}{written}{behind}")


@pytest.mark.parametrize(
    "words",
    [
        "from {}: timeout",
        "IP:{}",
        "%2F{}%2F",
        "地址{}不通",
        "x={}\\n",
        "({}).",
        "{}/64 dev",
        "ask@{}",
        "*{}",
        "é.{}",
        "eth0-{}",
    ],
)
@pytest.mark.parametrize("address", ["91.34.201.77", "2a02:810d:aa40::5"])
def test_an_address_is_found_in_sentences(words: str, address: str) -> None:
    assert address not in texts().text(words.format(address))


def setting(key: str, value: str, system: str = "coturn") -> str:
    each = Setting(file="/etc/x.conf", line=1, system=system, key=key, value=value)  # type: ignore[arg-type]
    return Fields(KEY).data(each).value


def test_beginnings_of_addresses_begin_the_stand_ins() -> None:
    whole = names().address("192.168.178.20")
    assert whole.startswith(setting("ice_enforce_list", "192.168.178.", "janus"))
    assert setting("ice_enforce_list", "eth0,10", "janus") == "eth0,10"
    assert Fields(KEY).pattern("192.168.178.*") == ".".join(whole.split(".")[:3]) + ".*"


def test_ranges_stay_ranges() -> None:
    low, _, high = setting("denied-peer-ip", "91.34.128.0-91.34.255.255").partition("-")
    assert names().address("91.34.201.77") != "91.34.201.77"
    inside = ipaddress.ip_address(names().address("91.34.201.77"))
    assert int(ipaddress.ip_address(low)) < int(inside) < int(ipaddress.ip_address(high))
    assert inside not in ipaddress.ip_network("91.34.0.0/16")


@pytest.mark.parametrize(
    ("issuer", "whose"),
    [
        ("CN=Acme FortiGate CA,O=Acme Hospital,C=DE", "Fortinet"),
        ("CN=R11,O=Let's Encrypt,C=US", None),
        ("CN=Acme Issuing CA,O=Acme Hospital", None),
        ("CN=Acme SSL Inspection", "an inspection of TLS"),
    ],
)
def test_who_signs_is_still_known_and_for_whom_is_not(issuer: str, whose: str | None) -> None:
    found = Holders(names(), texts()).issuer(issuer)
    assert maker(issuer) == maker(found) == whose
    assert "acme" not in found.lower()
    assert (found == issuer) is ("Let's" in issuer)


def test_certificates_of_one_authority_stay_so() -> None:
    holders = Holders(names(), texts())
    one, other = holders.issuer("CN=A,O=Acme Hospital"), holders.issuer("CN=B,O=Acme Hospital")
    assert one != other
    assert one.partition(",")[2] == other.partition(",")[2]
