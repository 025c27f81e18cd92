"""The app: declares at import time, compiles at start, is frozen from then on. The composition root.

`compile` turns every route into one Endpoint and puts them in the tree; `Compiled.find` and `Compiled.missing` are all
that the wire layer calls on the request path.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from inspect import isasyncgenfunction, iscoroutinefunction
from types import SimpleNamespace
from typing import Any, ParamSpec, TypeVar, Unpack

from msgspec import Struct

from stanchion.asgi.hosted import Hosted
from stanchion.asgi.messages import Receive, Scope, Send
from stanchion.asgi.mount import Foreign, Mount
from stanchion.builtin import documentation, missing
from stanchion.cache.caches import current
from stanchion.cache.purging import CDN
from stanchion.data.budget import Fleet
from stanchion.errors import ConfigurationError, RouteConflict, RouteError
from stanchion.gateway.proxy import Proxied, Proxy
from stanchion.http.form_data import FormLimits
from stanchion.http.request import Request
from stanchion.offload.pools import Pools
from stanchion.outside import Outside, ReadyCheck
from stanchion.policies.around import endpoint_of, layered
from stanchion.policies.body_limit import BodyLimit
from stanchion.policies.caches import caches_of
from stanchion.policies.databases import known
from stanchion.policies.priority import Priority
from stanchion.policies.read_your_writes import ReadYourWrites
from stanchion.policies.runtime import Runtime
from stanchion.policies.tallied import tallied
from stanchion.router import PolicyOptions
from stanchion.routing.binding import Binding, BindLimits, bind
from stanchion.routing.route import Endpoint, Route
from stanchion.routing.template import fill, parse
from stanchion.routing.tree import Tree
from stanchion.settings import Settings
from stanchion.settings.sources import load
from stanchion.telemetry.decisions import Decisions
from stanchion.telemetry.tallies import DEPENDENCY, POOL

P = ParamSpec("P")
T = TypeVar("T")
Lifespan = Callable[["App"], AsyncIterator[None]]


class App(Outside):
    """An API: routes, the resources they use, and what happens at start and stop.

    `name` and `version` title the OpenAPI document; `policies` hold for every route that does not override them.
    """

    def __init__(self, name: str, *, version: str = "0.1.0", **policies: Unpack[PolicyOptions]) -> None:
        super().__init__(name, **policies)
        self.version = version
        self.state = SimpleNamespace()
        self.resources: dict[type, Any] = {}
        self._pools: Pools | None = None
        self._runtime: Runtime | None = None
        self._lifespans: list[Lifespan] = []
        self.cdns: list[CDN] = []
        self._routes: tuple[Route, ...] | None = None
        self._hosted = Hosted(lambda: self.compile(load().settings), self._lifespans)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve under another server, as an ASGI 3 app. Settings come from the environment and stanchion.toml; those of
        listening and of connections have no effect.

        Raises:
            ConfigurationError: the app has lifespans, and the server sends no lifespan events.
        """
        await self._hosted(scope, receive, send)

    def __repr__(self) -> str:
        return f"<App {self.name}: {len(self.routes)} routes>"

    @property
    def routes(self) -> tuple[Route, ...]:
        """Every route with its effective policies, in order of declaration."""
        return self._routes if self._routes is not None else tuple(self.collect())

    def lifespan(self, function: Lifespan) -> Lifespan:
        """Run an async generator function around the app's life: up to its `yield` before the first request, the
        rest after the last. Several nest in order of registration.

        Raises:
            FrozenError: the app has started.
            RouteError: it is not an async generator function.
        """
        self._check_open(f"the lifespan {function.__name__}")
        if not isasyncgenfunction(function):
            raise RouteError(f"the lifespan {function.__name__} has no `yield`; make it an async generator function")
        self._lifespans.append(function)
        return function

    def ready_check(self, name: str) -> Callable[[ReadyCheck], ReadyCheck]:
        """Register an async function without arguments that raises while this app cannot do its work, such as a
        database that does not answer.

        Each worker runs it every `check_interval` seconds; /readyz names it, and fails while it fails in all workers.
        A check that is shared by all instances takes them all out of service at once: leave it out where the app can
        still answer something.

        Raises:
            FrozenError: the app has started.
            ConfigurationError: the name is taken, or it is no async function.
        """

        def register(check: ReadyCheck) -> ReadyCheck:
            self._check_open(f"the ready check {name}")
            if name in self.checks or not iscoroutinefunction(check):
                what = "is there already" if name in self.checks else "is not an `async def` function"
                raise ConfigurationError(f"the ready check {name!r} {what}; give each a name and an async function")
            self.checks[name] = check
            return check

        return register

    def provide(self, kind: type[T], value: T | Callable[[Request], T]) -> None:
        """Give `value` to every handler parameter annotated `kind`; call it in a lifespan.

        A value that is no instance of `kind` is called with each request, and what it returns is given.

        Raises:
            ConfigurationError: the value is neither.
        """
        if not isinstance(value, kind) and (not callable(value) or iscoroutinefunction(value)):
            raise ConfigurationError(
                f"{value!r} was provided for {kind.__name__}; provide an instance, or a plain function of the request"
            )
        self.resources[kind] = value

    async def cpu(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that computes for long in a process, so that the event loop goes on meanwhile.

        The function is one of a module's, arguments and result can be pickled. It sees the request's deadline, and is
        killed with its process once that has passed.

        Raises:
            ConfigurationError: the app is not being served.
            ServiceUnavailable: the setting `max_pool_waiting` calls wait already (code `pool-full`).
            HTTPError: 500, code `process-died`, if the process died at it.
        """
        if self._pools is None:
            raise ConfigurationError("app.cpu was called before the app started; call it in a handler or a lifespan")
        result: T = await self._pools.in_process(function, *args, **kwargs)
        return result

    def purge_to(self, *cdns: CDN) -> None:
        """Tell these CDNs, behind the answers, which tags become invalid: `app.purge_to(Fastly(service=…, token=…))`,
        of `stanchion.cache.purging`. `Cache(surrogate_keys=True)` tells them what each answer's tags are.

        Raises:
            FrozenError: the app has started.
        """
        self._check_open("purge_to")
        self.cdns.extend(cdns)

    async def invalidate(self, *tags: str) -> None:
        """Have whatever is cached with one of these tags made anew: by all workers of this machine from now on, by
        other machines that share `cache_store` as soon as they hear of it, for which it waits 50 ms at the most.

        Raises:
            ConfigurationError: the app is not being served.
        """
        if self._runtime is None:
            raise ConfigurationError("app.invalidate was called before the app started; call it in a handler")
        await caches_of(self._runtime).invalidate(*tags)

    def url_for(self, name: str, /, **params: Any) -> str:
        """The path of the route called `name` (its handler's name by default), with `params` filled in.

        Raises:
            LookupError: no route has that name, or more than one template does.
            RouteError: a parameter is missing, unknown or not of its converter.
        """
        templates = {route.template for route in self.routes if route.name == name}
        if len(templates) != 1:
            raise LookupError(f"{len(templates)} templates are named {name!r}; give the route a `name=` of its own")
        return fill(parse(templates.pop()), params)

    def compile(self, settings: Settings | None = None, runtime: Runtime | None = None) -> "Compiled":
        """Compile every route and freeze the app. `runtime` is what a worker of a cluster lends to policies.

        Raises:
            RouteError: a template, signature or policy cannot be compiled.
            RouteConflict: two routes would answer the same request.
        """
        settings = settings or Settings()
        self._routes = self.routes
        self.freeze()
        return Compiled(self, settings, runtime or Runtime(settings))


class CompiledRoute(Struct, frozen=True):
    """One route with all that was made of it; what `stanchion routes --source` prints."""

    route: Route
    binding: Binding
    endpoint: Endpoint


class Compiled:
    """A frozen app, ready to serve: what the wire layer's `Served` asks for."""

    def __init__(self, app: App, settings: Settings, runtime: Runtime) -> None:
        self.app = app
        self.settings = settings
        self.runtime = runtime
        self.pools = Pools(settings, app.decisions)
        tallied(runtime, POOL, "threads", self.pools.threads.places.counts)
        tallied(runtime, POOL, "processes", self.pools.processes.places.counts)
        app.join(runtime, self.pools.in_process)
        if app.cdns:
            caches_of(runtime).purge_to(app.cdns)
        limits = BindLimits(
            max_json_keys=settings.max_json_keys,
            form=FormLimits(
                max_parts=settings.max_form_parts,
                max_field_bytes=settings.max_field_bytes,
                upload_memory=settings.upload_memory,
            ),
            key=lambda: runtime.key,
            in_thread=self.pools.in_thread,
            in_process=self.pools.in_process,
        )
        self.routes: list[CompiledRoute] = []
        self.mounts: list[Mount] = []
        self.proxies: list[Proxy] = []
        self._tree: Tree[Endpoint] = Tree()
        for route in app.routes:
            if isinstance(route.handler, Foreign):
                self._add_mount(route, route.handler)
            elif isinstance(route.handler, Proxied):
                self._add_proxy(route, route.handler)
            else:
                compiled = compile_route(route, app.resources, limits, runtime)
                self.routes.append(compiled)
                self._tree.add(route.method, parse(route.template), compiled.endpoint)
        if settings.docs and (self.routes or not (self.mounts or self.proxies)):  # else it describes itself
            self._add_documentation()
        self._tree.freeze()
        self.find = self._everything() or self._tree.find
        self.missing = missing

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """The app's databases, lifespans and pools.

        Raises:
            ConfigurationError: a handler takes a resource that no lifespan has provided, or a database has too few
                connections.
        """
        async with AsyncExitStack() as stack:
            stack.callback(self.pools.close)
            self.app._pools = self.pools
            self.app._runtime = self.runtime
            current.set(partial(caches_of, self.runtime))
            stack.push_async_callback(self.runtime.close)
            await self.runtime.open()
            fleet = self._fleet()
            for database in self.app.databases.values():
                stack.push_async_callback(database.close)
                database.telling.to = self.app.invalidate
                await database.open(fleet)
            for lifespan in self.app._lifespans:
                await _enter(stack, lifespan, self.app)
            self._check_resources()
            await self._start_mounts(stack)
            stack.push_async_callback(self.drain, self.settings.drain_timeout)
            yield

    def _fleet(self) -> Fleet:
        return Fleet(workers=self.runtime.workers, instances=self.settings.instances)

    def resize(self, workers: int) -> None:
        """There are so many workers now: keep to this one's share of what they share."""
        self.runtime.workers = workers
        for database in self.app.databases.values():
            database.resize(self._fleet())

    def retire(self) -> None:
        """This worker has a successor: leave what they share to it, but for what is owed."""
        for database in self.app.databases.values():
            database.retire(self._fleet())

    async def mend(self) -> None:
        """Make up for a worker that was killed: a write of its may be in a database, and caches not know of it."""
        for database in self.app.databases.values():
            await database.telling.tell_everything()

    def decisions(self) -> Decisions:
        """What the app's protections have decided, up to date."""
        self.pools.measure()
        self.runtime.measure(self.app.decisions)
        return self.app.decisions

    async def drain(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for what mounted apps still do after their answers, then cancel it."""
        if self.mounts:
            await asyncio.gather(*(mount.drain(timeout) for mount in self.mounts))

    async def _start_mounts(self, stack: AsyncExitStack) -> None:
        started: dict[int, Mount] = {}
        for mount in self.mounts:
            first = started.setdefault(id(mount.app), mount)
            if first is mount:
                await stack.enter_async_context(mount.lifespan())
            mount.state = first.state

    def _add_mount(self, route: Route, foreign: Foreign) -> None:
        mount = Mount(foreign.app, _prefix_of(route))
        self.mounts.append(mount)
        changes_nothing = all(isinstance(policy, BodyLimit | Priority | ReadYourWrites) for policy in route.policies)
        call = mount.call if changes_nothing else mount.call_apart
        endpoint = endpoint_of(route, call, ("path",), self.runtime)
        endpoint.label = mount.label
        endpoint.websocket = layered(mount.handshake, route.policies, route, self.runtime)
        self._add_all_below(route, endpoint)

    def _add_proxy(self, route: Route, proxied: Proxied) -> None:
        proxy = Proxy(proxied, _prefix_of(route))
        self.proxies.append(proxy)
        self.runtime.at_start(proxy.start)
        self.runtime.at_end(proxy.close)
        for backend in proxy.backends:
            tallied(self.runtime, DEPENDENCY, str(backend.target), backend.counts)
        endpoint = endpoint_of(route, proxy.call, ("path",), self.runtime)
        endpoint.label = lambda request: route.template  # with each request's own method
        self._add_all_below(route, endpoint)

    def _add_all_below(self, route: Route, endpoint: Endpoint) -> None:
        prefix = _prefix_of(route)
        self._tree.add(route.method, parse(route.template), endpoint)
        if prefix:
            self._tree.add(route.method, parse(prefix), endpoint)

    def _check_resources(self) -> None:
        for compiled in self.routes:
            for kind in compiled.binding.resources:
                if kind not in self.app.resources:
                    raise ConfigurationError(
                        f"{compiled.route.method} {compiled.route.template} takes {kind.__name__}, which nothing "
                        f"provides; call app.provide({kind.__name__}, …) in a lifespan"
                    )

    def _everything(self) -> Callable[[str, str], tuple[Endpoint, list[Any]]] | None:
        """What finds the one endpoint of an app that is nothing but another, in 0.05 µs where the tree takes 1.2.

        Such an app gets malformed paths as well, as under other servers.
        """
        prefixes = [mount.prefix for mount in self.mounts] + [proxy.prefix for proxy in self.proxies]
        if self.routes or prefixes != [""]:
            return None
        endpoint, _ = self._tree.find("GET", "/")
        assert endpoint is not None
        return lambda method, path: (endpoint, [path[1:]])

    def _add_documentation(self) -> None:
        described = [(compiled.route, compiled.binding) for compiled in self.routes]
        admission = self.settings.admission
        for template, endpoint in documentation(self.app.name, self.app.version, described, admission=admission):
            try:
                self._tree.add("GET", parse(template), endpoint)
            except RouteConflict:  # the app has a route of its own there: it wins
                continue


def _prefix_of(route: Route) -> str:
    """Of a mount or a proxy, without a slash at its end."""
    prefix = route.template.removesuffix("/{path:path}")
    if parse(prefix or "/").parameters:
        raise RouteError(f"{prefix} has a parameter in it; mount apps and proxy upstreams at plain paths")
    return prefix


async def _enter(stack: AsyncExitStack, lifespan: Lifespan, app: App) -> None:
    try:
        await stack.enter_async_context(asynccontextmanager(lifespan)(app))
    except ConfigurationError:
        raise
    except Exception as error:
        name = lifespan.__name__
        raise ConfigurationError(f"the lifespan {name} failed at start: {type(error).__name__}: {error}") from error


def compile_route(route: Route, resources: Mapping[type, Any], limits: BindLimits, runtime: Runtime) -> CompiledRoute:
    """One route to its endpoint: bound, with its policies around it."""
    names = tuple(parameter.name for parameter in parse(route.template).parameters)
    binding = bind(route, names, resources, limits)
    call = known(binding.call, route, runtime)
    endpoint = endpoint_of(route, call, names, runtime, inline=binding.inline, takes_body=binding.takes_body)
    return CompiledRoute(route, binding, endpoint)
