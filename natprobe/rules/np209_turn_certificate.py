"""The relay's certificate is not one that browsers accept

TLS or DTLS to the relay works, but its certificate did not verify: it has ended, is for another name, is signed
by nobody that is trusted, or the intermediate certificate is left out.

How it shows: not at all. Browsers give the relay up without a word to the user; only people in networks that let
nothing else out find that calls stay dead.

What to do: install a certificate for exactly the name in the `turns:` URI, with its whole chain (`cert` is
`fullchain.pem`), and have coturn read it again after each renewal (`systemctl kill -s USR2 coturn`, or start it
again): it goes on with the old one otherwise. A URI with an address instead of a name needs a certificate for that
address.

On the server `natprobe inspect` looks at the file that `cert` names: ended, or cert.pem instead of fullchain.pem.

Sources: RFC 8656 section 3.1, RFC 8489 section 6.2.3, RFC 7065 section 3.2, RFC 9525 section 6, RFC 5280 section 6.
"""

from itertools import chain

from natprobe.derive.certificates import Fault, fault, shown, told
from natprobe.derive.relays import LegFacts, by_way, legs, refused_sessions
from natprobe.facts import Allocation, Certificate, CertificateFile, Facts, TlsSession, ids
from natprobe.model import Do, Fix
from natprobe.rules import Found, Judgement, _certificate_files, alternative
from natprobe.rules._legs import found, nothing
from natprobe.servers import coturn
from natprobe.wording import mark, phrase

READS = (Allocation, TlsSession, Certificate, CertificateFile)

_MESSAGES: dict[Fault, str] = {
    "ended": mark("The certificate of the relay {host} over {transport} ({server}) ended on {end}"),
    "early": mark(
        "The certificate of the relay {host} over {transport} ({server}) is not valid before {begin}; is this"
        " machine's clock right?"
    ),
    "name": mark("The certificate of the relay {host} over {transport} ({server}) is for {names}, not for {name}"),
    "self": mark(
        "The certificate of the relay {host} over {transport} ({server}) is signed by itself, so no browser trusts it"
    ),
    "chain": mark(
        "The certificate of the relay {host} over {transport} ({server}) comes without that of its issuer"
        " ({issuer}), which this system does not know: the intermediate certificate is left out, or the"
        " issuer is a private authority"
    ),
    "issuer": mark(
        "The certificate of the relay {host} over {transport} ({server}) is signed by nobody that this system"
        " trusts (issuer: {issuer})"
    ),
    "other": mark("The certificate of the relay {host} over {transport} ({server}) does not verify: {words}"),
}


def check(facts: Facts) -> Judgement:
    """Also where --insecure went on past it. Where somebody between answers, tls-intercepted says it."""
    if _certificate_files.there(facts, "coturn"):
        return _certificate_files.broken(facts, "coturn")
    groups: dict[tuple[str, str], list[LegFacts]] = {}
    for each in legs(facts):
        if refused_sessions(facts, each) and not by_way(facts, each):
            groups.setdefault((each.allocation.host, each.allocation.transport), []).append(each)
    return [_found(facts, group) for group in groups.values()] or nothing(facts)


def _found(facts: Facts, group: list[LegFacts]) -> Found:
    refused = list(chain.from_iterable(refused_sessions(facts, each) for each in group))
    leaves = shown(facts, refused)
    leaf = leaves[0] if leaves else None
    what = fault(leaf, refused[0].detail)
    other = (alternative("tls-intercepted", "check from another network: is it another certificate?"),)
    return found(
        facts,
        group,
        _MESSAGES[what],
        more=told(refused[0], leaf),
        evidence=ids(refused, leaves),
        alternatives=other if what in ("issuer", "chain") else (),
        fixes=_fixes(what, group[0].allocation.host),
    )


def _fixes(what: Fault, host: str) -> tuple[Fix, ...]:
    if what == "early":
        return (Do(text="Set the clock of this machine, and then that of the relay", audience="user"),)
    template = mark(
        "Get a certificate for {host} from a public authority, and have it renewed by itself"
        " (certbot, with a deploy hook that restarts coturn)"
    )
    if what == "ended":
        template = mark(
            "Renew the certificate of {host} (certbot renew), and have a deploy hook restart coturn each time"
        )
    renew = Do(
        text=phrase(template, host=host),
        audience="server",
        why="coturn goes on with the old one until it is told",
        after=coturn.RESTART,
    )
    return coturn.certificate(host) if what == "chain" else (renew, *coturn.certificate(host))
