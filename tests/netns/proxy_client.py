"""The plain questions that the lab's proxies are proven with, asked inside a namespace; each prints one line.

proxy_client.py connect NAME PORT [USER:PASSWORD] | issuer NAME ROOT [PROXY] | plain NAME [BYTES] | page URL |
socks NAME PORT [USER:PASSWORD] | socks-udp SERVER PORT
"""

import base64
import http.client
import socket
import ssl
import struct
import sys
import urllib.parse
from collections.abc import Callable
from typing import Any

PROXY, SQUID, DANTE = "proxy.example.test", 3128, 1080
WAIT = 2
BINDING = bytes.fromhex("000100002112a442") + b"lab-of-proxy"


def connect(name: str, port: str, access: str = "") -> str:
    """The status, and what squid says was wrong or how it wants to be asked."""
    connection = http.client.HTTPConnection(PROXY, SQUID, timeout=WAIT)
    word = {"Proxy-Authorization": f"Basic {base64.b64encode(access.encode()).decode()}"} if access else {}
    connection.request("CONNECT", f"{name}:{port}", headers=word)
    answer = connection.getresponse()
    asked = answer.headers.get("Proxy-Authenticate") or answer.headers.get("X-Squid-Error") or ""
    return f"{answer.status} {asked}".strip()


def issuer(name: str, root: str, proxy: str = "") -> str:
    """Whose certificate is shown for this name on 443, or what OpenSSL has against it."""
    context = ssl.create_default_context(cafile=root)
    stream = socket.create_connection((proxy or name, SQUID if proxy else 443), timeout=WAIT)
    if proxy:
        stream.sendall(f"CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n".encode())
        assert b" 200 " in stream.recv(4096)
    try:
        with context.wrap_socket(stream, server_hostname=name) as wrapped:
            issuer: Any = (wrapped.getpeercert() or {})["issuer"]
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    return str(dict(pair for (pair,) in issuer)["organizationName"])


def plain(name: str, content: str = "GET / HTTP/1.0\r\n\r\n") -> str:
    """What comes back to these bytes on 443, which are no TLS."""
    with socket.create_connection((name, 443), timeout=WAIT) as stream:
        stream.sendall(content.encode())
        try:
            return stream.recv(4096).decode().splitlines()[0]
        except TimeoutError:
            return "silent"


def page(url: str) -> str:
    """The status, who passed the answer on, and where it sends us."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=WAIT)
    connection.request("GET", parts.path)
    answer = connection.getresponse()
    return " ".join([str(answer.status), *(answer.headers.get(each, "-") for each in ("Via", "Location"))])


def socks(name: str, port: str, access: str = "") -> str:
    """What is said to a CONNECT: the method that is chosen, and the reply (RFC 1928)."""
    stream, method = _greeted(access)
    if method == 255:
        return "no method"
    place = bytes([len(name)]) + name.encode() + struct.pack("!H", int(port))
    stream.sendall(b"\x05\x01\x00\x03" + place)
    said = stream.recv(300)
    return f"{method} {said[1] if said else 'closed'}"


def socks_udp(server: str, port: str) -> str:
    """The reply to UDP ASSOCIATE, and the address that a STUN server sees."""
    stream, _ = _greeted("")
    stream.sendall(b"\x05\x03\x00\x01" + bytes(6))
    said = stream.recv(300)
    if said[1]:
        return str(said[1])
    relay = (socket.inet_ntoa(said[4:8]), struct.unpack("!H", said[8:10])[0])
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.settimeout(WAIT)
    udp.sendto(b"\x00\x00\x00\x01" + socket.inet_aton(server) + struct.pack("!H", int(port)) + BINDING, relay)
    answer = udp.recv(2048)[10:]
    return f"0 {_mapped(answer)}"


def _greeted(access: str) -> tuple[socket.socket, int]:
    stream = socket.create_connection((PROXY, DANTE), timeout=WAIT)
    stream.sendall(b"\x05\x02\x00\x02" if access else b"\x05\x01\x00")
    method = stream.recv(2)[1]
    if method == 2:
        user, _, password = access.partition(":")
        stream.sendall(bytes([1, len(user)]) + user.encode() + bytes([len(password)]) + password.encode())
        if stream.recv(2)[1]:
            return stream, 255
    return stream, method


def _mapped(answer: bytes) -> str:
    """XOR-MAPPED-ADDRESS, IPv4 (RFC 8489 section 14.2)."""
    where = answer.index(b"\x00\x20\x00\x08")
    return socket.inet_ntoa(bytes(a ^ b for a, b in zip(answer[where + 8 : where + 12], BINDING[4:8], strict=True)))


QUESTIONS: dict[str, Callable[..., str]] = {
    "connect": connect,
    "issuer": issuer,
    "plain": plain,
    "page": page,
    "socks": socks,
    "socks-udp": socks_udp,
}

if __name__ == "__main__":
    print(QUESTIONS[sys.argv[1]](*sys.argv[2:]))
