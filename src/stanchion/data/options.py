"""How a database is declared, and what a worker makes of it."""

from collections.abc import Sequence
from typing import Annotated, TypedDict

from msgspec import Meta, Struct

from stanchion.data.database import Database
from stanchion.data.driver import Driver
from stanchion.data.limits import Limits
from stanchion.data.postgres.driver import Postgres
from stanchion.data.postgres.pool import redacted
from stanchion.data.replicas.driver import Replicated
from stanchion.data.replicas.node import Node
from stanchion.data.sqlite.driver import SQLite
from stanchion.data.statements.spans import about
from stanchion.errors import ConfigurationError
from stanchion.ranges import check_ranges

_SQLITE = "sqlite://"
_POSTGRES = ("postgresql://", "postgres://")
_FORMS = "sqlite:///file.db (sqlite:////with/a/whole/path.db), sqlite://:memory:, or postgresql://user@host/name"


class DatabaseOptions(Struct, frozen=True, kw_only=True):
    """What `App.database` takes besides the URL.

    Raises:
        ConfigurationError: a value is out of its range.
    """

    connections: Annotated[int, Meta(ge=1, le=100_000)] = 20
    """The most connections of all workers and instances together; see `budget`."""
    waiting: Annotated[int, Meta(ge=0, le=1_000_000)] = 1000
    """Statements of a worker that may wait for a connection; those beyond are refused at once."""
    patience: Annotated[float, Meta(gt=0, le=3600)] = 10.0
    """Seconds to wait for a connection, and for a statement, where the request's deadline is not earlier."""
    prepared: bool = True
    """Keep statements prepared on each connection. Not through PgBouncer in transaction mode."""
    largest_batch: Annotated[int, Meta(ge=1, le=10_000)] = 256
    """Keys or rows of one gathered statement."""
    replicas: Sequence[str] = ()
    """URLs of streaming replicas, which are read from; see `replicas`. Each server gets `connections`."""
    max_lag: Annotated[float, Meta(gt=0, le=3600)] = 5.0
    """Seconds that a replica may be behind the primary and still be read from."""

    def __post_init__(self) -> None:
        check_ranges(self, "database({name}={value!r})")


class DatabaseKeywords(TypedDict, total=False):
    """The fields of `DatabaseOptions`, as keywords."""

    connections: int
    waiting: int
    patience: float
    prepared: bool
    largest_batch: int
    replicas: Sequence[str]
    max_lag: float


def database_of(name: str, url: str, options: DatabaseOptions) -> Database:
    """The database at this URL, not open yet; its server knows our connections by `name`.

    Raises:
        ConfigurationError: the URL is of no database that is known, or the driver is missing.
    """
    limits = Limits(waiting=options.waiting, patience=options.patience)
    driver = _driver(name, url, options, limits)
    database = Database(name, driver, connections=options.connections, largest_batch=options.largest_batch)
    database.url = url
    database.recorder.about = about(url, alone=not options.replicas)
    return database


def _driver(name: str, url: str, options: DatabaseOptions, limits: Limits) -> Driver:
    if options.replicas:
        return _replicated(name, [url, *options.replicas], options, limits)
    if url.startswith(_SQLITE):
        path = url.removeprefix(_SQLITE)
        if path == ":memory:":
            return SQLite(path, limits)
        if not path.startswith("/") or len(path) == 1:
            raise ConfigurationError(f"the database {url!r}: expected {_FORMS}")
        return SQLite(path[1:], limits)
    if url.startswith(_POSTGRES):
        return Postgres(url, limits, prepared=options.prepared, label=f"stanchion {name}")
    raise ConfigurationError(f"the database {redacted(url)!r}: expected {_FORMS}")


def _replicated(name: str, urls: Sequence[str], options: DatabaseOptions, limits: Limits) -> Replicated:
    for url in urls:
        if not url.startswith(_POSTGRES) or urls.count(url) > 1:
            raise ConfigurationError(
                f"the database {redacted(url)!r}: replicas are a list of URLs of PostgreSQL servers, each there once, "
                "such as ['postgresql://user@replica/name']"
            )
    nodes = [Node(url, limits, prepared=options.prepared, label=f"stanchion {name}") for url in urls]
    return Replicated(name, nodes, max_lag=options.max_lag)
