"""The proxy wants a password

The proxy that a browser on this machine goes through answers the wish for a tunnel with 407: it wants to know who asks.
It names the ways that it takes:

- Basic: a user name and a password, in the clear on the way to the proxy. natprobe knows it.
- Digest: the same, but the password stays at home. natprobe does not know it.
- NTLM, Negotiate (Kerberos): the browser answers by itself with the account that the user signed in to Windows, or to
  the company's network, with. natprobe does not know them: whether media would pass, it can't tell there.

A SOCKS proxy asks for a name and a password by itself (RFC 1929); browsers have none to give it, and neither has
natprobe: what would pass with one, no browser gets.

How it shows: the browser asks for a password before the first page, or signs in unseen. For calls it has to have done
so before: relays are reached with the password that the page was opened with.

What to do: give natprobe the user name and password, for Basic; and have the network's administrator let the meeting's
server and relay pass without one.

Sources: RFC 9110 section 11.7, RFC 7617, RFC 7616, RFC 4559, RFC 1929; measured with Chromium 156: behind a Squid with
Basic nothing works until the password was typed, also where the environment's URL has it; then pages, TURN over TCP
and TLS and ICE over TCP carry it. From a dante with names and passwords it gets nothing.
"""

from natprobe.derive.proxies import refusal, tunnels, web_tunnel
from natprobe.facts import Facts, ProxyChoice, Tunnel, ids
from natprobe.model import Do, Fix
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.servers import squid
from natprobe.wording import mark, phrase

READS = (Tunnel, ProxyChoice)

_ASKS = mark("The proxy {proxy} wants to know who asks for {host} ({schemes}), and was told nothing")
_REFUSES = mark("The proxy {proxy} refuses the user name and password that it was given for {host} ({schemes})")
_NO_BROWSER = mark("The SOCKS proxy {proxy} wants a name and a password for {host}, which browsers have none to give")
_UNKNOWN = mark("The proxy {proxy} wants to know who asks for {host}, in a way that natprobe does not know ({schemes})")


def check(facts: Facts) -> Judgement:
    """The page's first; else those of relays."""
    if not facts.of(Tunnel):
        return NOT_APPLICABLE
    page = web_tunnel(facts)
    if page is not None and refusal(page) == "password":
        return [_found(facts, page, page=True)]
    asked = [each for each in tunnels(facts, "relay") if refusal(each) == "password"]
    return [_found(facts, asked[0], page=False)] if asked else CLEAR


def _found(facts: Facts, first: Tunnel, *, page: bool) -> Found:
    socks = first.status is None
    known = any(each.lower() == "basic" for each in first.schemes)
    same = [each for each in facts.of(Tunnel) if each.via == first.via and refusal(each) == "password"]
    told = any(each.authenticated for each in same)  # once refused, a password is told no more
    return Found(
        message=_NO_BROWSER if socks else _REFUSES if told else _ASKS if known else _UNKNOWN,
        args={
            "page": page,
            "proxy": first.via,
            "host": first.host,
            "schemes": ", ".join(first.schemes) or f"HTTP {first.status}",
        },
        evidence=ids(same),
        fixes=(_OPEN_SOCKS,) if socks else (_own(facts, first, known, told), _ticket(first), *_lines(first)),
    )


_OPEN_SOCKS = Do(
    text="Let the SOCKS proxy take this network's machines without a name and a password, or give their browsers an"
    " HTTP proxy instead",
    audience="network",
)


_CALL = phrase(
    "Try a call in a browser of this machine, which may sign in by itself; for natprobe, have the proxy take Basic, or"
    " this machine without a password"
)
_PAGE = mark(
    "Open https://{host}/ in a browser of this machine, which may sign in by itself; for natprobe, have the proxy take"
    " Basic, or this machine without a password"
)
_CORRECT = phrase("Correct --proxy-username NAME and --proxy-password-file FILE")
_GIVE = phrase("Check again with --proxy-username NAME and --proxy-password-file FILE")


def _own(facts: Facts, first: Tunnel, known: bool, told: bool) -> Fix:
    if not known:
        text = _CALL if facts.target.kind == "turn" else phrase(_PAGE, host=facts.target.host)
        return Do(text=text, audience="user")
    return Do(
        text=_CORRECT if told else _GIVE,
        audience="user",
        why="what the proxy lets through can be told only to whom it lets in",
    )


def _ticket(first: Tunnel) -> Do:
    return Do(
        text=phrase(
            "Let the proxy pass CONNECT to {host}, port {port}, without a password", host=first.host, port=first.port
        ),
        audience="network",
        why="whoever has not typed it yet gets neither the page nor the relay",
    )


def _lines(first: Tunnel) -> tuple[Fix, ...]:
    return squid.hosts_allowed((first.host,), first.port)
