"""Leases on the board, with a clock of our own: against a model, and what is full, open or over."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from stanchion.board import Board
from stanchion.board.exact import ExactCells
from stanchion.board.locks import RecordLocks
from stanchion.cache.leases.cells import WAYS, LeaseCells, Outcome
from stanchion.errors import ConfigurationError

SECOND = 1_000_000_000
SETS = 65_536 // (3 * WAYS)
LASTS = 3 * SECOND // 4


@pytest.fixture
def cells() -> Iterator[LeaseCells]:
    with closing(Board.private()) as board:
        yield LeaseCells(board.exact)


def test_one_holds_it_until_it_is_released(cells: LeaseCells) -> None:
    assert cells.take(7, 1, 0) is Outcome.TAKEN
    assert cells.busy(7, 1)
    assert cells.take(7, 2, 1) is Outcome.BUSY
    cells.release(7, 2, 2, True)  # not its holder
    assert cells.take(7, 2, 2) is Outcome.BUSY
    cells.release(7, 1, 3, True)
    assert not cells.busy(7, 3)
    assert cells.take(7, 2, 3) is Outcome.TAKEN


def test_it_ends_unless_it_is_renewed(cells: LeaseCells) -> None:
    cells.take(7, 1, 0)
    assert cells.renew(7, 1, SECOND // 2)
    assert cells.take(7, 2, LASTS + 1) is Outcome.BUSY
    assert not cells.busy(7, SECOND // 2 + LASTS)
    assert cells.take(7, 2, SECOND // 2 + LASTS) is Outcome.TAKEN
    assert not cells.renew(7, 1, 2 * SECOND)  # taken over
    cells.release(7, 1, 2 * SECOND - LASTS, True)
    assert cells.busy(7, SECOND)


def test_it_is_taken_over_where_it_was(cells: LeaseCells) -> None:
    one, other = 1, 1 + SETS
    cells.take(other, 1, 0)
    cells.take(one, 1, 0)
    assert cells.take(one, 2, LASTS) is Outcome.TAKEN  # both are over, so that there is room elsewhere
    assert not cells.renew(one, 1, LASTS)


def test_a_late_renewal_counts_where_nobody_has_taken_over(cells: LeaseCells) -> None:
    cells.take(7, 1, 0)
    assert cells.renew(7, 1, 10 * SECOND)
    assert cells.take(7, 2, 10 * SECOND) is Outcome.BUSY


def test_nobody_waits_for_a_second_for_what_was_not_kept(cells: LeaseCells) -> None:
    cells.take(7, 1, 0)
    cells.release(7, 1, 10, False)
    assert not cells.busy(7, 10)
    assert cells.take(7, 2, SECOND) is Outcome.ALONE
    assert cells.take(7, 2, SECOND + 10) is Outcome.TAKEN


def test_keys_of_one_set_do_not_wait_for_each_other(cells: LeaseCells) -> None:
    keys = [1 + way * SETS for way in range(WAYS + 1)]
    assert [cells.take(key, 1, 0) for key in keys] == [*[Outcome.TAKEN] * WAYS, Outcome.ALONE]
    assert [cells.busy(key, 0) for key in keys] == [*[True] * WAYS, False]
    cells.release(keys[1], 1, 0, True)
    assert cells.take(keys[WAYS], 1, 0) is Outcome.TAKEN


def test_a_board_without_room_says_so(cells: LeaseCells) -> None:
    assert repr(cells) == "<LeaseCells 21844>"
    with pytest.raises(ConfigurationError, match="exact=11: leases need 12 cells"):
        LeaseCells(ExactCells(memoryview(bytearray(88)).cast("Q"), 0, RecordLocks(None)))


class Model(RuleBasedStateMachine):
    """Eight keys of two sets, three holders, and a dict of who has what until when."""

    @initialize()
    def begin(self) -> None:
        self.cells = LeaseCells(Board.private().exact)
        self.now = 0
        self.held: dict[int, tuple[int, int]] = {}  # key: holder, end; holder 0: open

    keys = st.integers(0, 7).map(lambda number: 5 + number % 2 + number // 2 * SETS)  # four of each set: never full
    holders = st.integers(1, 3)

    def live(self, key: int) -> tuple[int, int] | None:
        held = self.held.get(key)
        return held if held and held[1] > self.now else None

    @rule(key=keys, holder=holders)
    def take(self, key: int, holder: int) -> None:
        outcome = self.cells.take(key, holder, self.now)
        live = self.live(key)
        if live is None:
            assert outcome is Outcome.TAKEN
            self.held[key] = holder, self.now + LASTS
        else:
            assert outcome is (Outcome.BUSY if live[0] else Outcome.ALONE)

    @rule(key=keys, holder=holders)
    def renew(self, key: int, holder: int) -> None:
        live = self.live(key)
        renewed = self.cells.renew(key, holder, self.now)
        if live is not None:
            assert renewed == (live[0] == holder)
        if renewed:  # one that is over may have been replaced by another key of the set, or not
            self.held[key] = holder, self.now + LASTS

    @rule(key=keys, holder=holders, kept=st.booleans())
    def release(self, key: int, holder: int, kept: bool) -> None:
        live = self.live(key)
        self.cells.release(key, holder, self.now, kept)
        if live is not None and live[0] == holder:
            self.held[key] = 0, 0 if kept else self.now + SECOND
        elif live is None and not kept and self.cells.take(key, 9, self.now) is Outcome.ALONE:
            self.held[key] = 0, self.now + SECOND  # it was over, but still there
        elif live is None and not kept:
            self.held[key] = 9, self.now + LASTS

    @rule(passed=st.integers(0, SECOND))
    def wait(self, passed: int) -> None:
        self.now += passed

    @rule(key=keys)
    def look(self, key: int) -> None:
        live = self.live(key)
        assert self.cells.busy(key, self.now) == (live is not None and live[0] != 0)


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=300, deadline=None)
