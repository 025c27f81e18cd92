"""Generations that a fleet's store gives numbers to: marks, what replaces them, and what no cell gets back."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.board import Board
from stanchion.board.generations import MARK, Generations
from stanchion.board.locks import RecordLocks

NUMBERS = st.integers(1, 6)
FIRST = 1 << 51


@pytest.fixture
def generations() -> Iterator[Generations]:
    with closing(Board.create(seats=1, series=1)) as board:
        yield board.generations


def test_cells_are_the_same_or_not(generations: Generations) -> None:
    generations.bump(7)
    assert generations.same(())
    assert generations.same([(7, 1), (8, 0)])
    assert not generations.same([(8, 0), (7, 0)])
    assert not generations.same([(8, 1), (7, 1)])


def test_a_board_is_begun_once(generations: Generations) -> None:
    generations.begin(40)
    assert generations.numbers().tolist() == [40] * 16_384
    generations.bump(7)
    generations.begin(50)
    assert generations.get(7) == 41
    assert generations.get(0) == generations.get(16_383) == 40


def test_one_that_was_killed_while_it_began_has_not_begun(generations: Generations) -> None:
    for cell in range(1, 100):
        generations.bump(cell)  # as it leaves the board: the first cell comes last
    generations.begin(50)
    assert generations.numbers().tolist() == [50] * 16_384


def test_marks_are_found(generations: Generations) -> None:
    assert generations.marked() == []
    marks = [(cell, generations.mark(cell)) for cell in (0, 7, 16_383)]
    assert generations.marked() == marks


def test_a_mark_is_of_chance_and_only_its_number_replaces_it(generations: Generations) -> None:
    marks = [generations.mark(7) for _ in range(100)]
    assert len(set(marks)) == 100
    assert all(MARK <= mark < 2 * MARK for mark in marks)
    assert generations.get(7) == marks[-1]
    assert not generations.settle(7, FIRST + 1, marks[0])
    assert not generations.settle(7, FIRST + 2)
    assert generations.get(7) == marks[-1]
    assert generations.settle(7, FIRST, marks[-1])
    assert generations.get(7) == FIRST


def test_only_a_higher_number_replaces_a_number(generations: Generations) -> None:
    assert generations.settle(7, FIRST)
    assert not generations.settle(7, FIRST)
    assert not generations.settle(7, FIRST - 1)
    assert generations.settle(7, FIRST + 1, MARK | 5)
    assert not generations.settle(7, MARK | 6)  # no store gives such a number
    assert generations.get(7) == FIRST + 1


@pytest.mark.parametrize("cell", [-1, 16_384])
def test_there_is_no_cell_beyond_the_last(generations: Generations, cell: int) -> None:
    for change in (generations.mark, generations.bump):
        with pytest.raises(IndexError, match=f"generation {cell}: the board has 16384"):
            change(cell)
    with pytest.raises(IndexError):
        generations.settle(cell, FIRST)


@given(st.lists(st.one_of(st.just("mark"), NUMBERS, st.tuples(NUMBERS, st.integers(0, 3))), max_size=30))
def test_a_cell_never_gets_a_number_back(steps: list[str | int | tuple[int, int]]) -> None:
    """Numbers come late and twice; one for a mark is higher than all before it, as the store has it."""
    generations = Generations(memoryview(bytearray(8)).cast("Q"), 0, RecordLocks(None))
    generations.begin(5)
    had, marks, latest = [5], [0], FIRST
    for step in steps:
        if step == "mark":
            marks.append(generations.mark(0))
        elif isinstance(step, int):
            generations.settle(0, FIRST + step)
        elif isinstance(step, tuple):
            latest += 10
            generations.settle(0, latest, marks[-1 - step[1] % len(marks)])
        if generations.get(0) != had[-1]:
            assert generations.get(0) not in had
            had.append(generations.get(0))
