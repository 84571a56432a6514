"""Jitsi's settings as fixes: by the installation that there is, and for the versions that know them."""

from __future__ import annotations

import pytest

from natprobe.model import Set
from natprobe.render._words import advice
from natprobe.servers.jitsi import fixes as jitsi
from natprobe.servers.jitsi import media


def settings(*found: object) -> dict[str, str]:
    return {each.key.rpartition(".")[2]: each.value for each in found if isinstance(each, Set)}


def test_one_address_by_docker_has_a_name_for_every_version() -> None:
    new, old = media.advertise(("203.0.113.10",), None, "docker")
    assert advice(new) == [
        "In .env, set JVB_ADVERTISE_IPS to 203.0.113.10 (docker-jitsi-meet from stable-7830 on)",
        "  JVB_ADVERTISE_IPS=203.0.113.10",
    ]
    assert advice(old)[0] == "In .env, set DOCKER_HOST_ADDRESS to 203.0.113.10 (docker-jitsi-meet before stable-7830)"


def test_a_port_of_its_own_needs_a_newer_version() -> None:
    (only,) = media.advertise(("203.0.113.10",), None, "docker", port=12000, own=10000)
    assert isinstance(only, Set)
    assert (only.value, only.since) == ("203.0.113.10#12000", "stable-10532")
    assert settings(*media.advertise(("203.0.113.10",), None, "docker", port=10000, own=10000))[
        "JVB_ADVERTISE_IPS"
    ] == ("203.0.113.10")


def test_an_address_is_never_mapped_to_itself() -> None:
    """Such a mapping has no effect, and the bridge says nothing of it."""
    found = settings(*media.advertise(("203.0.113.10", "192.168.77.5"), "192.168.77.5", "package"))
    assert found["static-mappings"] == '[ { local-address = "192.168.77.5", public-address = "203.0.113.10" } ]'
    assert (found["NAT_HARVESTER_LOCAL_ADDRESS"], found["NAT_HARVESTER_PUBLIC_ADDRESS"]) == (
        "192.168.77.5",
        "203.0.113.10",
    )


def test_the_older_file_only_for_older_versions() -> None:
    old = [each for each in media.advertise(("203.0.113.10",), "192.168.77.5", "package") if isinstance(each, Set)][1:]
    assert [each.until for each in old] == ["jitsi-meet_10133"] * 2


def test_unknown_installations_get_both() -> None:
    found = settings(*media.advertise(("203.0.113.10",), None, None))
    assert {"JVB_ADVERTISE_IPS", "static-mappings"} <= set(found)


def test_both_addresses_for_clients_inside() -> None:
    (docker,) = media.advertise_inner("203.0.113.10", "192.168.77.5", "docker")
    (package,) = media.advertise_inner("203.0.113.10", "192.168.77.5", "package")
    assert settings(docker) == {"JVB_ADVERTISE_IPS": "203.0.113.10,192.168.77.5"}
    assert settings(package) == {"advertise-private-candidates": "true"}


@pytest.mark.parametrize("path", ["/xmpp-websocket", "/http-bind", "/colibri-ws"])
@pytest.mark.parametrize("system", ["docker", "package", None])
def test_nginx_lines_are_whole(path: str, system: jitsi.System | None) -> None:
    lines = jitsi.location(path, "meet.example.test", system)
    assert lines.value.startswith("{ proxy_pass http")
    assert lines.value.endswith("; }")
    assert ("Upgrade $http_upgrade" in lines.value) is (path != "/http-bind")
    assert "{host}" not in lines.value


def test_what_is_gone_says_since_when() -> None:
    docker, package = jitsi.without_channel(None)
    assert isinstance(docker, Set)
    assert isinstance(package, Set)
    assert (docker.until, package.until) == ("stable-11146", "jitsi-meet_11031")


def test_relays_name_their_transport() -> None:
    """A turns entry without one is dropped by the client."""
    assert 'transport = "tcp"' in jitsi.external_services("meet.example.test").value
    assert settings(*jitsi.relays("meet.example.test", "docker"))["TURN_CREDENTIALS"]
