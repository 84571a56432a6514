"""The other plain questions that the lab is proven with, asked inside a namespace; each prints one line.

web_client.py dns NAME TYPE [SERVER] | get URL ROOT [ADDRESS] | tls NAME ROOT
"""

import socket
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Callable

NOT_FOLLOWED = type("NotFollowed", (urllib.request.HTTPRedirectHandler,), {"redirect_request": lambda *_: None})


def look_up(name: str, kind: str, server: str = "") -> str:
    """The answer's code and addresses, from this server or the first that this namespace's resolv.conf names."""
    import dns.exception  # here, since it takes longer than the questions that don't need it
    import dns.message
    import dns.query
    import dns.rcode
    import dns.resolver

    server = server or str(dns.resolver.get_default_resolver().nameservers[0])
    try:
        answer = dns.query.udp(dns.message.make_query(name, kind), server, timeout=0.5)
    except dns.exception.Timeout:
        return "silent"
    return " ".join([dns.rcode.to_text(answer.rcode()), *(str(row) for rows in answer.answer for row in rows)])


def get(url: str, root: str, address: str = "") -> str:
    """The status, and where a redirect leads or what the page begins with. `address`: the name's one to go to."""
    if address:
        system = socket.getaddrinfo
        socket.getaddrinfo = lambda _, *rest, **more: system(address, *rest, **more)
    https = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=root))
    try:
        with urllib.request.build_opener(https, NOT_FOLLOWED).open(url, timeout=0.5) as page:
            return f"{page.status} {page.read()[:40].decode()!r}"
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.headers.get('Location', '')}".strip()
    except urllib.error.URLError as error:
        return "silent" if isinstance(error.reason, TimeoutError) else type(error.reason).__name__


def tls(name: str, root: str) -> str:
    """`good` and the end of the certificate, or what OpenSSL has against it."""
    context = ssl.create_default_context(cafile=root)
    try:
        with context.wrap_socket(socket.create_connection((name, 443), timeout=1), server_hostname=name) as wrapped:
            return f"good {(wrapped.getpeercert() or {})['notAfter']}"
    except ssl.SSLCertVerificationError as error:
        return error.verify_message


QUESTIONS: dict[str, Callable[..., str]] = {"dns": look_up, "get": get, "tls": tls}

if __name__ == "__main__":
    print(QUESTIONS[sys.argv[1]](*sys.argv[2:]))
