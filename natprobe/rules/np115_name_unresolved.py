"""The name has no address

Neither this machine's own resolver nor any of its DNS servers gave an address for the name: it does not exist
(NXDOMAIN), it has no address record (no data), the servers failed (SERVFAIL), or none of them answered at
all.

How it shows: nothing opens.

What to do: check the spelling; for a new server, make the A (and AAAA) record. Where the servers failed or
kept silent, the resolver is what needs looking at, not the name.

Sources: RFC 1035 section 4.1.1, RFC 2308 section 2.
"""

from natprobe.derive import sinkholes, target_addresses
from natprobe.derive.proxies import names_matter
from natprobe.facts import Facts, ProxyChoice, Resolved, Tunnel, ids
from natprobe.model import Do, Failure
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.wording import mark, phrase

READS = (Resolved, ProxyChoice, Tunnel)

# What is said, by the most telling failure; "no data" only where every answer says so.
_MESSAGES = (
    (Failure.NXDOMAIN, mark("The name {name} does not exist (NXDOMAIN)")),
    (Failure.SERVFAIL, mark("The DNS servers failed to look up {name} (SERVFAIL)")),
    (Failure.REFUSED, mark("The DNS servers refuse to answer for {name}")),
    (Failure.TIMEOUT, mark("No DNS server answered when asked for {name}")),
    (Failure.NO_DATA, mark("The name {name} exists, but has no address")),
)
_OTHER = mark("The name {name} could not be looked up")


def check(facts: Facts) -> Judgement:
    """A literal address always resolves. What a filter answers in an address's place is dns-filtered's matter; where a
    proxy looks the name up, what it finds counts.
    """
    name = facts.target.host
    answers = facts.of(Resolved, lambda each: each.name == name)
    if not answers or not names_matter(facts):
        return NOT_APPLICABLE
    if target_addresses(facts) or sinkholes(answers):
        return CLEAR
    failures = _telling(answers)
    message = next((words for failure, words in _MESSAGES if failure in failures), _OTHER)
    missing = Failure.NXDOMAIN in failures or failures == {Failure.NO_DATA}
    fixes = _MISSING if missing else (_ZONE if Failure.SERVFAIL in failures else _RESOLVER,)
    filled = tuple(_filled(each, name) for each in fixes)
    return [Found(message=message, args={"name": name}, evidence=ids(answers), fixes=filled)]


_MISSING = (
    Do(text="Check the spelling of {name}", audience="user"),
    Do(text="If {name} is a new server's, give it an A record (and AAAA for IPv6)", audience="server"),
)
_ZONE = Do(
    text="Ask a DNS server elsewhere for {name} (dig @1.1.1.1 {name}): if it fails there too, repair the zone and its"
    " DNSSEC signatures; if it answers, repair this network's DNS servers",
    audience="network",
)
_RESOLVER = Do(
    text="Check this network's DNS servers: they do not do their work for {name}",
    audience="network",
)


def _filled(fix: Do, name: str) -> Do:
    return Do(text=phrase(fix.text, name=name), audience=fix.audience)


def _telling(answers: list[Resolved]) -> set[Failure | None]:
    """The DNS servers' own words. getaddrinfo's only without them, and of one family: on a machine without IPv6 it
    says of any name that it has none there (EAI_NONAME, measured).
    """
    by_dns = [each for each in answers if each.by == "dns"]
    told = by_dns or [each for each in answers if each.family == answers[0].family]
    return {each.failure for each in told}
