"""The host's sockets: this very machine's, and what is read of processes."""

from __future__ import annotations

import errno
import os
import socket
import sys

import psutil
import pytest

from natprobe.host import processes, sockets
from natprobe.host.machine import Forwarding, Socket
from natprobe.wire import diag

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="netlink and /proc are Linux's")


def mine(port: int) -> list[Socket]:
    return [each for each in sockets.table().sockets if each.port == port]


@LINUX
def test_a_socket_of_ours_is_told_with_its_process() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        (found,) = mine(sock.getsockname()[1])
    assert (found.proto, found.address, found.pid, found.sockets) == ("tcp", "127.0.0.1", os.getpid(), 1)
    assert found.process


@LINUX
def test_what_waits_for_nobody_is_left_out() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", 0))
        tcp.bind(("127.0.0.1", 0))
        assert len(mine(udp.getsockname()[1])) == 1
        udp.connect(("127.0.0.1", 9))
        assert mine(udp.getsockname()[1]) == mine(tcp.getsockname()[1]) == []


@LINUX
def test_where_the_kernel_has_no_such_list_psutil_tells_without_v6only(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = diag.Said([], True, errno.ENOENT)
    monkeypatch.setattr(diag, "answer", lambda data, proto: refusal)
    with socket.socket(socket.AF_INET6) as sock:
        sock.bind(("::", 0))
        sock.listen()
        (found,) = mine(sock.getsockname()[1])
    assert (found.address, found.v6only, found.pid) == ("::", None, os.getpid())


@LINUX
@pytest.mark.parametrize("number", [errno.EPERM, errno.EPROTONOSUPPORT])
def test_and_where_nobody_tells_it_is_an_error(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def denied(kind: str) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(diag, "answer", lambda data, proto: diag.Said([], True, number))
    monkeypatch.setattr(psutil, "net_connections", denied)
    with pytest.raises(PermissionError):
        sockets.table()


def test_alike_sockets_are_one_with_their_number() -> None:
    workers = [Socket("udp", "0.0.0.0", 3478, None, "turnserver", pid) for pid in (9, 7, 8)]
    other = Socket("udp", "0.0.0.0", 3478, None, "natprobe", 5)
    assert sockets._merged([*workers, other]) == (
        Socket("udp", "0.0.0.0", 3478, None, "natprobe", 5),
        Socket("udp", "0.0.0.0", 3478, None, "turnserver", 7, sockets=3),
    )


# --- processes

PROXY = "-proto udp -host-ip 0.0.0.0 -host-port 10000 -container-ip 172.18.0.5 -container-port 10001"


@pytest.mark.parametrize(
    "words",
    [PROXY, PROXY.replace(" -", " --").replace("-proto", "--proto", 1), f"{PROXY} -use-listen-fd", f"-x {PROXY}"],
)
def test_a_docker_proxy_says_where_it_leads(words: str) -> None:
    found = processes.forwarding(["/usr/bin/docker-proxy", *words.split()])
    assert found == Forwarding("udp", "0.0.0.0", 10000, ("172.18.0.5", 10001))


@pytest.mark.parametrize(
    "words",
    [
        "",
        "-proto",
        PROXY.replace("udp", "sctp"),
        PROXY.replace("10000", "0"),
        PROXY.replace("10001", "70000"),
        PROXY.replace("10001", "²"),
        PROXY.replace("172.18.0.5", "container"),
        PROXY.replace("-host-ip 0.0.0.0", ""),
    ],
)
def test_what_makes_no_sense_is_left_out(words: str) -> None:
    assert processes.forwarding(["docker-proxy", *words.split()]) is None


LONG = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("groups", "container"),
    [
        (f"0::/system.slice/docker-{LONG}.scope\n", LONG[:12]),
        (f"12:memory:/docker/{LONG}\n0::/\n", LONG[:12]),
        (f"0::/machine.slice/libpod-{LONG}.scope/container\n", LONG[:12]),
        (f"0::/kubepods.slice/kubepods-burstable.slice/kubepods-pod1.slice/cri-containerd-{LONG}.scope\n", LONG[:12]),
        (f"0::/kubepods/burstable/pod1-2/{LONG}\n", LONG[:12]),
        ("0::/lxc.payload.meet/system.slice/nginx.service\n", "meet"),
        ("4:cpu:/lxc/meet/init.scope\n", "meet"),
        ("0::/system.slice/docker.service\n", ""),
        ("0::/\n", ""),
        ("", ""),
    ],
)
def test_containers_are_told_by_their_cgroup(groups: str, container: str) -> None:
    assert processes._container(groups) == container


@pytest.mark.parametrize(
    ("name", "words", "program"),
    [
        ("java", "java\0-Xmx3g\0org.jitsi.videobridge.MainKt\0", "jvb"),
        ("java", "java\0org.jitsi.jicofo.Main\0--password=x\0", "jicofo"),
        ("java", "java\0-jar\0shop.jar\0", "java"),
        ("lua5.4", "lua5.4\0/usr/bin/prosody\0-F\0", "prosody"),
        ("janus", "org.jitsi.videobridge.", "janus"),
    ],
)
def test_interpreters_are_called_by_what_they_run(
    monkeypatch: pytest.MonkeyPatch, name: str, words: str, program: str
) -> None:
    monkeypatch.setattr(processes, "_read", lambda pid, what: words)
    assert processes._program(name, 1) == program
