"""The meeting's page sends its clients to a signalling address that they can't use

config.js tells every client where signalling is: `websocket` and `bosh`. One of them names this very machine
(localhost), a private address, a name that is none, another port than the page's, or an insecure address on a secure
page, which browsers refuse. What is at fault is the server's configuration, for everybody alike.

How it shows: the page opens, then "You have been disconnected" again and again; the browser's console shows
`wss://localhost:8443/xmpp-websocket` or `Mixed Content`.

What to do: docker-jitsi-meet makes these addresses from `PUBLIC_URL` in .env: set it to exactly what users type, with
https:// and the port where that is not 443, also where a proxy stands in front. In the packages they are the lines
`websocket` and `bosh` of /etc/jitsi/meet/HOST-config.js. Another public host's name is taken for intended.

Sources: lib-jitsi-meet (a WebSocket is what begins with ws: or wss:), docker-jitsi-meet (web/rootfs/defaults), W3C
Mixed Content section 5.1; field reports: docker-jitsi-meet 815, 2035, 941.
"""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from natprobe.addresses import address_class
from natprobe.derive import target_addresses
from natprobe.derive.advertised import installed
from natprobe.derive.conference import mixed_content
from natprobe.derive.proxies import taken
from natprobe.facts import AddressClass, ConfigFile, Facts, JitsiConfig, Listening, Resolved, Setting, SignIn, ids
from natprobe.model import Fix, Severity
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.rules._public_url import INSECURE, LOOPBACK, PATHS, in_files
from natprobe.servers.jitsi import fixes as jitsi
from natprobe.target import is_address
from natprobe.wording import mark, phrase

READS = (JitsiConfig, SignIn, Resolved, Setting, ConfigFile, Listening)

_INNER: tuple[AddressClass, ...] = ("private", "carrier", "link-local", "unique-local", "unspecified", "multicast")
_PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}
_ONE = mark("config.js sends clients to {url} ({key}): {fault}")
_ALIKE = mark("config.js sends clients to {url} ({key}) and {other_url} ({other_key}): {fault}")
_TWO = mark("config.js sends clients to {url} ({key}): {fault}, and to {other_url} ({other_key}): {other_fault}")
_NO_URL = phrase("that is no address")
_NO_SOCKET = phrase("it does not begin with wss:, so clients take it for BOSH and never open a WebSocket")
_PRIVATE = phrase("a private address, that nobody outside the server's network reaches")
_NO_NAME = phrase("that host is no name that clients can look up")
_PORT = phrase("another port than the page's")


def check(facts: Facts) -> Judgement:
    """The way that clients take is an error; of the other one, which the apps on phones may take, a warning. On the
    server, what PUBLIC_URL says.
    """
    if facts.of(ConfigFile):
        return list(in_files(facts)) or CLEAR
    configs = facts.ok(JitsiConfig)
    if not configs:
        return NOT_APPLICABLE
    wrong = list(_faults(facts, configs[-1]))
    return [_found(facts, configs[-1], wrong)] if wrong else CLEAR


# What a text that is no URL has for parts.
_NOTHING = urlsplit("")


class _Wrong(NamedTuple):
    key: str
    url: str
    fault: str


def _faults(facts: Facts, config: JitsiConfig) -> Iterator[_Wrong]:
    for key, url in (("websocket", config.websocket), ("bosh", config.bosh)):
        if url is not None and (fault := _fault(facts, config, key, url)) is not None:
            yield _Wrong(key, url, fault)


def _fault(facts: Facts, config: JitsiConfig, key: str, url: str) -> str | None:
    """The first that is wrong with it."""
    page, there = _split(config.url) or _NOTHING, _split(url)
    if there is None or not there.hostname or there.scheme not in _PORTS:
        return _NO_URL
    elsewhere = _elsewhere(facts, page.hostname or "", there.hostname)
    if elsewhere is not None:
        return elsewhere
    if mixed_content(config.url, url):
        return INSECURE
    if key == "websocket" and there.scheme not in ("ws", "wss"):
        return _NO_SOCKET
    if there.hostname == page.hostname and not _same_port(page, there) and _silent(facts, url):
        return _PORT
    return None


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if parts.port != 0 else None
    except ValueError:
        return None


def _elsewhere(facts: Facts, here: str, host: str) -> str | None:
    """What cannot be meant: not where the page itself is of that kind, and never another public host."""
    if host == here:
        return None
    ours = {address_class(each) for each in target_addresses(facts)}
    if host == "localhost" or host.endswith(".localhost"):
        return None if ours == {"loopback"} else LOOPBACK
    if not is_address(host):
        return None if "." in host else _NO_NAME
    kind = address_class(host)
    if kind == "loopback":
        return None if kind in ours else LOOPBACK
    return _PRIVATE if kind in _INNER and "public" in ours else None


def _same_port(page: SplitResult, there: SplitResult) -> bool:
    """A page on plain HTTP's own port and a socket on HTTPS' are one server's."""
    ports = [each.port or _PORTS.get(each.scheme) for each in (page, there)]
    return ports[0] == ports[1] or ports == [80, 443]


def _silent(facts: Facts, url: str) -> bool:
    """Whether nothing like signalling was met there; else the port is meant."""
    tried = taken(facts, SignIn, lambda each: each.url == url)
    return bool(tried) and all(each.reached in ("nothing", "connection") for each in tried)


def _found(facts: Facts, config: JitsiConfig, wrong: list[_Wrong]) -> Found:
    """One for both: docker-jitsi-meet makes the two from one setting."""
    first = "bosh" if config.prefer_bosh or config.websocket is None else "websocket"
    args = wrong[0]._asdict() | {f"other_{name}": value for name, value in wrong[-1]._asdict().items()}
    alike = _ALIKE if wrong[0].fault == wrong[-1].fault else _TWO
    return Found(
        message=alike if len(wrong) > 1 else _ONE,
        args=args if len(wrong) > 1 else wrong[0]._asdict(),
        evidence=ids(config),
        severity=None if first in [each.key for each in wrong] else Severity.WARNING,
        fixes=tuple(dict.fromkeys(fix for each in wrong for fix in _fixes(facts, config, each.key))),
    )


def _fixes(facts: Facts, config: JitsiConfig, key: str) -> tuple[Fix, ...]:
    """Signalling on plain HTTP helps nobody: the secure page's port is meant, where the page is not one."""
    page = _split(config.url) or _NOTHING
    origin = page.netloc if page.scheme == "https" else page.hostname or page.netloc or facts.target.host
    scheme, path = PATHS[key]
    docker = jitsi.public_url(f"https://{origin}")
    package = jitsi.config_line(key, f"{scheme}://{origin}{path}", facts.target.host)
    return jitsi.installed_by(installed(facts), (docker,), (package,))
