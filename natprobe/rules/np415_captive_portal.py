"""A portal answers instead of the server

Asked for the target's own page without TLS, somebody else answers: with a page, with the way to another host, or with
511 (Network Authentication Required). The secure page does not open, and no other server is heard of either. So it is
the portal of a hotel's, train's or guest's network, which lets nothing out until somebody signs in.

How it shows: the browser opens a page of the network's, or complains about a certificate; nothing else works.

What to do: open any page without https:// in the browser (http://neverssl.com, or the address of the portal that the
finding names), accept its terms or sign in, and check again. What the network lets out then is another question: many
such networks let no UDP out.

Sources: RFC 8952, RFC 6585 section 6, RFC 8910.
"""

from natprobe.derive import bindings, straight_connects
from natprobe.derive.captive import NETWORK_LOGIN, one_for_all, portal
from natprobe.facts import Binding, Connected, Facts, HttpReply, ProxyChoice, TlsSession, ids
from natprobe.model import Do
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement, alternative
from natprobe.wording import mark, phrase

READS = (HttpReply, Connected, TlsSession, Binding, ProxyChoice)

_LEADS = mark(
    "A portal answers in the place of {host}: {url} leads to {there}, and nothing else gets out of this network"
)
_PAGE = mark("A portal answers in the place of {host}: {url} shows a page, and nothing else gets out of this network")
_TOLD = mark("This network wants somebody to sign in first: {url} is answered with HTTP 511")

_ELSEWHERE = phrase(
    "open any other page in this machine's browser: where it opens, there is no portal, and this server's secure"
    " page is shut"
)


def check(facts: Facts) -> Judgement:
    """Never from the target's answer alone: it may have plain HTTP and no more."""
    if not facts.of(HttpReply):
        return NOT_APPLICABLE
    answers = portal(facts)
    if not answers:
        return CLEAR
    first = next((each for each in answers if each.location), answers[0])
    told = first.status == NETWORK_LOGIN
    sure = told or one_for_all(facts)
    return [
        Found(
            message=_TOLD if told else _LEADS if first.location else _PAGE,
            args={"host": facts.target.host, "url": first.url, "there": first.location},
            evidence=ids(answers, [] if told else [*straight_connects(facts, 443), *bindings(facts)]),
            alternatives=() if sure else (alternative("web-unreachable", _ELSEWHERE),),
            fixes=(
                Do(
                    text=phrase(
                        "Open {location} in the browser, sign in there or accept its terms, and check again",
                        location=first.location or first.url,
                    ),
                    audience="user",
                ),
                Do(
                    text=phrase(
                        "Let {host} pass without signing in, over TCP port 443 and over UDP to its media port",
                        host=facts.target.host,
                    ),
                    audience="network",
                ),
            ),
        )
    ]
