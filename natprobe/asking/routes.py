"""The way that a browser on this machine takes to a host: its settings, their script, and which proxies are alive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeVar

from natprobe.asking.together import NEXT_SECONDS, any_of
from natprobe.asking.ways import Way
from natprobe.context import Context
from natprobe.facts import ProxyChoice, ProxyScript, ProxySource
from natprobe.model import Address, Endpoint, Failure, Family, HostName, Text, join
from natprobe.net.api import Stream
from natprobe.net.failure import failure_of
from natprobe.proxy import Proxy, by_pac, shown_answer
from natprobe.proxying import IMPLICIT, Chosen, Rules, choose, implicitly_direct, shown_url
from natprobe.target import is_address
from natprobe.wire.text import clean

if TYPE_CHECKING:
    from natprobe.asking.pac import Answered, PacError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# How long one proxy has to take a connection before the next is tried, and its name to be looked up (seconds).
CONNECT_SECONDS, LOOKUP_SECONDS = 1.5, 1.5
ADDRESSES_MAX = 4
_FAMILIES: tuple[Family, ...] = (4, 6)
# For a script to be got, from all its places together (seconds).
FETCH_SECONDS = 3.5


class _Script(NamedTuple):
    """A PAC script and where it was got; `failure`: it was not, or there is none."""

    by: ProxySource
    url: Text
    text: str = ""
    failure: Failure | None = None
    detail: str = ""


class _Reached(NamedTuple):
    """A proxy's addresses, the one that took a connection first; `endpoint` None: none did."""

    addresses: tuple[Address, ...] = ()
    endpoint: Endpoint | None = None
    failure: Failure | None = None
    detail: str = ""


class _Route(NamedTuple):
    """What was found for one host and port. `proxy` None: direct. `chosen` None: nobody here can tell."""

    chosen: Chosen | None
    proxy: Proxy | None = None
    reached: _Reached = _Reached()
    script: ProxyScript | None = None


class _Once(Generic[K, V]):
    """Work that is done once for each key, however many wait for it; who is cancelled leaves it to the next."""

    def __init__(self, work: Callable[[K], Awaitable[V]]) -> None:
        self._work = work
        self._locks: dict[K, asyncio.Lock] = {}
        self._found: dict[K, V] = {}

    async def __call__(self, key: K) -> V:
        if key not in self._found:
            async with self._locks.setdefault(key, asyncio.Lock()):
                if key not in self._found:
                    self._found[key] = await self._work(key)
        return self._found[key]


class SettingsRoutes:
    """By these rules, which are those of the settings that count; None: nothing is set and all goes direct."""

    def __init__(self, ctx: Context, rules: Rules | None) -> None:
        self._ctx, self._rules = ctx, rules
        self._endless: PacError | None = None
        self._routes: _Once[tuple[HostName, int], _Route] = _Once(self._find)
        self._proxies: _Once[Proxy, _Reached] = _Once(self._reach)
        self._scripts: _Once[None, _Script | None] = _Once(self._get)

    @property
    def rules(self) -> Rules | None:
        """Those that it goes by."""
        return self._rules

    async def to(self, host: HostName, port: int) -> tuple[Way, ...]:
        """See ways.Routes. A proxy that takes no connection, with none behind it, is a way all the same."""
        route = await self._route(host, port)
        return tuple(Way(address=each, proxy=route.proxy) for each in route.reached.addresses if route.proxy)

    async def choice(self, host: HostName, port: int, purpose: Literal["web", "relay"] = "web") -> ProxyChoice | None:
        """The same as a fact. None: it hangs on a script, and no engine here can run it."""
        route = await self._route(host, port)
        if route.chosen is None:
            return None
        dead = route.proxy is not None and route.reached.endpoint is None
        return ProxyChoice(
            host=host,
            port=port,
            purpose=purpose,
            ways=tuple("direct" if each is None else each.shown for each in route.chosen.ways),
            via=None if route.proxy is None or dead else route.proxy.shown,
            endpoint=route.reached.endpoint,
            by=None if self._rules is None else self._rules.by,
            name="" if self._rules is None else self._rules.name,
            bypassed=route.chosen.bypassed,
            failure=route.reached.failure if dead else None,
            detail=route.reached.detail if dead else "",
        )

    async def script(self, host: HostName, port: int) -> ProxyScript | None:
        """What the script said, or why it could not; None: there is none, or it was not asked."""
        return (await self._route(host, port)).script

    async def alive(self, proxies: Sequence[Proxy]) -> Proxy | None:
        """The first of these that takes a connection, all tried at once."""
        reached = await asyncio.gather(*(self._proxies(each) for each in proxies))
        return next((each for each, at in zip(proxies, reached, strict=True) if at.endpoint is not None), None)

    async def found_script(self) -> bool:
        """Whether there is a script where the rules, or the network, say that it is."""
        got = await self._scripts(None)
        return got is not None and got.failure is None

    async def _route(self, host: HostName, port: int) -> _Route:
        if self._rules is None:
            return _Route(Chosen((None,)))
        return await self._routes((host.rstrip(".").lower(), port))

    async def _find(self, place: tuple[HostName, int]) -> _Route:
        """A script goes before proxies that are set beside it, which count where there is none or it is none."""
        host, port = place
        rules, script, chosen = self._rules, None, None
        if rules is not None and (rules.detect or rules.pac) and not implicitly_direct(host):
            script, chosen = await self._by_script(host, port)
        elif rules is not None and (rules.detect or rules.pac):
            chosen = Chosen((None,), IMPLICIT)
        if script is not None and script.size and script.failure is Failure.UNSUPPORTED:
            return _Route(None, script=script)
        chosen = chosen or choose(rules, host, port)
        proxy, reached = await self._first(chosen.ways)
        return _Route(chosen, proxy, reached, script)

    async def _first(self, ways: tuple[Proxy | None, ...]) -> tuple[Proxy | None, _Reached]:
        """The first that takes a connection, None for direct; of none that does the first. Their order decides, also
        where the next is tried already because those before it are slow.
        """
        proxies = [each for each in ways[: ways.index(None) if None in ways else None] if each is not None]
        tried: list[asyncio.Task[_Reached]] = []
        try:
            for proxy in proxies:
                tried.append(asyncio.create_task(self._proxies(proxy)))
                done, _ = await asyncio.wait(tried, timeout=NEXT_SECONDS)
                if any(each.result().endpoint is not None for each in done):
                    break
            found = [(proxy, await each) for proxy, each in zip(proxies, tried, strict=False)]
        finally:
            for each in tried:
                each.cancel()
        alive = (each for each in found if each[1].endpoint is not None)
        dead = found[0] if found and None not in ways else (None, _Reached())
        return next(alive, dead)

    # --- proxies

    async def _reach(self, proxy: Proxy) -> _Reached:
        try:
            addresses = await self._addresses(proxy.host)
        except (OSError, TimeoutError) as exc:
            return _Reached((), None, *failure_of(exc))
        if not addresses:
            return _Reached((), None, Failure.NO_DATA)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                stream = await any_of([self._opening(each, proxy.port) for each in addresses])
        except (OSError, TimeoutError) as exc:
            return _Reached(addresses, None, *failure_of(exc))
        stream.close()
        taken = stream.remote[0]
        rest = tuple(each for each in addresses if each != taken)
        return _Reached((taken, *rest), join(taken, proxy.port))

    async def _addresses(self, host: HostName) -> tuple[Address, ...]:
        """Of the families that are wanted, else of the other: it is where it is. Raises OSError, TimeoutError."""
        if is_address(host):
            return (host,)
        wanted = self._ctx.options.families
        other = tuple(each for each in _FAMILIES if each not in wanted)
        try:
            found = await self._looked_up(host, wanted)
        except (OSError, TimeoutError):
            if not other:
                raise
            found = ()
        return found or (await self._looked_up(host, other) if other else ())

    async def _looked_up(self, host: HostName, families: tuple[Family, ...]) -> tuple[Address, ...]:
        """IPv4 first; what comes much later than the others is not waited for. Raises OSError, TimeoutError."""
        lookups = [asyncio.create_task(self._ctx.net.system_addresses(host, each)) for each in families]
        try:
            done, late = await asyncio.wait(lookups, timeout=LOOKUP_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if late and done:
                good = any(each.exception() is None and each.result() for each in done)
                await asyncio.wait(late, timeout=NEXT_SECONDS if good else LOOKUP_SECONDS)
            ended = [each for each in lookups if each.done()]
        finally:
            for task in lookups:
                task.cancel()
        return _answers(ended)

    def _opening(self, address: Address, port: int) -> Callable[[], Coroutine[Any, Any, Stream]]:
        return lambda: self._ctx.tcp((address, port))

    # --- scripts

    async def _by_script(self, host: HostName, port: int) -> tuple[ProxyScript | None, Chosen | None]:
        """What the script says. Where there is none, or it can't be loaded, browsers go on as if it were not set; where
        its function fails they go straight.
        """
        from natprobe.asking.pac import PacError, browser_url

        if (got := await self._scripts(None)) is None:
            return None, None
        asked, began = browser_url(host, port), self._ctx.net.now()
        size = len(got.text.encode("utf-8", "replace"))
        if got.failure is not None:
            return ProxyScript(by=got.by, url=got.url, asked=asked, failure=got.failure, detail=got.detail), None
        try:
            said = await self._answered(got.text, host, port)
        except PacError as exc:
            told = clean(exc.words, 200)
            fact = ProxyScript(by=got.by, url=got.url, asked=asked, size=size, failure=exc.failure, detail=told)
            return fact, Chosen((None,)) if exc.called else None
        fact = ProxyScript(
            by=got.by,
            url=got.url,
            asked=asked,
            answer=clean(shown_answer(said.answer), 500),
            size=size,
            lookups=said.lookups,
            duration_ms=round((self._ctx.net.now() - began) * 1000, 2),
        )
        return fact, Chosen(by_pac(said.answer) or (None,))

    async def _answered(self, text: str, host: HostName, port: int) -> Answered:
        """A script that came to no end once is not run again: everybody would wait for it, once for each host."""
        from natprobe.asking.pac import PacError, answered

        if self._endless is not None:
            raise self._endless
        try:
            return await answered(self._ctx, text, host, port)
        except PacError as exc:
            self._endless = exc if exc.failure is Failure.TIMEOUT else None
            raise

    async def _get(self, _: None) -> _Script | None:
        """The first script that can be got: of the network where it is to be asked, then the one that is set."""
        from natprobe.asking.pac import PacError, fetched

        failed: _Script | None = None
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                for by, url in await self._places():
                    try:
                        return _Script(by, shown_url(url), await fetched(self._ctx, url))
                    except PacError as exc:
                        failed = _Script(by, shown_url(url), "", exc.failure, clean(exc.words, 200))
        except TimeoutError as exc:
            failed = failed or _Script(self._by(), "", "", *failure_of(exc))
        return failed

    async def _places(self) -> list[tuple[ProxySource, str]]:
        rules = self._rules
        if rules is None:
            return []
        found: list[tuple[ProxySource, str]] = []
        if rules.detect:
            from natprobe.asking.wpad import wpad_urls

            # Whoever guesses takes every hint; browsers ask DHCP on Windows alone.
            dhcp = rules.by == "wpad" or self._ctx.host.system() == "win32"
            found += [("wpad", url) for _, url in await wpad_urls(self._ctx, dhcp=dhcp)]
        return found + ([(rules.by, rules.pac)] if rules.pac else [])

    def _by(self) -> ProxySource:
        return "wpad" if self._rules is None else self._rules.by


def _answers(ended: list[asyncio.Task[list[str]]]) -> tuple[Address, ...]:
    """What the lookups found. Raises what the first one did where none found anything."""
    found = [address for each in ended if each.exception() is None for address in each.result()]
    if not found and ended:
        ended[0].result()
    if not ended:
        raise TimeoutError
    return tuple(dict.fromkeys(found))[:ADDRESSES_MAX]
