"""Exact cells and generations, in one process; over processes see test_board_processes."""

from collections.abc import Iterator
from contextlib import closing
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion.board import Board


@pytest.fixture(params=["shared", "private"])
def board(request: pytest.FixtureRequest) -> Iterator[Board]:
    with closing(Board.create(seats=1, series=4) if request.param == "shared" else Board.private()) as board:
        yield board


def test_a_cell_is_changed_under_its_lock(board: Board) -> None:
    with board.exact.locked(7) as cells:
        cells[7] = 40
    with board.exact.locked(7) as cells:
        cells[7] += 2
        assert cells[7] == 42
        assert cells[6] == cells[8] == 0


def test_an_error_in_the_block_lets_go(board: Board) -> None:
    with pytest.raises(OverflowError), board.exact.locked(7):
        raise OverflowError
    with board.exact.locked(7) as cells:
        assert cells[7] == 0


@pytest.mark.parametrize("index", [-1, 65_536])
def test_there_is_no_cell_beyond_the_last(board: Board, index: int) -> None:
    with pytest.raises(IndexError, match=f"exact cell {index}: the board has 65536"):
        board.exact.locked(index)
    with board.exact.locked(65_535) as cells:
        cells[65_535] = 1


def test_threads_exclude_each_other(board: Board) -> None:
    def add() -> None:
        for _ in range(2000):
            with board.exact.locked(3) as cells:
                cells[3] += 1
            board.generations.bump(3)

    threads = [Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with board.exact.locked(3) as cells:
        assert cells[3] == 8000
    assert board.generations.get(3) == 8000


def test_generations_begin_at_zero_and_grow(board: Board) -> None:
    assert board.generations.get(9) == 0
    assert [board.generations.bump(9), board.generations.bump(9)] == [1, 2]
    assert board.generations.get(9) == 2
    assert board.generations.get(8) == board.generations.get(10) == 0
    with pytest.raises(IndexError, match="generation 16384: the board has 16384"):
        board.generations.bump(16_384)


def test_a_tag_has_the_same_cell_for_ever(board: Board) -> None:
    assert board.generations.index("123456789") == 0xCBF43926 % 16_384  # the check value of CRC-32
    assert board.generations.index("12345678") != board.generations.index("123456789")


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=())))
def test_any_tag_has_a_cell(tag: str) -> None:
    generations = Board.private().generations
    assert 0 <= generations.index(tag) < len(generations)


def test_they_tell_their_sizes(board: Board) -> None:
    assert repr(board.exact) == "<ExactCells 65536>"
    assert repr(board.generations) == "<Generations 16384>"
    assert len(board.exact) == 65_536
