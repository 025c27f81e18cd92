"""What runs in a process: one query in a DuckDB of its own, which is gone afterwards."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from glob import glob
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from stanchion.data.failures import AnalyticsMemory, AnalyticsTooLarge
from stanchion.data.tables import quoted

if TYPE_CHECKING:
    import duckdb


class Budget(NamedTuple):
    """What a query may take."""

    memory: int
    """Bytes."""
    threads: int


class View(NamedTuple):
    """Files that a query sees as one table."""

    name: str
    pattern: str
    """A path, or several by `*`."""
    reader: Literal["read_parquet", "read_csv", "read_json"] = "read_parquet"


class Question(NamedTuple):
    """A query, with `$1` parameters, over views."""

    statement: str
    values: tuple[Any, ...]
    views: tuple[View, ...]
    budget: Budget
    most: int
    """Rows that it may have."""


class Answer(NamedTuple):
    """Its result."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class Refusal(NamedTuple):
    """A result, or a table, that is not to be had within the limits."""

    limit: Literal["memory", "rows"]
    detail: str

    def failure(self) -> AnalyticsMemory | AnalyticsTooLarge:
        """What it is to a client."""
        return AnalyticsMemory() if self.limit == "memory" else AnalyticsTooLarge(self.detail)


class QueryError(Exception):
    """DuckDB does not take a statement, or a file is not what it should be; its words."""


def ask(question: Question) -> Answer | Refusal:
    """Run a query.

    Raises:
        QueryError: there is a mistake in it.
    """
    with connected(question.budget) as connection:
        allowed: list[str] = []
        for name, pattern, reader in question.views:
            paths = _paths(name, pattern)
            connection.execute(f"CREATE VIEW {quoted(name)} AS SELECT * FROM {reader}({literal(paths)})")
            allowed += paths
        _confine(connection, allowed)
        return _answered(connection, question)


def _answered(connection: "duckdb.DuckDBPyConnection", question: Question) -> Answer | Refusal:
    import duckdb

    try:
        cursor = connection.execute(question.statement, question.values)
        rows = cursor.fetchmany(question.most + 1)
    except duckdb.OutOfMemoryException as error:
        return Refusal("memory", first_line(error))
    if len(rows) > question.most:
        return Refusal("rows", f"the result has more than {question.most} rows")
    return Answer(tuple(column[0] for column in cursor.description or ()), rows)


@contextmanager
def connected(budget: Budget) -> "Iterator[duckdb.DuckDBPyConnection]":
    """An empty DuckDB within its budget, which downloads nothing and writes nothing to the disk by itself."""
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{budget.memory}B",
        "threads": budget.threads,
        "temp_directory": "",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with duckdb.connect(":memory:", config=config) as connection:
        try:
            connection.execute("SET TimeZone = 'UTC'")  # wherever it runs, a moment's text is the same
            yield connection
        except duckdb.Error as error:
            raise QueryError(f"{type(error).__name__}: {error}") from None


def _paths(name: str, pattern: str) -> list[str]:
    paths = sorted(glob(pattern, recursive=True))
    if not paths:
        raise QueryError(f"the table {name}: there is no file {pattern}")
    return paths


def _confine(connection: "duckdb.DuckDBPyConnection", paths: list[str]) -> None:
    """From now on it reads these files and no others, and what holds for it stays as it is."""
    connection.execute(f"SET allowed_paths = {literal(paths)}")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def literal(value: str | Sequence[str]) -> str:
    """A text, or a list of them, in SQL."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"[{', '.join(map(literal, value))}]"


def first_line(error: BaseException) -> str:
    """The part of a message that says what happened."""
    return str(error).partition("\n")[0]
