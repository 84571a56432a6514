"""Jitsi's rules by facts made by hand: what is said of a setting, and what makes it quiet."""

from __future__ import annotations

import pytest

from natprobe.derive.docker import Deployment, deployments
from natprobe.derive.versions import older
from natprobe.facts import Facts, Passage, Setting
from natprobe.model import Observation, Set, Severity
from natprobe.rules import CLEAR, NOT_APPLICABLE
from natprobe.servers.jitsi.settings import LOCAL, MAPPINGS
from natprobe.servers.jitsi.settings import PUBLIC as PUBLIC_KEY
from tests.made import doubt, found, judged, numbered, saw
from tests.made_server import (
    CONTAINER,
    INNER,
    PATHS,
    PUBLIC,
    PUBLIC_OTHER,
    SERVER,
    file,
    listening,
    own,
    program,
    published,
    setting,
)

UDP_PORT = "videobridge.ice.udp.port"
SAME, FOREIGN = "mapping-local-equals-public", "mapping-local-not-bound"
GONE, VAIN, EXPOSED = "setting-obsolete", "setting-without-effect", "private-api-exposed"
POINTS, OTHER_PORT = "config-points-elsewhere", "media-port-mismatch"
JVB, ENV, COMPOSE = file("jvb", lines=9), file("docker", lines=9), file("compose", lines=60)
IN_CONTAINER = "/root/.jitsi-meet-cfg/jvb/custom-jvb.conf"
THEIRS = file("jvb", path=IN_CONTAINER, inside=True, lines=3)
GENERATED = file("jvb", path="/root/.jitsi-meet-cfg/jvb/jvb.conf", inside=True, generated=True, lines=3)
HERE = own(INNER)


def mapping(local: str | None, public: str | None, path: str = PATHS["jvb"], number: int = 0) -> list[Setting]:
    section = f"{MAPPINGS}[{number}]"
    parts = {"local-address": local, "public-address": public}
    return [
        setting("jvb", key, value, line, file=path, section=section)
        for line, (key, value) in enumerate(parts.items(), 4)
        if value is not None
    ]


def env(**values: str) -> list[Setting]:
    return [setting("docker", key, value, line) for line, (key, value) in enumerate(values.items(), 1)]


def service(name: str, key: str, value: str, line: int = 10) -> Setting:
    return setting("compose", key, value, line, section=f"services {name}")


def passing(name: str, *keys: str) -> list[Setting]:
    where = f"services {name} environment"
    return [setting("compose", key, f"${{{key}}}", 20, section=where) for key in keys]


def stack(tag: str = "stable-10532", ports: str = "${JVB_PORT:-10000}:${JVB_PORT:-10000}/udp") -> list[Observation]:
    """A compose file of that version, with the variables that these tests set."""
    images = [service(name, "image", f"jitsi/{name}:{tag}") for name in ("web", "jvb")]
    web, jvb = ("PUBLIC_URL", "DISABLE_HTTPS"), ("JVB_PORT", "JVB_ADVERTISE_IPS", "DOCKER_HOST_ADDRESS")
    shown = [service("web", "ports", "${HTTPS_PORT}:443", 5), service("jvb", "ports", ports, 30)]
    return [COMPOSE, ENV, *images, *passing("web", *web), *passing("jvb", *jvb), *shown]


class TestMappings:
    def test_no_bridge_no_question(self) -> None:
        for rule in (SAME, FOREIGN):
            assert judged(rule, HERE, ENV) is NOT_APPLICABLE

    def test_a_good_one(self) -> None:
        for rule in (SAME, FOREIGN, VAIN):
            assert judged(rule, HERE, JVB, *mapping(INNER, PUBLIC)) is CLEAR

    def test_to_itself(self) -> None:
        said = found(SAME, HERE, JVB, *mapping(INNER, INNER))
        assert (said.file, said.line, said.severity) == (PATHS["jvb"], 5, None)
        assert judged(FOREIGN, HERE, JVB, *mapping(INNER, INNER)) is CLEAR
        (fix,) = said.fixes
        assert isinstance(fix, Set)
        assert (fix.key, fix.value, fix.line) == (f"{MAPPINGS}.public-address", "THE-PUBLIC-ADDRESS", 5)

    def test_a_public_one_to_itself_is_only_in_vain(self) -> None:
        assert found(SAME, own(PUBLIC), JVB, *mapping(PUBLIC, PUBLIC)).severity is Severity.WARNING

    def test_the_address_that_stun_saw_is_the_one_to_write(self) -> None:
        seen = saw(mapped=f"{PUBLIC_OTHER}:40000")
        (fix,) = found(SAME, HERE, JVB, seen, *mapping(INNER, INNER)).fixes
        assert isinstance(fix, Set)
        assert fix.value == PUBLIC_OTHER

    def test_of_an_address_that_the_host_lacks(self) -> None:
        said = found(FOREIGN, HERE, JVB, *mapping("192.168.1.9", PUBLIC))
        assert said.args == {"address": "192.168.1.9"}
        (fix,) = said.fixes[:1]
        assert isinstance(fix, Set)
        assert (fix.value, fix.line) == (INNER, 4)

    def test_without_addresses_nobody_can_tell(self) -> None:
        assert judged(FOREIGN, JVB, *mapping("192.168.1.9", PUBLIC)) is NOT_APPLICABLE

    def test_a_container_has_not_the_hosts_address(self) -> None:
        theirs = mapping(INNER, PUBLIC, IN_CONTAINER)
        assert found(FOREIGN, HERE, THEIRS, *theirs).file == IN_CONTAINER
        assert found(FOREIGN, HERE, THEIRS, published(), *theirs).args["own"] == CONTAINER

    def test_but_its_own(self) -> None:
        theirs = mapping(CONTAINER, PUBLIC, IN_CONTAINER)
        assert judged(FOREIGN, HERE, THEIRS, *theirs) is CLEAR
        assert judged(FOREIGN, HERE, THEIRS, published(), *theirs) is CLEAR

    def test_with_the_hosts_network_it_has_the_hosts(self) -> None:
        host = [COMPOSE, service("jvb", "image", "jitsi/jvb:stable"), service("jvb", "network_mode", "host")]
        assert judged(FOREIGN, HERE, THEIRS, *host, *mapping(INNER, PUBLIC, IN_CONTAINER)) is CLEAR

    @pytest.mark.parametrize(("local", "public"), [(INNER, None), (None, PUBLIC), (INNER, "")])
    def test_half_of_one_does_nothing(self, local: str | None, public: str | None) -> None:
        said = found(VAIN, HERE, JVB, *mapping(local, public))
        assert said.file == PATHS["jvb"]
        assert judged(SAME, HERE, JVB, *mapping(local, public)) is CLEAR
        assert judged(FOREIGN, HERE, JVB, *mapping(local, public)) is CLEAR or public == ""

    def test_the_old_names_in_properties(self) -> None:
        path = "/etc/jitsi/videobridge/sip-communicator.properties"
        old = file("jvb", path=path, form="properties", lines=2)
        halves = [setting("jvb", key, INNER, line, file=path) for line, key in enumerate((LOCAL, PUBLIC_KEY), 1)]
        (fix,) = found(SAME, HERE, saw(mapped=f"{PUBLIC}:1"), old, *halves).fixes
        assert isinstance(fix, Set)
        assert (fix.line, fix.text) == (2, f"{PUBLIC_KEY}={PUBLIC}")
        assert found(VAIN, HERE, old, halves[0]).line == 1


class TestVain:
    def test_a_variable_that_no_container_gets(self) -> None:
        said = found(VAIN, *stack(), *env(PUBLIC_URL="https://a", TURNS_HOST="turn.example.test"))
        assert (said.args, said.line) == ({"key": "TURNS_HOST"}, 2)

    @pytest.mark.parametrize("key", ["env_file", "<<", "extends"])
    def test_unless_a_service_gets_more_than_stands_there(self, key: str) -> None:
        assert judged(VAIN, *stack(), service("web", key, ".env"), *env(TURNS_HOST="turn.example.test")) is CLEAR

    def test_nor_where_the_compose_file_is_broken(self) -> None:
        broken = file("compose", path="/opt/jitsi/compose.yml", lines=3, failure="protocol")
        assert judged(VAIN, *stack(), broken, *env(TURNS_HOST="turn.example.test")) is CLEAR

    @pytest.mark.parametrize("value", ["meet.example.test", f"{PUBLIC},meet.example.test"])
    def test_names_where_addresses_are_wanted(self, value: str) -> None:
        assert found(VAIN, *stack(), *env(JVB_ADVERTISE_IPS=value)).args["word"] == "meet.example.test"

    def test_ports_since_they_are_taken(self) -> None:
        told = env(JVB_ADVERTISE_IPS=f"{PUBLIC}#20000")
        assert judged(VAIN, *stack(), *told) is CLEAR
        assert found(VAIN, *stack("stable-9955"), *told).args["version"] == "stable-9955"

    @pytest.mark.parametrize("key", ["TURN_TLL", "TURN_CREDENTIAL", "NAT_HARVESTER_LOCAL_ADDRESS"])
    def test_names_that_nobody_reads(self, key: str) -> None:
        assert found(VAIN, *stack(), *env(**{key: "1"})).args["keys"] == key

    def test_what_nobody_may_read_may_say_anything(self) -> None:
        assert doubt(VAIN, JVB, file("docker", failure="permission-denied")) == "files-unread"

    def test_an_edit_that_is_lost(self) -> None:
        edited = setting("jvb", "videobridge.ice.udp.port", "10001", 3, file=GENERATED.path)
        said = found(VAIN, *stack(), GENERATED, edited)
        assert (said.args["value"], said.args["made"]) == ("10001", "10000")
        assert [isinstance(each, Set) for each in said.fixes] == [False, True]
        assert judged(VAIN, *stack(), GENERATED, edited, *env(JVB_PORT="10001")) is CLEAR
        assert judged(VAIN, *stack("stable-11146"), GENERATED, edited) is CLEAR  # which nobody reads any more

    def test_what_env_says_is_not_taken_back_by_a_line_to_apply(self) -> None:
        edited = setting("jvb", UDP_PORT, "10000", 3, file=GENERATED.path)
        said = found(VAIN, *stack(), GENERATED, edited, *env(JVB_PORT="10001"))
        assert [isinstance(each, Set) for each in said.fixes] == [False, False]
        assert "docker compose up -d" in str(said.fixes[0])

    def test_a_relay_for_two_participants_only(self) -> None:
        page, where = file("jitsi-meet", lines=20), "p2p stunServers[0]"
        turn = setting("jitsi-meet", "urls", "turn:a:3478", 9, section=where)
        secret = setting("jitsi-meet", "credential", line=10, section=where, secret=1)
        assert "password" in found(VAIN, page, turn, secret).args["leak"]
        assert found(VAIN, page, turn).args["leak"] == ""
        stun = setting("jitsi-meet", "urls", "stun:a:3478", 9, section=where)
        assert judged(VAIN, page, stun) is CLEAR


class TestObsolete:
    OLD = env(JVB_TCP_PORT="4443", JVB_TCP_HARVESTER_DISABLED="false")

    def test_one_finding_for_what_went_together(self) -> None:
        said = found(GONE, *stack(), *self.OLD)
        assert said.args["keys"] == "JVB_TCP_PORT and JVB_TCP_HARVESTER_DISABLED"
        assert [(each.line, each.op) for each in said.fixes if isinstance(each, Set)] == [(1, "remove"), (2, "remove")]

    def test_not_while_it_was_there(self) -> None:
        assert judged(GONE, *stack("stable-6865"), *self.OLD) is CLEAR

    @pytest.mark.parametrize("tag", ["latest", "unstable", "${MY_TAG}", "web-1.0.1234-1"])
    def test_a_version_that_nobody_knows_makes_it_a_note(self, tag: str) -> None:
        said = found(GONE, *stack(tag), *self.OLD)
        assert (said.severity, said.args["gone"]) == (Severity.NOTE, "stable-7001")

    def test_an_old_name_still_counts(self) -> None:
        said = found(GONE, *stack(), *env(DOCKER_HOST_ADDRESS=PUBLIC))
        assert said.severity is Severity.NOTE
        assert judged(GONE, *stack("stable-7648-4"), *env(DOCKER_HOST_ADDRESS=PUBLIC)) is CLEAR

    def test_what_compose_passes_on_is_not_set(self) -> None:
        assert judged(GONE, *stack(), *passing("jvb", "JVB_TCP_PORT")) is CLEAR

    @pytest.mark.parametrize(
        ("version", "quiet"), [("2.0.9584-1", True), ("2.0.9646-1", False), ("2.0.10431-1", False)]
    )
    def test_the_packages_by_their_own_count(self, version: str, quiet: bool) -> None:
        tcp = setting("jvb", "videobridge.ice.tcp.enabled", "true")
        assert (judged(GONE, JVB, tcp, program("jitsi-meet", version)) is CLEAR) is quiet


class TestPrivateApi:
    @pytest.mark.parametrize("line", ["8080:8080", "0.0.0.0:8080:8080", f"{INNER}:8080:8080", "[::]:8080:8080/tcp"])
    def test_published_for_others(self, line: str) -> None:
        said = found(EXPOSED, *stack(), service("jvb", "ports", line, 31))
        assert (said.line, said.fixes[0].text) == (31, "- '127.0.0.1:8080:8080'")  # type: ignore[union-attr]

    def test_a_variable_stays_whole(self) -> None:
        said = found(EXPOSED, *stack(), service("jvb", "ports", "${JVB_COLIBRI_PORT:-8080}:8080", 31))
        assert said.fixes[0].text == "- '127.0.0.1:${JVB_COLIBRI_PORT:-8080}:8080'"  # type: ignore[union-attr]

    @pytest.mark.parametrize("line", ["127.0.0.1:8080:8080", "[::1]:8080:8080", "8080:80", "127.0.0.1:${X}:8080"])
    def test_or_not(self, line: str) -> None:
        assert judged(EXPOSED, *stack(), service("jvb", "ports", line, 31)) is CLEAR

    def test_the_packages_setting_and_the_socket(self) -> None:
        host = setting("jvb", "videobridge.http-servers.private.host", "0.0.0.0", 7)
        assert found(EXPOSED, JVB, host).line == 7
        everywhere = listening("tcp", "::", 8080)
        assert found(EXPOSED, JVB, everywhere).severity is Severity.WARNING
        assert judged(EXPOSED, JVB, listening("tcp", "127.0.0.1", 8080)) is CLEAR
        assert judged(EXPOSED, JVB, listening("tcp", "::", 8080, "tomcat")) is CLEAR
        assert judged(EXPOSED, ENV, everywhere) is CLEAR


class TestPublicUrl:
    GOOD = (
        "https://meet.example.test",
        "https://meet.example.test:8443/",
        "meet.example.test",
        f"https://{INNER}:8443",
    )

    @pytest.mark.parametrize("url", GOOD)
    def test_good(self, url: str) -> None:
        assert judged(POINTS, *stack(), *env(HTTPS_PORT="8443", PUBLIC_URL=url)) is CLEAR

    @pytest.mark.parametrize(
        ("url", "fix"),
        [
            ("https://localhost:8443", "https://YOUR-NAME"),
            ("https://127.0.0.1", "https://YOUR-NAME"),
            ("http://meet.example.test", "https://meet.example.test:8443"),
            ("https://meet.example.test:9443", "https://meet.example.test:8443"),
            ("https://", "https://YOUR-NAME"),
            ("", "https://YOUR-NAME"),
        ],
    )
    def test_bad(self, url: str, fix: str) -> None:
        said = found(POINTS, *stack(), *env(HTTPS_PORT="8443", PUBLIC_URL=url))
        (line,) = said.fixes
        assert isinstance(line, Set)
        assert (line.value, line.line) == (fix, 2)
        assert line.text == ("" if "YOUR" in fix else f"PUBLIC_URL={fix}")

    def test_a_port_that_something_else_has_may_be_a_proxys(self) -> None:
        told = env(HTTPS_PORT="8443", PUBLIC_URL="https://meet.example.test:9443")
        assert judged(POINTS, *stack(), *told, listening("tcp", port=9443, process="nginx")) is CLEAR

    @pytest.mark.parametrize(
        ("value", "bad"),
        [
            ("wss://localhost:8443/xmpp-websocket", True),
            ("ws://meet.example.test/xmpp-websocket", True),
            ("wss://meet.example.test/xmpp-websocket", False),
            ("//meet.example.test/http-bind", False),
            ("/http-bind", False),
        ],
    )
    def test_the_packages_page(self, value: str, bad: bool) -> None:
        page, line = file("jitsi-meet", lines=20), setting("jitsi-meet", "websocket", value, 9)
        if not bad:
            assert judged(POINTS, page, line) is CLEAR
            return
        (fix,) = found(POINTS, page, line).fixes
        assert isinstance(fix, Set)
        assert (fix.value, fix.line) == ("wss://meet.example.test/xmpp-websocket", 9)

    def test_an_env_that_nobody_may_read_tells_nothing(self) -> None:
        shut = file("docker", failure="permission-denied")
        there = [each for each in stack() if each is not ENV]
        assert judged(POINTS, *there, shut) is CLEAR


class TestPorts:
    def test_another_number_outside(self) -> None:
        said = found(OTHER_PORT, *stack(ports="20000:10000/udp"))
        assert (said.args, said.line) == ({"inner": 10000, "outer": 20000}, 30)
        assert [each.text for each in said.fixes if isinstance(each, Set)] == [
            "- '10000:10000/udp'",
            "",  # nobody knows the address
        ]

    @pytest.mark.parametrize(
        ("ports", "told"),
        [
            ("20000:10000/udp", {"JVB_ADVERTISE_IPS": f"{PUBLIC}#20000"}),
            ("20000:20000/udp", {"JVB_PORT": "20000"}),
            ("${JVB_PORT}:${JVB_PORT}/udp", {"JVB_PORT": "20000"}),
            ("10000/udp", {}),
            ("20000:10000", {}),
        ],
    )
    def test_or_the_same(self, ports: str, told: dict[str, str]) -> None:
        assert judged(OTHER_PORT, *stack(ports=ports), *env(**told)) is CLEAR


def deployment(*observations: Observation) -> Deployment:
    (only,) = deployments(Facts(SERVER, numbered(*observations)))
    return only


class TestCompose:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("${HTTP_PORT}", "80"),
            ("$HTTP_PORT/x", "80/x"),
            ("${HTTPS_PORT:-443}", "443"),
            ("${HTTPS_PORT-443}", "443"),
            ("${CONFIG:-x}", "x"),
            ("${CONFIG-x}", ""),
            ("${HTTP_PORT:+on}", "on"),
            ("${HTTPS_PORT:+on}", ""),
            ("a$$b", "a$b"),
            ("${MY_OWN}", None),
            ("${TURN_PASSWORD}", None),
            ("${HTTP_PORT:-${X}}", None),
        ],
    )
    def test_variables(self, text: str, value: str | None) -> None:
        assert deployment(ENV, *env(HTTP_PORT="80", CONFIG="")).filled(text) == value

    @pytest.mark.parametrize(
        ("line", "ports"),
        [
            ("10000:10000/udp", ("udp", None, 10000, 10000, 10000)),
            ("192.0.2.1:20000-20010:20000-20010/udp", ("udp", "192.0.2.1", 20000, 20010, 20000)),
            ("[2001:db8::1]:443:8443", ("tcp", "2001:db8::1", 443, 443, 8443)),
            ("8080", None),
            ("99999:80", None),
            ("what", None),
        ],
    )
    def test_published_ports(self, line: str, ports: tuple[object, ...] | None) -> None:
        found = deployment(COMPOSE, service("jvb", "image", "jitsi/jvb"), service("jvb", "ports", line)).ports("jvb")
        assert [tuple(each)[1:6] for each in found] == ([ports] if ports else [])

    def test_the_long_form(self) -> None:
        long = {"target": "10000", "published": "20000", "protocol": "udp", "host_ip": "192.0.2.1"}
        parts = [setting("compose", key, value, section="services jvb ports[0]") for key, value in long.items()]
        (port,) = deployment(COMPOSE, service("jvb", "image", "jitsi/jvb"), *parts).ports("jvb")
        assert tuple(port)[1:6] == ("udp", "192.0.2.1", 20000, 20000, 10000)


@pytest.mark.parametrize(
    ("one", "other", "before"),
    [
        ("stable-7001", "stable-10532", True),
        ("stable-8138-1", "stable-8138", False),
        ("stable-8138", "stable-8138-1", True),
        ("2.0.9584-1", "jitsi-meet_9646", True),
        ("jitsi-meet_9646", "2.0.9646-1", False),
        ("4.6.1-1", "4.10", True),
        ("0.12.3", "0.12", False),
        ("unstable", "stable-7001", None),
        ("", "1", None),
    ],
)
def test_versions(one: str, other: str, before: bool | None) -> None:
    assert older(one, other) is before


def test_no_firewall_shuts_a_container_that_does_not_run() -> None:
    """What Docker publishes it leads past the rules for the host: opening these would mend nothing."""
    shut = Passage(proto="udp", port=10000, port_end=10000, family=4, outcome="drop", rule="policy drop", address=INNER)
    assert judged("firewall-closed", *stack(), shut) is CLEAR
    assert isinstance(judged("firewall-closed", *stack(), shut, listening()), list)
