"""A statement's text without its constants, and what it does to which table."""

import pytest

from stanchion.data.statements.text import normalised, verb_and_table


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("SELECT  a\n\tFROM t", "SELECT a FROM t"),
        ("SELECT a FROM t WHERE b = 'it''s secret' AND c > 12.5;", "SELECT a FROM t WHERE b = ? AND c > ?"),
        ('SELECT "a 1" FROM t2 WHERE b = $12', 'SELECT "a 1" FROM t2 WHERE b = $12'),
        ("SELECT a -- of 7\nFROM t /* the\n8 */ LIMIT 5", "SELECT a FROM t LIMIT ?"),
        ("SELECT a FROM t WHERE b IN ($1, $2,$3)", "SELECT a FROM t WHERE b IN (…)"),
        ("INSERT INTO t VALUES (1, 'a'), (2, 'b')", "INSERT INTO t VALUES (…)"),
        ("SELECT f($1)", "SELECT f($1)"),
    ],
)
def test_constants_comments_and_spaces_make_no_difference(statement: str, text: str) -> None:
    assert normalised(statement) == text
    assert normalised(text) == text


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("select a from sales.orders o join t on true", ("select", "sales.orders")),
        ('INSERT INTO "items" ("id") VALUES ($1)', ("insert", "items")),
        ("UPDATE only seats SET free = 1", ("update", "seats")),
        ("DELETE FROM t", ("delete", "t")),
        ("WITH gone AS (DELETE FROM a RETURNING *) SELECT * FROM gone", ("delete", "a")),
        ("CREATE TABLE IF NOT EXISTS items (id int)", ("create", "items")),
        ("SELECT 1", ("select", "-")),
        ("", ("-", "-")),
    ],
)
def test_verb_and_table(statement: str, expected: tuple[str, str]) -> None:
    assert verb_and_table(statement) == expected
