"""Rates as text."""

import pytest

from stanchion.errors import ConfigurationError
from stanchion.limits.rate import Rate, parse_rate

SECOND = 10**9


@pytest.mark.parametrize(
    ("text", "count", "seconds"),
    [
        ("100/min", 100, 60),
        ("5/s", 5, 1),
        ("10/10s", 10, 10),
        (" 1 / 2 hours ", 1, 7200),
        ("7/day", 7, 86400),
        ("1000000000/second", 10**9, 1),
        ("3/366d", 3, 366 * 86400),
    ],
)
def test_a_rate_is_read(text: str, count: int, seconds: int) -> None:
    rate = parse_rate(text)
    assert rate == Rate(count=count, period=seconds * SECOND)
    assert rate.seconds == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "100",
        "100/",
        "/min",
        "0/s",
        "5/0s",
        "-1/s",
        "1.5/s",
        "5/fortnight",
        "5/m",
        "5/367d",
        "1000000001/s",
        "5/s/s",
        7,
    ],
)
def test_what_is_none_is_told(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"rate .*expected a count"):
        parse_rate(text)
