"""The order of pages: how it is told, and the SQL that follows from it."""

import datetime
from typing import Annotated, Any

import pytest
from msgspec import Meta, Struct

from stanchion.data.keyset import Column, order_of, statement_of
from stanchion.errors import ConfigurationError


class Row(Struct, rename={"flight": "flightId"}):
    id: int
    day: datetime.date
    delay: int | None
    flight: int
    note: Annotated[str, Meta(max_length=3)] | None = None


def where(*texts: str, place: tuple[bool, ...]) -> str:
    lines = statement_of("SELECT 1", order_of(Row, texts), place, 1, offset=False).splitlines()
    return next(line for line in lines if line.startswith("WHERE")).replace('page."', '"')


def test_an_order_is_told_by_texts() -> None:
    found = order_of(Row, ("-day", "delay nulls last", "-note nulls first", "flightId"))
    expected = (Column("day", True), Column("delay", False, "last"), Column("note", True, "first"), Column("flightId"))
    assert found == expected


@pytest.mark.parametrize(
    ("kind", "texts", "why"),
    [
        (Row, (), "a page of Row has no order"),
        (Row, ("id desc",), "order 'id desc' of a page of Row: expected a column such as"),
        (Row, ('id" --',), "expected a column"),
        (Row, ("nothing",), "ordered by 'nothing', which is none of its fields"),
        (Row, ("flight",), "ordered by 'flight', which is none of its fields"),
        (Row, ("-delay", "id"), "Row.delay may be None: order by '-delay nulls last'"),
        (Row, ("note",), "Row.note may be None"),
        (int, ("id",), "is no Struct"),
    ],
)
def test_what_is_no_order_is_refused(kind: Any, texts: tuple[str, ...], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        order_of(kind, texts)


def test_one_direction_is_one_comparison_of_rows() -> None:
    assert where("day", "id", place=(True, True)) == 'WHERE ("day", "id") > ($2, $3)'
    assert where("-day", "-id", place=(True, True)) == 'WHERE ("day", "id") < ($2, $3)'
    assert where("-id", place=(True,)) == 'WHERE "id" < $2'


def test_two_directions_are_spelled_out_with_the_first_column_as_a_range() -> None:
    assert where("day", "-id", place=(True, True)) == (
        'WHERE "day" >= $2 AND (("day" > $2) OR ("day" = $2 AND "id" < $3))'
    )


def test_nulls_have_a_place() -> None:
    last, first = ("delay nulls last", "id"), ("delay nulls first", "id")
    assert where(*last, place=(True, True)) == (
        'WHERE ("delay" >= $2 OR "delay" IS NULL) AND '
        '((("delay" > $2 OR "delay" IS NULL)) OR ("delay" = $2 AND "id" > $3))'
    )
    assert where(*last, place=(False, True)) == (
        'WHERE "delay" IS NULL AND ((FALSE) OR ("delay" IS NULL AND "id" > $2))'
    )
    assert where(*first, place=(False, True)) == (
        'WHERE TRUE AND (("delay" IS NOT NULL) OR ("delay" IS NULL AND "id" > $2))'
    )
    assert where(*first, place=(True, True)) == (
        'WHERE "delay" >= $2 AND (("delay" > $2) OR ("delay" = $2 AND "id" > $3))'
    )


def test_the_statement_is_left_as_it_is() -> None:
    order = order_of(Row, ("-delay nulls last", "id"))
    assert statement_of("SELECT * FROM rows -- all\n;", order, None, 0, offset=True).splitlines() == [
        "SELECT * FROM (",
        "SELECT * FROM rows -- all",
        "",
        ") AS page",
        'ORDER BY page."delay" DESC NULLS LAST, page."id" ASC LIMIT $1 OFFSET $2',
    ]


def test_backward_is_the_same_order_from_its_other_end() -> None:
    column = Column("delay", True, "last")
    assert column.backward() == Column("delay", False, "first")
    assert column.backward().backward() == column
