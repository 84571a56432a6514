"""The certificate is not one that browsers and phones accept

The handshake worked, but the certificate did not verify against this system's trust: it has ended, is for
another name, is signed by nobody that is trusted, or the server leaves the intermediate certificate out.

How it shows: a warning page instead of the meeting; the apps on phones just say that they cannot connect. Of a STUN
server behind a `stuns:` address browsers say nothing at all: they go on without it.

What to do: install a certificate for exactly this name from a public authority (Let's Encrypt), with its full
chain (`fullchain.pem`, not `cert.pem`), and have it renewed by itself.

Sources: RFC 5280 section 6, RFC 9525 section 6, RFC 8446 section 4.4.2, RFC 8489 section 6.2.3.
"""

from natprobe.facts import Certificate, Facts, TlsSession, ids
from natprobe.fixes import certificate_user
from natprobe.model import Do, Failure
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement, alternative
from natprobe.target import is_address

READS = (TlsSession, Certificate)

_ENDED = "The certificate of {name} ended on {end}"
_EARLY = "The certificate of {name} is not valid before {begin}; is this machine's clock right?"
_NAME = "The certificate that {name} shows is for {names}, not for {name}"
_SELF = "The certificate of {name} is signed by itself, so no browser trusts it"
_CHAIN = (
    "{name} shows its certificate without that of its issuer ({issuer}), which this system does not know: the"
    " intermediate certificate is left out, or the issuer is a private authority"
)
_ISSUER = "Nobody that this system trusts signed the certificate of {name} (issuer: {issuer})"
_OTHER = "The certificate of {name} does not verify: {words}"


def check(facts: Facts) -> Judgement:
    """What the verifier said decides; the certificate's facts tell why. Only the target's own: another server of
    `--stun` is there to compare with.
    """
    sessions = facts.of(TlsSession, lambda each: each.name == facts.target.host)
    refused = [each for each in sessions if each.failure is Failure.TLS_CERTIFICATE]
    if not refused:
        return CLEAR if any(each.verified for each in sessions) else NOT_APPLICABLE
    there = {(each.endpoint, each.transport) for each in refused}
    shown = [each for each in facts.ok(Certificate) if (each.endpoint, each.transport) in there]
    words = refused[0].detail
    message = _message(shown[0], words) if shown else _OTHER
    trusted = (alternative("tls-intercepted", "open the page elsewhere: is it another certificate?"),)
    return [
        Found(
            message=message,
            args=_args(refused[0], shown[0] if shown else None, words),
            evidence=ids(refused, shown),
            alternatives=trusted if message in (_ISSUER, _CHAIN) else (),
            fixes=(_fix(facts, message),),
        )
    ]


def _message(leaf: Certificate, words: str) -> str:
    if leaf.days_left < 0:
        return _ENDED
    if "not yet valid" in words:
        return _EARLY
    if not leaf.matches:
        return _NAME
    if leaf.self_issued:
        return _SELF
    if "issuer" in words or "unable to get" in words:
        return _CHAIN if leaf.chain == 1 else _ISSUER
    return _OTHER if words else _ISSUER


def _args(session: TlsSession, leaf: Certificate | None, words: str) -> dict[str, object]:
    args: dict[str, object] = {"name": session.name, "words": words}
    if leaf is not None:
        names = ", ".join(leaf.names[:3]) or leaf.subject
        args |= {
            "end": leaf.not_after[:10],
            "begin": leaf.not_before[:10],
            "names": names,
            "issuer": leaf.issuer,
        }
    return args


def _fix(facts: Facts, message: str) -> Do:
    host = facts.target.host
    if message == _NAME and is_address(host):
        return Do(text="Check the server by its name, as people open it, and not by its address", audience="user")
    if message == _EARLY:
        return Do(text="Set the clock of this machine, and then that of the server", audience="user")
    server, line = certificate_user(facts)
    text = f"Install a certificate for {host} from a public authority, and have it renewed by itself"
    if message == _CHAIN:
        text = f"Give the {server} the whole chain ({line})"
    elif message == _ENDED:
        text = "Renew the certificate (certbot renew), and see why it did not renew itself"
    elif message == _ISSUER:
        text += "; where the issuer is your own authority, install its root certificate on every device"
    return Do(text=text, audience="server", after=f"reload the {server}")
