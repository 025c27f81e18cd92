"""Connections spread over workers: what the two decisions bring about, by simulation."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stanchion.cluster.balance import CLEARLY_MORE, recipient, surplus

WORKERS = st.integers(2, 8)
SEEDS = st.integers(0, 1 << 32)


def arrive(counts: list[int], random: Random) -> None:
    """One more connection, where the kernel's hash happens to put it."""
    mine = random.randrange(len(counts))
    counts[mine] += 1
    to = recipient(counts, mine)
    if to is not None:
        counts[mine] -= 1
        counts[to] += 1


def leave(counts: list[int], random: Random) -> None:
    """One connection less, any of them."""
    (worker,) = random.choices(range(len(counts)), weights=counts)
    counts[worker] -= 1


def even(counts: Sequence[int]) -> bool:
    """Nobody has more than 1.3 times the mean."""
    return max(counts) * len(counts) <= 1.3 * sum(counts)


def moved(counts: list[int]) -> list[int]:
    """A second's moves: all decide by the same counts, each knowing besides what it has sent itself."""
    sent = [0] * len(counts)
    change = [0] * len(counts)
    for mine in range(len(counts)):
        view = list(counts)
        for _ in range(surplus(counts, mine)):
            to = recipient(view, mine)
            if to is None:
                break
            for side in (view, change):
                side[mine] -= 1
                side[to] += 1
            sent[mine] += 1
    for index, difference in enumerate(change):
        counts[index] += difference
    return sent


@pytest.mark.parametrize(
    ("counts", "mine", "to"),
    [
        ([1, 0], 0, None),  # a difference of one is none
        ([2, 0], 0, 1),
        ([2, 1], 0, None),
        ([11, 9, 10], 0, None),  # within a tenth
        ([12, 9, 10], 0, 1),
        ([12, 10, 9], 1, None),
        ([5], 0, None),
        ([9, None, 3], 0, 2),
        ([9, None, 3], 1, None),  # one that does not serve is not asked, and keeps what it gets
        ([0, 0, 9, 0, 0], 2, 3),  # the next one of as few
        ([0, 0, 3, 0, 9], 4, 0),
    ],
)
def test_a_fresh_connection_goes_to_the_worker_with_fewest(counts: list[int | None], mine: int, to: int | None) -> None:
    assert recipient(counts, mine) == to


@pytest.mark.parametrize(
    ("counts", "mine", "most"),
    [
        ([6, 0], 0, 0),  # three over the mean are not worth a move
        ([8, 0], 0, 2),
        ([16, 0], 0, 4),
        ([1100, 900], 0, 0),  # a tenth over it are not either
        ([1200, 800], 0, 64),
        ([130, 70], 0, 15),
        ([130, 70], 1, 0),
        ([130, None, 70], 0, 15),
        ([None, 500], 0, 0),
        ([500], 0, 0),
        ([0, 0], 0, 0),
    ],
)
def test_surplus_is_half_of_what_is_over_the_mean(counts: list[int | None], mine: int, most: int) -> None:
    assert surplus(counts, mine) == most


@given(WORKERS, SEEDS)
@settings(deadline=None)
def test_however_arrivals_fall_nobody_gets_much_more_than_the_mean(workers: int, seed: int) -> None:
    random, counts = Random(seed), [0] * workers
    for total in range(1, 1_000):
        arrive(counts, random)
        assert total < 64 or even(counts), counts


@given(WORKERS, SEEDS, st.integers(64, 1_000))
@settings(max_examples=50, deadline=None)
def test_it_stays_so_while_connections_come_and_go(workers: int, seed: int, total: int) -> None:
    random, counts = Random(seed), [0] * workers
    for _ in range(total + 1):
        arrive(counts, random)
    for _ in range(1_000):
        leave(counts, random)
        assert even(counts), counts
        arrive(counts, random)
        assert even(counts), counts


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_worker_that_starts_anew_gets_its_share(seed: int) -> None:
    random, counts = Random(seed), [250, 250, 250, 0]
    for _ in range(1_000):
        leave(counts, random)
        arrive(counts, random)
    assert even(counts), counts


@given(st.lists(st.integers(0, 3_000), min_size=2, max_size=16))
@settings(deadline=None)
@example([0, 3, 0, 0, 0, 0, 31, 36, 43])
def test_moves_come_to_an_end_and_few_connections_move_twice(counts: list[int]) -> None:
    mean, total = sum(counts) / len(counts), sum(counts)
    over = sum(count - mean for count in counts if count > mean)
    moves = 0
    for _ in range(200):
        sent = moved(counts)
        moves += sum(sent)
        if not any(sent):
            break
    assert not any(sent), counts
    assert sum(counts) == total
    assert moves <= 1.25 * over + 4  # all decide by the same counts, so one may get from several at once
    assert max(counts) <= max(CLEARLY_MORE * mean, mean + 8)


@given(WORKERS, SEEDS)
@settings(max_examples=20, deadline=None)
def test_what_clients_that_leave_make_uneven_is_evened_out(workers: int, seed: int) -> None:
    random, counts = Random(seed), [500] * workers
    counts[0] = 60  # its clients have left all at once
    for _ in range(60):
        for _ in range(10):
            leave(counts, random)
            arrive(counts, random)
        moved(counts)
    assert even(counts), counts
