"""What metrics tell of databases: statements by what became of them, connections, and times by verb and table."""

from collections.abc import Sequence

from stanchion.telemetry.page import Page, outcomes, totals
from stanchion.telemetry.snapshot import Tally
from stanchion.telemetry.tallies import (
    DATABASE,
    DATABASE_POOL,
    REPLICATION,
    STATEMENT,
    DatabaseCell,
    DatabasePoolCell,
    ReplicationCell,
    StatementCell,
)

_FAILURES = {cell.name.lower(): cell for cell in (DatabaseCell.REFUSED, DatabaseCell.FAILED, DatabaseCell.TIMED_OUT)}
_COUNTERS = (
    ("database_statements", DatabaseCell.STATEMENTS, "Statements, those that failed among them."),
    ("database_batches", DatabaseCell.BATCHES, "Statements with the keys or rows of gathered calls."),
    ("database_repeated", DatabaseCell.REPEATED, "Statements that one request has asked too often (N+1)."),
)
_GAUGES = (
    ("database_connections", DatabasePoolCell.CONNECTIONS, "Open connections to a database."),
    ("database_connections_in_use", DatabasePoolCell.IN_USE, "Connections that are in use."),
    ("database_waiting", DatabasePoolCell.WAITING, "Statements that wait for a connection."),
)
_REPLICATION_COUNTERS = (
    ("database_replica_reads", ReplicationCell.REPLICA_READS, "Reads that replicas have answered."),
    ("database_replica_reads_passed_on", ReplicationCell.PASSED_ON, "Reads that the primary answered in one's stead."),
    ("database_replicas_ejected", ReplicationCell.EJECTED, "Times that a replica was left out."),
    ("database_primary_switches", ReplicationCell.SWITCHED, "Times that another server became the primary."),
)
_STATEMENT_COUNTERS = (
    ("statements", StatementCell.RAN, 1, "Statements, by verb and table."),
    ("statement_rows", StatementCell.ROWS, 1, "Rows that statements have returned or changed."),
    ("statement_failures", StatementCell.FAILED, 1, "Statements that failed."),
    ("statement_repeated", StatementCell.REPEATED, 1, "Statements that one request has asked too often (N+1)."),
    ("statement_seconds", StatementCell.MICROSECONDS, 1e6, "Time of statements, their wait for a connection with it."),
    ("statement_wait_seconds", StatementCell.WAITED, 1e6, "Time that statements have waited for a connection."),
)


def databases(page: Page, tallies: Sequence[Tally]) -> None:
    """The families, where there is a database."""
    found = [tally for tally in tallies if tally.kind == DATABASE]
    if not found:
        return
    totals(page, "database", found, _COUNTERS)
    page.family("database_failures", "counter", "Statements that failed, by the way they did.")
    outcomes(page, "database", found, _FAILURES)
    for name, cell, about in _GAUGES:
        page.family(name, "gauge", about)
        for tally in tallies:
            if tally.kind == DATABASE_POOL:
                page.sample(tally.cells[cell], database=tally.name)
    _replicas(page, tallies)
    _statements(page, [tally for tally in tallies if tally.kind == STATEMENT])


def _replicas(page: Page, tallies: Sequence[Tally]) -> None:
    found = [tally for tally in tallies if tally.kind == REPLICATION]
    if not found:
        return
    names = {tally.name for tally in found}
    page.family("database_replicas", "gauge", "Replicas that are read from, added up over workers.")
    for tally in tallies:
        if tally.kind == DATABASE_POOL and tally.name in names:
            page.sample(tally.cells[DatabasePoolCell.REPLICAS], database=tally.name)
    totals(page, "database", found, _REPLICATION_COUNTERS)


def _statements(page: Page, tallies: Sequence[Tally]) -> None:
    for name, counter, unit, about in _STATEMENT_COUNTERS:
        page.family(name, "counter", about)
        for tally in tallies:
            database, verb, table = tally.name.rsplit(" ", 2)
            value = tally.cells[counter]
            page.sample(value if unit == 1 else value / unit, database=database, verb=verb, table=table)
