"""No secure origin: browsers give no camera or microphone

The meeting's page is served over plain HTTP. Browsers hand camera and microphone only to pages from https://
or from this very machine.

How it shows: `navigator.mediaDevices is undefined`; the page says that no devices were found.

What to do: serve the page over HTTPS with a certificate that verifies, and redirect port 80 to it.

Sources: W3C Secure Contexts section 3, Media Capture and Streams section 10.
"""

from natprobe.addresses import address_class
from natprobe.derive import page_replies, target_addresses, web_connects
from natprobe.derive.captive import portal
from natprobe.facts import Connected, Facts, HttpReply, ids
from natprobe.model import Do
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.wording import phrase

READS = (HttpReply, Connected)


def check(facts: Facts) -> Judgement:
    """A page over http:, on an address that isn't this machine's own, where https: serves none."""
    pages = [each for each in page_replies(facts) if each.failure is None and (each.status or 999) < 300]
    plain = [each for each in pages if each.url.startswith("http:")]
    if not pages:
        return NOT_APPLICABLE
    local = {address_class(each) for each in target_addresses(facts)} == {"loopback"}
    asked_for = facts.target.scheme == "http"
    secure_dead = not any(each.failure is None for each in web_connects(facts, 443))
    if not plain or local or portal(facts) or not (asked_for or secure_dead):
        return CLEAR
    return [
        Found(
            message="{url} is not a secure origin: browsers give camera and microphone to https:// pages only",
            args={"url": plain[0].url},
            evidence=ids(plain),
            fixes=(
                Do(
                    text=phrase(
                        "Serve {host} over HTTPS with a valid certificate and redirect port 80 there",
                        host=facts.target.host,
                    ),
                    audience="server",
                ),
            ),
        )
    ]
