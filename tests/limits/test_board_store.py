"""A limit's clients on the board: told apart, bounded in number, and forgotten where it matters least."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from stanchion.board import Board
from stanchion.limits.board_store import BoardStore
from stanchion.limits.gcra import Gcra
from stanchion.limits.sliding_window import SlidingWindow

SECOND = 10**9
RULE = Gcra(interval=SECOND, burst=3)


class Clock:
    """Nanoseconds that pass when told."""

    def __init__(self) -> None:
        self.now = 10**15

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def board() -> Iterator[Board]:
    with closing(Board.create(seats=2, series=4, clients=1024)) as board:
        yield board


def test_clients_and_limits_are_told_apart(board: Board) -> None:
    clock = Clock()
    one, other = BoardStore(board, "one", RULE, clock), BoardStore(board, "other", RULE, clock)
    assert [one.take("a", 1, 0).allowed for _ in range(4)] == [True, True, True, False]
    assert one.take("b", 1, 0).remaining == 2
    assert other.take("a", 1, 0).remaining == 2
    clock.now += SECOND
    assert one.take("a", 1, 0).allowed


def test_another_attachment_counts_along(board: Board) -> None:
    clock = Clock()
    here = BoardStore(board, "same", RULE, clock)
    there = BoardStore(Board.attach(board.descriptor), "same", RULE, clock)
    assert [store.take("a", 1, 0).remaining for store in (here, there, here)] == [2, 1, 0]
    assert not there.take("a", 1, 0).allowed


def test_a_cost_is_capped_to_all_there_is(board: Board) -> None:
    for rule in (RULE, SlidingWindow(count=3, window=SECOND)):
        store = BoardStore(board, type(rule).__name__, rule, Clock())
        assert store.take("a", 1000, 0).allowed
        assert not store.take("a", 1, 0).allowed


@pytest.mark.parametrize("name", ["", "\ud800", "x" * 100_000])
def test_any_text_is_a_client(board: Board, name: str) -> None:
    store = BoardStore(board, "odd", RULE, Clock())
    assert [store.take(name, 1, 0).remaining for _ in range(2)] == [2, 1]


def test_a_flood_of_strangers_is_bounded_and_does_not_free_who_is_over_its_limit(board: Board) -> None:
    """A hundred thousand invented clients pass through a table of 1024: those forgotten are among the strangers."""
    store = BoardStore(board, "flood", RULE, Clock())
    for _ in range(3):
        store.take("greedy", 1, 0)
    for number in range(100_000):
        assert store.take(f"stranger {number}", 1, 0).allowed
    assert not store.take("greedy", 1, 0).allowed
    assert store.given_up == 100_001 - len(board.clients)


def test_time_makes_room_for_all(board: Board) -> None:
    clock = Clock()
    store = BoardStore(board, "slow", RULE, clock)
    for number in range(10_000):
        assert store.take(f"client {number}", 1, 0).remaining == 2
        clock.now += SECOND // 100  # a hundred at one time
    assert store.given_up == 0
