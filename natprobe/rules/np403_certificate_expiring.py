"""The certificate ends soon

It verifies today and ends within fourteen days. Certificates that renew themselves do so a month ahead, so
something is stuck.

How it shows: not at all, until the day when nobody can open the page.

What to do: look at the renewal (`certbot renew --dry-run`, or the log of the proxy that gets the
certificates) and see that the server loads the new one.

On the server `natprobe inspect` looks at every certificate that a configuration file names.

Sources: RFC 5280 section 4.1.2.5.
"""

from natprobe.derive import beside_page
from natprobe.derive.certificates import shown
from natprobe.derive.interception import intercepted_page
from natprobe.derive.proxies import taken_ok
from natprobe.facts import Certificate, CertificateFile, Facts, TlsSession, ids
from natprobe.fixes import certificate_user
from natprobe.model import Do
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement, _certificate_files
from natprobe.wording import phrase

READS = (TlsSession, Certificate, CertificateFile)

SOON_DAYS = _certificate_files.SOON_DAYS


def check(facts: Facts) -> Judgement:
    """Only the target's own, and one that is accepted now: the others are certificate-invalid's.

    On the server its files tell.
    """
    if _certificate_files.there(facts):
        return _certificate_files.ending(facts)
    own = taken_ok(facts, TlsSession, lambda each: each.verified and each.name == facts.target.host)
    between = [each.shown for each in intercepted_page(facts)]
    good = [each for each in shown(facts, own) if each not in between]
    beside = {each.endpoint for each in own if beside_page(facts, each)}
    ending = [each for each in good if 0 <= each.days_left < SOON_DAYS]
    if not ending:
        return CLEAR if good else NOT_APPLICABLE
    return [
        Found(
            message="The certificate of {name} at {endpoint} ends on {end}, in {days} days",
            args={
                "name": ending[0].name,
                "endpoint": ending[0].endpoint,
                "end": ending[0].not_after[:10],
                "days": int(ending[0].days_left),
            },
            evidence=ids(ending),
            fixes=(
                Do(
                    text="Renew the certificate and see why it did not renew itself (certbot renew --dry-run)",
                    audience="server",
                    after=phrase(
                        "reload the {server}",
                        server=certificate_user(facts, ending[0].endpoint in beside)[0],
                    ),
                ),
            ),
        )
    ]
