"""The service can't read its certificate or key

A configuration file names a certificate or a key that is not there, that the service's user may not read, that is
something else, or whose key belongs to another certificate. Services start all the same: coturn opens no TLS port
then and goes on without a word to anybody but its log, Prosody and Janus leave their secure ports out. nginx alone
refuses to start.

How it shows: port 5349 (or 443) of the relay refuses connections while 3478 works: just those who need TURN over
TLS have no media. Certificates of Let's Encrypt are root's alone (/etc/letsencrypt/live and archive), while
coturn's package runs it as turnserver.

What to do: copy certificate and key at each renewal to where the service's user may read them (a deploy hook of certbot
does it by itself), and name the copies. Name fullchain.pem, not cert.pem.

Sources: coturn's manual and its package's unit file; certbot's manual (hooks); measured: coturn 4.6.1 with missing and
unreadable files.
"""

from natprobe.facts import CertificateFile, Facts, ids
from natprobe.model import Do, Failure, Fix, Severity
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.wording import mark, phrase

READS = (CertificateFile,)

_MESSAGES = {
    "missing": mark("The {role} {path} of {service} is not there"),
    "unreadable": mark("{service} runs as {user}, who may not read its {role} {path}"),
    "other": mark("{path}, which {service} is to take its {role} from, holds none that can be read"),
    "pair": mark("The key {path} of {service} is not that of its certificate"),
}
_RESTART = {
    "coturn": phrase("systemctl restart coturn"),
    "prosody": "systemctl restart prosody",
    "janus": phrase("systemctl restart janus"),
    "nginx": "nginx -t && systemctl reload nginx",
}
_FOLDERS = {"coturn": "/etc/coturn", "prosody": "/etc/prosody/certs", "janus": "/etc/janus"}
_ROLES = {"certificate": phrase("certificate"), "key": phrase("key")}


def check(facts: Facts) -> Judgement:
    """A file that only root may look at is no fault: who asks without being root is told so."""
    named = facts.of(CertificateFile)
    if not named:
        return NOT_APPLICABLE
    groups: dict[tuple[str, str, str], CertificateFile] = {}
    for each in named:
        if (fault := _fault(each)) is not None:
            groups.setdefault((fault, each.path, each.system), each)
    if groups:
        return [_found(fault, each) for (fault, *_), each in groups.items()]
    hidden = any(each.failure is Failure.PERMISSION_DENIED and each.readable is None for each in named)
    return CouldNotTell(reason="files-hidden", ask="run it as root (sudo natprobe inspect)") if hidden else CLEAR


def _fault(each: CertificateFile) -> str | None:
    if each.failure is Failure.NO_DATA:
        return "missing"
    if each.readable is False:
        return "unreadable"
    if each.failure is Failure.PROTOCOL:
        return "other"
    return "pair" if each.matches is False else None


def _found(fault: str, each: CertificateFile) -> Found:
    return Found(
        message=_MESSAGES[fault],
        args={
            "role": _ROLES[each.role],
            "path": each.path,
            "service": each.system,
            **({"user": each.user} if fault == "unreadable" else {}),
        },
        evidence=ids(each),
        severity=Severity.WARNING if each.system in ("prosody", "janus") else None,
        file=each.file,
        line=each.line,
        fixes=(_fix(fault, each),),
    )


def _fix(fault: str, each: CertificateFile) -> Fix:
    after = _RESTART.get(each.system, "")
    place = phrase("line {line} of {file}", line=each.line, file=each.file)
    if fault == "unreadable":
        folder = _FOLDERS.get(each.system, phrase("a folder of its own"))
        text = phrase(
            "Copy certificate and key to where {user} may read them, at each renewal (certbot: a script"
            " in /etc/letsencrypt/renewal-hooks/deploy with install -m 640 -g {user}), such as {folder},"
            " and name the copies in {place}",
            user=each.user,
            folder=folder,
            place=place,
        )
    elif fault == "pair":
        text = phrase(
            "Name the key that was made with the certificate, in {place}: with certbot both are of one folder",
            place=place,
        )
    else:
        text = phrase(
            "Get the {role} (certbot certificates shows what there is), and name its file in {place}",
            role=_ROLES[each.role],
            place=place,
        )
    return Do(text=text, audience="server", after=after)
