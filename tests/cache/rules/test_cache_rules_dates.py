"""RFC 9110 §5.6.7: dates."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.cache.rules.dates import instant
from tests.cache.rules.made import NOW
from tests.cache.rules.requirements import requirement

WANTED = 784111777


@requirement("5.6.7", "MUST", "accept all three forms of a date", rfc=9110)
@pytest.mark.parametrize(
    "value",
    [
        b"Sun, 06 Nov 1994 08:49:37 GMT",
        b"Sunday, 06-Nov-94 08:49:37 GMT",
        b"Sun Nov  6 08:49:37 1994",
        b"SUN, 06 NOV 1994 08:49:37 gMT",
        b" Sun, 06 Nov 1994 08:49:37 GMT\t",
    ],
)
def test_9110_5_6_7_three_forms(value: bytes) -> None:
    assert instant(value, NOW) == WANTED


@requirement("5.6.7", "MUST", "read a year of two digits as at most 50 years ahead", rfc=9110)
@pytest.mark.parametrize(("digits", "year"), [(b"25", 2025), (b"75", 2075), (b"76", 1976), (b"99", 1999)])
def test_9110_5_6_7_years_of_two_digits(digits: bytes, year: int) -> None:
    found = instant(b"Thursday, 18-Aug-%b 02:01:18 GMT" % digits, NOW)
    assert found == datetime(year, 8, 18, 2, 1, 18, tzinfo=UTC).timestamp()


@requirement("5.3", "MUST", "treat a date in no form of RFC 9110 as past")
@pytest.mark.parametrize(
    "value",
    [
        b"0",
        b"",
        b"Thu, 18 Aug 2050 02:01:18 UTC",
        b"Thu, 18 Aug 2050 02:01:18 AEST",
        b"Thu, 18 Aug 2050 02:01:18 +0000",
        b"Thu, 18 Aug 50 02:01:18 GMT",
        b"Thu 18 Aug 2050 02:01:18 GMT",
        b"Thu, 18  Aug  2050 02:01:18 GMT",
        b"Thu, 18-Aug-2050 02:01:18 GMT",
        b"Thu, 18 Aug 2050 02.01.18 GMT",
        b"Thu, 18 Aug 2050 2:01:18 GMT",
        b"Thu, 8 Aug 2050 02:01:18 GMT",
        b"Thu, 31 Feb 2050 02:01:18 GMT",
        b"Thu, 18 Aug 2050 24:01:18 GMT",
        b"Thu, 18 Aug 2050 02:01:61 GMT",
        b"Thu, 00 Aug 2050 02:01:18 GMT",
        b"Thu, 18 Aug 0000 02:01:18 GMT",
        b"2050-08-18T02:01:18Z",
        b"Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2050 02:01:19 GMT",
    ],
)
def test_5_3_what_is_no_date(value: bytes) -> None:
    assert instant(value, NOW) is None


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC)))
def test_what_is_written_is_read(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    assert instant(format_datetime(moment, usegmt=True).encode(), NOW) == moment.timestamp()


@given(st.binary(max_size=60))
def test_bytes_are_a_date_or_none(value: bytes) -> None:
    assert instant(value, NOW) is None
