"""--cascade and what goes with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from natprobe.cli.cascade import Cascading
from natprobe.cli.check import Asked, understood
from natprobe.cli.entrance import JANUS_ADMIN_KEY, Entrance, janus_access
from natprobe.cli.errors import UsageError
from natprobe.context import Cascade
from natprobe.target import parse
from tests.cli.command import natprobe

ONE, TWO = "janus+https://one.example.test/janus", "janus+wss://two.example.test:8989"
HIDDEN = "AdminKeyOfOurs"


def asked(target: str = "meet.example.test", join: bool = True, **named: object) -> tuple[Cascade, ...]:
    given = Asked(target=target, entrance=Entrance(join=join), cascade=Cascading(**named))  # type: ignore[arg-type]
    return understood(given)[1].cascade


def test_none() -> None:
    assert asked() == ()


def test_the_nth_belongs_to_the_nth() -> None:
    first, second = asked(relays=(ONE, TWO), ifaces=("10.0.0.4",), addresses=("203.0.113.4", "[2001:DB8:0::4]:4000"))
    assert first == Cascade(relay=parse(ONE).target, iface="10.0.0.4", address="203.0.113.4")
    assert second == Cascade(relay=parse(TWO).target, address="2001:db8::4", port=4000)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"relays": (ONE,) * 5}, "at most 4"),
        ({"ifaces": ("10.0.0.4",)}, "--iface needs a --cascade"),
        ({"addresses": ("10.0.0.4",)}, "--cascade-address needs a --cascade"),
        ({"relays": (ONE,), "ifaces": ("10.0.0.4", "10.0.0.5")}, "--iface needs a --cascade"),
        ({"apply": True}, "--apply needs a --cascade"),
        ({"relays": ("two.example.test",)}, "--cascade wants janus"),
        ({"relays": ("turn:two.example.test",)}, "--cascade wants janus"),
        ({"relays": (ONE,), "ifaces": ("eth0",)}, "--iface wants"),
        ({"relays": (ONE,), "addresses": ("two.example.test",)}, "--cascade-address wants"),
        ({"relays": (ONE,), "addresses": ("203.0.113.4:0",)}, "--cascade-address wants"),
        ({"relays": (ONE,), "target": "stun:meet.example.test"}, "stun: is none"),
        ({"relays": (ONE,), "apply": True, "join": False}, "--no-join"),
    ],
)
def test_what_does_not_go(named: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        asked(**named)  # type: ignore[arg-type]


def test_the_key(tmp_path: Path) -> None:
    (file := tmp_path / "key").write_text("of-a-file\n")
    found = janus_access(None, None, {JANUS_ADMIN_KEY: HIDDEN})
    assert found is not None
    assert (found.admin_key, found.secret) == (HIDDEN, "")
    assert HIDDEN not in repr(found)
    from_file = janus_access(None, None, {JANUS_ADMIN_KEY: HIDDEN}, file)
    assert from_file is not None
    assert from_file.admin_key == "of-a-file"


def test_the_command_takes_them() -> None:
    words = (
        "--cascade",
        "janus+https://127.0.0.1:2/janus",
        "--iface",
        "203.0.113.9",
        "--only",
        "cascade",
        "--stun",
        "none",
    )
    done = natprobe("check", "janus+https://127.0.0.1:1", *words, "--apply", "--json", NATPROBE_JANUS_ADMIN_KEY=HIDDEN)
    assert done.returncode in (1, 3)
    assert b'"CascadeRelay"' in done.stdout
    assert HIDDEN.encode() not in done.stdout + done.stderr
    assert b"--iface needs" in natprobe("check", "janus+https://127.0.0.1:1", *words[2:4]).stderr
