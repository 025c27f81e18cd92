"""How analytics are declared."""

from typing import Annotated, TypedDict

from msgspec import Meta, Struct

from stanchion.errors import ConfigurationError
from stanchion.ranges import check_ranges
from stanchion.settings.sizes import MiB, parse_size

_LEAST = 16 * MiB
"""DuckDB does little with less."""


class AnalyticsOptions(Struct, frozen=True, kw_only=True):
    """What a query may take, and how old its tables may be.

    Raises:
        ConfigurationError: a value is out of its range.
    """

    memory: str = "512MiB"
    """What one query may have in memory; one that needs more fails. Nothing is written to the disk instead."""
    threads: Annotated[int, Meta(ge=1, le=256)] = 1
    """Cores that one query may use."""
    timeout: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    """Seconds for a query, and for copying a table, where the request's deadline is not earlier."""
    concurrency: Annotated[int, Meta(ge=1, le=1024)] = 1
    """Queries of a worker at one time; each has a process, of which the setting `processes` is the most."""
    waiting: Annotated[int, Meta(ge=0, le=1_000_000)] = 20
    """Queries of a worker that may wait for their turn; those beyond are refused at once."""
    largest: Annotated[int, Meta(ge=1, le=10_000_000)] = 10_000
    """Rows of a result; one of more fails. They pass through the worker's loop, an aggregate has few."""
    max_age: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    """Seconds after which a table is copied again when it is asked for; with 0, for each query."""
    largest_table: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 10_000_000
    """Rows of a table that is copied; one of more fails."""

    def __post_init__(self) -> None:
        check_ranges(self, "analytics({name}={value!r})")
        if self.memory_bytes < _LEAST:
            raise ConfigurationError(f"analytics(memory={self.memory!r}): expected 16MiB or more")

    @property
    def memory_bytes(self) -> int:
        """`memory` as a number."""
        try:
            return parse_size(self.memory)
        except ValueError:
            raise ConfigurationError(f"analytics(memory={self.memory!r}): expected a size, such as '512MiB'") from None


class AnalyticsKeywords(TypedDict, total=False):
    """The fields of `AnalyticsOptions`, as keywords."""

    memory: str
    threads: int
    timeout: float
    concurrency: int
    waiting: int
    largest: int
    max_age: float
    largest_table: int
