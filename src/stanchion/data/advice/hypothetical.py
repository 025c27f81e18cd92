"""What a missing index would bring, by PostgreSQL's extension hypopg: its `CREATE INDEX` is a note in the memory of one
connection, which that connection's planner alone takes for an index. Nothing is written, nobody waits, and no statement
is run: there are costs before and after, in the planner's own unit, and no times.
"""

from collections.abc import Sequence

from stanchion.data.advice import postgres
from stanchion.data.advice.evidence import Evidence
from stanchion.data.advice.findings import Finding, Gain
from stanchion.data.advice.gain import chosen
from stanchion.data.advice.rules import creation
from stanchion.data.driver import Driver, Statements
from stanchion.data.failures import DatabaseUnavailable

_SCHEMA = "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'hypopg'"


async def gains(driver: Driver, found: Sequence[Finding], evidence: Evidence) -> list[list[Gain]]:
    """Those of each finding that wants an index; none where the extension has not been made in this database.

    Raises:
        DatabaseUnavailable, DatabaseBusy, DatabaseTimeout: it does not answer.
    """
    async with driver.transaction() as statements:
        for bound in postgres.BOUNDS:
            await statements.execute(bound, ())
        schemas = (await statements.fetch(_SCHEMA, ())).rows
        if not schemas:
            return [[] for _ in found]
        return [await _gains(statements, schemas[0][0], finding, evidence) for finding in found]


async def _gains(statements: Statements, schema: str, finding: Finding, evidence: Evidence) -> list[Gain]:
    assert finding.wanted is not None
    seen = [one for one, _ in chosen(finding, evidence)]
    before = [await _cost(statements, one.example) for one in seen]
    index = creation(finding.wanted, concurrently=False)
    await statements.execute("SAVEPOINT stanchion_hypothetical", ())
    try:
        await statements.fetch(f"SELECT indexname FROM {schema}.hypopg_create_index($1)", (index,))
        after = [await _cost(statements, one.example) for one in seen]
    except DatabaseUnavailable:
        raise
    except Exception:  # an index that the extension has no idea of
        await statements.execute("ROLLBACK TO SAVEPOINT stanchion_hypothetical", ())
        return []
    finally:
        await statements.fetch(f"SELECT {schema}.hypopg_reset()", ())
    return [
        Gain(statement=one.text, before=None, after=None, cost_before=cost, cost_after=lower)
        for one, cost, lower in zip(seen, before, after, strict=True)
    ]


async def _cost(statements: Statements, statement: str) -> float:
    cost: float = (await postgres.explained(statements, statement))["Total Cost"]
    return cost
