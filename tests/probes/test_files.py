"""Where configuration is found, what of it is told, and what files do that nobody would write on purpose."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natprobe.asking.configuration import LOOKS_MAX
from natprobe.facts import ConfigFile, Setting
from natprobe.host.machine import FileState
from natprobe.model import Failure, Observation
from natprobe.wire.secrecy import without_secrets
from tests.inspecting import CONFIGS, paths, read, told
from tests.lab.machine import FakeMachine

COMPOSE = (CONFIGS / "docker-10532" / "docker-compose.yml").read_text()
ENV = (CONFIGS / "docker-10532" / ".env").read_text()


def files(observations: list[Observation]) -> list[ConfigFile]:
    return [each for each in observations if isinstance(each, ConfigFile)]


def fails(observations: list[Observation]) -> list[tuple[str, Failure | None]]:
    return [(each.path, each.failure) for each in files(observations)]


class TestFound:
    @pytest.mark.parametrize(
        "folder", ["/opt/jitsi", "/srv/meet", "/root/docker-jitsi-meet", "/home/x/meet", "/home/x"]
    )
    def test_docker_jitsi_meet_wherever_people_put_it(self, folder: str) -> None:
        machine = FakeMachine({f"{folder}/docker-compose.yml": COMPOSE, f"{folder}/.env": ENV})
        assert [each.path for each in files(read(machine))] == [f"{folder}/docker-compose.yml", f"{folder}/.env"]

    def test_other_peoples_compose_files_are_left_alone(self) -> None:
        machine = FakeMachine(
            {"/opt/x/docker-compose.yml": "services:\n  web:\n    image: nginx\n", "/opt/x/.env": ENV}
        )
        assert read(machine) == []

    def test_what_the_containers_read_is_theirs(self) -> None:
        below = "/root/.jitsi-meet-cfg"
        machine = FakeMachine(
            {
                "/opt/jitsi/docker-compose.yml": COMPOSE,
                "/opt/jitsi/.env": ENV,
                f"{below}/jvb/jvb.conf": 'videobridge.ice.udp.port = 10000\ninclude "custom-jvb.conf"\n',
                f"{below}/jvb/custom-jvb.conf": "videobridge.ice.udp.port = 10001\n",
                f"{below}/web/config.js": "var config = { bosh: '/http-bind' };\n",
            }
        )
        found = {each.path.rpartition("/")[2]: each for each in files(read(machine))}
        assert all(found[name].inside for name in ("jvb.conf", "custom-jvb.conf", "config.js"))
        assert [name for name in found if found[name].generated] == ["jvb.conf", "config.js"]
        assert not found[".env"].inside

    def test_the_packages_places(self) -> None:
        machine = FakeMachine(
            {
                "/etc/jitsi/videobridge/jvb.conf": "videobridge.ice.udp.port = 10000\n",
                "/etc/jitsi/meet/a-config.js": "var config = { bosh: '/http-bind' };\n",
                "/etc/jitsi/meet/a-interface_config.js": "var x = 1;\n",
            }
        )
        assert paths(read(machine)) == ["jvb.conf", "a-config.js"]

    def test_nothing_at_all(self) -> None:
        assert read(FakeMachine({"/etc/hosts": "127.0.0.1 localhost\n"})) == []


class TestGiven:
    def test_a_file_of_any_name_is_known_by_what_is_in_it(self) -> None:
        machine = FakeMachine({"/x/mine": "ice4j { harvest { use-ipv6 = false } }\n"})
        (file, setting) = read(machine, "/x/mine")
        assert isinstance(file, ConfigFile)
        assert (file.system, file.why) == ("jvb", "given")
        assert isinstance(setting, Setting)

    @pytest.mark.parametrize(
        ("content", "failure"),
        [("shopping list\n", Failure.UNSUPPORTED), (None, Failure.NO_DATA), ("", Failure.NO_DATA)],
    )
    def test_one_that_is_none_is_told(self, content: str | None, failure: Failure) -> None:
        machine = FakeMachine({"/a/list": content} if content is not None else {"/b": ""})
        (file,) = files(read(machine, "/a/list"))
        assert (file.failure, file.system) == (failure, "unknown")

    def test_a_folder_is_searched(self) -> None:
        machine = FakeMachine(
            {
                "/x/b/jvb.conf": "videobridge.ice.udp.port = 10000\n",
                "/x/a/meet.conf": "server {\n  listen 443 ssl;\n}\n",
                "/x/notes.txt": "nothing",
                "/x/jvb.conf.bak": "videobridge.ice.udp.port = 1\n",
            }
        )
        assert paths(read(machine, "/x")) == ["meet.conf", "jvb.conf"]


class TestHostile:
    def test_one_that_nobody_may_read(self) -> None:
        machine = FakeMachine({"/opt/j/docker-compose.yml": COMPOSE, "/opt/j/.env": errno.EACCES})
        assert fails(read(machine))[1] == ("/opt/j/.env", Failure.PERMISSION_DENIED)

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
    def test_encodings(self, encoding: str) -> None:
        text = "# \xfcber die Br\xfccke\r\nvideobridge.ice.udp.port = 10001\r\n"
        found = read(FakeMachine({"/etc/jitsi/videobridge/jvb.conf": text.encode(encoding)}))
        assert told(found) == {"videobridge.ice.udp.port": "10001"}
        assert found[0].failure is None

    def test_fifty_megabytes(self) -> None:
        huge = b"videobridge.ice.udp.port = 10000\n" + b"#" + b"x" * 50_000_000
        found = read(FakeMachine({"/etc/jitsi/videobridge/jvb.conf": huge}))
        assert found[0].failure is Failure.LIMIT
        assert told(found) == {"videobridge.ice.udp.port": "10000"}

    def test_settings_without_end(self) -> None:
        many = "".join(f"ice4j.harvest.allowed-addresses += 10.0.{n // 256}.{n % 256}\n" for n in range(15_000))
        found = read(FakeMachine({"/etc/jitsi/videobridge/jvb.conf": many}))
        assert len(found) <= 5001

    def test_no_text(self) -> None:
        found = read(FakeMachine({"/etc/jitsi/videobridge/jvb.conf": bytes(range(256)) * 9}))
        assert [each.failure for each in found] == [Failure.PROTOCOL]

    def test_includes_in_a_ring(self) -> None:
        place = "/etc/jitsi/videobridge"
        machine = FakeMachine(
            {
                f"{place}/jvb.conf": 'include "a.conf"\ninclude "jvb.conf"\n',
                f"{place}/a.conf": f'include "jvb.conf"\ninclude "{place}/a.conf"\nvideobridge.ice.udp.port = 1\n',
            }
        )
        assert paths(read(machine)) == ["jvb.conf", "a.conf"]

    def test_includes_go_from_the_main_files_folder(self) -> None:
        machine = FakeMachine(
            {
                "/etc/nginx/nginx.conf": "include sites-enabled/*;\ninclude mime.types;\n",
                "/etc/nginx/sites-enabled/meet": "server { include snippets/tls.conf; }\n",
                "/etc/nginx/snippets/tls.conf": "ssl_protocols TLSv1.2;\n",
                "/etc/nginx/mime.types": "types { }\n",
            }
        )
        assert paths(read(machine)) == ["nginx.conf", "meet", "tls.conf"]

    def test_a_container_includes_none_of_the_hosts(self) -> None:
        below = "/root/.jitsi-meet-cfg/jvb"
        machine = FakeMachine(
            {
                "/opt/j/docker-compose.yml": COMPOSE,
                "/opt/j/.env": ENV,
                f"{below}/jvb.conf": 'include "/etc/other.conf"\n',
                "/etc/other.conf": "videobridge.ice.udp.port = 1\n",
            }
        )
        assert paths(read(machine)) == ["docker-compose.yml", ".env", "jvb.conf"]

    def test_includes_without_end(self) -> None:
        chain = {f"/c/{n}.conf": f'include "{n + 1}.conf"\n' for n in range(50)}
        machine = FakeMachine({"/c/jvb.conf": 'include "0.conf"\n', **chain})
        assert len(read(machine, "/c/jvb.conf")) == 9

    def test_an_include_of_everything(self) -> None:
        many = {f"/c/d{n}/x.conf": "a = 1\n" for n in range(900)}
        machine = FakeMachine({"/c/jvb.conf": 'include "/c/*/*"\n', **many})
        assert len(read(machine, "/c/jvb.conf")) <= 501

    def test_half_a_file_is_told_from_where_on(self) -> None:
        whole = "videobridge {\n ice { udp { port = 10001 } }\n apis {\n"
        found = read(FakeMachine({"/etc/jitsi/videobridge/jvb.conf": whole}))
        assert [(each.failure, each.lines) for each in files(found)] == [(Failure.PROTOCOL, 4)]
        assert told(found) == {"videobridge.ice.udp.port": "10001"}


class TestReal:
    """On real files: what a made machine can't show."""

    def test_links_in_a_ring_fifos_and_devices(self, tmp_path: Path) -> None:
        (tmp_path / "a.conf").symlink_to(tmp_path / "jvb.conf")
        (tmp_path / "jvb.conf").symlink_to(tmp_path / "a.conf")
        os.mkfifo(tmp_path / "turnserver.conf")
        (tmp_path / "jicofo.conf").symlink_to("/dev/zero")
        (tmp_path / "deep").symlink_to(tmp_path)
        (tmp_path / "nginx.conf").mkdir()
        found = read(None, str(tmp_path))
        assert found
        assert all(each.failure is not None for each in found)

    def test_a_file_with_two_names_is_read_once(self, tmp_path: Path) -> None:
        (tmp_path / "jvb.conf").write_text("videobridge.ice.udp.port = 10000\n")
        (tmp_path / "old-jvb.conf").symlink_to(tmp_path / "jvb.conf")
        assert paths(read(None, str(tmp_path))) == ["jvb.conf"]


SECRET = "tyrannosaurus9"
KEYS = st.sampled_from(["TURN_CREDENTIALS", "TURN_PASSWORD", "JVB_AUTH_PASSWORD", "JWT_APP_SECRET", "MY_TOKEN", "PASS"])
SHAPES = {
    "/opt/j/.env": "{key}={secret}\n#{secret}\nPUBLIC_URL=https://a:{secret}@meet.example.test/?t={secret}\n{rest}",
    "/etc/jitsi/videobridge/jvb.conf": 'videobridge.apis.xmpp-client.configs.shard {{ PASSWORD = "{secret}" }}\n{rest}',
    "/etc/jitsi/videobridge/sip-communicator.properties": "org.jitsi.{key}={secret}\n# {secret}\n{rest}",
    "/etc/jitsi/meet/a-config.js": "var config = {{ p2p: {{ stunServers: [ {{ urls: 'turn:a', credential: '{secret}' }}"
    " ] }},\n bosh: 'https://u:{secret}@a/http-bind?token={secret}' }}; // {secret}\n{rest}",
}


@settings(max_examples=120, deadline=None)
@given(key=KEYS, rest=st.text(alphabet=st.sampled_from([*"{}[]=:'\"\\\n #,$"]), max_size=40), cut=st.integers(0, 120))
def test_no_secret_is_ever_told(key: str, rest: str, cut: int) -> None:
    """In its own place, in a remark, in a URL, and where the file breaks off behind it."""
    texts = {path: shape.format(key=key, secret=SECRET, rest=rest) for path, shape in SHAPES.items()}
    compose = COMPOSE.replace("            - TZ\n", f"            - {key}={SECRET}\n            - X={SECRET}\n")
    whole = {path: text[: max(len(text) - cut, 20)] for path, text in texts.items()}
    found = read(FakeMachine({"/opt/j/docker-compose.yml": compose, **whole}))
    assert SECRET.encode() not in msgspec.json.encode(found)


def test_equal_secrets_are_equal_numbers() -> None:
    env = "TURN_CREDENTIALS=one\nTURN_PASSWORD=two\nJWT_APP_SECRET=one\nJVB_AUTH_PASSWORD=\n"
    found = read(FakeMachine({"/opt/j/docker-compose.yml": COMPOSE, "/opt/j/.env": env}))
    numbers = {each.key: each.secret for each in found if isinstance(each, Setting) and each.system == "docker"}
    assert numbers["TURN_CREDENTIALS"] == numbers["JWT_APP_SECRET"] != numbers["TURN_PASSWORD"]
    assert numbers["JVB_AUTH_PASSWORD"] is None


def test_what_compose_passes_on_is_no_secret() -> None:
    found = read(FakeMachine({"/opt/j/docker-compose.yml": COMPOSE}))
    passed = [each for each in found if isinstance(each, Setting) and each.key == "TURN_CREDENTIALS"]
    assert [(each.value, each.secret) for each in passed] == [("${TURN_CREDENTIALS}", None)]


ODD = {
    "/x/turnserver.conf": "user={secret}\nmin-port=1 static-auth-secret={secret}\nuserdb=host=x password={secret}\n"
    "alternate-server=turn:a:{secret}@example.com\nrealm=x # token: {secret}\n",
    "/x/.env": "P2P_STUN_SERVERS=turn:u:{secret}@h:3478,u:{secret}@h\nXMPP_BOSH_URL_BASE=http://u:{secret}@xmpp:5280/?{secret}\n",
    "/x/janus.jcfg": 'nat: {{ stun_server = "u:{secret}@stun.example.test"; }}\n',
    "/x/jvb.conf": 'ice4j.harvest.mapping.stun.addresses = [ "u:{secret}@h:3478" ]\n',
    "/x/prosody.cfg.lua": 'cross_domain_websocket = {{ "https://u:{secret}@x" }}\n',
    "/x/nginx.conf": 'http {{ map $x $y {{ default "{secret}"; }}\n'
    ' server {{ if ($http_authorization = "Bearer {secret}") {{ proxy_pass http://a; }} }} }}\n',
}


@pytest.mark.parametrize("path", ODD)
def test_a_secret_where_none_belongs_is_not_told(path: str) -> None:
    found = read(FakeMachine({path: ODD[path].format(secret=SECRET)}), path)
    assert any(isinstance(each, Setting) for each in found)
    assert SECRET.encode() not in msgspec.json.encode(found)


def test_addresses_and_paths_are_no_secrets() -> None:
    words = "stun:h:1,turn:h?transport=udp,jvb@internal.auth,a/jvb:1@sha256:ab,./secrets:/run/secrets:ro,[fd00::1]:443"
    assert [without_secrets(each) for each in words.split(",")] == words.split(",")


def test_a_pattern_that_names_a_whole_disk_is_followed_a_while() -> None:
    """Each of its places costs time, and nothing interrupts that."""
    machine = Looked({"/x/nginx.conf": "include /*/*/*/zz;\n" * 300 + "server { listen 80; }\n"})
    found = read(machine, "/x/nginx.conf")
    assert [each.key for each in found if isinstance(each, Setting)] == ["server", "listen"]
    assert machine.looked <= LOOKS_MAX


class Looked(FakeMachine):
    """Counts what it is asked for."""

    looked = 0

    def listing(self, path: str) -> list[str]:
        return super().listing(path) if path.startswith("/x") else [str(each) for each in range(40)]

    def state(self, path: str) -> FileState:
        self.looked += 1
        return super().state(path)
