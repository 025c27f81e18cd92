"""Evidence from PostgreSQL: its catalogue, its statistics, and its plan of each statement. It changes nothing."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec

from stanchion.data.advice.evidence import Evidence, Index, Plan, Table
from stanchion.data.advice.postgres_plans import Node, plan_of
from stanchion.data.driver import Driver, Statements
from stanchion.data.failures import DatabaseUnavailable
from stanchion.data.statements.exported import Seen
from stanchion.data.statements.text import normalised, verb_and_table

EXPLAINED = frozenset({"select", "insert", "update", "delete"})
_MOST = 200
BOUNDS = ("SET TRANSACTION READ ONLY", "SET LOCAL statement_timeout = '10s'", "SET LOCAL lock_timeout = '1s'")
_TABLES = """
SELECT n.nspname, c.relname, (CASE WHEN c.reltuples < 0 THEN s.n_live_tup ELSE c.reltuples END)::float8
FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid JOIN pg_namespace n ON n.oid = c.relnamespace
"""
_INDEXES = """
SELECT n.nspname, t.relname, i.relname,
    array(SELECT coalesce(a.attname, '') FROM unnest(x.indkey::int2[]) WITH ORDINALITY k(number, place)
          LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number AND k.number > 0
          WHERE k.place <= x.indnkeyatts ORDER BY k.place)::text[],
    x.indisunique OR x.indisexclusion OR x.indisreplident
        OR EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.oid),
    x.indpred IS NOT NULL, s.idx_scan, pg_relation_size(i.oid)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
    JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_stat_user_indexes s ON s.indexrelid = i.oid
WHERE x.indisvalid
"""
_PARAMETERS = (
    "SELECT coalesce(cardinality(parameter_types), 0) FROM pg_prepared_statements WHERE name = 'stanchion_advice'"
)
_STATISTICS = """
SELECT query, calls, total_exec_time / 1000, rows FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND userid = (SELECT oid FROM pg_roles WHERE rolname = current_user)
ORDER BY total_exec_time DESC LIMIT 200
"""


async def evidence(database: str, driver: Driver, seen: Sequence[Seen]) -> Evidence:
    """What is known of the database, and of how it runs the statements seen.

    Raises:
        DatabaseUnavailable, DatabaseBusy, DatabaseTimeout: it does not answer.
    """
    plans: list[tuple[Seen, Plan]] = []
    unexplained: dict[str, str] = {}
    async with driver.transaction() as statements:
        for bound in BOUNDS:
            await statements.execute(bound, ())
        tables = await _tables(statements)
        indexes = await _indexes(statements)
        for one in seen[:_MOST]:
            if one.verb not in EXPLAINED:
                continue
            try:
                plans.append((one, plan_of(await explained(statements, one.example), tables)))
            except DatabaseUnavailable:
                raise
            except Exception as error:  # whatever the server says of a statement that it does not take
                unexplained[one.text] = str(error)
    return Evidence(
        database=database,
        concurrently=True,
        tables=tables,
        indexes=indexes,
        plans=plans,
        repeated=[one for one in seen if one.repeated],
        unexplained=unexplained,
    )


async def statistics(database: str, driver: Driver) -> list[Seen]:
    """The statements of this user that the extension pg_stat_statements knows of; none where it is not installed."""
    try:
        found = await driver.fetch(_STATISTICS, ())
    except DatabaseUnavailable:
        raise
    except Exception:  # it is not there, or not loaded
        return []
    return [
        Seen(
            database=database,
            text=normalised(query),
            example=query,
            verb=verb_and_table(query)[0],
            table=verb_and_table(query)[1],
            calls=calls,
            seconds=seconds,
            rows=rows,
        )
        for query, calls, seconds, rows in found.rows
        if "stanchion_advice" not in query
    ]


async def explained(statements: Statements, statement: str, values: Sequence[str] = (), *, run: bool = False) -> Node:
    """The first node of a statement's plan, with its times if it is `run`.

    It is the plan for any values, as a prepared statement has it; `values` are SQL, NULL where there are fewer.
    """
    options = "FORMAT JSON, VERBOSE" + (", ANALYZE, TIMING OFF" if run else "")
    async with prepared(statements, statement) as count:
        given = ", ".join([*values, *["NULL"] * (count - len(values))][:count])
        found = await statements.fetch(
            f"EXPLAIN ({options}) EXECUTE stanchion_advice{f'({given})' if given else ''}", ()
        )
    told = msgspec.json.decode(found.rows[0][0])[0]
    return {**told["Plan"], "Execution Time": told.get("Execution Time")}


@asynccontextmanager
async def prepared(statements: Statements, statement: str) -> AsyncIterator[int]:
    """The statement as `stanchion_advice` within the block; gives how many parameters it has."""
    await statements.execute("SAVEPOINT stanchion_advice", ())
    await statements.execute("SET LOCAL plan_cache_mode = force_generic_plan", ())
    try:
        await statements.fetch(
            f"PREPARE stanchion_advice AS {statement}", ()
        )  # `execute` would run what is behind a `;`
    except BaseException:
        await statements.execute("ROLLBACK TO SAVEPOINT stanchion_advice", ())
        raise
    try:
        yield (await statements.fetch(_PARAMETERS, ())).rows[0][0]
    except BaseException:
        await statements.execute("ROLLBACK TO SAVEPOINT stanchion_advice", ())
        raise
    finally:  # it outlives a rollback
        await statements.execute("DEALLOCATE stanchion_advice", ())
    await statements.execute("RELEASE SAVEPOINT stanchion_advice", ())


async def _tables(statements: Statements) -> Mapping[str, Table]:
    rows = (await statements.fetch(_TABLES, ())).rows
    return {_named(schema, name): Table(name=_named(schema, name), rows=count) for schema, name, count in rows}


async def _indexes(statements: Statements) -> list[Index]:
    rows: Iterable[Sequence[object]] = (await statements.fetch(_INDEXES, ())).rows
    return [
        msgspec.convert(
            {
                "name": _named(str(schema), str(name)),
                "table": _named(str(schema), str(table)),
                "columns": columns,
                "needed": needed,
                "partial": partial,
                "scans": scans,
                "bytes": size,
            },
            Index,
        )
        for schema, table, name, columns, needed, partial, scans, size in rows
    ]


def _named(schema: str, name: str) -> str:
    return name if schema == "public" else f"{schema}.{name}"
