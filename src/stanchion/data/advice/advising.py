"""From a database and the statements it was asked to advice."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from msgspec import Struct
from msgspec.structs import replace

from stanchion.data.advice import gain, hypothetical, postgres, sqlite
from stanchion.data.advice.evidence import Evidence
from stanchion.data.advice.findings import Finding
from stanchion.data.advice.rules import affordable, findings
from stanchion.data.budget import Fleet
from stanchion.data.database import Database
from stanchion.data.driver import Driver
from stanchion.data.options import DatabaseOptions, database_of
from stanchion.data.statements.exported import Seen
from stanchion.errors import ConfigurationError

_CONNECTIONS = 2


class Advice(Struct, frozen=True, kw_only=True):
    """What is said of one database."""

    database: str
    statements: int
    """That were looked at."""
    findings: Sequence[Finding]
    unexplained: dict[str, str]
    """Statements that the database does not explain, each with why."""


async def advise(
    name: str, database: Database, seen: Sequence[Seen], fleet: Fleet, *, copy: str | None = None
) -> Advice:
    """Advice on the app's database `name`; without statements seen, on those that the server itself has counted.

    `copy` is where missing indexes are tried: the URL of a PostgreSQL database that has the same in it; for SQLite
    anything, since a temporary copy of the file is made. Without one, a PostgreSQL that has hypopg tells of costs.

    Raises:
        DatabaseUnavailable, DatabaseBusy, DatabaseTimeout: it does not answer.
        ConfigurationError: `copy` is of no database that is known.
    """
    async with _opened(database.driver) as driver:
        if driver.remote:
            evidence = await postgres.evidence(name, driver, seen or await postgres.statistics(name, driver))
        else:
            evidence = await sqlite.evidence(name, driver, seen)
        found = findings(evidence)
        capacity = await driver.capacity()
        too_many = None if capacity is None else affordable(name, database.connections, fleet, capacity)
        if copy is not None or driver.remote:
            found = await _tried(found, evidence, driver, copy)
    return Advice(
        database=name,
        statements=len(evidence.plans),
        findings=[*found, *([too_many] if too_many else [])],
        unexplained=dict(evidence.unexplained),
    )


async def _tried(found: Sequence[Finding], evidence: Evidence, driver: Driver, copy: str | None) -> list[Finding]:
    missing = [finding for finding in found if finding.wanted is not None]
    if copy is None:
        gains = dict(zip(map(id, missing), await hypothetical.gains(driver, missing, evidence), strict=True))
    elif driver.remote:
        if not copy:
            raise ConfigurationError(
                "--copy needs the URL of a PostgreSQL database with the same in it, to change at will"
            )
        async with _opened(database_of("advice", copy, DatabaseOptions()).driver) as other:
            gains = {id(finding): await gain.on_postgres(other, finding, evidence) for finding in missing}
    else:
        gains = dict(zip(map(id, missing), await gain.on_sqlite(driver, missing, evidence), strict=True))
    return [replace(finding, gain=gains.get(id(finding), ())) for finding in found]


@asynccontextmanager
async def _opened(driver: Driver) -> AsyncIterator[Driver]:
    await driver.open(_CONNECTIONS)
    try:
        yield driver
    finally:
        await driver.close()
