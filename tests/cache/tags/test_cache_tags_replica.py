"""What a board takes over from the fleet's table, and what it has to tell."""

from array import array

from stanchion.board.generations import Generations
from stanchion.board.locks import RecordLocks
from stanchion.cache.tags.replica import OWN, Replica

FIRST = 1 << 51
OURS = 77
TABLE = array("Q", [FIRST] * 4)


def board() -> tuple[Generations, Replica]:
    generations = Generations(memoryview(bytearray(8 * 4)).cast("Q"), 0, RecordLocks(None))
    generations.begin(OURS)
    return generations, Replica(generations)


def test_a_new_board_knows_nothing_of_the_fleet_and_takes_over_all() -> None:
    generations, replica = board()
    assert replica.known() == [0] * 4
    assert replica.marked() == []
    assert replica.compare(TABLE) == (4, False)
    assert generations.numbers().tolist() == replica.known() == [FIRST] * 4
    assert replica.compare(TABLE) == (0, False)
    assert replica.latest == FIRST > OWN
    assert repr(replica) == "<Replica of 4, 0 marked>"


def test_a_board_that_knows_more_than_the_store_says_so() -> None:
    _, replica = board()
    replica.compare(TABLE)
    replica.settle([(2, FIRST + 7, 0)])
    assert replica.compare(TABLE) == (0, True)
    assert replica.known() == [FIRST, FIRST, FIRST + 7, FIRST]
    assert replica.latest == FIRST + 7


def test_a_mark_is_kept_through_a_comparison_and_told() -> None:
    generations, replica = board()
    mark = generations.mark(1)
    assert replica.compare(TABLE) == (3, False)
    assert replica.marked() == [(1, mark)]
    assert replica.known() == [FIRST, 0, FIRST, FIRST]
    assert not replica.settle([(1, FIRST + 1, mark)])
    assert replica.marked() == []


def test_a_change_that_meets_another_mark_asks_for_that_to_be_told() -> None:
    generations, replica = board()
    told, left = generations.mark(1), generations.mark(2)
    assert replica.settle([(1, FIRST + 1, told), (2, FIRST + 2, 0), (3, FIRST + 3, 0)])
    assert generations.numbers().tolist() == [OURS, FIRST + 1, left, FIRST + 3]
    assert not replica.settle([(2, FIRST + 4, left)])
