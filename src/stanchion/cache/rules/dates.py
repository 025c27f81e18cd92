"""Dates as RFC 9110 §5.6.7 writes them, and nothing else: an Expires that can only be guessed at is in the past.

`http.conditional.parse_http_date` is lenient, as a server of conditional requests may be; a cache that takes
`Thu, 18 Aug 2050 02:01:18 UTC` for a date would keep for 24 years what was meant to be stale.
"""

import re
from calendar import timegm
from datetime import UTC, datetime
from functools import lru_cache

_MONTHS = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec")
_MONTH = b"(?P<month>" + b"|".join(_MONTHS) + b")"
_LONGEST = 48
_TIME = rb"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_DAY = rb"(?:mon|tue|wed|thu|fri|sat|sun)"
_FULL_DAY = rb"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_IMF = re.compile(rb"%b, (?P<day>[0-9]{2}) %b (?P<year>[0-9]{4}) %b gmt" % (_DAY, _MONTH, _TIME), re.IGNORECASE)
_RFC850 = re.compile(rb"%b, (?P<day>[0-9]{2})-%b-(?P<year>[0-9]{2}) %b gmt" % (_FULL_DAY, _MONTH, _TIME), re.IGNORECASE)
_ASCTIME = re.compile(rb"%b %b (?P<day>[0-9 ][0-9]) %b (?P<year>[0-9]{4})" % (_DAY, _MONTH, _TIME), re.IGNORECASE)


def instant(value: bytes, now: float) -> int | None:
    """Unix time of a date; None where it is none. `now` is what a year of two digits is read by: it is at most 50 years
    in the future. Case is ignored, as RFC 9110 §5.6.7 lets a recipient that is robust do."""
    if len(value) > _LONGEST:
        return None
    return _instant(value.strip(b" \t"), datetime.fromtimestamp(now, UTC).year)


@lru_cache(4096)
def _instant(value: bytes, this_year: int) -> int | None:
    found = _IMF.fullmatch(value) or _ASCTIME.fullmatch(value) or _RFC850.fullmatch(value)
    if found is None:
        return None
    year = int(found["year"])
    if len(found["year"]) == 2:
        year += this_year // 100 * 100
        year -= 100 * (year > this_year + 50)
    day, month = int(found["day"]), _MONTHS.index(found["month"].lower()) + 1
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"])
    try:
        datetime(year, month, day, hour, minute, min(second, 59))  # 60 is a leap second
    except ValueError:
        return None
    return timegm((year, month, day, hour, minute, second)) if second <= 60 else None
