"""Strict parsers: what each takes, what Python would have taken and they do not, and types made of them."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from stanchion.errors import RouteError
from stanchion.routing.converters import parser_for, to_int, to_text


class Cabin(Enum):
    FIRST = "first"
    ECONOMY = "economy"


class Rank(IntEnum):
    LOW = 1
    HIGH = 10


class Point(Struct):
    x: int


Age = Annotated[int, Meta(ge=0, le=150)]
UserId = NewType("UserId", int)
NAIVE = Annotated[datetime, Meta(tz=False)]

TAKEN: list[tuple[Any, str, Any]] = [
    (str, "", ""),
    (str, "a b", "a b"),
    (Any, "x", "x"),
    (int, "0", 0),
    (int, "-0", 0),
    (int, "007", 7),
    (int, "-12", -12),
    (int, "9223372036854775807", (1 << 63) - 1),
    (int, "-9223372036854775808", -(1 << 63)),
    (UserId, "7", 7),
    (bool, "true", True),
    (bool, "0", False),
    (float, "-1.5e3", -1500.0),
    (float, "7", 7.0),
    (Decimal, "10.50", Decimal("10.50")),
    (UUID, "00000000-0000-0000-0000-00000000000A", UUID(int=10)),
    (date, "2026-07-31", date(2026, 7, 31)),
    (datetime, "2026-07-31T12:00:00Z", datetime(2026, 7, 31, 12, tzinfo=UTC)),
    (datetime, "2026-07-31T12:00:00-01:00", datetime(2026, 7, 31, 12, tzinfo=timezone(timedelta(hours=-1)))),
    (NAIVE, "2026-07-31T12:00:00", datetime(2026, 7, 31, 12)),
    (time, "12:00:00", time(12)),
    (timedelta, "PT90S", timedelta(seconds=90)),
    (bytes, "aGk=", b"hi"),
    (Cabin, "first", Cabin.FIRST),
    (Rank, "10", Rank.HIGH),
    (Literal["asc", "desc"], "asc", "asc"),
    (Literal[1, 2, None], "2", 2),
    (Age, "150", 150),
    (Annotated[str, Meta(pattern="^[A-Z]{3}$")], "LHR", "LHR"),
    (Annotated[int, Meta(description="a count")], "3", 3),
    (int | None, "3", 3),
    (Age | None, "3", 3),
    (str | int, "3", 3),
    (str | int, "three", "three"),
    (int | Cabin, "first", Cabin.FIRST),
]
REFUSED: list[tuple[Any, str]] = [
    *[
        (int, text)
        for text in ("", "-", "+1", " 1", "1 ", "1_0", "1.0", "1e3", "٣", "²", "-٣", "0x1", "--1", "1" * 5000)
    ],
    (int, "9223372036854775808"),
    (int, "-9223372036854775809"),
    (int, "00000000000000000001"),
    *[(bool, text) for text in ("", "True", "yes", "2", "on")],
    *[(float, text) for text in ("", "nan", "inf", "-inf", "1e999", "1_0", " 1", "1.", ".5", "+1", "٣")],
    *[(Decimal, text) for text in ("", "NaN", "1e5", "Infinity", "1_0", " 1")],
    *[(UUID, text) for text in ("", "0" * 32, "{00000000-0000-0000-0000-00000000000a}", "x" * 36)],
    *[(date, text) for text in ("", "20260731", "2026-W31-5", "2026-02-30", "2026-07-31T00:00:00Z")],
    *[(datetime, text) for text in ("", "2026-07-31", "2026-07-31T12:00:00", "1753920000")],
    (NAIVE, "2026-07-31T12:00:00Z"),
    (Cabin, "FIRST"),
    (Rank, "01"),
    (Literal["asc"], "desc"),
    (Literal["asc", None], "None"),
    (Age, "151"),
    (Age, "x"),
    (Age | None, "-1"),
    (int | None, "null"),
    (int | bool, "x"),
    (Annotated[str, Meta(min_length=1)], ""),
]


@pytest.mark.parametrize(("annotation", "text", "value"), TAKEN)
def test_what_is_taken(annotation: Any, text: str, value: Any) -> None:
    parsed = parser_for(annotation)(text)

    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(("annotation", "text"), REFUSED)
def test_what_is_refused(annotation: Any, text: str) -> None:
    parse = parser_for(annotation)

    with pytest.raises(ValueError) as refusal:  # noqa: PT011  # msgspec's words are its own
        parse(text)

    assert str(refusal.value)


@pytest.mark.parametrize("annotation", [Point, list[int], dict[str, int], complex, None, Point | None])
def test_a_type_no_text_can_spell_is_refused_at_start(annotation: Any) -> None:
    with pytest.raises(RouteError, match="cannot be read from"):
        parser_for(annotation)


@given(st.integers(-(1 << 70), 1 << 70))
def test_integers_are_read_up_to_64_bits_and_no_further(number: int) -> None:
    if -(1 << 63) <= number < 1 << 63:
        assert to_int(str(number)) == number
    else:
        with pytest.raises(ValueError, match="64-bit"):
            to_int(str(number))


@given(
    st.sampled_from([int, bool, float, Decimal, UUID, date, datetime, time, Cabin, Rank, Age, int | None]),
    st.text(max_size=40) | st.text("0123456789-+.:eETZ", max_size=40),
)
def test_any_text_is_parsed_or_a_value_error(annotation: Any, text: str) -> None:
    parse: Callable[[str], Any] = parser_for(annotation)

    with suppress(ValueError):
        value = parse(text)
        assert to_text(value) == to_text(parse(to_text(value)))


@pytest.mark.parametrize("value", [None, [], {}, object()])
def test_what_is_no_scalar_has_no_text(value: object) -> None:
    with pytest.raises(ValueError, match="has no textual form"):
        to_text(value)


def test_a_decimal_is_spelled_without_an_exponent() -> None:
    assert to_text(Decimal("0.0000001")) == "0.0000001"
