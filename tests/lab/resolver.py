"""What getaddrinfo does on Linux, over the lab's own network: glibc's tries, waits and error codes, as measured.

glibc 2.36, AF_INET or AF_INET6 with AI_ADDRCONFIG: SERVFAIL, REFUSED and silence are EAI_AGAIN, the last after 10 s; a
family of which this machine has no address is EAI_NONAME without any question asked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

import dns.message
import dns.rcode

from natprobe.model import Family, family
from natprobe.net.api import Datagram

if TYPE_CHECKING:
    from tests.lab.host import LabHost

# resolv.conf(5): attempts and timeout.
_ATTEMPTS, _SECONDS = 2, 5.0
_EAI_NODATA = -5


async def getaddrinfo(
    host: LabHost, resolvers: Sequence[str], name: str, version: Family, in_file: Sequence[str] = ()
) -> list[str]:
    """The addresses; those that the hosts file has before all others. Raises socket.gaierror."""
    if _is_address(name):
        return [name] if family(name) == version else _fail(-9, "Address family for hostname not supported")
    if not any(family(each.address) == version and each.interface != "lo" for each in host.addresses()):
        return _fail(socket.EAI_NONAME, "Name or service not known")
    if found := [address for address in in_file if family(address) == version]:
        return found
    for _ in range(_ATTEMPTS):
        for server in resolvers:
            answer = await _ask(host, server, name, version)
            if answer is not None and answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                return _found(answer)
    return _fail(socket.EAI_AGAIN, "Temporary failure in name resolution")


def _found(answer: dns.message.Message) -> list[str]:
    if answer.rcode() == dns.rcode.NXDOMAIN:
        return _fail(socket.EAI_NONAME, "Name or service not known")
    addresses = [record.address for rrset in answer.answer for record in rrset]
    return addresses or _fail(_EAI_NODATA, "No address associated with hostname")


async def _ask(host: LabHost, server: str, name: str, version: Family) -> dns.message.Message | None:
    query = dns.message.make_query(name, "AAAA" if version == 6 else "A", id=host.chance.getrandbits(16))
    udp = host.udp(family(server))
    try:
        udp.send(query.to_wire(), (server, 53))
        async with asyncio.timeout(_SECONDS):
            event = await udp.receive()
        return dns.message.from_wire(event.data) if isinstance(event, Datagram) else None
    except (OSError, TimeoutError):
        return None
    finally:
        udp.close()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _fail(code: int, words: str) -> list[str]:
    raise socket.gaierror(code, words)
