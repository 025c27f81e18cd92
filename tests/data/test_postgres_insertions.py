"""Rows inserted together: for whatever is refused, each row is inserted once or has its own error."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.data.driver import Insertion, Rows
from stanchion.data.failures import ConstraintViolated, DatabaseUnavailable
from stanchion.data.postgres.insertions import inserted


class Table:
    """Takes each number once, all of a call or none; it is gone after so many calls."""

    def __init__(self, gone_after: int = 1000) -> None:
        self.rows: list[int] = []
        self.calls = 0
        self._gone_after = gone_after

    async def send(self, statement: str, values: list[tuple[Any, ...]]) -> list[Rows]:
        self.calls += 1
        if self.calls > self._gone_after:
            raise DatabaseUnavailable
        numbers = [number for (number,) in values]
        if len({*self.rows, *numbers}) < len(self.rows) + len(numbers):
            raise ConstraintViolated("rows_pkey")
        self.rows += numbers
        return [Rows(("number",), [(number,)]) for number in numbers]


def inserting(table: Table, numbers: list[int], statements: int = 1) -> list[Any]:
    rows = [Insertion(f"statement {place % statements}", (number,)) for place, number in enumerate(numbers)]
    return asyncio.run(inserted(table.send, rows))


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.integers(1, 3))
def test_each_number_is_inserted_once(numbers: list[int], statements: int) -> None:
    table = Table()
    outcomes = inserting(table, numbers, statements)
    assert sorted(table.rows) == sorted(set(numbers))
    for number, outcome in zip(numbers, outcomes, strict=True):
        assert isinstance(outcome, ConstraintViolated) or outcome == Rows(("number",), [(number,)])
    assert sum(isinstance(outcome, Rows) for outcome in outcomes) == len(table.rows)


def test_one_that_is_refused_is_found_by_halves() -> None:
    table = Table()
    table.rows.append(100)
    outcomes = inserting(table, list(range(256)))
    assert [place for place, outcome in enumerate(outcomes) if isinstance(outcome, Exception)] == [100]
    assert table.calls == 1 + 2 * 8


@given(st.lists(st.integers(0, 15), min_size=2, max_size=30), st.integers(1, 12))
def test_what_was_inserted_before_the_server_went_is_told_so(numbers: list[int], gone_after: int) -> None:
    table = Table(gone_after)
    try:
        outcomes = inserting(table, numbers)
    except DatabaseUnavailable:
        assert table.rows == []
        return
    told = [outcome.rows[0][0] for outcome in outcomes if isinstance(outcome, Rows)]
    assert sorted(told) == sorted(table.rows)
    assert all(isinstance(outcome, Rows | ConstraintViolated | DatabaseUnavailable) for outcome in outcomes)


def test_nothing_is_tried_again_where_the_server_is_gone() -> None:
    table = Table(gone_after=0)
    with pytest.raises(DatabaseUnavailable):
        inserting(table, list(range(100)), statements=3)
    assert table.calls == 1
