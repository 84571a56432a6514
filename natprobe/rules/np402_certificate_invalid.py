"""The certificate is not one that browsers and phones accept

The handshake worked, but the certificate did not verify against this system's trust: it has ended, is for
another name, is signed by nobody that is trusted, or the server leaves the intermediate certificate out.

How it shows: a warning page instead of the meeting; the apps on phones just say that they cannot connect. Of a STUN
server behind a `stuns:` address browsers say nothing at all: they go on without it.

What to do: install a certificate for exactly this name from a public authority (Let's Encrypt), with its full
chain (`fullchain.pem`, not `cert.pem`), and have it renewed by itself.

On the server `natprobe inspect` looks at the files that nginx is told to show: ended, cert.pem instead of
fullchain.pem, or for none of the names of that very server.

Sources: RFC 5280 section 6, RFC 9525 section 6, RFC 8446 section 4.4.2, RFC 8489 section 6.2.3.
"""

from natprobe.derive import beside_page
from natprobe.derive.captive import portal
from natprobe.derive.certificates import Fault, fault, same_handshake, shown, told
from natprobe.derive.interception import intercepted_page
from natprobe.derive.proxies import taken
from natprobe.facts import Certificate, CertificateFile, Facts, Setting, TlsSession, ids
from natprobe.fixes import certificate_user
from natprobe.model import Do, Failure, Severity
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement, _certificate_files, alternative
from natprobe.target import is_address
from natprobe.wording import mark, phrase

READS = (TlsSession, Certificate, CertificateFile, Setting)

_MESSAGES: dict[Fault, str] = {
    "ended": mark("The certificate of {name} ended on {end}"),
    "early": mark("The certificate of {name} is not valid before {begin}; is this machine's clock right?"),
    "name": mark("The certificate that {name} shows is for {names}, not for {name}"),
    "self": mark("The certificate of {name} is signed by itself, so no browser trusts it"),
    "chain": mark(
        "{name} shows its certificate without that of its issuer ({issuer}), which this system does not know: the"
        " intermediate certificate is left out, or the issuer is a private authority"
    ),
    "issuer": mark("Nobody that this system trusts signed the certificate of {name} (issuer: {issuer})"),
    "other": mark("The certificate of {name} does not verify: {words}"),
}
_BESIDE = mark("At {endpoint}, a server of the SRV records and not the page: {finding}")


def check(facts: Facts) -> Judgement:
    """What the verifier said decides; the certificate's facts tell why. Only the target's own: another server of
    `--stun` is there to compare with, and of a relay turn-certificate tells. One that is nobody's but somebody's on the
    way is tls-intercepted's matter, or captive-portal's. On the server its file is looked at.
    """
    if _certificate_files.there(facts, "nginx"):
        broken = _certificate_files.broken(facts, "nginx")
        return [*(broken if isinstance(broken, list) else []), *_certificate_files.misnamed(facts)] or CLEAR
    sessions = taken(facts, TlsSession, lambda each: each.name == facts.target.host and each.probe != "turn")
    between = [each.shown for each in intercepted_page(facts)]
    refused = [each for each in sessions if each.failure is Failure.TLS_CERTIFICATE]
    refused = [each for each in refused if not any(same_handshake(each, leaf) for leaf in between)]
    if portal(facts):
        return CLEAR
    if not refused:
        return CLEAR if between or any(each.verified for each in sessions) else NOT_APPLICABLE
    beside = [each for each in refused if beside_page(facts, each)]
    opened = [each for each in refused if each not in beside]
    return [_found(facts, each) for each in (opened, beside) if each]


def _found(facts: Facts, refused: list[TlsSession]) -> Found:
    """Never an error beside the page: browsers do without that server."""
    leaves, beside = shown(facts, refused), beside_page(facts, refused[0])
    leaf = leaves[0] if leaves else None
    what = fault(leaf, refused[0].detail)
    trusted = (alternative("tls-intercepted", "open the page elsewhere: is it another certificate?"),)
    args, message = told(refused[0], leaf), _MESSAGES[what]
    if beside:
        message = phrase(_BESIDE, endpoint=args["endpoint"], finding=phrase(message, **args))
    return Found(
        message=message,
        args=args,
        evidence=ids(refused, leaves),
        severity=Severity.WARNING if beside else None,
        alternatives=trusted if what in ("issuer", "chain") else (),
        fixes=(_fix(facts, what, beside),),
    )


def _fix(facts: Facts, what: Fault, beside: bool) -> Do:
    host = facts.target.host
    if what == "name" and is_address(host):
        return Do(text="Check the server by its name, as people open it, and not by its address", audience="user")
    if what == "early":
        return Do(text="Set the clock of this machine, and then that of the server", audience="user")
    server, line = certificate_user(facts, beside)
    text = phrase("Install a certificate for {host} from a public authority, and have it renewed by itself", host=host)
    if what == "chain":
        text = phrase("Give the {server} the whole chain ({line})", server=server, line=line)
    elif what == "ended":
        text = phrase("Renew the certificate (certbot renew), and see why it did not renew itself")
    elif what == "issuer":
        text = phrase(
            "Install a certificate for {host} from a public authority, and have it renewed by itself; where the issuer"
            " is your own authority, install its root certificate on every device",
            host=host,
        )
    return Do(text=text, audience="server", after=phrase("reload the {server}", server=server))
