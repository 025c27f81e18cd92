"""Values to run a statement with."""

import pytest

from stanchion.data.advice.evidence import Condition, Plan, Scan
from stanchion.data.advice.values import compared, counts, numbered, parameters


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT a FROM t WHERE b = ? AND c = '?' AND d = ?", "SELECT a FROM t WHERE b = $1 AND c = '?' AND d = $2"),
        ('SELECT "wh?t" FROM t WHERE a = $1', 'SELECT "wh?t" FROM t WHERE a = $1'),
        ("SELECT 'it''s ?' WHERE ?", "SELECT 'it''s ?' WHERE $1"),
    ],
)
def test_question_marks_are_numbered(statement: str, expected: str) -> None:
    assert numbered(statement) == expected


def test_parameters_of_limit_and_offset_have_values_and_the_others_a_column() -> None:
    statement = "SELECT a FROM t WHERE b = $3 LIMIT $1 offset $2"
    plan = Plan(scans=(Scan(table="t", whole=True, conditions=(Condition(column="b", kind="equal", parameter=3),)),))
    assert parameters(statement) == 3
    assert counts(statement) == {1: 10, 2: 0}
    assert compared(plan) == {3: ("t", "b")}
    assert parameters("SELECT 1") == 0
