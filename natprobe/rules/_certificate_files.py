"""The words of rules about certificates where the server's own files say it."""

from __future__ import annotations

from natprobe.facts import CertificateFile, Facts, Setting, ids
from natprobe.facts.config import System
from natprobe.model import Do, Severity
from natprobe.rules import CLEAR, Found, Judgement
from natprobe.wording import listed, mark, phrase

SOON_DAYS = 14
_ENDED = mark("The certificate {path} of {service} ended on {end}")
_ENDS = mark("The certificate {path} of {service} ends on {end}, in {days} days")
_ALONE = mark("{service} is given the certificate alone ({path}): that of its issuer is left out, and phones refuse it")
_OTHER = mark("{service} shows the certificate {path} for {wanted}, and it is for {names}")
_RELOAD: dict[System, str] = {"nginx": phrase("systemctl reload nginx"), "coturn": phrase("systemctl restart coturn")}


def broken(facts: Facts, *systems: System) -> Judgement:
    """Ended, or without its chain."""
    found = []
    for each in _read(facts, *systems):
        if each.days_left is not None and each.days_left < 0:
            found.append(_found(each, _ENDED, Severity.ERROR))
        elif each.chain == 1 and each.path.endswith("/cert.pem") and each.self_signed is False:
            found.append(_found(each, _ALONE, Severity.ERROR))
    return found or CLEAR


def ending(facts: Facts) -> Judgement:
    """Soon, whosever it is."""
    soon = [each for each in _read(facts) if each.days_left is not None and 0 <= each.days_left < SOON_DAYS]
    return [_found(each, _ENDS, None) for each in soon] or CLEAR


def misnamed(facts: Facts) -> list[Found]:
    """Of nginx: for none of the names of the server that shows it."""
    found = []
    for each in facts.ok(CertificateFile, lambda each: each.system == "nginx" and bool(each.names)):
        wanted = _names(facts, each)
        if wanted and not any(_is_for(each, name) for name in wanted):
            found.append(_misnamed(each, wanted))
    return found


def _names(facts: Facts, each: CertificateFile) -> list[str]:
    """Those in the block in which the certificate is named; patterns and catch-alls are none."""
    here = facts.of(Setting, lambda said: said.file == each.file and said.system == "nginx")
    blocks = {said.section for said in here if said.key == "ssl_certificate" and said.line == each.line}
    told = [said.value.split() for said in here if said.key == "server_name" and said.section in blocks]
    return [name for names in told for name in names if "." in name and not name.startswith((".", "*", "~", "$"))]


def _is_for(each: CertificateFile, name: str) -> bool:
    """RFC 9525 section 6.3."""
    fitting = (name.lower(), f"*.{name.lower().partition('.')[2]}")
    return any(one.lower() in fitting for one in each.names)


def _misnamed(each: CertificateFile, wanted: list[str]) -> Found:
    args = {"service": each.system, "path": each.path, "wanted": listed(wanted), "names": listed(each.names)}
    text = phrase(
        "Name the certificate for {wanted} in line {line} of {file} (certbot certificates lists them)",
        wanted=wanted[0],
        line=each.line,
        file=each.file,
    )
    return Found(
        message=_OTHER,
        args=args,
        evidence=ids(each),
        file=each.file,
        line=each.line,
        fixes=(Do(text=text, audience="server", after=_RELOAD["nginx"]),),
    )


def there(facts: Facts, *systems: System) -> bool:
    """Whether any was looked at."""
    return bool(facts.of(CertificateFile, lambda each: not systems or each.system in systems))


def _read(facts: Facts, *systems: System) -> list[CertificateFile]:
    """Each file once."""
    found = facts.ok(
        CertificateFile, lambda each: each.role == "certificate" and (not systems or each.system in systems)
    )
    return list({each.path: each for each in reversed(found)}.values())[::-1]


def _found(each: CertificateFile, message: str, severity: Severity | None) -> Found:
    args = {
        "path": each.path,
        "service": each.system,
        "end": (each.not_after or "")[:10],
        "days": int(each.days_left or 0),
    }
    chain = Do(
        text=phrase(
            "Name the whole chain in line {line} of {file}: fullchain.pem, beside cert.pem",
            line=each.line,
            file=each.file,
        ),
        audience="server",
        after=_RELOAD.get(each.system, ""),
    )
    renew = Do(
        text="Renew the certificate and see why it did not renew itself (certbot renew --dry-run)",
        audience="server",
        after=_RELOAD.get(each.system, phrase("systemctl restart {system}", system=each.system)),
    )
    return Found(
        message=message,
        args={key: value for key, value in args.items() if f"{{{key}}}" in message},
        evidence=ids(each),
        severity=severity,
        file=each.file,
        line=each.line,
        fixes=(chain if message == _ALONE else renew,),
    )
