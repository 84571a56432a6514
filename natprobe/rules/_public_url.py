"""Where the server's own files send clients: PUBLIC_URL of docker-jitsi-meet, and the packages' config.js (np408)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from natprobe.addresses import address_class
from natprobe.derive.configured import port_number, settings, true
from natprobe.derive.docker import Deployment, deployments, evidence, version
from natprobe.derive.versions import older
from natprobe.facts import Facts, Listening, Setting, ids
from natprobe.model import Severity
from natprobe.rules import Found
from natprobe.servers.jitsi.lines import page_line
from natprobe.target import is_address
from natprobe.wording import mark, phrase

_MESSAGE = mark("PUBLIC_URL is {url}: {fault}")
_LINE = mark("config.js sends clients to {url} ({key}): {fault}")
_MISSING = phrase("PUBLIC_URL is not set: clients are sent to https://localhost:8443, their own machine")
LOOPBACK = phrase("that is the client's own machine")
_PLAIN = phrase("with http: clients are told an insecure address, and browsers give no camera or microphone")
INSECURE = phrase("an insecure address, which browsers refuse on a secure page")
_NO_URL = phrase("that is no address of a page")
_PORT = phrase("nothing of this docker-compose.yml or on this host has that port")
_PORTS = {"https": 443, "http": 80}
PATHS = {"websocket": ("wss", "/xmpp-websocket"), "bosh": ("https", "/http-bind")}
# The variable is as old as this.
_SINCE = "stable-3936"
# What is meant where only a word can stand for it.
_SOME = "https://YOUR-NAME"


def in_files(facts: Facts) -> Iterator[Found]:
    """Both."""
    yield from public_url(facts)
    yield from _page(facts)


def _page(facts: Facts) -> Iterator[Found]:
    """Only what can be meant by nobody: whose page it is the file does not say."""
    for each in settings(facts, "jitsi-meet", "websocket", "bosh", container=False):
        parts = _split(each.value)
        host = parts.hostname if parts else None
        plain = parts is not None and parts.scheme in ("http", "ws")
        if not host or not (_is_loopback(host) or plain):
            continue
        name = each.file.rpartition("/")[2].removesuffix("-config.js")
        scheme, path = PATHS[each.key]
        url = f"{scheme}://{name if '.' in name and not _is_loopback(name) else 'YOUR-NAME'}{path}"
        yield Found(
            message=_LINE,
            args={"url": each.value, "key": each.key, "fault": LOOPBACK if _is_loopback(host) else INSECURE},
            evidence=ids(each),
            file=each.file,
            line=each.line,
            fixes=(page_line(each.key, url, each.file, each.line),),
        )


def public_url(facts: Facts) -> Iterator[Found]:
    """One for each deployment that has a web container."""
    for deployment in deployments(facts):
        passed = deployment.passed("PUBLIC_URL", "web")
        if passed is None or (deployment.compose and not deployment.services("web")):
            continue
        if older(version(facts, deployment) or "", _SINCE) is True:
            continue
        if not passed.value:
            if deployment.env or passed.said is not None:
                yield _found(deployment, passed.said or next(iter(deployment.env.values())), "", _MISSING, None)
        elif passed.said is not None and (fault := _fault(facts, deployment, passed.value)) is not None:
            yield _found(deployment, passed.said, passed.value, _MESSAGE, fault)


def _fault(facts: Facts, deployment: Deployment, url: str) -> str | None:
    parts = _split(url if "://" in url else f"https://{url}")  # what generates the pages adds the scheme
    if parts is None or not parts.hostname or parts.scheme not in _PORTS:
        return _NO_URL
    host = parts.hostname
    if _is_loopback(host):
        return LOOPBACK
    if parts.scheme == "http":
        return _PLAIN
    return None if _has_port(facts, deployment, parts.port or _PORTS[parts.scheme]) else _PORT


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (is_address(host) and address_class(host) == "loopback")


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if parts.port != 0 else None
    except ValueError:
        return None


def _has_port(facts: Facts, deployment: Deployment, port: int) -> bool:
    """443 may be a proxy's, wherever that stands; so may any port that something has here."""
    published = {each.port for each in deployment.ports("web")}
    there = {each.port for each in facts.of(Listening) if each.proto == "tcp"}
    return port == 443 or not published or port in published or port in there


def _found(deployment: Deployment, said: Setting, url: str, message: str, fault: str | None) -> Found:
    wanted = _wanted(deployment, url, fault)
    why = phrase("exactly as users open it, with https:// and the port where that is not 443")
    return Found(
        message=message,
        args={"url": url, "fault": fault} if fault else {},
        evidence=tuple(sorted({*ids(said), *evidence(said)})),
        severity=Severity.WARNING if fault == _PORT else None,
        file=said.file,
        line=said.line if said.key == "PUBLIC_URL" else None,
        fixes=(deployment.in_env("PUBLIC_URL", wanted, why=why),),
    )


def _wanted(deployment: Deployment, url: str, fault: str | None) -> str:
    """The same with https and the port that is published."""
    parts = _split(url) if url else None
    host = parts.hostname if parts and parts.hostname and fault in (_PLAIN, _PORT) else None
    passed = deployment.passed("HTTPS_PORT", "web")
    known = deployment.env.get("HTTPS_PORT")
    port = port_number(known.value if known else passed.value if passed else "")
    plain = deployment.passed("DISABLE_HTTPS", "web")
    behind = plain is not None and true(plain.value)
    return f"https://{host}" + (f":{port}" if port not in (None, 443) and not behind else "") if host else _SOME
