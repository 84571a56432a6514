"""Healthy servers: STUN with RFC 5780 over UDP and TCP, DNS, and a stand-in for `natprobe serve`."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from aioice.stun import Class, Message, pack_address

from natprobe.model import family
from natprobe.net.api import Datagram, Stream
from natprobe.wire import classic, stun
from natprobe.wire.stun import StunError
from tests.case import Answer
from tests.lab.host import LabHost
from tests.lab.sockets import LabUdp

# RFC 5780 section 7.2: the bits of CHANGE-REQUEST.
_CHANGE_ADDRESS, _CHANGE_PORT = 4, 2
# RFC 3489 section 11.2.
_SOURCE_ADDRESS, _CHANGED_ADDRESS = 0x0004, 0x0005

Records = Mapping[str, tuple[str, ...]]


class StunServer:
    """Answers Binding requests at every address and port given; two of each make RFC 5780 complete."""

    def __init__(self, host: LabHost, addresses: Sequence[str], ports: tuple[int, ...] = (3478, 3479)) -> None:
        self._sockets = {(a, p): host.serve_udp(a, p, self._asked) for a in addresses for p in ports}
        for port in ports:
            host.listen(port, self._connected)

    def _asked(self, udp: LabUdp, datagram: Datagram) -> None:
        if classic.is_request(datagram.data):
            udp.send(self._classic(datagram, udp.local), datagram.source)
            return
        request = binding_request(datagram.data)
        if request is None:
            return
        change = request.attributes.get("CHANGE-REQUEST", 0)
        answering = self._other(udp.local, bool(change & _CHANGE_ADDRESS), bool(change & _CHANGE_PORT))
        if answering is None:
            udp.send(stun.error(request, 420, "Unknown Attribute", UNKNOWN_ATTRIBUTES=(3,)), datagram.source)
        else:
            to = (datagram.source[0], request.attributes.get("RESPONSE-PORT", datagram.source[1]))
            answering.send(self._answer(request, datagram.source, answering.local, udp.local), to)

    async def _connected(self, stream: Stream) -> None:
        splitter = stun.Splitter()
        while data := await stream.read():
            for message in splitter.feed(data):
                if (request := binding_request(message)) is not None:
                    await stream.write(self._answer(request, stream.remote, stream.local, stream.local))

    def _answer(
        self, request: Message, client: tuple[str, int], origin: tuple[str, int], asked: tuple[str, int]
    ) -> bytes:
        """Like coturn, FINGERPRINT only where the request had one."""
        other = self._other(asked, True, True)
        return stun.response(
            request,
            fingerprint="FINGERPRINT" in request.attributes,
            XOR_MAPPED_ADDRESS=client,
            MAPPED_ADDRESS=client,
            RESPONSE_ORIGIN=origin,
            OTHER_ADDRESS=other.local if other else None,
            SOFTWARE="lab",
        )

    def _classic(self, datagram: Datagram, asked: tuple[str, int]) -> bytes:
        """RFC 3489 section 11.2, as coturn answers it: SOURCE-ADDRESS, and CHANGED-ADDRESS where there is another."""
        answer = classic.response(datagram.data, datagram.source)
        other = self._other(asked, True, True)
        more = {_SOURCE_ADDRESS: asked} | ({_CHANGED_ADDRESS: other.local} if other else {})
        for kind, value in more.items():
            packed = pack_address(value)
            answer += struct.pack("!HH", kind, len(packed)) + packed
        return answer[:2] + struct.pack("!H", len(answer) - stun.HEADER) + answer[4:]

    def _other(self, at: tuple[str, int], address: bool, port: bool) -> LabUdp | None:
        """The socket that differs from this one in address, in port, in both, or the same one."""
        wanted = [
            (a, p)
            for a, p in self._sockets
            if family(a) == family(at[0]) and (a != at[0]) == address and (p != at[1]) == port
        ]
        return self._sockets[wanted[0]] if wanted else None


class DnsServer:
    """Authoritative for `test.`: what `records` don't have is NXDOMAIN; other names are REFUSED. UDP and TCP 53."""

    def __init__(self, host: LabHost, address: str, records: Mapping[str, Records], target: str, says: Answer) -> None:
        self._records, self._target, self._says = records, target, says
        host.serve_udp(address, 53, self._asked)
        host.listen(53, self._connected)

    def _asked(self, udp: LabUdp, datagram: Datagram) -> None:
        if (answer := self._answer(datagram.data)) is not None:
            udp.send(answer, datagram.source)

    async def _connected(self, stream: Stream) -> None:
        buffer = b""
        while data := await stream.read():
            buffer += data
            while len(buffer) >= 2 and len(buffer) >= 2 + int.from_bytes(buffer[:2], "big"):
                end = 2 + int.from_bytes(buffer[:2], "big")
                if (answer := self._answer(buffer[2:end])) is not None:
                    await stream.write(len(answer).to_bytes(2, "big") + answer)
                buffer = buffer[end:]

    def _answer(self, data: bytes) -> bytes | None:
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return None
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        is_target = name == self._target
        if is_target and self._says == "silent":
            return None
        response = dns.message.make_response(query, recursion_available=True)
        response.set_rcode(self._rcode(name, is_target))
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        if response.rcode() == dns.rcode.NOERROR and (found := self._lookup(name, kind, is_target)):
            response.answer.append(dns.rrset.from_text_list(query.question[0].name, 60, "IN", kind, found))
        return response.to_wire()

    def _rcode(self, name: str, is_target: bool) -> dns.rcode.Rcode:
        if not name.endswith(".test"):
            return dns.rcode.REFUSED
        if is_target and self._says == "servfail":
            return dns.rcode.SERVFAIL
        known = name in self._records and not (is_target and self._says == "nxdomain")
        return dns.rcode.NOERROR if known else dns.rcode.NXDOMAIN

    def _lookup(self, name: str, kind: str, is_target: bool) -> list[str]:
        found = list(self._records[name].get(kind, ()))
        if not is_target or self._says == "works":
            return found
        hole = {"A": "0.0.0.0", "AAAA": "::"}
        return [hole[kind]] if found and self._says == "sinkhole" else []


def binding_request(data: bytes) -> Message | None:
    try:
        message = stun.decode(data).message
    except StunError:
        return None
    return message if message.message_class is Class.REQUEST else None
