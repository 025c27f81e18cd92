"""Delays summed up exactly, without a row leaving the database for every flight.

Delays are whole minutes, so a group is a histogram of a few hundred; mean and quantiles come from that.
"""

from bisect import bisect_right
from itertools import accumulate, groupby
from operator import attrgetter

from msgspec import Struct

from examples.flights.models.delays import DelayGroup, Grouping
from stanchion import Database

Histogram = list[tuple[int, int]]
"""Pairs of a delay in minutes and how many flights had it, by delay."""

_KEYS: dict[Grouping, str] = {
    "carrier": "carrier",
    "month": "substr(CAST(date AS text), 1, 7)",
    "origin": "origin",
}


class _Count(Struct):
    """How many flights of a group had a delay; None of those that never left."""

    key: str
    delay: int | None
    flights: int


async def by_group(database: Database, by: Grouping) -> list[DelayGroup]:
    """Every group's delays, ordered by the group's key."""
    counts = f"SELECT {_KEYS[by]} AS key, departure_delay AS delay, count(*) AS flights FROM flights GROUP BY 1, 2"
    rows = await database.all(_Count, f"{counts} ORDER BY 1, 2")
    return [
        _summary(key, [(row.delay, row.flights) for row in group]) for key, group in groupby(rows, attrgetter("key"))
    ]


def _summary(key: str, counts: list[tuple[int | None, int]]) -> DelayGroup:
    histogram = [(delay, count) for delay, count in counts if delay is not None]
    flights = sum(count for _, count in counts)
    departed = sum(count for _, count in histogram)
    return DelayGroup(
        key=key,
        flights=flights,
        cancelled=flights - departed,
        cancelled_share=(flights - departed) / flights,
        mean=sum(delay * count for delay, count in histogram) / departed if departed else None,
        median=quantile(histogram, 0.5) if departed else None,
        p95=quantile(histogram, 0.95) if departed else None,
    )


def quantile(histogram: Histogram, share: float) -> float:
    """The quantile at `share` (0 to 1), interpolated linearly: Hyndman and Fan's type 7, NumPy's default.

    The histogram must not be empty.
    """
    delays = [delay for delay, _ in histogram]
    up_to = list(accumulate(count for _, count in histogram))
    rank = (up_to[-1] - 1) * share
    lower = int(rank)
    upper = min(lower + 1, up_to[-1] - 1)
    below, above = (delays[bisect_right(up_to, index)] for index in (lower, upper))
    return below + (above - below) * (rank - lower)
