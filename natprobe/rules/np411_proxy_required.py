"""Only a proxy leads out

A browser on this machine goes through a proxy, and that works; beside it the same host was tried straight, and there is
no way: its name is not known here, or no connection stands.

How it shows: by itself, not at all. It matters for whatever does not go by the browser's settings: programs that are
set to no proxy, and media over UDP, which no HTTP proxy carries (proxy-ignores-media).

What to do: nothing, where the call works. A program that fails here while the browser works has to be told the proxy.

Sources: RFC 9110 section 9.3.6, RFC 8835 section 3.4.
"""

from natprobe.derive import page_port, straight_connects, target_addresses
from natprobe.derive.proxies import browser_way, reached, straight, via
from natprobe.facts import Allocation, Connected, Facts, HttpReply, ProxyChoice, Resolved, Tunnel, ids
from natprobe.model import Do, Failure, Observation
from natprobe.reasons import sentence
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.wording import mark, phrase

READS = (ProxyChoice, Tunnel, Connected, HttpReply, Resolved, Allocation)

_MESSAGE = mark("Only the proxy {proxy} leads to {host}: straight there is no way ({why})")


def check(facts: Facts) -> Judgement:
    """Both were tried, and only one of them leads there."""
    proxy = via(facts)
    if proxy is None:
        return NOT_APPLICABLE
    led, shut = reached(facts), _shut(facts)
    if not led or not shut:
        return CLEAR
    choice = browser_way(facts)
    return [
        Found(
            message=_MESSAGE,
            args={"proxy": proxy, "host": facts.target.host, "why": _why(shut[0])},
            evidence=ids(led, shut, choice or []),
            fixes=(
                Do(
                    text=phrase(
                        "Leave the proxy set as it is: nothing of {host} opens from here without it",
                        host=facts.target.host,
                    ),
                    audience="user",
                    why="programs that are set to no proxy stay outside",
                ),
            ),
        )
    ]


def _shut(facts: Facts) -> list[Observation]:
    """All that was tried straight and failed; none where something of it worked."""
    port = 443 if facts.target.scheme == "http" else facts.target.port
    tried = straight_connects(facts, port) or straight_connects(facts, page_port(facts))
    legs = facts.of(Allocation, lambda each: straight(each) and each.host == facts.target.host)
    legs = [each for each in legs if each.transport in ("tcp", "tls")]
    steps: list[Observation] = [*tried, *legs]
    if steps:
        return steps if not any(map(_stood, legs)) and all(each.failure is not None for each in steps) else []
    names = facts.of(Resolved, lambda each: each.name == facts.target.host and each.failure is not None)
    return [] if target_addresses(facts) else list(names)


def _stood(leg: Allocation) -> bool:
    """Whether a connection stood, whatever was said on it: credentials and certificates are no matter of the way."""
    said = leg.local is not None or leg.challenged or leg.error_code is not None
    return said or leg.failure in (Failure.TLS_CERTIFICATE, Failure.TLS_ALERT, Failure.TLS_OTHER)


def _why(each: Observation) -> str:
    return phrase("its name is not known here") if isinstance(each, Resolved) else sentence(str(each.failure))
