"""Traffic to measure a path with: an echo server, and who asks it. Runs inside namespaces.

traffic.py serve PORT | udp HOST PORT COUNT INTERVAL | tcp HOST PORT BYTES | ping HOST | flood HOST PORT COUNT SIZE
"""

import json
import os
import select
import socket
import struct
import sys
import threading
import time

IN_FLIGHT = 32  # of a flood


def serve(port: str) -> None:
    """UDP and TCP, both families."""
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.bind(("::", int(port)))
    threading.Thread(
        target=_streams, args=(socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True),)
    ).start()
    while True:
        udp.sendto(*udp.recvfrom(65535))


def _streams(listener: socket.socket) -> None:
    while True:
        stream, _ = listener.accept()
        while data := stream.recv(65536):
            stream.sendall(data)
        stream.close()


def udp(host: str, port: str, count: str, interval: str) -> list[list[float]]:
    """Number and seconds of each packet that came back, in the order of their coming."""
    client, sent, back = _connected(host, port), [0.0] * int(count), list[list[float]]()
    start = time.monotonic()
    for number in range(int(count)):
        while (left := start + number * float(interval) - time.monotonic()) > 0:
            back += _came(client, left, sent)
        sent[number] = time.monotonic()
        client.send(struct.pack("!I", number))
    while (left := sent[-1] + 0.5 - time.monotonic()) > 0 and len(back) < int(count):
        back += _came(client, left, sent)
    return back


def _connected(host: str, port: str) -> socket.socket:
    client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    client.connect((host, int(port)))
    return client


def _came(client: socket.socket, within: float, sent: list[float]) -> list[list[float]]:
    if not select.select([client], [], [], within)[0]:
        return []
    (number,) = struct.unpack("!I", client.recv(65535))
    return [[number, time.monotonic() - sent[number]]]


def tcp(host: str, port: str, size: str) -> bool:
    """Whether all bytes of a random stream come back."""
    data, back = os.urandom(int(size)), b""
    stream = socket.create_connection((host, int(port)), timeout=5)
    sender = threading.Thread(target=stream.sendall, args=(data,))
    sender.start()
    while len(back) < len(data) and (more := stream.recv(65536)):
        back += more
    sender.join()
    stream.close()
    return back == data


def ping(host: str) -> bool:
    """ICMP echo: whether the answer has our identifier and comes from there."""
    client = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    client.settimeout(1)
    request = struct.pack("!BBHHH", 8, 0, 0, 4242, 1)
    check = ~sum(struct.unpack("!4H", request)) & 0xFFFF
    client.sendto(request[:2] + check.to_bytes(2, "big") + request[4:], (host, 0))
    answer, (source, _) = client.recvfrom(65535)
    return (answer[20], answer[24:28], source) == (0, request[4:], host)


def flood(host: str, port: str, count: str, size: str) -> tuple[float, int]:
    """Packets a second, each counted there and back; and how many were lost."""
    client, left, flying, lost = _connected(host, port), int(count), 0, 0
    start = time.monotonic()
    while left or flying:
        while left and flying < IN_FLIGHT:
            client.send(bytes(int(size)))
            left, flying = left - 1, flying + 1
        if select.select([client], [], [], 0.3)[0]:
            client.recv(65535)
            flying -= 1
        else:
            lost, flying = lost + flying, 0
    return 2 * int(count) / (time.monotonic() - start), lost


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
