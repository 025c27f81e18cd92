"""SQLite's plans, read as evidence: of a model of the database, in memory, which has its schema and no rows.

`EXPLAIN QUERY PLAN` tells of no filters. So an index on each column that a statement names is tried on the model, one
after the other, much as the `.expert` command of SQLite's shell does: where the planner takes it up, the plan says what
it is good for.
"""

import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from typing import Literal

from msgspec import Struct

from stanchion.data.advice.evidence import Condition, Index, Plan, Scan
from stanchion.data.tables import quoted

_NODE = re.compile(r"(SCAN|SEARCH) (?:TABLE )?(\S+)(?: AS (\S+))?(?: USING (.*))?", re.DOTALL)
_INDEX = re.compile(r"(?:COVERING )?INDEX (\S+)(?: \((.*)\))?")
Use = Literal["equal", "range", "order"]
Shares = Mapping[str, Mapping[str, float]]
_SORTED = "USE TEMP B-TREE FOR ORDER BY"
_ORDERED = re.compile(r"\b(?:ORDER BY|GROUP BY|DISTINCT)\b", re.I)
"""What an index that is read from end to end is used for; else it is but a smaller copy of the table: `count(*)`."""
_RANGE = 0.25
"""SQLite's own guess of the rows within a range, of whose bounds nothing is known."""
_TRIED = "stanchion_advice"
_WORD = re.compile(r'"[^"]+"|\w+')
_COLUMNS = 16
"""Columns of a table that are tried for one statement."""


class Schema(Struct, frozen=True, kw_only=True):
    """What the model is made of."""

    definitions: Sequence[str]
    """`sqlite_schema.sql`, tables before what is on them."""
    statistics: Sequence[tuple[str, str | None, str]] = ()
    """The rows of `sqlite_stat1`, where there was an ANALYZE."""


class Model:
    """A database of the schema alone, to ask for plans and to try indexes."""

    def __init__(self, schema: Schema) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        for definition in schema.definitions:
            with suppress(sqlite3.Error):  # it needs a function or module that only the app has
                self._connection.execute(definition)
        if schema.statistics:
            self._connection.execute("ANALYZE")  # makes the table
            self._connection.execute("DELETE FROM sqlite_stat1")
            self._connection.executemany("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", schema.statistics)
            self._connection.execute("ANALYZE sqlite_schema")  # has the planner read it

    def __repr__(self) -> str:
        return f"<Model of {', '.join(self.columns())}>"

    def close(self) -> None:
        """Forget it."""
        self._connection.close()

    def columns(self) -> dict[str, tuple[str, ...]]:
        """Of each table."""
        names = [name for (name,) in self._connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {
            name: self._names(f"pragma_table_info({_text(name)})") for name in names if not name.startswith("sqlite_")
        }

    def indexes(self) -> list[Index]:
        """Each index; one that begins with a foreign key is needed as well, to look up what refers to a row."""
        return [index for table in self.columns() for index in self._indexes(table)]

    def _indexes(self, table: str) -> list[Index]:
        foreign = set(self._names(f"pragma_foreign_key_list({_text(table)})", '"from"'))
        indexes = self._connection.execute(
            f'SELECT name, "unique", origin, partial FROM pragma_index_list({_text(table)})'
        ).fetchall()
        found = []
        for name, unique, origin, partial in indexes:
            columns = self._names(f"pragma_index_info({_text(name)})")
            needed = bool(unique) or origin != "c" or not foreign.isdisjoint(columns[:1])
            found.append(Index(name=name, table=table, columns=columns, needed=needed, partial=bool(partial)))
        return found

    def plan(self, statement: str, shares: Shares) -> Plan:
        """How the statement is run, and what an index would be good for; `shares` are, by table and column, the part of
        the rows that one value has.

        Raises:
            sqlite3.Error: it is none of this schema.
        """
        details = self.details(statement)
        nodes = [found for found in map(_NODE.match, details) if found is not None]
        limited = _SORTED in details and re.search(r"\bLIMIT\b", statement, re.I) is not None
        known = self.columns()
        aliases = {node[2]: _table_of(node[2], node[3], statement, known) for node in nodes}
        scans = [self._scan(node, aliases[node[2]], statement, shares, limited=limited) for node in nodes]
        used = [_INDEX.match(node[4] or "") for node in nodes if node[1] == "SEARCH" or _ORDERED.search(statement)]
        return Plan(scans=tuple(scan for scan in scans if scan), indexes=frozenset(one[1] for one in used if one))

    def details(self, statement: str) -> list[str]:
        """The lines of `EXPLAIN QUERY PLAN`."""
        numbers = dict.fromkeys(re.findall(r"\$(\d+)", statement))
        with closing(self._connection.execute(f"EXPLAIN QUERY PLAN {statement}", numbers)) as cursor:
            return [row[3] for row in cursor]

    def _scan(
        self,
        node: "re.Match[str]",
        table: str | None,
        statement: str,
        shares: Shares,
        *,
        limited: bool,
    ) -> Scan | None:
        if table is None:
            return None
        whole = node[1] == "SCAN" or "AUTOMATIC" in (node[4] or "")
        tried = self._tried(table, node[2], statement, limited=limited) if whole or limited else {}
        found = [_condition(column, use, statement) for column, use in tried.items() if use != "order"]
        equal = [shares.get(table, {}).get(one.column, 1.0) for one in found if one.kind == "equal"]
        return Scan(
            table=table,
            whole=whole,
            share=min([*equal, _RANGE if found else 1.0]),
            conditions=tuple(found),
            order=tuple(column for column, use in tried.items() if use == "order"),
        )

    def _tried(self, table: str, alias: str, statement: str, *, limited: bool) -> dict[str, Use]:
        """What an index on each column that the statement names would be used for."""
        named = {word.strip('"').lower() for word in _WORD.findall(statement)}
        columns = [column for column in self.columns()[table] if column.lower() in named]
        uses = {column: self._use(table, column, alias, statement, limited=limited) for column in columns[:_COLUMNS]}
        return {column: use for column, use in uses.items() if use is not None}

    def _use(self, table: str, column: str, alias: str, statement: str, *, limited: bool) -> Use | None:
        self._connection.execute(f"CREATE INDEX {_TRIED} ON {quoted(table)} ({quoted(column)})")
        try:
            details = self.details(statement)
        finally:
            self._connection.execute(f"DROP INDEX {_TRIED}")
        for detail in details:
            node = _NODE.match(detail)
            index = _INDEX.match(node[4] or "") if node is not None and node[2] == alias else None
            if index is not None and index[1] == _TRIED:
                if index[2]:
                    return "equal" if f"{column}=?" in index[2] else "range"
                return "order" if limited and _SORTED not in details else None
        return None

    def _names(self, source: str, column: str = "name") -> tuple[str, ...]:
        return tuple(name or "" for (name,) in self._connection.execute(f"SELECT {column} FROM {source}"))


def _table_of(name: str, alias: str | None, statement: str, known: Mapping[str, Sequence[str]]) -> str | None:
    """The table that a plan's line is about: it has the alias in the place of the name."""
    by_lower = {table.lower(): table for table in known}
    if name.lower() in by_lower:
        return by_lower[name.lower()]
    before = re.findall(rf'("[^"]+"|\w+)\s+(?:AS\s+)?"?{re.escape(name)}"?\b', statement, re.I)
    return next((by_lower[word] for word in (each.strip('"').lower() for each in before) if word in by_lower), None)


def _condition(column: str, use: Use, statement: str) -> Condition:
    """With the parameter that the column is compared with, as far as the text shows it."""
    found = re.search(rf'\b{re.escape(column)}"?\s*(?:=|<=|>=|<|>)\s*\$(\d+)', statement, re.I)
    kind: Literal["equal", "range"] = "equal" if use == "equal" else "range"
    return Condition(column=column, kind=kind, parameter=int(found[1]) if found else None)


def _text(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
