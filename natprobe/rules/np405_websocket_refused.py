"""The signalling WebSocket is refused or misrouted

config.js sends clients to a WebSocket for signalling, and asking for it brings something else than a WebSocket. A
client does not fall back to BOSH where a WebSocket is named: it tries again and again.

How it shows: "WebSocket connection to wss://…/xmpp-websocket failed" in the browser's console; the page says
"You have been disconnected" and counts down.

What to do: it depends on what the answer says.

- 200 with a web page: nginx has no location for the path, and the meeting's page answers. Add the lines below.
- 200 with Prosody's greeting ("It works!"), or 400: the request arrives without its Upgrade headers, or over HTTP/1.0.
  Every proxy on the way needs them: the outer one in front of a container as well.
- 403: refused by what stands in front; with Prosody's greeting on a plain GET it is origin-refused.
- 404: nobody behind the proxy knows the path: mod_websocket is not loaded (docker-jitsi-meet:
  `ENABLE_XMPP_WEBSOCKET=1`), or the Host header that the proxy sends is none of Prosody's.
- 501: the sub-protocol `xmpp` got lost on the way, or the module is missing.
- 502, 503, 504: the proxy finds nobody behind it: Prosody is down, or listens elsewhere.
- A redirect: browsers follow none for WebSockets. Have config.js name the last address.
- host-unknown: the way is right, and Prosody does not know the domain that config.js names.

Sources: RFC 6455 section 4, RFC 7395 section 3.1, Prosody's mod_websocket; field reports: docker-jitsi-meet 1154, 952.
"""

from natprobe.derive.advertised import installed
from natprobe.facts import Facts, JitsiConfig, SignIn, ids
from natprobe.model import Failure, Fix, Severity, Where
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement, alternative
from natprobe.servers.jitsi import fixes as jitsi

READS = (SignIn, JitsiConfig)

_PAGE, _GREETING = (
    "a web page answers, so nothing leads the path to signalling",
    "its Upgrade headers got lost on the way",
)
# What an answer without an upgrade means, by its status.
_MEANINGS: dict[int, str] = {
    400: "its Upgrade headers got lost on the way, or a proxy speaks HTTP/1.0",
    401: "something in front wants a password",
    403: "something in front of signalling forbids it",
    404: "nobody behind the web server knows the path",
    405: "the path leads to something that is no WebSocket",
    426: "a proxy on the way does not speak HTTP/1.1",
    500: "what is behind the web server failed",
    501: "signalling has no WebSocket there, or the sub-protocol got lost",
    502: "the web server finds no signalling behind it",
    503: "the web server finds no signalling behind it",
    504: "signalling behind the web server does not answer",
}
_BEHIND = (500, 502, 503, 504)
_MESSAGE = "Signalling's WebSocket {url} brings HTTP {status} instead of an upgrade: {meaning}"
_MUTE = "Signalling's WebSocket {url} is not there: the server takes the connection and gives no answer"
_DOMAIN = "Signalling at {url} does not know the domain {domain} that config.js names ({condition})"
_BOSH = "; BOSH works, but clients do not fall back to it"
_UNKNOWN_DOMAIN = ("host-unknown", "host-gone", "improper-addressing")
_WITHOUT_ANSWER = (Failure.CLOSED, Failure.RESET, Failure.TIMEOUT, Failure.PROTOCOL)


def check(facts: Facts) -> Judgement:
    """No connection and no TLS are other causes' matter (web-unreachable, certificate-invalid)."""
    sockets = facts.of(SignIn, lambda each: each.transport == "websocket")
    if strangers := facts.of(SignIn, lambda each: each.condition in _UNKNOWN_DOMAIN):
        return [_stranger(facts, strangers)]
    if not sockets:
        return NOT_APPLICABLE
    if any(each.reached not in ("nothing", "connection", "tls") for each in sockets):
        return CLEAR
    # Only one of the participants asks for the page there.
    strange = any(_by_origin(each) for each in sockets)
    refused = [each for each in sockets if each.status is not None and not (strange and each.status == 403)]
    mute = [each for each in sockets if each.status is None and each.failure in _WITHOUT_ANSWER and _connected(each)]
    if refused or mute:
        return [_found(facts, refused or mute)]
    return CLEAR if strange else CouldNotTell(reason="no-answer-to-upgrade")


def _by_origin(each: SignIn) -> bool:
    return each.status == 403 and each.greets is True


def _connected(each: SignIn) -> bool:
    """Where TLS is due, a handshake that never came about is not the WebSocket's matter."""
    return each.reached == ("tls" if each.url.startswith("wss:") else "connection")


def _found(facts: Facts, refused: list[SignIn]) -> Found:
    first = refused[0]
    other = facts.ok(SignIn, lambda each: each.transport == "bosh")
    preferred = any(each.prefer_bosh for each in facts.ok(JitsiConfig))
    message = _MUTE if first.status is None else _MESSAGE
    unasked = first.status == 403 and first.greets is None
    asking = "natprobe check again: does the same address greet a plain GET?"
    return Found(
        message=message + _BOSH if other and not preferred else message,
        args={"url": first.url, "status": first.status, "meaning": _meaning(first)},
        evidence=ids(refused, other),
        severity=Severity.WARNING if preferred else None,
        where=Where.SERVER_PROCESS if first.status in _BEHIND else None,
        alternatives=(alternative("origin-refused", asking),) if unasked else (),
        fixes=_fixes(facts, first),
    )


def _meaning(each: SignIn) -> str:
    if each.status is not None and 300 <= each.status < 400:
        return "a redirect, which browsers do not follow here"
    if each.status == 200:
        return _GREETING if each.greets else _PAGE
    return _MEANINGS.get(each.status or 0, "which is no upgrade")


def _fixes(facts: Facts, each: SignIn) -> tuple[Fix, ...]:
    host, system = facts.target.host, installed(facts)
    if each.status in _BEHIND:
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
