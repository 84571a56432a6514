"""Answers leave from another of the host's addresses

The host has several addresses, and a program takes UDP at all of them with one socket. It does not say from which of
them an answer is to leave, so that the system chooses: the first address of the way out. Who asked another address
gets an answer from a stranger, and drops it, as does every NAT on the way.

How it shows: media or STUN works by one address of the server and stays silent by the other, though packets arrive
there and the program answers each of them. Over TCP there is no such thing.

What to do: have the program listen at each address by name, so that each has a socket of its own (coturn: a line of
`listening-ip` for each; natprobe serve does so by itself), or have clients come to the first address only.

Sources: Linux's ip(7) on IP_PKTINFO; RFC 8489 section 6.3.1 (an answer comes from where the request went);
measured: a STUN server on 0.0.0.0 of a host with two addresses.
"""

from natprobe.derive import turnserver
from natprobe.derive.answers import answered_elsewhere
from natprobe.derive.listening import at_endpoint, own_addresses, told
from natprobe.facts import ConfigFile, Facts, Listening, LocalAddress, OwnExchange, Setting, Sockets, SourceAddress, ids
from natprobe.model import Do, Fix, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement, _ports
from natprobe.servers import coturn_lines
from natprobe.wording import mark, phrase

READS = (Sockets, Listening, LocalAddress, OwnExchange, SourceAddress, ConfigFile, Setting)

# Of a host with many addresses.
_LINES_MAX = 8
_MESSAGE = mark("{program} takes packets at {endpoint}/udp and answers from {other}: clients and NATs drop that")


def check(facts: Facts) -> Judgement:
    """By a real exchange on the host itself, where strangers would fare alike."""
    if told(facts) is None or not facts.of(OwnExchange, lambda each: each.proto == "udp"):
        return NOT_APPLICABLE
    found = [_found(facts, *each) for each in answered_elsewhere(facts)]
    return found or CLEAR


def _found(facts: Facts, exchange: OwnExchange, source: SourceAddress) -> Found:
    holders = at_endpoint(facts, "udp", exchange.endpoint)
    process = next((each.process for each in holders if isinstance(each, Listening) and each.process), None)
    return Found(
        message=_MESSAGE,
        args={
            "program": process or phrase("What listens"),
            "endpoint": exchange.endpoint,
            "other": exchange.answered_from,
        },
        evidence=ids(exchange, source, holders),
        fixes=_mended(facts, process or phrase("the program"), exchange.endpoint, _ports.held_by(holders)),
    )


def _mended(facts: Facts, process: str, endpoint: str, holders: str) -> tuple[Fix, ...]:
    """Coturn takes a line for each address: one alone would leave out the others."""
    address = split(endpoint)[0]
    if process == "turnserver" and (relays := turnserver.relays(facts)):
        file, last = relays[0].file.path, relays[0].end
        why = phrase("with a line for each address coturn has a socket of its own on each")
        here = own_addresses(facts)[:_LINES_MAX]
        return tuple(coturn_lines.added("listening-ip", each, file=file, behind=last, why=why) for each in here)
    words = phrase(
        "Have {holders} listen at {address} and its other addresses by name, not at all of them at once",
        holders=holders or process,
        address=address,
    )
    return (Do(text=words, audience="server"),)
