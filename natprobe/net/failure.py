"""The one table that turns an exception into a Failure.

Libraries' exceptions are known by module and name, so that asking costs no import.
"""

from __future__ import annotations

import errno
import os
import re
import ssl
from socket import gaierror

from natprobe.model import Failure, clip
from natprobe.net.api import Denied, Reported

_BY_ERRNO: dict[int, Failure] = {
    errno.ECONNREFUSED: Failure.REFUSED,
    errno.ECONNRESET: Failure.RESET,
    errno.EPIPE: Failure.CLOSED,
    errno.ECONNABORTED: Failure.RESET,
    errno.ETIMEDOUT: Failure.TIMEOUT,
    errno.ENETUNREACH: Failure.UNREACHABLE_NET,
    errno.EHOSTUNREACH: Failure.UNREACHABLE_HOST,
    errno.EHOSTDOWN: Failure.UNREACHABLE_HOST,
    errno.ENETDOWN: Failure.NO_ROUTE,  # the interface itself
    errno.ENODEV: Failure.NO_ROUTE,
    errno.EPERM: Failure.PERMISSION_DENIED,
    errno.EACCES: Failure.PERMISSION_DENIED,
    errno.EADDRNOTAVAIL: Failure.ADDRESS_NOT_LOCAL,
    errno.EADDRINUSE: Failure.ADDRESS_IN_USE,
    errno.EMSGSIZE: Failure.TOO_BIG,
    errno.EAFNOSUPPORT: Failure.UNSUPPORTED,
    errno.ENOPROTOOPT: Failure.PORT_UNREACHABLE,  # ICMP protocol unreachable (3/2) on a connected socket
    errno.EMFILE: Failure.LIMIT,
    errno.ENFILE: Failure.LIMIT,
    errno.ENOBUFS: Failure.LIMIT,
    errno.ENOMEM: Failure.LIMIT,
}

# getaddrinfo's answers (RFC 3493 section 6.1); EAI_NODATA is -5 on glibc and missing elsewhere.
_BY_EAI: dict[int, Failure] = {
    -2: Failure.NXDOMAIN,
    -3: Failure.TIMEOUT,
    -4: Failure.SERVFAIL,
    -5: Failure.NO_DATA,
    8: Failure.NXDOMAIN,  # macOS EAI_NONAME
    2: Failure.TIMEOUT,  # macOS EAI_AGAIN
    4: Failure.SERVFAIL,  # macOS EAI_FAIL
    11001: Failure.NXDOMAIN,  # WSAHOST_NOT_FOUND
    11002: Failure.TIMEOUT,  # WSATRY_AGAIN
    11003: Failure.SERVFAIL,  # WSANO_RECOVERY
    11004: Failure.NO_DATA,  # WSANO_DATA
}

_AROUND = re.compile(r"^\[[A-Z0-9_]*(: [A-Z0-9_]*)?\] | \(_ssl\.c:\d+\)$")

_BY_NAME: dict[tuple[str, str], Failure] = {
    ("h11", "RemoteProtocolError"): Failure.PROTOCOL,
    ("h11", "LocalProtocolError"): Failure.PROTOCOL,
    ("dns", "DNSException"): Failure.PROTOCOL,
    ("natprobe", "StunError"): Failure.PROTOCOL,
    ("natprobe", "Refused"): Failure.HTTP_STATUS,
    ("natprobe", "WebSocketError"): Failure.PROTOCOL,
    ("natprobe", "StreamError"): Failure.ERROR_RESPONSE,
    ("natprobe", "XmppError"): Failure.PROTOCOL,
    ("natprobe", "SaslError"): Failure.PROTOCOL,
    ("natprobe", "JanusError"): Failure.PROTOCOL,
    ("natprobe", "SdpError"): Failure.PROTOCOL,
    ("natprobe", "NoRoute"): Failure.NO_ROUTE,
    ("natprobe", "NotHere"): Failure.UNSUPPORTED,
    ("natprobe", "Prohibited"): Failure.PROHIBITED,
    ("natprobe", "TunnelError"): Failure.PROTOCOL,
    ("natprobe", "TunnelClosed"): Failure.CLOSED,
    ("natprobe", "SocksError"): Failure.PROTOCOL,
}

# What SOCKS replies mean: of version 5 (RFC 1928 section 6), and of version 4, which counts from 90.
_BY_REPLY: dict[int | None, Failure] = {
    2: Failure.PROHIBITED,
    3: Failure.UNREACHABLE_NET,
    4: Failure.UNREACHABLE_HOST,
    5: Failure.REFUSED,
    6: Failure.TIMEOUT,  # the TTL expired
    7: Failure.UNSUPPORTED,
    8: Failure.UNSUPPORTED,
    92: Failure.UNAUTHORIZED,  # identd does not answer the proxy
    93: Failure.UNAUTHORIZED,
    255: Failure.UNAUTHORIZED,  # section 3: no acceptable methods
}

# ICMP type/code by family to what it means (RFC 792, RFC 1122 section 3.2.2.1, RFC 4443 section 3.1).
_BY_ICMP: dict[tuple[int, int, int], Failure] = {
    (4, 3, 0): Failure.UNREACHABLE_NET,
    (4, 3, 1): Failure.UNREACHABLE_HOST,
    (4, 3, 2): Failure.PORT_UNREACHABLE,
    (4, 3, 3): Failure.PORT_UNREACHABLE,
    (4, 3, 4): Failure.TOO_BIG,
    (4, 3, 6): Failure.UNREACHABLE_NET,
    (4, 3, 7): Failure.UNREACHABLE_HOST,
    (4, 3, 9): Failure.PROHIBITED,
    (4, 3, 10): Failure.PROHIBITED,
    (4, 3, 13): Failure.PROHIBITED,
    (6, 1, 0): Failure.UNREACHABLE_NET,
    (6, 1, 1): Failure.PROHIBITED,
    (6, 1, 3): Failure.UNREACHABLE_HOST,
    (6, 1, 4): Failure.PORT_UNREACHABLE,
    (6, 1, 5): Failure.PROHIBITED,
    (6, 1, 6): Failure.PROHIBITED,
    (6, 2, 0): Failure.TOO_BIG,
}


def of_icmp(family: int, icmp_type: int, code: int) -> Failure:
    """The meaning of an ICMP error; one without a row still says that the host can't be reached."""
    return _BY_ICMP.get((family, icmp_type, code), Failure.UNREACHABLE_HOST)


def failure_of(exc: BaseException) -> tuple[Failure, str]:
    """What this exception means, and its own words, without addresses of memory or paths."""
    return _failure(exc), clip(_words(exc), 200)


def _failure(exc: BaseException) -> Failure:
    for kind in type(exc).__mro__:
        known = _BY_NAME.get((kind.__module__.partition(".")[0], kind.__name__))
        if known is not None:
            return known
    if isinstance(exc, Reported):
        return exc.error.failure
    if isinstance(exc, Denied):
        return _denied(exc)
    if isinstance(exc, TimeoutError):
        return Failure.TIMEOUT
    if isinstance(exc, gaierror):
        return _BY_EAI.get(exc.errno or 0, Failure.SERVFAIL)
    if isinstance(exc, ssl.SSLError):
        return _tls(exc)
    if isinstance(exc, EOFError):
        return Failure.CLOSED
    if isinstance(exc, OSError):
        return _BY_ERRNO.get(exc.errno or 0, Failure.INTERNAL)
    return Failure.INTERNAL


def _denied(exc: Denied) -> Failure:
    if exc.said.status is not None:
        return Failure.UNAUTHORIZED if exc.said.status == 407 else Failure.HTTP_STATUS
    return _BY_REPLY.get(exc.said.reply, Failure.ERROR_RESPONSE)


def _tls(exc: ssl.SSLError) -> Failure:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return Failure.TLS_CERTIFICATE
    if isinstance(exc, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return Failure.CLOSED
    # Of the later alerts OpenSSL leaves the word out (TLSV1_UNRECOGNIZED_NAME), and Python knows no name for some.
    reason = getattr(exc, "reason", "") or _AROUND.sub("", exc.strerror or "").upper()
    return Failure.TLS_ALERT if "ALERT" in reason or reason.startswith("TLSV1") else Failure.TLS_OTHER


def _words(exc: BaseException) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return exc.verify_message or exc.reason or "certificate verify failed"
    if isinstance(exc, ssl.SSLError):  # its errno is OpenSSL's, its words have names of source files around them
        return _AROUND.sub("", exc.strerror or "")
    if isinstance(exc, OSError) and (exc.errno in _BY_ERRNO or exc.strerror):
        return os.strerror(exc.errno) if exc.errno in _BY_ERRNO else exc.strerror or ""
    return str(exc)
