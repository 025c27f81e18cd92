"""Rates as people write them: `100/min`, `5/s`, `10/10s`."""

import re

from msgspec import Struct

from stanchion.errors import ConfigurationError

SECOND = 1_000_000_000
"""In nanoseconds, as all times of this package are."""

_UNITS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), SECOND),
    **dict.fromkeys(("min", "minute", "minutes"), 60 * SECOND),
    **dict.fromkeys(("h", "hour", "hours"), 3600 * SECOND),
    **dict.fromkeys(("d", "day", "days"), 86_400 * SECOND),
}
_PATTERN = re.compile(r"\s*(\d{1,10})\s*/\s*(\d{1,6})?\s*([a-z]+)\s*")
_MOST = 1_000_000_000
_LONGEST = 366 * 86_400 * SECOND


class Rate(Struct, frozen=True, kw_only=True):
    """`count` requests in `period` nanoseconds."""

    count: int
    period: int

    @property
    def seconds(self) -> int:
        """The period in seconds, for a header field."""
        return self.period // SECOND


def parse_rate(text: str) -> Rate:
    """A rate from its text: a count, a slash, and a unit (s, min, h, d, or their names) with a number before it or not.

    Raises:
        ConfigurationError: the text is no rate, or out of range.
    """
    found = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if found is None or found[3] not in _UNITS:
        raise ConfigurationError(
            f"rate {text!r}: expected a count and a time, such as '100/min', '5/s' or '10/10s' (units s, min, h, d)"
        )
    count, period = int(found[1]), int(found[2] or 1) * _UNITS[found[3]]
    if not (1 <= count <= _MOST and 0 < period <= _LONGEST):
        raise ConfigurationError(f"rate {text!r}: expected a count from 1 to {_MOST} in a time up to 366d")
    return Rate(count=count, period=period)
