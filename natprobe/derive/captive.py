"""Whether a portal stands before the network: it answers in the server's place until somebody signs in. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from natprobe.derive import bindings, came_back, page_replies, secure_pages, straight_connects, udp_works
from natprobe.derive.proxies import reached
from natprobe.facts import Facts, HttpReply, Resolved

# RFC 6585 section 6: Network Authentication Required.
NETWORK_LOGIN = 511


def portal(facts: Facts) -> list[HttpReply]:
    """What it answered: 511 anywhere; or on port 80, in the target's name, something else than the way to its secure
    page, while that is shut and no other server is heard of over UDP or TCP. A server of plain HTTP alone looks the
    same, but for those others.
    """
    if reached(facts):
        return []
    told = facts.of(HttpReply, lambda each: each.via is None and each.status == NETWORK_LOGIN)
    if told or secure_pages(facts) or not _alone(facts):
        return told
    return [each for each in page_replies(facts) if each.url.startswith("http:") and _foreign(facts, each)]


def _alone(facts: Facts) -> bool:
    """Whether others were asked, and none was heard of; or whoever answers in their place is one and the same."""
    asked = [*bindings(facts, "udp"), *bindings(facts, "tcp")]
    heard = any(came_back(each) for each in asked) or udp_works(facts) is True
    return bool(straight_connects(facts, 443)) and (one_for_all(facts) or (bool(asked) and not heard))


def one_for_all(facts: Facts) -> bool:
    """Whether every name, those of other operators' servers too, has one and the same address."""
    answers = facts.ok(Resolved, lambda each: each.by == "system")
    others = {each.name for each in answers} - {facts.target.host}
    return len(others) > 1 and len({address for each in answers for address in each.addresses}) == 1


def _foreign(facts: Facts, reply: HttpReply) -> bool:
    """No way to the secure page of the same host, but a page, or a way to another host."""
    if reply.status is None or reply.status >= 400 or reply.says:
        return False
    if reply.location is None:
        return reply.status < 300
    there = _host(reply.location) or facts.target.host
    return there != facts.target.host and not there.endswith(f".{facts.target.host}")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
