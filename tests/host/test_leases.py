"""DHCP's option 252 as the clients of Linux keep it: written samples."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from natprobe.host import children, leases
from natprobe.host.leases import by_nmcli, pac_urls
from natprobe.host.system import SystemHost

URL = "http://wpad.corp.example.com/wpad.dat"
NOW = 1_795_300_215.0  # 21 November 2026
NETWORKD = "# This is private data. Do not parse.\nADDRESS=192.0.2.44\nNETMASK=255.255.255.0\nOPTION_252={}\n"
DHCLIENT = """\
lease {{
  interface "eth0";
  fixed-address 198.51.100.4;
  option unknown-252 "http://another-network.example/";
  expire 2 2026/11/17 10:00:00;
}}
lease {{
  interface "eth0";
  fixed-address 192.0.2.44;
  option subnet-mask 255.255.255.0;
  option {option};
  renew 0 2026/11/22 10:00:00;
  expire {expire};
}}
"""
NMCLI = f"""\
GENERAL.DEVICE:wlan0
DHCP4.OPTION[1]:broadcast_address = 192.0.2.255
DHCP4.OPTION[2]:requested_wpad = 1
DHCP4.OPTION[3]:wpad = {URL}

GENERAL.DEVICE:lo
"""


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.mark.parametrize("end", ["", "\n", "\0", "\r\n"])
def test_networkd(tmp_path: Path, end: str) -> None:
    put(tmp_path, "run/systemd/netif/leases/2", NETWORKD.format((URL + end).encode().hex()))
    assert pac_urls(tmp_path, NOW) == [("DHCP option 252, lease 2", URL)]


@pytest.mark.parametrize("value", ["", "4", "zz", "00", "e9", "68 74"])
def test_networkd_with_what_is_no_url(tmp_path: Path, value: str) -> None:
    put(tmp_path, "run/systemd/netif/leases/2", NETWORKD.format(value))
    assert pac_urls(tmp_path, NOW) == []


@pytest.mark.parametrize(
    "option",
    [
        f'unknown-252 "{URL}"',
        f'wpad "{URL}\\012"',
        f'wpad-url "{URL}\\000"',
        "unknown-252 " + ":".join(f"{each:x}" for each in URL.encode()),
    ],
)
def test_dhclient(tmp_path: Path, option: str) -> None:
    text = DHCLIENT.format(option=option, expire="0 2026/11/22 10:00:00")
    put(tmp_path, "var/lib/dhcp/dhclient.eth0.leases", text)
    assert pac_urls(tmp_path, NOW) == [("DHCP option 252, dhclient.eth0.leases", URL)]


@pytest.mark.parametrize(
    ("option", "expire", "found"),
    [
        (f'wpad "{URL}"', "never", 1),
        (f'wpad "{URL}"', "6 2026/11/21 21:00:00", 0),
        ('domain-name "example.com"', "never", 0),
    ],
)
def test_dhclient_keeps_old_leases(tmp_path: Path, option: str, expire: str, found: int) -> None:
    put(tmp_path, "var/lib/dhclient/dhclient.leases", DHCLIENT.format(option=option, expire=expire))
    assert len(pac_urls(tmp_path, NOW)) == found


def test_files_of_no_use(tmp_path: Path) -> None:
    assert pac_urls(tmp_path, NOW) == []
    put(tmp_path, "var/lib/dhcp/a.leases", 'lease {\n  option wpad "' + "x" * 600_000)
    put(
        tmp_path,
        "var/lib/dhcp/b.leases",
        'lease {\n  expire 9 9999999/99/99 99:99:99;\n  option wpad "http://x/";\n}\n',
    )
    put(
        tmp_path,
        "run/systemd/netif/leases/9",
        "\udcff\0OPTION_252".encode("utf-8", "surrogateescape").decode("latin-1"),
    )
    (tmp_path / "run/systemd/netif/leases/10").mkdir()
    os.mkfifo(tmp_path / "var/lib/dhcp/c.leases")
    assert pac_urls(tmp_path, NOW) == []


def test_network_manager() -> None:
    assert by_nmcli(NMCLI) == [("DHCP option 252, wlan0", URL)]
    assert by_nmcli("") == []


def test_without_network_manager_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "_NMCLI", ("/nowhere/nmcli",))
    assert leases._nmcli() == ""


def test_nmcli_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "_NMCLI", ("sleep", "60"))
    monkeypatch.setattr(children, "_SECONDS", 0.05)
    assert leases._nmcli() == ""


async def test_this_machine_can_be_asked() -> None:
    host = SystemHost()
    assert isinstance(await host.dhcp_pac_urls(NOW), list)
    assert all(each and not each.endswith(".") for each in host.search_domains())


def test_a_pac_file_is_read_as_far_as_it_may_be_long(tmp_path: Path) -> None:
    put(tmp_path, "proxy.pac", "x" * (3 << 20))
    assert len(SystemHost().pac_file(str(tmp_path / "proxy.pac"))) == (1 << 20) + 1


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "nothing", Path("/dev/zero")):
        with pytest.raises(OSError, match=r"."):
            SystemHost().pac_file(str(path))
