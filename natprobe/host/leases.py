"""DHCP leases of this machine: where a network says that a PAC file is (option 252, draft-ietf-wrec-wpad-01).

systemd-networkd and dhclient keep leases in files, NetworkManager tells its own by nmcli. All of them keep the option
only where they were set to ask for it; NetworkManager always asks.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from pathlib import Path

from natprobe.host import children

FILES_MAX, BYTES_MAX, URL_MAX = 16, 256 << 10, 2048
_DHCLIENT = ("var/lib/dhcp/*.leases", "var/lib/dhclient/*.leases", "var/lib/NetworkManager/*.lease")
_NMCLI = ("nmcli", "--escape", "no", "--terse", "--fields", "GENERAL.DEVICE,DHCP4.OPTION", "device", "show")
# `option unknown-252 "http://wpad/wpad.dat\012";` or `option wpad 68:74:74:70;`, after `option wpad code 252 = text`.
_OPTION = re.compile(
    r'^\s*option (?:unknown-252|option-252|wpad[\w-]*) (?:"((?:[^"\\]|\\.)*)"|([0-9a-f:]+));', re.MULTILINE
)
# The time in UTC, after the day of the week; `never` has no figures.
_EXPIRE = re.compile(r"^\s*expire \d (\d+)/(\d+)/(\d+) (\d+):(\d+):(\d+);", re.MULTILINE)
_LEASE = re.compile(r"^lease \{(.*?)^\}", re.MULTILINE | re.DOTALL)
_ESCAPE = re.compile(r"\\([0-7]{3}|.)")


def pac_urls(root: Path, unix_time: float) -> list[tuple[str, str]]:
    """Who says so, and the URL. `root` is `/`; no errors."""
    found = [*_networkd(root), *_dhclient(root, unix_time), *by_nmcli(_nmcli() if root == Path("/") else "")]
    return [(name, url) for name, url in dict.fromkeys(found) if url]


def _networkd(root: Path) -> Iterator[tuple[str, str]]:
    for path, text in _files(root, "run/systemd/netif/leases/*"):
        for line in text.splitlines():
            key, _, value = line.partition("=")
            if key == "OPTION_252" and re.fullmatch(r"(?:[0-9a-fA-F]{2})*", value):
                yield f"DHCP option 252, lease {path.name}", _url(bytes.fromhex(value))


def _dhclient(root: Path, unix_time: float) -> Iterator[tuple[str, str]]:
    """Of each file the last lease, if it is still good: a file keeps those of other networks too."""
    for pattern in _DHCLIENT:
        for path, text in _files(root, pattern):
            leases: list[str] = _LEASE.findall(text)
            if leases and _is_good(leases[-1], unix_time) and (option := _OPTION.search(leases[-1])) is not None:
                yield f"DHCP option 252, {path.name}", _url(_value(option[1], option[2]))


def _is_good(lease: str, unix_time: float) -> bool:
    expire = _EXPIRE.search(lease)
    try:
        return expire is None or calendar.timegm(tuple(map(int, expire.groups()))) > unix_time
    except (ValueError, OverflowError):  # a time that is none
        return False


def _value(quoted: str | None, hexadecimal: str | None) -> bytes:
    if quoted is None:
        return bytes(int(each, 16) & 255 for each in (hexadecimal or "").split(":") if each)
    plain = _ESCAPE.sub(lambda each: chr(int(each[1], 8) & 255) if each[1].isdigit() else each[1], quoted)
    return plain.encode("latin-1", "replace")


def by_nmcli(text: str) -> list[tuple[str, str]]:
    """What nmcli printed: `GENERAL.DEVICE:eth0`, and below it `DHCP4.OPTION[3]:wpad = http://…`."""
    found, device = [], ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        name, _, option = value.partition(" = ")
        if key == "GENERAL.DEVICE":
            device = value
        elif key.startswith("DHCP4.OPTION") and name in ("wpad", "private_252"):
            found.append((f"DHCP option 252, {device}", _url(option.encode())))
    return found


def _nmcli() -> str:
    return children.output(*_NMCLI) or ""


def _url(value: bytes) -> str:
    """Servers end it with a newline or a NUL, since Windows once wanted one more sign; empty: it is no URL."""
    text = value.partition(b"\0")[0].strip()
    good = len(text) <= URL_MAX and all(32 < each < 127 for each in text)
    return text.decode("ascii") if good else ""


def _files(root: Path, pattern: str) -> Iterator[tuple[Path, str]]:
    try:
        paths = sorted(root.glob(pattern))[:FILES_MAX]
    except OSError:
        return
    for path in paths:
        try:
            if path.is_file():
                with path.open("rb") as file:
                    yield path, file.read(BYTES_MAX).decode("utf-8", "replace")
        except OSError:  # another user's
            continue
