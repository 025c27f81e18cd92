"""Keys whose answers nobody else may have: for a while the cache does not look at them."""

from stanchion.cache.passing import Straight


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_so_often_in_a_row_and_for_so_long() -> None:
    clock = Clock()
    straight = Straight(row=3, seconds=1.0, clock=clock)
    straight.add("a")
    straight.add("a")
    assert "a" not in straight
    straight.add("a")
    assert "a" in straight
    assert "b" not in straight
    clock.now = 1.0
    assert "a" not in straight
    straight.add("a")  # one look a second is enough from now on
    assert "a" in straight


def test_an_answer_that_may_be_kept_begins_the_count_anew() -> None:
    straight = Straight(row=3, clock=Clock())
    for _ in range(3):
        straight.add("a")
    straight.discard("a")
    assert "a" not in straight
    straight.add("a")
    straight.add("a")
    assert "a" not in straight


def test_the_oldest_key_makes_room() -> None:
    straight = Straight(row=1, most=100, clock=Clock())
    for number in range(250):
        straight.add(str(number))
    assert [str(number) in straight for number in (0, 149, 150, 249)] == [False, False, True, True]
    assert repr(straight) == "<Straight: 100 of 100 keys>"
