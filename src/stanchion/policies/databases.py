"""An app's databases, joined to a worker: their counts go to the board, and they know whose request asks."""

from collections.abc import Awaitable, Mapping, Sequence
from enum import IntEnum
from functools import cache

from stanchion.data.database import Database
from stanchion.data.statements.asking import Asking, asking
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.policies.runtime import Runtime
from stanchion.policies.tallied import tallied
from stanchion.routing.route import Call, Route
from stanchion.telemetry.decisions import Decisions
from stanchion.telemetry.tallies import (
    DATABASE,
    DATABASE_POOL,
    REPLICATION,
    STATEMENT,
    DatabasePoolCell,
    ReplicationCell,
)

_KEY = "databases"
"""Under which a runtime knows whether there are any."""


def joined(runtime: Runtime, databases: Mapping[str, Database]) -> None:
    """Have the databases counted under their names, and repeated statements told as the settings say."""
    runtime.shared(_KEY, lambda: bool(databases))
    for name, database in databases.items():
        recorder = database.recorder
        recorder.repeats = runtime.settings.repeated_statements
        recorder.warns = runtime.settings.reload  # which is for development
        tallied(runtime, DATABASE, name, recorder.counts)
        _looked_at(runtime, DATABASE_POOL, DatabasePoolCell, name, database)
        if "replicas" in database.statistics():
            _looked_at(runtime, REPLICATION, ReplicationCell, name, database)
        _statements(runtime, name, database)


def _looked_at(runtime: Runtime, kind: str, cells: type[IntEnum], name: str, database: Database) -> None:
    """Have the tally of this kind be what the database's statistics say, by the names of its cells."""
    now = [0] * len(cells)

    def look(decisions: Decisions) -> None:
        statistics = database.statistics()
        for cell in cells:
            now[cell] = int(statistics.get(cell.name.lower(), 0))

    runtime.measured(look)
    tallied(runtime, kind, name, now)


def _statements(runtime: Runtime, name: str, database: Database) -> None:
    @cache
    def place(verb: str, table: str) -> tuple[memoryview, int]:
        return runtime.tally(STATEMENT, f"{name} {verb} {table}")

    def bring(decisions: Decisions) -> None:
        for (verb, table), counts in database.recorder.groups.items():
            _brought(*place(verb, table), counts)

    runtime.measured(bring)


def _brought(cells: memoryview, base: int, counts: Sequence[int]) -> None:
    for offset, count in enumerate(counts):
        cells[base + offset] = count


def known(call: Call, route: Route, runtime: Runtime) -> Call:
    """The call, with the databases, where there are any, told that what it asks is for this route: 0.2 µs a request."""
    if not runtime.shared(_KEY, lambda: False):
        return call
    label = f"{route.method} {route.template}"

    def asked(request: Request) -> Awaitable[Response]:
        asking.set(Asking(label))
        return call(request)

    return asked
