"""The one table from exceptions to words: every errno, every library, and nothing of what may be secret."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl

import dns.exception
import dns.message
import h11
import pytest

from natprobe.model import Failure
from natprobe.net.api import IcmpError, NoRoute, Prohibited, Reported
from natprobe.net.failure import failure_of, of_icmp
from natprobe.wire.stun import StunError

NUMBERS = {
    errno.ECONNREFUSED: Failure.REFUSED,
    errno.ECONNRESET: Failure.RESET,
    errno.ECONNABORTED: Failure.RESET,
    errno.EPIPE: Failure.CLOSED,
    errno.ETIMEDOUT: Failure.TIMEOUT,
    errno.ENETUNREACH: Failure.UNREACHABLE_NET,
    errno.EHOSTUNREACH: Failure.UNREACHABLE_HOST,
    errno.ENETDOWN: Failure.NO_ROUTE,
    errno.ENODEV: Failure.NO_ROUTE,
    errno.EPERM: Failure.PERMISSION_DENIED,
    errno.EACCES: Failure.PERMISSION_DENIED,
    errno.EADDRNOTAVAIL: Failure.ADDRESS_NOT_LOCAL,
    errno.EADDRINUSE: Failure.ADDRESS_IN_USE,
    errno.EMSGSIZE: Failure.TOO_BIG,
    errno.EAFNOSUPPORT: Failure.UNSUPPORTED,
    errno.EMFILE: Failure.LIMIT,
    errno.ENFILE: Failure.LIMIT,
    errno.ENOBUFS: Failure.LIMIT,
    errno.EBADF: Failure.INTERNAL,
}


@pytest.mark.parametrize(("number", "failure"), NUMBERS.items(), ids=lambda each: errno.errorcode.get(each, each))
def test_errno(number: int, failure: Failure) -> None:
    found, words = failure_of(OSError(number, "Connect call failed ('192.0.2.1', 443)"))
    assert found is failure
    assert words in (os.strerror(number), "Connect call failed ('192.0.2.1', 443)")


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_errno_there_is_has_a_word(number: int) -> None:
    failure, words = failure_of(OSError(number, os.strerror(number)))
    assert failure in Failure
    assert words


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (socket.EAI_NONAME, Failure.NXDOMAIN),
        (socket.EAI_AGAIN, Failure.TIMEOUT),
        (socket.EAI_FAIL, Failure.SERVFAIL),
        (-5, Failure.NO_DATA),
        (8, Failure.NXDOMAIN),
        (11001, Failure.NXDOMAIN),
        (11004, Failure.NO_DATA),
        (-11, Failure.SERVFAIL),
    ],
)
def test_getaddrinfo(code: int, failure: Failure) -> None:
    assert failure_of(socket.gaierror(code, "what the system says")) == (failure, "what the system says")


def handshake_error(kind: type[ssl.SSLError], reason: str) -> ssl.SSLError:
    exc = kind(1, f"[SSL: {reason}] words (_ssl.c:1)")
    exc.reason = reason
    return exc


def verify_error(words: str) -> ssl.SSLCertVerificationError:
    exc = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED]")
    exc.verify_message, exc.verify_code = words, 10
    return exc


def protocol_error() -> h11.RemoteProtocolError:
    client = h11.Connection(h11.CLIENT)
    client.receive_data(b"nonsense\r\n\r\n")
    with pytest.raises(h11.RemoteProtocolError) as caught:
        client.next_event()
    return caught.value


def dns_error() -> dns.exception.DNSException:
    with pytest.raises(dns.exception.DNSException) as caught:
        dns.message.from_wire(b"\0")
    return caught.value


@pytest.mark.parametrize(
    ("exc", "failure", "words"),
    [
        (TimeoutError(), Failure.TIMEOUT, ""),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), Failure.REFUSED, "Connection refused"),
        (ConnectionResetError("Connection lost"), Failure.INTERNAL, "Connection lost"),
        (NoRoute(errno.ENETUNREACH, "x"), Failure.NO_ROUTE, "Network is unreachable"),
        (Prohibited(errno.EACCES, "x"), Failure.PROHIBITED, "Permission denied"),
        (StunError("no STUN"), Failure.PROTOCOL, "no STUN"),
        (protocol_error(), Failure.PROTOCOL, "illegal status line"),
        (dns_error(), Failure.PROTOCOL, ""),
        (EOFError("closed"), Failure.CLOSED, "closed"),
        (asyncio.IncompleteReadError(b"secret", 9), Failure.CLOSED, "6 bytes"),
        (verify_error("certificate has expired"), Failure.TLS_CERTIFICATE, "certificate has expired"),
        (handshake_error(ssl.SSLEOFError, "UNEXPECTED_EOF_WHILE_READING"), Failure.CLOSED, ""),
        (handshake_error(ssl.SSLZeroReturnError, "ZERO_RETURN"), Failure.CLOSED, ""),
        (handshake_error(ssl.SSLError, "SSLV3_ALERT_HANDSHAKE_FAILURE"), Failure.TLS_ALERT, "words"),
        (handshake_error(ssl.SSLError, "TLSV1_ALERT_PROTOCOL_VERSION"), Failure.TLS_ALERT, ""),
        (handshake_error(ssl.SSLError, "TLSV1_UNRECOGNIZED_NAME"), Failure.TLS_ALERT, ""),
        (handshake_error(ssl.SSLError, "TLSV13_ALERT_CERTIFICATE_REQUIRED"), Failure.TLS_ALERT, ""),
        (handshake_error(ssl.SSLError, "WRONG_VERSION_NUMBER"), Failure.TLS_OTHER, ""),
        (ssl.SSLError(1, "[SSL] tlsv1 alert no application protocol (_ssl.c:1)"), Failure.TLS_ALERT, "no application"),
        (ssl.SSLError(), Failure.TLS_OTHER, ""),
        (ValueError("whatever"), Failure.INTERNAL, "whatever"),
        (OSError("no number at all"), Failure.INTERNAL, "no number at all"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, BaseException) else None,
)
def test_exceptions(exc: BaseException, failure: Failure, words: str) -> None:
    found, said = failure_of(exc)
    assert found is failure
    assert words in said


def test_openssl_has_an_errno_of_its_own_and_words_without_files() -> None:
    assert failure_of(handshake_error(ssl.SSLError, "TLSV1_ALERT_PROTOCOL_VERSION"))[1] == "words"


def test_what_icmp_said_is_the_failure() -> None:
    error = IcmpError(("203.0.113.10", 5349), Failure.PROHIBITED, "3/13", "203.0.113.1", 0.0)
    assert failure_of(Reported(error)) == (Failure.PROHIBITED, "prohibited")


def test_words_are_short() -> None:
    assert len(failure_of(ValueError("x" * 5000))[1]) == 200


@pytest.mark.parametrize(
    ("family", "kind", "code", "failure"),
    [
        (4, 3, 0, Failure.UNREACHABLE_NET),
        (4, 3, 1, Failure.UNREACHABLE_HOST),
        (4, 3, 3, Failure.PORT_UNREACHABLE),
        (4, 3, 4, Failure.TOO_BIG),
        (4, 3, 9, Failure.PROHIBITED),
        (4, 3, 10, Failure.PROHIBITED),
        (4, 3, 13, Failure.PROHIBITED),
        (4, 3, 99, Failure.UNREACHABLE_HOST),
        (4, 11, 0, Failure.UNREACHABLE_HOST),
        (6, 1, 0, Failure.UNREACHABLE_NET),
        (6, 1, 1, Failure.PROHIBITED),
        (6, 1, 4, Failure.PORT_UNREACHABLE),
        (6, 2, 0, Failure.TOO_BIG),
        (6, 3, 3, Failure.UNREACHABLE_HOST),
    ],
)
def test_icmp(family: int, kind: int, code: int, failure: Failure) -> None:
    assert of_icmp(family, kind, code) is failure
