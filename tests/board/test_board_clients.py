"""The clients' table: a key finds its state, an expired one makes room, a full set gives up the soonest."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion.board import Board
from stanchion.board.clients import ClientTable
from stanchion.board.layout import WAYS

State = tuple[int, int, int]


@pytest.fixture(params=["shared", "private"])
def table(request: pytest.FixtureRequest) -> Iterator[ClientTable]:
    board = Board.create(seats=1, series=4, clients=16) if request.param == "shared" else Board.private(clients=16)
    with closing(board):
        yield board.clients


def put(table: ClientTable, key: int, now: int, new: State | None) -> State:
    """Write a state; returns the one there was."""

    def step(old: State, now: int, cost: int, patience: int) -> tuple[State | None, State]:
        return new, old

    return table.take(key, now, step, 1, 0)


def test_a_key_finds_what_it_left(table: ClientTable) -> None:
    assert len(table) == 16
    assert put(table, 5, 10, (100, 1, 2)) == (0, 0, 0)
    assert put(table, 5, 11, None) == (100, 1, 2)
    assert put(table, 5, 12, (90, 2**64 - 1, 3)) == (100, 1, 2)
    assert put(table, 5, 13, None) == (90, 2**64 - 1, 3)
    assert put(table, 7, 13, None) == (0, 0, 0)


def test_no_more_than_a_set_is_kept_and_the_soonest_goes(table: ClientTable) -> None:
    keys = [2 * number + 2 for number in range(WAYS)]  # two sets: these are all of one
    for key in keys:
        put(table, key, 0, (1000 - key, key, key))
    assert put(table, 101, 0, (50, 1, 1)) == (0, 0, 0)  # the other set has room
    assert table.given_up == 0
    put(table, 100, 0, (5000, 9, 9))
    assert table.given_up == 1
    assert put(table, keys[-1], 0, None) == (0, 0, 0)  # it would have expired first
    assert [put(table, key, 0, None) for key in keys[:-1]] == [(1000 - key, key, key) for key in keys[:-1]]


def test_the_expired_make_room_at_no_loss(table: ClientTable) -> None:
    for number in range(WAYS):
        put(table, 2 * number + 2, 0, (10 + number, 1, 1))
    put(table, 100, 10, (500, 2, 2))
    put(table, 102, 11, (500, 2, 2))
    assert table.given_up == 0
    assert put(table, 100, 11, None) == put(table, 102, 11, None) == (500, 2, 2)


def test_an_error_in_the_step_lets_go(table: ClientTable) -> None:
    def fail(*_: Any) -> Any:
        raise OverflowError

    with pytest.raises(OverflowError):
        table.take(5, 0, fail, 1, 0)
    assert put(table, 5, 0, None) == (0, 0, 0)


moves = st.lists(st.tuples(st.integers(1, 20), st.integers(1, 30), st.integers(0, 5)))


@settings(deadline=None)
@given(moves)
def test_as_long_as_there_is_room_it_is_a_dict(moves: list[tuple[int, int, int]]) -> None:
    """Eight keys of one set at the most: what has not expired is there, and only that is given up."""
    with closing(Board.private(clients=8)) as board:
        model: dict[int, State] = {}
        now = 0
        for key, lasts, later in moves:
            now += later
            live = {key: state for key, state in model.items() if state[0] > now}
            new = (now + lasts, key, now)
            old = put(board.clients, key, now, new)
            assert old[0] <= now or old == model[key]
            if key in live:
                assert old == live[key]
            elif len(live) == WAYS:
                del live[min(live, key=lambda key: live[key][0])]
                break  # which of several it is that goes is not told here
            model = {**live, key: new}


def test_attached_boards_share_table_tallies_and_secret() -> None:
    with closing(Board.create(seats=2, series=4, clients=100)) as board:
        other = Board.attach(board.descriptor)
        assert other.secret == board.secret != bytes(16)
        assert len(other.clients) == 104
        put(board.clients, 77, 0, (10, 1, 1))
        assert put(other.clients, 77, 0, None) == (10, 1, 1)


def test_tallies_are_summed_and_outlive_their_row() -> None:
    with closing(Board.create(seats=2, series=4)) as board:
        assert board.tallies.names() == [("", "(other)")]
        base = board.tally_base(board.tallies.intern("limit", "orders"))
        board.row(0).cells[base + 2] = 3
        board.row(1).cells[base + 2] = 4
        assert board.totals().tallies == [[0] * 8, [0, 0, 7, 0, 0, 0, 0, 0]]
        board.retire(0)
        assert not any(board.row(0).cells)
        assert board.totals().tallies[1][2] == 7
        for number in range(100):
            board.tallies.intern("limit", str(number))
        assert len(board.tallies) == 64
        assert board.tallies.intern("limit", "one more") == 0
