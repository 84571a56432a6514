"""PAC files: where they come from, and what they answer for a URL.

As browsers have it (net/docs/proxy.md of Chromium): fetched without a proxy, status 200, at most 1 MiB; asked with
`https://host/` alone; FindProxyForURL is the only way in. The file is run in a process of its own
(natprobe.host.sandbox), where no name can be looked up: a run that needs one ends, the name is looked up here, and the
file is run again. Whoever fails to answer leaves a browser on the next setting, in the end on the direct way.
"""

from __future__ import annotations

import asyncio
import base64
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

from natprobe.addresses import address_class
from natprobe.asking.pages import quoted
from natprobe.asking.secured import secured
from natprobe.asking.together import NEXT_SECONDS, any_of
from natprobe.context import Context
from natprobe.host.api import PAC_MAX
from natprobe.model import Failure, Family, HostName, family
from natprobe.net.api import Stream
from natprobe.net.failure import failure_of
from natprobe.target import is_address, parse
from natprobe.wire.text import clean

if TYPE_CHECKING:
    from natprobe.net.http import Reply

FETCH_SECONDS = 3.0
REDIRECTS_MAX = 3
ADDRESSES_MAX = 8
# Different names that one answer may need looked up, and the seconds for all of them; the rest are not found.
NAMES_MAX = 16
LOOKUP_SECONDS = 1.5
# By whose routes this machine's own address is found, in Chromium's order; nothing is sent there.
_OUTSIDE = ("8.8.8.8", "2001:4860:4860::8888")
_INSIDE = ("10.0.0.0", "172.16.0.0", "192.168.0.0", "fc00::")
_BOUNDS = {
    Failure.TIMEOUT: "the script did not come to an end",
    Failure.LIMIT: "the script wants more memory or a deeper stack than it gets",
}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+-]{0,19}")
_NO_URL = "where it should be is no URL"
_FAMILIES: dict[str, tuple[Family, ...]] = {"4": (4,), "*": (6, 4)}


class Answered(NamedTuple):
    """What FindProxyForURL said: at most 4096 signs of ASCII, as natprobe.proxy.by_pac reads it. Names that were looked
    up; seconds that the file ran.
    """

    answer: str
    lookups: int
    seconds: float


class PacError(Exception):
    """There is no file or no answer. `failure`: of getting it, or `timeout`, `limit`, `protocol` of running it.
    `called`: the file is good, and it is its function that fails.
    """

    def __init__(self, failure: Failure, words: str, *, called: bool = False) -> None:
        super().__init__(words)
        self.failure, self.words, self.called = failure, words, called


async def answered(ctx: Context, script: str, host: HostName, port: int) -> Answered:
    """Asks the file for `https://host:port/`. Raises PacError."""
    if len(script) > PAC_MAX:
        raise PacError(Failure.LIMIT, f"the file is longer than {PAC_MAX} bytes")
    names, sandbox, seconds = _Names(ctx), ctx.host.sandbox(), 0.0
    request: dict[str, Any] = {
        "script": script,
        "url": browser_url(host, port),
        "host": host,
        "own": own_addresses(ctx),
    }
    request["now"] = ctx.unix_time * 1000
    try:
        while True:
            said = await sandbox.run(request | {"known": names.known, "full": names.full})
            request = {}  # the process keeps what it was told
            seconds += said["seconds"]
            if "asks" not in said:
                return _settled(said, len(names.known), seconds)
            await names.ask(said["asks"])
    except TimeoutError as exc:
        raise PacError(Failure.TIMEOUT, _BOUNDS[Failure.TIMEOUT]) from exc
    except EOFError as exc:
        raise PacError(Failure.LIMIT, "the script ended the process that it ran in") from exc
    except (OSError, ImportError) as exc:
        raise PacError(Failure.UNSUPPORTED, "no JavaScript engine can be started here") from exc
    finally:
        sandbox.close()


def browser_url(host: HostName, port: int) -> str:
    """All that a PAC file is told of a page: without path and query, and without the port where it is the usual one."""
    bare = host.partition("%")[0]
    name = f"[{bare}]" if ":" in bare else bare
    return f"https://{name}/" if port == 443 else f"https://{name}:{port}/"


def own_addresses(ctx: Context) -> list[str]:
    """What myIpAddress tells: of the ways out the addresses that packets leave from, else of the ways inside."""
    for group in (_OUTSIDE, _INSIDE):
        if found := [each for each in (_source(ctx, towards) for towards in group) if each is not None]:
            return list(dict.fromkeys(found))
    return []


def _source(ctx: Context, towards: str) -> str | None:
    try:
        found = ctx.net.source_address(towards)
    except OSError:
        return None
    return None if address_class(found) in ("loopback", "link-local", "unspecified") else found


class _Names:
    """What the file asked for, as `4 name` (IPv4 alone) or `* name`, and what came of it."""

    def __init__(self, ctx: Context) -> None:
        self._ctx, self._left = ctx, LOOKUP_SECONDS
        self.known: dict[str, str | None] = {}

    @property
    def full(self) -> bool:
        """Whether every other name is one that is not found."""
        return len(self.known) >= NAMES_MAX or self._left <= 0

    async def ask(self, names: list[str]) -> None:
        """All at once."""
        wanted = [each for each in dict.fromkeys(names) if each not in self.known][: NAMES_MAX - len(self.known)]
        began = self._ctx.net.now()
        found = await asyncio.gather(*(self._one(each) for each in wanted))
        self._left -= self._ctx.net.now() - began
        self.known |= dict(zip(wanted, found, strict=True))

    async def _one(self, key: str) -> str | None:
        kind, _, name = key.partition(" ")
        both = await asyncio.gather(*(self._addresses(name, version) for version in _FAMILIES[kind]))
        found = [address for each in both for address in each]
        return (found[0] if kind == "4" else ";".join(found[:NAMES_MAX])) if found else None

    async def _addresses(self, name: str, version: Family) -> list[str]:
        try:
            async with asyncio.timeout(max(self._left, 0)):
                return await self._ctx.net.system_addresses(name, version)
        except (OSError, TimeoutError):
            return []


def _settled(said: dict[str, Any], lookups: int, seconds: float) -> Answered:
    if "answer" in said:
        return Answered(said["answer"], lookups, seconds)
    failure = Failure(said["failure"])
    words = _BOUNDS.get(failure) or clean(said["words"]) or "the script throws what says nothing"
    raise PacError(failure, words, called=bool(said.get("call")) and failure is Failure.PROTOCOL)


async def fetched(ctx: Context, url: str) -> str:
    """The PAC file at an http:, https: or data: URL, or at a file: URL or path that this machine's settings name.

    Raises PacError, the words of which quote nothing of the URL.
    """
    from natprobe.net.http import FAULTS

    try:
        async with asyncio.timeout(FETCH_SECONDS):
            found = await _got(ctx, url.strip())
    except FAULTS as exc:
        raise PacError(*failure_of(exc)) from exc
    except ValueError as exc:  # BadTarget too
        raise PacError(Failure.PROTOCOL, _NO_URL) from exc
    if len(found) > PAC_MAX:
        raise PacError(Failure.LIMIT, f"the file is longer than {PAC_MAX} bytes")
    return _text(found)


def _text(data: bytes) -> str:
    """UTF-8, else as browsers take what names no character set."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


async def _got(ctx: Context, url: str) -> bytes:
    scheme, _, rest = url.partition(":")
    match scheme.lower():
        case "http" | "https":
            return await _from_web(ctx, url)
        case "data":
            return _from_data(rest)
        case "file":
            return _from_file(ctx, _path(rest))
        case _ if url.startswith("/"):
            return _from_file(ctx, url)
    by = f"{scheme.lower()}:" if rest.startswith("//") and _SCHEME.fullmatch(scheme) else "what has no scheme"
    raise PacError(Failure.UNSUPPORTED, f"no PAC file is got by {by}")  # more of it may be secret


def _from_file(ctx: Context, path: str) -> bytes:
    try:
        return ctx.host.pac_file(path)
    except OSError as exc:
        failure = Failure.PERMISSION_DENIED if isinstance(exc, PermissionError) else Failure.NO_DATA
        raise PacError(failure, exc.strerror or "the file can't be read") from exc


def _path(rest: str) -> str:
    """Of a file: URL, here and of no other host (RFC 8089)."""
    parts = urlsplit(rest)
    path = unquote_to_bytes(parts.path)
    if parts.netloc not in ("", "localhost") or b"\0" in path:
        raise PacError(Failure.UNSUPPORTED, "the file is on another host")
    drive = path[1:2].isalpha() and path[2:3] == b":"  # /C:/… on Windows
    return (path[1:] if drive else path).decode("utf-8", "surrogateescape")


def _from_data(rest: str) -> bytes:
    """RFC 2397."""
    kind, comma, text = rest.partition(",")
    data = unquote_to_bytes(text)
    if not comma:
        raise PacError(Failure.PROTOCOL, _NO_URL)
    if not kind.lower().endswith(";base64"):
        return data
    return base64.b64decode(data)  # its error is a ValueError


async def _from_web(ctx: Context, url: str) -> bytes:
    from natprobe.net.http import Refused

    for _ in range(REDIRECTS_MAX + 1):
        reply = await _replied(ctx, url)
        location = reply.headers.get("location") if 300 <= reply.status < 400 else None
        if location is None:
            if reply.status != 200:  # as browsers: nothing else will do
                raise Refused(reply)
            return reply.body
        url = urljoin(url, location)
        if urlsplit(url).scheme not in ("http", "https"):
            raise PacError(Failure.UNSUPPORTED, "the server sends on to what is no web page")
    raise PacError(Failure.REDIRECT_LIMIT, f"{REDIRECTS_MAX} redirects and no file")


async def _replied(ctx: Context, url: str) -> Reply:
    from natprobe.net.http import Client

    parts = urlsplit(url)
    secure = parts.scheme == "https"
    target = parse(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}").target  # who we are to it is not said
    bare = target.host.partition("%")[0]
    name = f"[{bare}]" if ":" in bare else bare
    authority = name if target.port == (443 if secure else 80) else f"{name}:{target.port}"
    path = quoted(parts.path or "/") + (f"?{quoted(parts.query)}" if parts.query else "")
    with ExitStack() as opened:
        stream = await _opened(ctx, target.host, target.port, secure=secure)
        opened.callback(stream.close)
        return await Client(stream, authority).get(path, body_max=PAC_MAX + 1)


async def _opened(ctx: Context, host: HostName, port: int, *, secure: bool) -> Stream:
    """To the first of the host's addresses that takes a connection, and TLS over it."""
    addresses = [host] if is_address(host) else await _resolved(ctx, host)
    stream = await any_of([lambda each=each: ctx.tcp((each, port)) for each in addresses])  # type: ignore[misc]
    if not secure:
        return stream
    with ExitStack() as failing:
        failing.callback(stream.close)
        session = await secured(ctx, stream, host)
        failing.pop_all()
    return session


async def _resolved(ctx: Context, host: HostName) -> list[str]:
    """Of the families that are wanted; the second one's is not waited for long. Raises the error of the first."""
    lookups = [asyncio.create_task(ctx.net.system_addresses(host, each)) for each in ctx.options.families]
    try:
        done, late = await asyncio.wait(lookups, return_when=asyncio.FIRST_COMPLETED)
        if late:
            good = any(each.exception() is None for each in done)
            await asyncio.wait(late, timeout=NEXT_SECONDS if good else None)
        ended = [each for each in lookups if each.done()]
        found = [address for each in ended if each.exception() is None for address in each.result()]
        return sorted(found, key=family)[:ADDRESSES_MAX] or ended[0].result()
    finally:
        for task in lookups:
            task.cancel()
