"""PostgreSQL's filters, as it writes them, to conditions an index can answer."""

import pytest

from stanchion.data.advice.conditions import conditions
from stanchion.data.advice.evidence import Condition


def equal(column: str, parameter: int | None = None) -> Condition:
    return Condition(column=column, kind="equal", parameter=parameter)


def within(column: str, parameter: int | None = None) -> Condition:
    return Condition(column=column, kind="range", parameter=parameter)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(dest = $1)", [equal("dest", 1)]),
        ("(f.dest = $1)", [equal("dest", 1)]),
        ("((f.carrier)::text = 'a) AND (b'::text)", [equal("carrier")]),
        ("((f.dest = $1) AND (f.day > $12))", [equal("dest", 1), within("day", 12)]),
        ("((f.dest = $1) AND (f.day >= $2) AND (f.day < $3))", [equal("dest", 1), within("day", 2), within("day", 3)]),
        ("(f.id = ANY ($2))", [equal("id", 2)]),
        ("($1 = f.dest)", [equal("dest", 1)]),
        ('(f."Dest Of" = $1)', [equal("Dest Of", 1)]),
        ("(b.flight = f.id)", [equal("id")]),
        ("((f.dest = $1) OR (f.day = $2))", []),
        ("((f.dest = $1) AND ((f.day = $2) OR (f.day = $3)))", [equal("dest", 1)]),
        ("(lower(f.dest) = $1)", []),
        ("((f.price)::numeric > $1)", []),
        ("(NOT f.cancelled)", []),
        ("(f.day IS NULL)", []),
        ("(f.name ~~ $1)", []),
        ("(f.dest <> $1)", []),
        ("(other.dest = $1)", []),
        ("", []),
    ],
)
def test_conditions(text: str, expected: list[Condition]) -> None:
    assert list(conditions(text, "f")) == expected
