"""What an app calls outside: services over HTTP, databases, and dependencies of any kind."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, Unpack

from stanchion.data.analytics.analytics import Analytics, file_view
from stanchion.data.analytics.copies import Copies, InProcess
from stanchion.data.analytics.options import AnalyticsKeywords, AnalyticsOptions
from stanchion.data.batched import Batched, K, Load, V
from stanchion.data.database import Database
from stanchion.data.options import DatabaseKeywords, DatabaseOptions, database_of
from stanchion.data.resource import Handling, Resource, ResourceKeywords, ResourceOptions
from stanchion.dependency import CallOptions, Dependency, DependencyOptions
from stanchion.errors import ConfigurationError
from stanchion.policies.base import Off
from stanchion.policies.databases import joined
from stanchion.policies.limiter import Naming
from stanchion.policies.read_your_writes import ReadYourWrites
from stanchion.policies.runtime import Runtime
from stanchion.policies.tallied import tallied
from stanchion.router import PolicyOptions, Router
from stanchion.telemetry.decisions import Decisions
from stanchion.telemetry.tallies import BULKHEAD, DEPENDENCY
from stanchion.upstream.limits import Limits
from stanchion.upstream.pool import Pool
from stanchion.upstream.service import Service
from stanchion.upstream.target import parse_target

C = TypeVar("C")
ReadyCheck = Callable[[], Awaitable[None]]


class Outside(Router):
    """The part of an App that declares them; each has a name of its own."""

    def __init__(self, name: str, **policies: Unpack[PolicyOptions]) -> None:
        super().__init__("", **policies)
        self.name = name
        self.decisions = Decisions()
        self.dependencies: dict[str, Dependency] = {}
        self.databases: dict[str, Database] = {}
        self.clients: dict[str, Resource[Any]] = {}
        self.analyses: dict[str, Analytics] = {}
        self.services: dict[str, Service] = {}
        self.checks: dict[str, ReadyCheck] = {}

    def dependency(self, name: str, **options: Unpack[CallOptions]) -> Dependency:
        """Something outside that handlers call, with a breaker and a retry budget of its own in each worker.

        Raises:
            FrozenError: the app has started.
            ConfigurationError: the name is taken, or an option is out of its range.
        """
        self._check_open(f"the dependency {name}")
        if name in self.dependencies:
            raise ConfigurationError(f"the dependency {name!r} is there already; give each a name of its own")
        dependency = Dependency(name, DependencyOptions(**options), self.decisions)
        self.dependencies[name] = dependency
        return dependency

    def resource(
        self,
        name: str,
        *,
        open: Callable[[], Awaitable[C]],
        close: Callable[[C], Awaitable[Any]] | None = None,
        check: Callable[[C], Awaitable[Any]] | None = None,
        **options: Unpack[ResourceKeywords],
    ) -> Resource[C]:
        """A client of any other store: opened in each worker before the first request, closed after the last.

        What is called through it is bounded in number and by the request's deadline, and has a breaker and a retry
        budget as a dependency. `check` raises while the store does not answer; given, it is a readiness check.

        Raises:
            FrozenError: the app has started.
            ConfigurationError: the name is taken, or an option is out of its range.
        """
        settings = ResourceOptions(**options)
        dependency = self.dependency(name, retries=settings.retries)
        resource = Resource(dependency, Handling(open=open, close=close, check=check), settings)
        if check is not None:
            if name in self.checks:
                raise ConfigurationError(f"the ready check {name!r} is there already; give the resource another name")
            self.checks[name] = resource.check
        self.clients[name] = resource
        return resource

    def http(self, name: str, url: str, *, connections: int = 64, **options: Unpack[CallOptions]) -> Service:
        """An HTTP API that handlers call: `await payments.post("/charges", json=charge)`.

        A dependency, with connections that are kept: breaker, retries within a budget, hedging, and the request's
        deadline, of which the service is told. `connections` are those of a worker at the most.

        Raises:
            FrozenError: the app has started.
            ConfigurationError: the URL is none, the name is taken, or an option is out of its range.
        """
        if connections < 1:
            raise ConfigurationError(f"connections={connections} of the service {name!r}: expected 1 or more")
        pool = Pool(parse_target(url), Limits(connections=connections))
        service = Service(self.dependency(name, **options), pool, options.get("timeout"))
        self.services[name] = service
        return service

    def database(self, url: str, *, name: str = "main", **options: Unpack[DatabaseKeywords]) -> Database:
        """A database that the app opens before its first request and closes after the last.

        `sqlite:///file.db`, or `postgresql://user@host/name`. `connections` are for all workers of all instances
        together; a start that the server has too few for is refused, with the arithmetic. `replicas` are URLs of
        streaming replicas of PostgreSQL, which are read from; the app's routes then have the policy `ReadYourWrites`.

        Raises:
            FrozenError: the app has started.
            ConfigurationError: the name is taken, the URL of no known database, or an option out of its range.
        """
        self._check_open(f"the database {name}")
        if name in self.databases:
            raise ConfigurationError(f"the database {name!r} is there already; give each a name of its own")
        database = database_of(f"{self.name}/{name}", url, DatabaseOptions(**options))
        if options.get("replicas"):
            self._have_writes_read()
        self.databases[name] = database
        return database

    def _have_writes_read(self) -> None:
        declared = {policy.policy if isinstance(policy, Off) else type(policy) for policy in self._policies}
        if ReadYourWrites not in declared:
            self._policies.append(ReadYourWrites())

    def analytics(
        self,
        name: str = "analytics",
        *,
        database: Database | None = None,
        tables: Sequence[str] = (),
        files: Mapping[str, str | Path] | None = None,
        **options: Unpack[AnalyticsKeywords],
    ) -> Analytics:
        """Heavy queries by DuckDB, in a process of the app: over copies of a database's tables, and over Parquet, CSV
        and JSON files, `{"history": "history/*.parquet"}`; each with a limit of memory and of time.

        Raises:
            FrozenError: the app has started.
            ConfigurationError: the name is taken, tables have no database, DuckDB is missing, or an option is out of
                its range.
        """
        self._check_open(f"the analytics {name}")
        if name in self.analyses:
            raise ConfigurationError(f"the analytics {name!r} are there already; give each a name of their own")
        if tables and database is None:
            raise ConfigurationError(f"analytics(tables={list(tables)!r}): give database=, which has them")
        copies = Copies(None if database is None else database.export, tables, settings := AnalyticsOptions(**options))
        views = tuple(file_view(table, pattern) for table, pattern in (files or {}).items())
        self.analyses[name] = analytics = Analytics(name, copies, views, settings)
        return analytics

    def batched(self, *, largest: int = 256, in_flight: int = 2) -> Callable[[Load[K, V]], Batched[K, V]]:
        """Have a function of many keys called with those that one loop tick asks for; each caller awaits its own.

        `largest` is the most keys of a call, `in_flight` the calls that a worker has under way; see `Batched`.

        Raises:
            FrozenError: the app has started.
            ConfigurationError: the function is not `async def`, or a number is below 1.
        """
        self._check_open("a batched function")
        return lambda load: Batched(load, largest=largest, in_flight=in_flight)

    def join(self, runtime: Runtime, in_process: InProcess) -> None:
        """Have all of it counted, opened and closed with the worker."""
        for dependency in self.dependencies.values():
            tallied(runtime, DEPENDENCY, dependency.name, dependency.counts)
        joined(runtime, self.databases)
        for service in self.services.values():
            runtime.at_start(service.open)
            runtime.at_end(service.close)
        for resource in self.clients.values():
            runtime.at_start(resource.open)
            runtime.at_end(resource.close)
        for analytics in self.analyses.values():
            analytics.open(in_process)
            runtime.at_end(analytics.close)
        bulkheads: tuple[Resource[Any] | Analytics, ...] = (*self.clients.values(), *self.analyses.values())
        for bulkhead in bulkheads:
            name = runtime.shared("bulkhead names", Naming).name(bulkhead.name, "", bulkhead)
            tallied(runtime, BULKHEAD, name, bulkhead.counts)
