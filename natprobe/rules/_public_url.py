"""PUBLIC_URL of docker-jitsi-meet: the address that its pages send clients to, judged in its .env (np408)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from natprobe.addresses import address_class
from natprobe.derive.configured import port_number, true
from natprobe.derive.docker import Deployment, deployments, evidence
from natprobe.facts import Facts, Listening, Setting, ids
from natprobe.model import Severity
from natprobe.rules import Found
from natprobe.target import is_address

_MESSAGE = "PUBLIC_URL is {url}: {fault}"
_MISSING = "PUBLIC_URL is not set: clients are sent to https://localhost:8443, their own machine"
_LOOPBACK = "that is the client's own machine"
_PLAIN = "with http: clients are told an insecure address, and browsers give no camera or microphone"
_NO_URL = "that is no address of a page"
_PORT = "nothing of this docker-compose.yml or on this host has that port"
_PORTS = {"https": 443, "http": 80}
# What is meant where only a word can stand for it.
_SOME = "https://YOUR-NAME"


def public_url(facts: Facts) -> Iterator[Found]:
    """One for each deployment that has a web container."""
    for deployment in deployments(facts):
        passed = deployment.passed("PUBLIC_URL", "web")
        if passed is None or (deployment.compose and not deployment.services("web")):
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
    if host == "localhost" or (is_address(host) and address_class(host) == "loopback"):
        return _LOOPBACK
    if parts.scheme == "http":
        return _PLAIN
    return None if _has_port(facts, deployment, parts.port or _PORTS[parts.scheme]) else _PORT


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
    why = "exactly as users open it, with https:// and the port where that is not 443"
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
