"""Signalling's WebSocket, or BOSH where clients take that, is refused or misrouted

Of a Jitsi, and, at the end, of a Janus.

config.js sends clients to a WebSocket for signalling, and asking for it brings something else than a WebSocket. A
client does not fall back to BOSH where a WebSocket is named: it tries again and again. Where config.js names none, or
prefers BOSH, clients take that, and the same can happen to its requests.

How it shows: "WebSocket connection to wss://…/xmpp-websocket failed", or requests for /http-bind that fail, in the
browser's console; the page says "You have been disconnected" and counts down.

What to do: it depends on what the answer says.

- 200 with a web page: nginx has no location for the path, and the meeting's page answers. Add the lines below.
- 200 with Prosody's greeting ("It works!"), or 400: the request arrives without its Upgrade headers, or over HTTP/1.0.
  Every proxy on the way needs them: the outer one in front of a container as well.
- 403: refused by what stands in front; with Prosody's greeting on a plain GET it is origin-refused.
- 404: nobody behind the proxy knows the path: mod_websocket is not loaded (docker-jitsi-meet:
  `ENABLE_XMPP_WEBSOCKET=1`), for BOSH mod_bosh, or the Host header that the proxy sends is none of Prosody's.
- 501: the sub-protocol `xmpp` got lost on the way, or the module is missing.
- 502, 503, 504: the proxy finds nobody behind it: Prosody is down, or listens elsewhere.
- A redirect: browsers follow none for WebSockets. Have config.js name the last address. For BOSH they follow it, and
  natprobe does not: it says that it could not tell.
- host-unknown: the way is right, and Prosody does not know the domain that config.js names.

Of a Janus it is the way into its API that the target names, HTTP or WebSocket, that brings something else than Janus's
own words. 403 to its WebSocket comes from libwebsockets too, where the Upgrade headers got lost; 502 where nobody is
behind the proxy, or where it did not pass Sec-WebSocket-Protocol on: Janus's WebSocket speaks `janus-protocol` only.

Sources: RFC 6455 section 4, RFC 7395 section 3.1, XEP-0124 section 7, Prosody's mod_websocket; field reports:
docker-jitsi-meet 1154, 952.
"""

from natprobe.derive import OWN
from natprobe.derive.advertised import installed
from natprobe.derive.conference import redirected, takes_bosh
from natprobe.derive.interception import intercepted_page
from natprobe.derive.proxies import taken
from natprobe.facts import Facts, JanusDoor, JitsiConfig, SignIn, ids
from natprobe.model import Failure, Fix, Severity, Where
from natprobe.reasons import sentence
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement, _gateways, alternative
from natprobe.servers.jitsi import fixes as jitsi
from natprobe.wording import mark, phrase

READS = (SignIn, JitsiConfig, JanusDoor)

_PAGE, _GREETING = (
    phrase("a web page answers, so nothing leads the path to signalling"),
    phrase("its Upgrade headers got lost on the way"),
)
# What an answer means that is not signalling's, by its status.
_MEANINGS: dict[int, str] = {
    401: phrase("something in front wants a password"),
    403: phrase("something in front of signalling forbids it"),
    404: phrase("nobody behind the web server knows the path"),
    500: phrase("what is behind the web server failed"),
    502: phrase("the web server finds no signalling behind it"),
    503: phrase("the web server finds no signalling behind it"),
    504: phrase("signalling behind the web server does not answer"),
}
# Of an answer without an upgrade besides.
_NO_UPGRADE: dict[int, str] = {
    400: phrase("its Upgrade headers got lost on the way, or a proxy speaks HTTP/1.0"),
    405: phrase("the path leads to something that is no WebSocket"),
    426: phrase("a proxy on the way does not speak HTTP/1.1"),
    501: phrase("signalling has no WebSocket there, or the sub-protocol got lost"),
}
_BEHIND = (500, 502, 503, 504)
_MESSAGE = {
    "websocket": mark("Signalling's WebSocket {url} brings HTTP {status} instead of an upgrade: {meaning}"),
    "bosh": mark("Signalling over BOSH at {url} brings HTTP {status} instead of a session: {meaning}"),
}
_MUTE = {
    "websocket": mark("Signalling's WebSocket {url} is not there: the server takes the connection and gives no answer"),
    "bosh": mark("Signalling over BOSH at {url} is not there: the server takes the connection and gives no answer"),
}
_STOPS = mark("Signalling over BOSH at {url} answers and goes no further: {meaning}")
_DOMAIN = mark("Signalling at {url} does not know the domain {domain} that config.js names ({condition})")
_BOSH = mark("{finding}; BOSH works, but clients do not fall back to it")
_UNKNOWN_DOMAIN = ("host-unknown", "host-gone", "improper-addressing")
_WITHOUT_ANSWER = (Failure.CLOSED, Failure.RESET, Failure.TIMEOUT, Failure.PROTOCOL)


def check(facts: Facts) -> Judgement:
    """The way that clients take, and the WebSocket beside it. No connection and no TLS are other causes' matter
    (web-unreachable, certificate-invalid), and what comes of TLS that is opened on the way is tls-intercepted's.
    """
    if intercepted_page(facts):
        return CLEAR
    if not facts.of(SignIn):
        return _gateways.refused(facts)
    if strangers := facts.of(SignIn, lambda each: each.condition in _UNKNOWN_DOMAIN):
        return [_stranger(facts, strangers)]
    ways = ("bosh", "websocket") if takes_bosh(facts) else ("websocket",)
    judged = [_judged(facts, tried) for each in ways if (tried := _tried(facts, each))]
    found = [each for judgement in judged if isinstance(judgement, list) for each in judgement]
    return found or (judged[0] if judged else NOT_APPLICABLE)


def _tried(facts: Facts, transport: str) -> list[SignIn]:
    return taken(facts, SignIn, lambda each: each.transport == transport)


def _judged(facts: Facts, tried: list[SignIn]) -> Judgement:
    """One of the two ways."""
    if any(_opened(each) for each in tried):
        return CLEAR
    # Only one of the participants asks for the page there.
    strange = any(_by_origin(each) for each in tried)
    asked = [each for each in tried if not redirected(each)]
    refused = [each for each in asked if each.status is not None and not (strange and each.status == 403)]
    mute = [each for each in asked if each.status is None and each.failure in _WITHOUT_ANSWER and _connected(each)]
    told = [each for each in refused if each.failure not in OWN]
    if told or mute:
        return [_found(facts, told or mute)]
    if strange:
        return CLEAR
    return CouldNotTell(reason="request-redirected" if len(asked) < len(tried) else "no-answer-to-upgrade")


def _opened(each: SignIn) -> bool:
    """A WebSocket that opens and carries nothing is websocket-not-upgraded's; of BOSH that is no opening."""
    before = (
        ("nothing", "connection", "tls")
        if each.transport == "websocket"
        else ("nothing", "connection", "tls", "upgrade")
    )
    return each.reached not in before


def _by_origin(each: SignIn) -> bool:
    return each.status == 403 and each.greets is True


def _connected(each: SignIn) -> bool:
    """Where TLS is due, a handshake that never came about is not signalling's matter."""
    return each.reached == ("tls" if each.url.startswith(("wss:", "https:")) else "connection")


def _found(facts: Facts, refused: list[SignIn]) -> Found:
    first, over_bosh = refused[0], refused[0].transport == "bosh"
    other = [] if over_bosh else facts.ok(SignIn, lambda each: each.transport == "bosh")
    beside = not over_bosh and any(each.prefer_bosh for each in facts.ok(JitsiConfig))
    unasked = first.status == 403 and first.greets is None
    asking = phrase("natprobe check again: does the same address greet a plain GET?")
    args, message = {"url": first.url, "status": first.status, "meaning": _meaning(first)}, _message(first)
    return Found(
        message=phrase(_BOSH, finding=phrase(message, **args)) if other and not beside else message,
        args=args,
        evidence=ids(refused, other),
        severity=Severity.WARNING if beside else None,
        where=Where.SERVER_PROCESS if first.status in _BEHIND or first.reached == "upgrade" else None,
        alternatives=(alternative("origin-refused", asking),) if unasked else (),
        fixes=_fixes(facts, first),
    )


def _message(each: SignIn) -> str:
    if each.reached == "upgrade":
        return _STOPS
    return (_MUTE if each.status is None else _MESSAGE)[each.transport]


def _meaning(each: SignIn) -> str:
    """Of BOSH what answers and is no session has a condition of its own, or stops."""
    if each.transport == "bosh":
        if each.reached == "upgrade":
            return each.condition or sentence(str(each.failure))
        return (
            _PAGE
            if each.status == 200 and not each.greets
            else _MEANINGS.get(each.status or 0, phrase("which is no BOSH"))
        )
    if each.status is not None and 300 <= each.status < 400:
        return phrase("a redirect, which browsers do not follow here")
    if each.status == 200:
        return _GREETING if each.greets else _PAGE
    return (_MEANINGS | _NO_UPGRADE).get(each.status or 0, phrase("which is no upgrade"))


def _fixes(facts: Facts, each: SignIn) -> tuple[Fix, ...]:
    host, system = facts.target.host, installed(facts)
    behind = each.status in _BEHIND or each.reached == "upgrade"
    if each.transport == "bosh":
        lines = jitsi.location("/http-bind", host, system)
        return (jitsi.signalling_up(), lines) if behind else (lines, jitsi.signalling_up())
    if behind:
        return (jitsi.signalling_up(), *jitsi.signalling_socket(host, system))
    url = (jitsi.public_url(f"https://{host}"),) if system == "docker" and each.status in (403, 404) else ()
    return (*jitsi.signalling_socket(host, system), *url)


def _stranger(facts: Facts, strangers: list[SignIn]) -> Found:
    first = strangers[0]
    return Found(
        message=_DOMAIN,
        args={"url": first.url, "domain": first.domain, "condition": first.condition},
        evidence=ids(strangers, facts.ok(JitsiConfig)),
        where=Where.SERVER_PROCESS,
        fixes=(jitsi.domain(first.domain, facts.target.host),),
    )
