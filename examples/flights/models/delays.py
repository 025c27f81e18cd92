"""Departure delays, summed up."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Grouping = Literal["carrier", "month", "origin"]


class DelayGroup(Struct, frozen=True, kw_only=True):
    """The delays of one group's flights that did leave, in minutes; null where none did."""

    key: Annotated[str, Meta(description="Carrier, airport or month", examples=["UA", "JFK", "2013-07"])]
    flights: Annotated[int, Meta(description="Scheduled, cancelled ones included")]
    cancelled: int
    cancelled_share: Annotated[float, Meta(description="Of all scheduled, 0 to 1")]
    mean: float | None
    median: float | None
    p95: Annotated[float | None, Meta(description="95th percentile, interpolated linearly")]


class DelayStatistics(Struct, frozen=True):
    """Departure delays by group, ordered by key."""

    by: Grouping
    groups: list[DelayGroup]
