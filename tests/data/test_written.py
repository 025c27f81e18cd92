"""Which tables and rows a statement writes to, by its text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.data.written import written

TABLES = [
    ("SELECT * FROM t", []),
    ("SELECT * FROM t FOR UPDATE", []),
    ("SELECT * FROM t FOR NO KEY UPDATE", []),
    ("select replace(a, 'INSERT INTO u', '') from t -- DELETE FROM v", []),
    ("SELECT t.update, 'it''s; DELETE FROM u' FROM t /* UPDATE v */", []),
    ("VALUES (1), (2);", []),
    ("CREATE TABLE IF NOT EXISTS t (a integer)", []),
    ("", []),
    ("INSERT INTO t (a) VALUES ($1) RETURNING *", ["t"]),
    ("insert into Sales.Orders values (1)", ["orders"]),
    ('INSERT INTO "air.ports" VALUES (1)', ["air.ports"]),
    ('UPDATE ONLY "Sales"."Orders" SET a = 1', ["orders"]),
    ("INSERT OR REPLACE INTO t VALUES (1)", ["t"]),
    ("REPLACE INTO t VALUES (1)", ["t"]),
    ("UPDATE OR IGNORE t SET a = 1", ["t"]),
    ("INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET b = 1", ["t"]),
    ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE", ["t"]),
    ("COPY t FROM STDIN", ["t"]),
    ("WITH gone AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM gone", ["t", "u"]),
    ("EXPLAIN ANALYZE UPDATE t SET a = 1", ["t"]),
    (r"UPDATE t SET a = E'it\'s' WHERE b = ' DELETE FROM u'", ["t"]),
    ("INSERT INTO t VALUES ($$ UPDATE u $$, $a$ $$ DELETE FROM v $a$)", ["t"]),
    ("UPDATE t SET a = 1;", ["t"]),
    ("WITH new AS (SELECT ARRAY['x]', 'y'] AS a) UPDATE t SET a = new.a FROM new", ["t"]),
    ("UPDATE [odd name] SET a = 1", ["odd name"]),
]


@pytest.mark.parametrize(("statement", "tables"), TABLES)
def test_the_tables_written_to(statement: str, tables: list[str]) -> None:
    found = written(statement)
    assert found is not None
    assert [table for table, _ in found] == tables


@pytest.mark.parametrize(
    "statement",
    [
        "CALL p()",
        "DO $$ BEGIN DELETE FROM t; END $$",
        "TRUNCATE t",
        "DROP TABLE t",
        "CREATE OR REPLACE VIEW t AS SELECT 1",
        "INSERT INTO t VALUES (1); CALL p()",
    ],
)
def test_what_may_write_to_any_table(statement: str) -> None:
    assert written(statement) is None


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("UPDATE t SET a = $2 WHERE id = $1", [("id", 0)]),
        ("DELETE FROM t WHERE ID=$1 RETURNING a", [("id", 0)]),
        ('UPDATE t AS x SET a = $1 WHERE x."Id" = $3 AND version = $2 AND a > 3', [("id", 2), ("version", 1)]),
        ("UPDATE t SET a = $2 WHERE note IS NULL AND id = $1", [("id", 0)]),
    ],
)
def test_the_row_that_is_written_to(statement: str, rows: list[tuple[str, int]]) -> None:
    assert written(statement) == (("t", tuple(rows)),)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE t SET id = $2 WHERE id = $1",
        "UPDATE t SET (id, a) = ($2, $3) WHERE id = $1",
        "UPDATE t SET a = $2 WHERE id = $1 OR a = 3",
        "UPDATE t SET a = $2 WHERE NOT id = $1",
        "UPDATE t SET a = $2 WHERE id >= $1",
        "UPDATE t SET a = $2 WHERE id = $1 + 1",
        "UPDATE t SET a = $2 WHERE - id = $1",
        "UPDATE t SET a = $2 WHERE a || id = $1",
        "UPDATE t SET a = $2 WHERE id = $1::int",
        "UPDATE t SET a = $2 WHERE id IN (SELECT s FROM u WHERE id = $1)",
        "UPDATE t SET a = u.a FROM u WHERE u.id = $1",
        "DELETE FROM t USING u WHERE u.id = $1",
        "INSERT INTO t SELECT * FROM u WHERE id = $1",
    ],
)
def test_rows_that_are_not_known(statement: str) -> None:
    assert written(statement) == (("t", ()),)


@given(st.text(alphabet="abUPDATE \"'$1;.-/*()=\n", max_size=60))
def test_any_text_has_an_answer(text: str) -> None:
    """And none that is put into quotes or a comment is taken for SQL."""
    written(text)
    quoted = text.replace("'", "''")
    assert written(f"SELECT '{quoted}'") == ()
    assert written(f"INSERT INTO t VALUES ('{quoted}')") == (("t", ()),)
