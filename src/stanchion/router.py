"""Declaring routes: what App and Router share.

A router only records. Prefixes, tags and policies are put together when the app compiles, so the order of `include` and
of decorators does not matter.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike, fspath
from os.path import isdir
from typing import Any, TypedDict, TypeVar, Unpack

from msgspec import Struct

from stanchion.asgi.messages import ASGIApp, name_of
from stanchion.asgi.mount import Foreign
from stanchion.errors import FrozenError, RouteError
from stanchion.gateway.options import ProxyOptions
from stanchion.gateway.proxy import Proxied
from stanchion.http.files import File
from stanchion.policies.base import Off, Policy, merge
from stanchion.policies.body_limit import BodyLimit
from stanchion.policies.cache import READING, Cache
from stanchion.policies.compress import Compress
from stanchion.policies.concurrency import Concurrency
from stanchion.policies.invalidates import Invalidates
from stanchion.policies.limit import Limit
from stanchion.policies.priority import Level, Priority
from stanchion.policies.timeout import Timeout
from stanchion.routing.route import Handler, Route, Run
from stanchion.routing.template import join
from stanchion.routing.tree import ANY

H = TypeVar("H", bound=Handler)
Levels = tuple[Sequence[Policy | Off], ...]


class PolicyOptions(TypedDict, total=False):
    """Policies of a route, router or app; the inner overrides the outer."""

    timeout: float | None
    """Seconds; short for `Timeout(seconds=…)`. None takes an inherited one away."""
    body_limit: int | None
    """Bytes; short for `BodyLimit(bytes=…)`. None takes an inherited one away."""
    limit: Limit | Sequence[Limit] | None
    """One or several, besides those that are inherited. None takes the inherited ones away."""
    concurrency: int | None
    """Requests at one time, of all routes of a router together; short for `Concurrency(limit=…)`. None takes an
    inherited one away."""
    compress: bool | Compress
    """Whether responses are compressed; True is short for `Compress()`. False takes an inherited one away."""
    cache: Cache | None
    """Keeps answers to GET and HEAD. None takes an inherited one away."""
    invalidates: Sequence[str]
    """Tags of what is cached and changes with a success: short for `Invalidates(tags=…)`."""
    priority: Level
    """Short for `Priority(level=…)`: who goes first when not all can."""
    policies: Sequence[Policy | Off]


class RouteOptions(PolicyOptions, total=False):
    """What a route may declare besides its template and handler. The fields of `Route` describe them."""

    name: str
    status: int
    run: Run
    summary: str
    description: str
    tags: Sequence[str]
    deprecated: bool
    hidden: bool
    responses: Mapping[int, str]


class _Declared(Struct, frozen=True):
    method: str
    template: str
    handler: Handler
    options: RouteOptions


class Router:
    """Routes under a common prefix, with common tags and policies."""

    def __init__(self, prefix: str = "", *, tags: Sequence[str] = (), **policies: Unpack[PolicyOptions]) -> None:
        self.prefix = join(prefix, "") if prefix else ""
        self.tags = tuple(tags)
        self._policies = policy_list(policies)
        self._declared: list[_Declared] = []
        self._included: list[Router] = []
        self._frozen = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.prefix or '/'}: {sum(1 for _ in self.collect())} routes>"

    def route(self, method: str, template: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Register the decorated handler for `method` and `template`.

        Raises:
            FrozenError: the app has started; register at import time, or in a router included before the start.
        """

        def register(handler: H) -> H:
            self._check_open(f"{method.upper()} {template}")
            self._declared.append(_Declared(method.upper(), template, handler, options))
            return handler

        return register

    def get(self, template: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """A GET route; HEAD and OPTIONS come with it."""
        return self.route("GET", template, **options)

    def post(self, template: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """A POST route."""
        return self.route("POST", template, **options)

    def put(self, template: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """A PUT route."""
        return self.route("PUT", template, **options)

    def patch(self, template: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """A PATCH route."""
        return self.route("PATCH", template, **options)

    def delete(self, template: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """A DELETE route."""
        return self.route("DELETE", template, **options)

    def static(
        self, template: str, directory: str | PathLike[str], *, max_age: int = 3600, precompressed: bool = False
    ) -> None:
        """Serve the files below `directory` under `template`; clients may keep them for `max_age` seconds.

        Nothing outside the directory is reachable, nor what is hidden (`.env`); a directory is 404. `precompressed`
        sends `app.js.br`, `.zst` or `.gz` for `app.js` to those who take it.

        Raises:
            RouteError: there is no such directory.
        """
        if not isdir(directory):
            raise RouteError(f"static files for {template}: {fspath(directory)!r} is not a directory; name one that is")
        headers = {"Cache-Control": f"public, max-age={max_age}"}

        async def static(path: str) -> File:
            return File(path, root=directory, headers=headers, precompressed=precompressed)

        self.get(template + "/{path:path}", hidden=True)(static)

    def mount(self, prefix: str, app: ASGIApp, **policies: Unpack[PolicyOptions]) -> None:
        """Have an ASGI 3 app (FastAPI, Starlette, Litestar, Django, …) answer whatever begins with `prefix`.

        Routes win over mounts, and the longer prefix over the shorter. The app gets whole paths, with the prefix as
        `root_path`; policies hold for it as for a route, WebSocket handshakes included.

        Raises:
            RouteError: the prefix is no path, or ends in a slash.
        """
        self._check_open(f"the mount {prefix}")
        template = join("" if prefix == "/" else prefix, "/{path:path}")
        options: RouteOptions = {**policies, "name": name_of(app), "hidden": True}  # type: ignore[typeddict-item]
        self._declared.append(_Declared(ANY, template, Foreign(app), options))

    def proxy(
        self,
        prefix: str,
        upstreams: str | Sequence[str],
        *,
        options: ProxyOptions | None = None,
        **policies: Unpack[PolicyOptions],
    ) -> None:
        """Have an upstream, or the better of several, answer whatever begins with `prefix`: an API in any language.

        `app.proxy("/legacy", "http://127.0.0.1:3000")`. Routes win over proxies, and the longer prefix over the
        shorter. Policies hold for it as for a route. Without a `cache` of its own the upstream's header fields decide
        what is kept, as RFC 9111 has it; `cache=None` keeps nothing.

        Raises:
            RouteError: the prefix is no path, or ends in a slash.
            ConfigurationError: an upstream is no URL, or an option out of its range.
        """
        self._check_open(f"the proxy {prefix}")
        urls = [upstreams] if isinstance(upstreams, str) else list(upstreams)
        if not urls:
            raise RouteError(f"the proxy {prefix} has no upstream; give a URL such as http://127.0.0.1:3000")
        handler = Proxied(urls, options or ProxyOptions())
        template = join("" if prefix == "/" else prefix, "/{path:path}")
        kept: Any = {**policies, "name": f"proxy {prefix}", "hidden": True}
        self._declared.append(_Declared(ANY, template, handler, kept))

    def include(self, router: "Router") -> None:
        """Take in another router's routes, under this one's prefix, tags and policies.

        Raises:
            FrozenError: the app has started.
        """
        self._check_open(f"the router {router.prefix or '/'}")
        self._included.append(router)

    def collect(self, prefix: str = "", tags: tuple[str, ...] = (), levels: Levels = ()) -> Iterator[Route]:
        """Every route declared here and below; the arguments are what the routers around this one declare."""
        prefix, tags, levels = prefix + self.prefix, tags + self.tags, (*levels, self._policies)
        for declared in self._declared:
            yield _assemble(declared, prefix, tags, levels)
        for router in self._included:
            yield from router.collect(prefix, tags, levels)

    def freeze(self) -> None:
        """Refuse registrations from now on."""
        self._frozen = True
        for router in self._included:
            router.freeze()

    def _check_open(self, what: str) -> None:
        if self._frozen:
            raise FrozenError(
                f"{what} was registered after the app had started; register it at import time, before `serve`"
            )


def _assemble(declared: _Declared, prefix: str, tags: tuple[str, ...], levels: Levels) -> Route:
    options: dict[str, Any] = dict(declared.options)
    own = policy_list(options)
    if declared.method not in READING and any(isinstance(policy, Cache) for policy in own):
        raise RouteError(
            f"{declared.method} {declared.template}: only GET and HEAD are cached; take `cache` away, and say what the"
            " route changes with `invalidates`"
        )
    if isinstance(declared.handler, Proxied):
        levels = ((Cache(),), *levels)
    policies = merge(*levels, own)
    for key in PolicyOptions.__annotations__:
        options.pop(key, None)
    options.setdefault("name", getattr(declared.handler, "__name__", None) or type(declared.handler).__name__)
    options["tags"] = tags + tuple(options.get("tags", ()))
    return Route(
        method=declared.method,
        template=join(prefix, declared.template),
        handler=declared.handler,
        policies=policies,
        **options,
    )


def policy_list(options: Mapping[str, Any]) -> list[Policy | Off]:
    """The policies that a declaration's keywords stand for."""
    found: list[Policy | Off] = list(options.get("policies", ()))
    if "timeout" in options:
        seconds = options["timeout"]
        found.append(Off(Timeout) if seconds is None else Timeout(seconds=seconds))
    if "body_limit" in options:
        size = options["body_limit"]
        found.append(Off(BodyLimit) if size is None else BodyLimit(bytes=size))
    if "limit" in options:
        limit = options["limit"]
        found += [Off(Limit)] if limit is None else [limit] if isinstance(limit, Limit) else limit
    if "concurrency" in options:
        limit = options["concurrency"]
        found.append(Off(Concurrency) if limit is None else Concurrency(limit=limit))
    if "compress" in options:
        compress = options["compress"]
        found.append(compress if isinstance(compress, Compress) else Compress() if compress else Off(Compress))
    if "cache" in options:
        found.append(options["cache"] or Off(Cache))
    if "invalidates" in options:
        found.append(Invalidates(tags=options["invalidates"]))
    if "priority" in options:
        found.append(Priority(level=options["priority"]))
    return found
